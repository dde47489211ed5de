"""The spec that travels inside every artefact."""

import dataclasses
import json
from typing import Any

import pytest
from fakes import ROOT
from hypothesis import given
from hypothesis import strategies as st

from cxr_edge.errors import SpecInvalid, SpecUnknown, UsageError
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.json_fields import is_text
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.output_spec import PLAIN, OutputSpec, OutputValues
from cxr_edge.spec.provenance import Provenance
from cxr_edge.spec.review_band import BandGroup, ReviewBand
from cxr_edge.spec.site_facts import SiteFacts

DEFAULT = ROOT / "toolkit/cxr_edge/models/default"

names = st.text(min_size=1, max_size=20).filter(is_text)
shares = st.floats(0, 1)
intervals = st.builds(lambda values: Interval(values[1], values[0], values[2]),
                      st.tuples(shares, shares, shares).map(sorted))  # fmt: skip
points = st.builds(OperatingPoint, names, shares, st.none() | intervals, st.none() | intervals)
counts = st.integers(0, 10**6)
provenances = st.builds(
    Provenance,
    names,
    names,
    names,
    names,
    counts,
    shares,
    counts,
    counts,
    counts,
    counts,
    intervals,
    teachers=st.lists(names, max_size=3).map(tuple),
    unlabelled_images=counts,
)

bands = st.builds(
    ReviewBand,
    shares,
    shares,
    shares,
    st.lists(st.builds(BandGroup, names, st.just(9), st.just(2), st.just(3)), max_size=2).map(
        tuple
    ),
)

sites = st.builds(
    SiteFacts,
    st.just(9),
    st.integers(0, 9),
    st.integers(0, 9),
    names,
    st.dates().map(lambda day: day.isoformat()),
    st.none() | intervals,
)

OUTPUTS = [
    PLAIN,
    OutputSpec(OutputValues.LOGIT),
    OutputSpec(OutputValues.LOGIT, ("a", "b", "c"), ("c", "a")),
    OutputSpec(classes=("a", "b", "c"), positive=("b",)),
]


@st.composite
def specs(draw: st.DrawFn) -> ModelSpec:
    operating_points = draw(
        st.lists(points, min_size=1, max_size=4, unique_by=lambda point: point.name)
    )
    return ModelSpec(
        name=draw(names),
        labels=draw(st.lists(names, min_size=2, max_size=2, unique=True).map(tuple)),
        input=draw(
            st.builds(
                InputSpec,
                st.integers(1, 4096),
                st.integers(1, 4096),
                st.sampled_from([1, 3]),
                scale=st.sampled_from([1.0, 1 / 255, -2.0]),
                offset=st.sampled_from([0.0, -1.0]),
            )
            | st.builds(
                InputSpec,
                channels=st.just(3),
                scale=st.tuples(*[st.floats(0.5, 2)] * 3),
                offset=st.tuples(*[st.floats(-1, 1)] * 3),
            )
        ),
        operating_points=tuple(operating_points),
        default_operating_point=draw(st.sampled_from(operating_points)).name,
        output=draw(st.sampled_from(OUTPUTS)),
        provenance=draw(st.none() | provenances),
        review_band=draw(st.none() | bands),
        site=draw(st.none() | sites),
    )


@pytest.mark.slow
@given(specs())
def test_a_spec_survives_json(spec: ModelSpec) -> None:
    """Writing and reading gives the same spec."""
    assert ModelSpec.from_json(spec.to_json()) == spec


def test_raw_pixels_need_no_scale(spec: ModelSpec) -> None:
    """The JSON of a spec without scaling is what it was, and says so where there is any."""
    assert list(spec.to_dict()["input"]) == [
        "height", "width", "channels", "recipe", "recipe_sha256",
    ]  # fmt: skip
    scaled = dataclasses.replace(spec, input=InputSpec(32, 32, scale=2))
    assert ModelSpec.from_json(scaled.to_json()).input.scale == 2
    assert (
        scaled.to_json() == dataclasses.replace(spec, input=InputSpec(32, 32, scale=2.0)).to_json()
    )


