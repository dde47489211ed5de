"""Facts on a page about the model: its threshold, and the images that its figures are from."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from cxr_edge.pipeline.decision import CUSTOM
from cxr_edge.reports.html.worklist import Worklist
from cxr_edge.reports.recorded import Recorded
from cxr_edge.reports.run_manifest import spec_file_of
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.provenance import Provenance
from cxr_edge.spec.site_facts import SiteFacts

Fact: TypeAlias = tuple[str, str]
"""Name and value, for a person."""

UNKNOWN: Final = "not known"

_RATES: Final = ("sensitivity", "specificity")


def model_facts(
    worklist: Worklist, recorded: Recorded | None, spec: ModelSpec | None
) -> Iterator[Fact]:
    """Yield what is known of the model, and of its threshold unless that is of a site.

    Parameters
    ----------
    worklist
        Rows of the report.
    recorded
        Its manifest; None where there is none that can be read.
    spec
        Spec of the model that it was made with; None where that is not at hand.
    """
    identity = recorded.identity if recorded else {}
    yield "Model", text_of(identity, "model") or UNKNOWN
    yield "SHA-256", text_of(identity, "model_sha256") or UNKNOWN
    site = _site(recorded, spec)
    if site is None:
        yield from _threshold(worklist, recorded)
        if spec:
            point = _point(recorded, spec)
            for name in _RATES:
                yield f"Validated {name}", _interval(point, name)
    if spec and spec.provenance:
        yield from _card(spec.provenance, is_of_site=site is not None)


def site_facts(
    worklist: Worklist, recorded: Recorded | None, spec: ModelSpec | None
) -> Iterator[Fact]:
    """Yield the facts of the site check that the threshold is from; none without one.

    Parameters are those of :func:`model_facts`.
    """
    site = _site(recorded, spec)
    if site is None:
        return
    file = spec_file_of(recorded) if recorded else None
    yield "Spec", str(file) if file else "given by its file"
    yield "Measured on", site.sample
    yield from _threshold(worklist, recorded)
    if text_of(recorded.fields if recorded else {}, "operating_point") == CUSTOM:
        yield "Its origin", "given as a number, not chosen by the site check"
    for name in _RATES:
        if spec and spec.site == site:
            yield f"{name.capitalize()} there", _interval(_point(recorded, spec), name)
        else:
            yield f"{name.capitalize()} there", "not at hand: name the spec with --spec"
    yield "AUC there", str(site.auc or "not in the spec; the model's own stands below")


def _site(recorded: Recorded | None, spec: ModelSpec | None) -> SiteFacts | None:
    """Return the images of a site that the threshold, or its rates, are from."""
    if recorded is None:
        return None
    if "spec" in recorded.fields:
        file = spec_file_of(recorded)
        return file.site if file else None
    return spec.site if spec and _point(recorded, spec) else None  # of an earlier version


def _point(recorded: Recorded | None, spec: ModelSpec) -> OperatingPoint | None:
    """Return the operating point of the spec that made the labels."""
    if recorded is None:
        return None
    name = text_of(recorded.fields, "operating_point")
    wanted = (name, recorded.identity.get("threshold"))
    points = (one for one in spec.operating_points if (one.name, one.threshold) == wanted)
    return next(points, None)


def _threshold(worklist: Worklist, recorded: Recorded | None) -> Iterator[Fact]:
    fields, identity = (recorded.fields, recorded.identity) if recorded else ({}, {})
    yield "Operating point", text_of(fields, "operating_point") or UNKNOWN
    yield "Threshold", worklist.threshold or text_of(identity, "threshold") or UNKNOWN


def _interval(point: OperatingPoint | None, name: str) -> str:
    found: Interval | None = getattr(point, name, None)
    if found is None:
        return "not measured for this threshold"
    return f"{found.value:.3f} (95% interval {found.low:.3f} to {found.high:.3f})"


def _card(facts: Provenance, *, is_of_site: bool) -> Iterator[Fact]:
    if is_of_site:
        yield "Its own AUC", f"of the model's images, not of the site: {facts.headline}"
    else:
        yield "Measured", facts.measured
        yield "Headline", facts.headline
    patients = f" of {facts.training_patients:,} patients" if facts.training_patients else ""
    yield "Trained on", f"{facts.training_films:,} images{patients}: {facts.data}"


def text_of(fields: Mapping[str, Any], key: str) -> str:
    """Return a field of a manifest, which may be anything, as text."""
    value = fields.get(key)
    return str(value) if isinstance(value, str | int | float) else ""
