"""The spec of a model: what it expects and means; it travels inside every artefact."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from cxr_edge.errors import SpecInvalid, SpecUnknown, UsageError
from cxr_edge.notice import notice
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.input_statistics import InputStatistics
from cxr_edge.spec.json_fields import build, is_text, mapping, sequence
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.output_spec import PLAIN, OutputSpec
from cxr_edge.spec.provenance import Provenance
from cxr_edge.spec.quantization import Quantization
from cxr_edge.spec.review_band import ReviewBand
from cxr_edge.spec.site_facts import SiteFacts
from cxr_edge.spec.validation import Prior
from cxr_edge.storage.bounded import parse_json
from cxr_edge.system.printable import printable

SPEC_VERSION: Final = 1
"""Version of the JSON; a reader refuses one that it does not know."""

MINIMAL: Final[Mapping[str, object]] = {
    "spec_version": SPEC_VERSION,
    "name": "my-model",
    "labels": ["NORMAL", "PNEUMONIA"],
    "input": {"height": 224, "width": 224, "channels": 3},
    "operating_points": [{"name": "default", "threshold": 0.5}],
    "default_operating_point": "default",
}
"""Spec with the fields that every spec needs, shown where some are missing."""


@dataclass(frozen=True)
class ModelSpec:
    """The facts about a model that runtimes and readers need."""

    name: str
    """Name in reports."""
    labels: tuple[str, str]
    """Class names: negative, positive. Reports have the probability of the positive one."""
    input: InputSpec
    """Input that it takes."""
    operating_points: tuple[OperatingPoint, ...]
    """Named thresholds, at least one."""
    default_operating_point: str
    """Name of the operating point that is used unless another is asked for."""
    output: OutputSpec = PLAIN
    """Output that it gives."""
    provenance: Provenance | None = None
    """Training facts; None for a model that was not trained here."""
    quantization: Quantization | None = None
    """Facts about the quantization; None for an artefact in full precision."""
    review_band: ReviewBand | None = None
    """Probabilities at which a person should decide; None where they were not measured."""
    site: SiteFacts | None = None
    """Images of a site that the operating points were measured on; None for those of the training
    data's validation."""
    input_check: InputStatistics | None = None
    """Statistics that tell images which should not be scored; None where there are none."""

    def __post_init__(self) -> None:
        if not is_text(self.name):
            raise SpecInvalid(f"name: expected text, got {self.name!r}")
        if (
            len(tuple(self.labels)) != 2
            or not all(is_text(label) for label in self.labels)
            or self.labels[0] == self.labels[1]
        ):
            raise SpecInvalid(
                f"labels: expected two different names (negative, positive), got {self.labels!r}"
            )
        names = [point.name for point in self.operating_points]
        if not names or len(set(names)) != len(names):
            raise SpecInvalid(f"operating points: expected different names, got {names!r}")
        if self.default_operating_point not in names:
            raise SpecInvalid(
                f"default operating point: expected one of {', '.join(names)}, "
                f"got {self.default_operating_point!r}"
            )

    @property
    def notice(self) -> str:
        """The research-use notice, with what is known of the training set."""
        facts = self.provenance
        if facts is None:
            return notice(self.name)
        return notice(self.name, printable(facts.data), facts.training_films)

    @property
    def prior(self) -> Prior | None:
        """Prior that the figures of the operating points are weighted for; None for equal weights.

        It weighs neither AUC nor calibration error. Figures of a site have equal weights.
        """
        return self.provenance.prior if self.provenance and not self.site else None

    @property
    def rate_titles(self) -> tuple[str, str]:
        """Titles of the sensitivity and the specificity of operating points."""
        negative, positive = self.labels
        sensitivity, specificity = (
            f"weighted {rate}" if self.prior and self.prior.weighs(label) else rate
            for rate, label in (("sensitivity", positive), ("specificity", negative))
        )
        return sensitivity, specificity

    def site_doubt(self, name: str | None) -> str:
        """Return why a threshold that was measured at a site should not be used there.

        Parameters
        ----------
        name
            Operating point; None for a threshold that is given as a number.

        Returns
        -------
        str
            A sentence without its full stop; empty where nothing is known against it.
        """
        for point in self.operating_points if self.site else ():
            if point.name == name and (rate := point.useless_rate(self.labels)):
                return (
                    f"the model is close to useless at the site that the spec is of: {rate} get "
                    "the wrong label; use another model there, or another operating point if one "
                    "has good rates"
                )
        return ""

    def operating_point(self, name: str | None = None) -> OperatingPoint:
        """Return the operating point called ``name``, the default one without.

        Raises
        ------
        UsageError
            The model has none of that name.
        """
        wanted = self.default_operating_point if name is None else name
        for point in self.operating_points:
            if point.name == wanted:
                return point
        known = ", ".join(point.name for point in self.operating_points)
        raise UsageError(f"no operating point {wanted!r}; {self.name} has {known}")

    @property
    def interface(self) -> str:
        """Input and output as one text, which is part of a report's identity."""
        return f"{self.input}" if self.output.plain else f"{self.input}, gives {self.output}"

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as JSON-ready data; :meth:`from_dict` is its inverse."""
        output = {} if self.output.plain else {"output": self.output.to_dict()}
        quantization = {"quantization": self.quantization.to_dict()} if self.quantization else {}
        band = {"review_band": self.review_band.to_dict()} if self.review_band else {}
        site = {"site": self.site.to_dict()} if self.site else {}
        check = {"input_check": self.input_check.to_dict()} if self.input_check else {}
        return {
            "spec_version": SPEC_VERSION,
            "name": self.name,
            "labels": list(self.labels),
            "input": self.input.to_dict(),
            **output,
            "operating_points": [point.to_dict() for point in self.operating_points],
            "default_operating_point": self.default_operating_point,
            "provenance": self.provenance.to_dict() if self.provenance else None,
            **quantization,
            **band,
            **site,
            **check,
        }

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote.

        Raises
        ------
        SpecUnknown
            Its version or recipe is unknown here.
        SpecInvalid
            Anything is missing, superfluous, or of the wrong kind.
        """
        fields = mapping(data, "spec")
        version = fields.get("spec_version")
        if version not in (None, SPEC_VERSION):
            raise SpecUnknown(
                f"spec_version: this version reads {SPEC_VERSION}, got {version!r}; "
                "install a newer cxr-edge, or export the model again"
            )
        if missing := [name for name in MINIMAL if fields.get(name) is None]:
            raise SpecInvalid(
                f"spec: {', '.join(missing)} missing; a minimal spec is {json.dumps(MINIMAL)}"
            )
        del fields["spec_version"]
        fields["input"] = InputSpec.from_dict(fields.get("input"))
        fields["labels"] = tuple(sequence(fields.get("labels"), "labels"))
        points = sequence(fields.get("operating_points"), "operating_points")
        fields["operating_points"] = tuple(OperatingPoint.from_dict(point) for point in points)
        for name, kind in (
            ("output", OutputSpec),
            ("provenance", Provenance),
            ("quantization", Quantization),
            ("review_band", ReviewBand),
            ("site", SiteFacts),
            ("input_check", InputStatistics),
        ):
            if fields.get(name) is not None:
                fields[name] = kind.from_dict(fields[name])
            else:
                fields.pop(name, None)
        return build(cls, fields, "spec")

    def to_json(self) -> str:
        """Return the spec as indented JSON text with a final newline."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what :meth:`to_json` wrote; errors as in :meth:`from_dict`."""
        try:
            data = parse_json(text)
        except ValueError as exc:
            raise SpecInvalid(f"spec: expected JSON, got text that is not: {exc}") from exc
        try:
            return cls.from_dict(data)
        except RecursionError as exc:  # a value is quoted that is nested as deep as can be parsed
            raise SpecInvalid("spec: expected plain values, got one nested too deeply") from exc
