"""Scans with the spec of a site: the manifest and the page say where the threshold is from."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from heat_model import write_heat_model
from image_folders import write_ward
from pages import Page

from cxr_edge.reports.manifest import manifest_path
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.provenance import Provenance
from cxr_edge.spec.site_facts import SiteFacts

SITE = SiteFacts(100, 40, 80, "0" * 64, "2026-01-02", Interval(0.816, 0.7, 0.9))
SAMPLE = "100 images of 80 patients of a site, 40 positive, on 2026-01-02"
POINTS = (
    OperatingPoint("screening", 0.45, Interval(0.98, 0.9, 0.99), Interval(0.2, 0.1, 0.3)),
    OperatingPoint("study", 0.5, Interval(0.9, 0.8, 0.95), Interval(0.6, 0.5, 0.7)),
    OperatingPoint("fixed", 0.4, Interval(0.7, 0.6, 0.8), Interval(0.7, 0.6, 0.8)),
)

Cxr = Callable[..., Any]  # typer keeps the class of a result to itself


@pytest.fixture
def folder(
    tmp_path: Path, phantoms: ModuleType, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Images, a model and the spec of a site in the folder to be in."""
    monkeypatch.chdir(tmp_path)
    write_ward(tmp_path / "films", phantoms)
    area = Interval(0.994, 0.99, 0.999)
    facts = Provenance("edge", "films", "0" * 64, "cxr train", 1, 0.2, 80, 40, 20, 10, area)
    fixed = OperatingPoint("fixed", 0.4, Interval(0.99, 0.9, 1), Interval(0.99, 0.9, 1))
    points = (*spec.operating_points, fixed)
    own = dataclasses.replace(spec, provenance=facts, operating_points=points)
    write_heat_model(tmp_path / "m.onnx", own)
    site = dataclasses.replace(own, operating_points=POINTS, site=SITE)
    (tmp_path / "site.json").write_text(site.to_json())
    return tmp_path


def scan(cxr: Cxr, *words: object) -> str:
    """Return what a scan with the spec of the site prints; three files fail."""
    result = cxr("scan", "films", "--model", "m.onnx", "--runtime", "onnx", *words)
    assert result.exit_code == 3, result.output
    return str(result.output)


def test_a_threshold_that_is_useless_at_the_site_is_told(cxr: Cxr, folder: Path) -> None:
    """In the summary, the manifest and the page, and by relabel; a good one is not."""
    said = "the model is close to useless at the site that the spec is of: the specificity is 0.2"
    words = ("--spec", "site.json", "--html")
    assert said in " ".join(scan(cxr, "-o", "a.csv", *words, "a.html").split())
    assert said in json.loads(manifest_path(folder / "a.csv").read_text())["spec"]["doubt"]
    assert said in text("a.html")
    good = scan(cxr, "-o", "b.csv", *words, "b.html", "--operating-point", "study")
    assert "useless" not in good + text("b.html")
    relabelled = cxr(
        "relabel", "b.csv", "--model", "m.onnx", "--spec", "site.json", "--operating-point",
        "screening",
    )  # fmt: skip
    assert said in " ".join(relabelled.output.split())


def text(page: str) -> str:
    return " ".join(Page(Path(page)).text.split())


def test_a_scan_says_that_its_threshold_is_of_a_site(cxr: Cxr, folder: Path) -> None:
    """Summary, manifest and page: which file, which sample, and why nothing else is compared."""
    said = scan(cxr, "--spec", "site.json", "--html", "page.html")
    assert f"spec: site.json, operating points measured on {SAMPLE}; AUC there 0.816" in said
    assert "distribution shift: not compared, since the spec is that of a site check" in said
    manifest = json.loads(Path("report.run.json").read_text())
    digest = hashlib.sha256((folder / "site.json").read_bytes()).hexdigest()
    spec = dict(manifest["spec"])
    assert "useless" in spec.pop("doubt")
    assert spec == {"name": "site.json", "sha256": digest, "site": SITE.to_dict()}
    assert str(folder) not in json.dumps(manifest["spec"])
    page = text("page.html")
    for part in (
        "Threshold and rates of a site check", f"site.json (SHA-256 {digest[:12]})", SAMPLE,
        "Operating point screening Threshold 0.450000",
        "Sensitivity there 0.980 (95% interval 0.900 to 0.990)", "AUC there 0.816 (0.700 to 0.900)",
        "Its own AUC of the model's images, not of the site: AUC 0.994",
        "Distribution shift not compared, since the spec is that of a site check",
    ):  # fmt: skip
        assert part in page
    assert "Validated" not in page
    assert page.count("0.450000") == 2  # with the histogram's


def test_a_scan_with_the_own_spec_does_not_speak_of_a_site(cxr: Cxr, folder: Path) -> None:
    """Neither does one with the spec file of a model: that is named alone."""
    del folder
    assert "of a site" not in scan(cxr, "--html", "page.html")
    assert json.loads(Path("report.run.json").read_text())["spec"] is None
    assert "of a site" not in text("page.html")
    own = ModelSpec.from_json(Path("site.json").read_text())
    Path("own.json").write_text(dataclasses.replace(own, site=None).to_json())
    said = scan(cxr, "--spec", "own.json", "-o", "own.csv")
    assert "\nspec: own.json\n" in said
    assert json.loads(Path("own.run.json").read_text())["spec"]["site"] is None