def change(spec: ModelSpec, **changes: Any) -> str:
    return json.dumps({**spec.to_dict(), **changes})


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"spec_version": 2}, SpecUnknown, "reads 1, got 2"),
        ({"surprise": 1}, SpecInvalid, "unknown field surprise"),
        ({"site": {"images": 3}}, SpecInvalid, "site: data_sha256, date, patients, positives"),
        (
            {
                "site": {
                    "images": 3,
                    "positives": 4,
                    "patients": 3,
                    "data_sha256": "ab",
                    "date": "2026-01-31",
                }
            },
            SpecInvalid,
            "site: expected counts, a digest and a date",
        ),
        (
            {
                "site": {
                    "images": 3,
                    "positives": 1,
                    "patients": 3,
                    "data_sha256": "ab",
                    "date": "in May",
                }
            },
            SpecInvalid,
            "site: expected counts, a digest and a date",
        ),
        ({"labels": ["PNEUMONIA"]}, SpecInvalid, "two different names"),
        ({"labels": ["A", "A"]}, SpecInvalid, "two different names"),
        ({"labels": "AB"}, SpecInvalid, "expected a list"),
        ({"operating_points": []}, SpecInvalid, "operating points"),
        ({"operating_points": [{"name": "a", "threshold": 1.5}]}, SpecInvalid, "from 0 to 1"),
        ({"operating_points": [{"name": "a", "threshold": True}]}, SpecInvalid, "from 0 to 1"),
        ({"default_operating_point": "none"}, SpecInvalid, "one of screening, study"),
        ({"input": {"height": 0, "width": 2}}, SpecInvalid, "1 to 4096"),
        ({"input": {"channels": 2}}, SpecInvalid, "1 or 3"),
        ({"input": {"recipe": []}}, SpecUnknown, "knows cxr-1"),
        ({"name": "a\ud800"}, SpecInvalid, "name"),
        ({"input": {"recipe": "cxr-9"}}, SpecUnknown, "knows cxr-1"),
        ({"input": {"recipe": "cxr-1", "recipe_sha256": "00"}}, SpecUnknown, "digest"),
        ({"input": {"scale": 0}}, SpecInvalid, "other than 0"),
        ({"input": {"scale": "1/255"}}, SpecInvalid, "finite number"),
        ({"input": {"offset": float("nan")}}, SpecInvalid, "input offset"),
        ({"provenance": {"seed": 1}}, SpecInvalid, "interval"),
        ({"name": " "}, SpecInvalid, "name"),
    ],
)
def test_a_wrong_spec_is_refused(
    spec: ModelSpec, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Each contradiction is an error that says what was expected."""
    with pytest.raises(error, match=message):
        ModelSpec.from_json(change(spec, **changes))


def test_a_spec_that_lacks_fields_is_shown_a_whole_one(spec: ModelSpec) -> None:
    """All missing fields are named at once, and the spec that is shown can be used."""
    with pytest.raises(SpecInvalid, match=r"^spec: spec_version, name, .*, default_oper") as raised:
        ModelSpec.from_json("{}")
    shown = str(raised.value).partition("a minimal spec is ")[2]
    assert ModelSpec.from_json(shown).labels == ("NORMAL", "PNEUMONIA")
    with pytest.raises(SpecInvalid, match=r"^spec: spec_version missing; a minimal"):
        ModelSpec.from_json(change(spec, spec_version=None))


def test_text_that_is_no_json_is_refused() -> None:
    """A spec file that is something else is named as such."""
    with pytest.raises(SpecInvalid, match="expected JSON"):
        ModelSpec.from_json(b"\xff\xfe")


def test_an_unknown_operating_point_names_the_known(spec: ModelSpec) -> None:
    """The user sees which names there are."""
    with pytest.raises(UsageError, match=r"no operating point 'none'; fake has screening, study"):
        spec.operating_point("none")


def test_the_spec_that_the_docs_show_is_one() -> None:
    """docs/foreign-models.md shows the least that is needed, and it reads as what it says."""
    page = (ROOT / "docs" / "foreign-models.md").read_text(encoding="utf-8")
    shown = page.partition("```json\n")[2].partition("```")[0]
    assert ModelSpec.from_json(shown).input == InputSpec(96, 96, 3, scale=1 / 127.5, offset=-1)
    for field in ModelSpec.from_json(shown).to_dict():
        least = {key: value for key, value in json.loads(shown).items() if key != field}
        if field not in ("provenance", "output"):
            with pytest.raises((SpecInvalid, SpecUnknown)):
                ModelSpec.from_dict(least)


def test_the_embedded_specs_keep_their_bytes() -> None:
    """A spec that an earlier version wrote is written again as it was."""
    text = (DEFAULT / "spec.json").read_text(encoding="utf-8")
    assert ModelSpec.from_json(text).to_json() == text