def test_a_number_is_not_said_to_be_of_the_site(cxr: Cxr, folder: Path) -> None:
    """A threshold of the user's own has no rates there either."""
    del folder
    scan(cxr, "--spec", "site.json", "--threshold", "0.3", "--html", "page.html")
    page = text("page.html")
    assert "Its origin given as a number, not chosen by the site check" in page
    assert page.count("not measured for this threshold") == 2


def test_a_spec_of_an_earlier_version_has_no_auc(cxr: Cxr, folder: Path) -> None:
    """The page says whose AUC it shows."""
    old = json.loads((folder / "site.json").read_text())
    del old["site"]["auc"]
    (folder / "site.json").write_text(json.dumps(old))
    scan(cxr, "--spec", "site.json", "--html", "page.html")
    assert "AUC there not in the spec; the model's own stands below" in text("page.html")


def test_a_page_needs_the_spec_of_the_scan(cxr: Cxr, folder: Path) -> None:
    """Without it the page says what lacks; another file is refused; a model need not be there."""
    scan(cxr, "--spec", "site.json")
    alone = cxr("report", "report.csv")
    told = "The report was scanned with the spec site.json (SHA-256"
    assert f"warning: {told}" in alone.output
    assert told in text("report.html")
    assert SAMPLE in text("report.html")
    assert "not at hand: name the spec with --spec" in text("report.html")
    words = ("report", "report.csv", "--overwrite")
    for more in (("--model", "m.onnx"), ()):
        assert cxr(*words, "--spec", "site.json", *more).exit_code == 0
        assert "Sensitivity there 0.980" in text("report.html")
    (folder / "other.json").write_text((folder / "site.json").read_text() + "\n")
    other = cxr(*words, "--spec", "other.json")
    assert other.exit_code == 2
    assert "report.csv was made with site.json (SHA-256" in other.output
    scan(cxr, "-o", "own.csv")
    assert "own.csv was made with the spec inside the model, got site.json" in (
        cxr("report", "own.csv", "--spec", "site.json").output
    )


def test_rates_of_the_model_are_not_those_of_the_site(cxr: Cxr, folder: Path) -> None:
    """Of an operating point that has the same threshold in both."""
    scan(cxr, "--spec", "site.json", "--operating-point", "fixed")
    words = ("report", "report.csv", "--overwrite", "--model", "m.onnx")
    assert cxr(*words).exit_code == 0
    assert "Sensitivity there not at hand" in text("report.html")
    assert cxr(*words, "--spec", "site.json").exit_code == 0
    assert "Sensitivity there 0.700" in text("report.html")
    del folder


def test_a_report_of_an_earlier_version_is_told_by_its_threshold(cxr: Cxr, folder: Path) -> None:
    """Its manifest names no spec: that of the site is known by the operating point."""
    scan(cxr, "--spec", "site.json")
    path = manifest_path(folder / "report.csv")
    fields = json.loads(path.read_text()) | {"distribution_shift": None}
    del fields["spec"]
    path.write_text(json.dumps(fields))
    words = ("report", "report.csv", "--overwrite", "--model", "m.onnx")
    assert cxr(*words, "--spec", "site.json").exit_code == 0
    assert f"Measured on {SAMPLE}" in text("report.html")
    assert cxr(*words).exit_code == 0
    assert "of a site" not in text("report.html")
    unknown = cxr(*words[:3], "--spec", "site.json")
    assert "it is not known whether site.json is of fake; add --model" in unknown.output


def test_a_relabelled_report_names_the_spec_of_its_threshold(cxr: Cxr, folder: Path) -> None:
    """From the model's thresholds to those of the site and back, as a scan with either does."""
    del folder

    def origin(report: str) -> tuple[object, object]:
        fields = json.loads(Path(report).read_text())
        return fields["spec"], fields["distribution_shift"]

    scan(cxr, "-o", "own.csv")
    scan(cxr, "-o", "site.csv", "--spec", "site.json")
    relabel = ("relabel", "--model", "m.onnx", "--operating-point")
    result = cxr(*relabel, "screening", "own.csv", "--spec", "site.json", "-o", "a.csv")
    assert "spec: site.json, operating points measured on" in result.output
    assert Path("a.csv").read_bytes() == Path("site.csv").read_bytes()
    assert origin("a.run.json") == origin("site.run.json")
    refused = cxr(*relabel, "screening", "site.csv", "-o", "b.csv")
    assert "give site.json, or --threshold a number" in refused.output
    assert cxr(*relabel, "study", "a.csv", "--spec", "site.json", "-o", "c.csv").exit_code == 3
    assert cxr(*relabel, "screening", "c.csv", "-o", "d.csv").exit_code == 3
    assert origin("d.run.json") == origin("own.run.json")
    assert cxr("relabel", "site.csv", "--threshold", 0.3, "-o", "e.csv").exit_code == 3
    assert origin("e.run.json") == origin("site.run.json")
    band = cxr("relabel", "own.csv", "--model", "m.onnx", "--spec", "site.json", "--review-band")
    assert "got that of a site, which has none" in band.output


@pytest.mark.parametrize("record", [3, {}, {"name": "a"}, {"name": "x" * 5000, "sha256": "y"}])
def test_a_damaged_record_is_no_error(cxr: Cxr, folder: Path, record: object) -> None:
    """The page is made with what is left."""
    scan(cxr)
    path = manifest_path(folder / "report.csv")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"spec": record}))
    assert cxr("report", "report.csv").exit_code == 0
    assert cxr("relabel", "report.csv", "--threshold", 0.3, "-o", "r.csv").exit_code == 3
