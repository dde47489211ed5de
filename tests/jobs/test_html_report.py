"""Pages of reports, as ``cxr report`` writes them."""

import dataclasses
import json
import re
import shutil
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from image_folders import write_ward
from pages import Page, failed, row, write_report
from runs import rows, session_of

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.imaging.heat_map_file import heat_map_note, heat_map_path
from cxr_edge.imaging.png_note import with_note
from cxr_edge.jobs.html_report import PageJob, write_html
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.model import Model
from cxr_edge.reports.html.page import is_page
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.reports.row_marks import RowMarks
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.system.plural import counted

JPEG = "data:image/jpeg;base64,"


@pytest.fixture
def scanned(tmp_path: Path, phantoms: ModuleType, model: Model) -> PageJob:
    """A report of eight images and three files that fail, and where its page goes."""
    images = write_ward(tmp_path / "films", phantoms)
    job = ScanJob([images], tmp_path / "report.csv", session_of(model, workers=1))
    run_scan(job)
    return PageJob(job.out, tmp_path / "page.html")


def page(job: PageJob, spec: ModelSpec | None = None) -> Page:
    write_html(job, spec)
    return Page(job.out)


def change_manifest(report: Path, **fields: object) -> None:
    path = manifest_path(report)
    path.write_text(json.dumps(json.loads(path.read_text()) | fields, default=vars))


def test_every_row_is_on_the_page_and_every_scored_image_has_its_picture(scanned: PageJob) -> None:
    """In one file, which names no other address."""
    found = page(scanned)
    assert len(found.rows) == 11
    pictures = [found.picture(path) for path in found.paths]
    assert all(one["thumbnail"].startswith(JPEG) for one in pictures[:8])
    assert all(one["view"].startswith(JPEG) for one in pictures[:8])
    assert pictures[8:] == [{}, {}, {}]
    assert {one[5] for one in found.rows[8:]} == {"not-an-image", "empty-file"}
    assert not re.findall(r"https?:|//[a-z]", re.sub(r"base64,[^\"]*", "", found.source))
    names = {name for _, some in found.tags for name in some}
    assert not {"src", "srcset", "action", "data"} & names
    (policy,) = [
        some["content"] or ""
        for _, some in found.tags
        if some.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert is_page(scanned.out)


def test_the_head_says_how_the_report_was_made(scanned: PageJob, spec: ModelSpec) -> None:
    """Model, threshold with its validated figures, folder, time and versions; and the notice."""
    known = OperatingPoint("screening", 0.4, Interval(0.9, 0.8, 0.95), Interval(0.7, 0.6, 0.75))
    figures = dataclasses.replace(spec, operating_points=(known,))
    text = " ".join(page(scanned, figures).text.split())
    for part in (
        "Research use only, not a diagnosis.", "It is not known what the model fake was trained on",
        "ab" * 32, "Operating point screening", "Threshold 0.400000",
        "Validated sensitivity 0.900 (95% interval 0.800 to 0.950)",
        "Validated specificity 0.700 (95% interval 0.600 to 0.750)",
        f"Scanned {scanned.report.parent / 'films'}", "Runtime onnx on FakeProvider",
        "Scanned by cxr-edge", "Page made by cxr-edge", "empty-file 1", "not-an-image 2",
    ):  # fmt: skip
        assert part in text


def test_figures_of_another_threshold_are_not_shown(scanned: PageJob, spec: ModelSpec) -> None:
    """A point of the same name with another number was not what made these labels."""
    other = OperatingPoint("screening", 0.3, Interval(0.9, 0.8, 0.95), Interval(0.7, 0.6, 0.75))
    text = page(scanned, dataclasses.replace(spec, operating_points=(other,))).text
    assert "0.900" not in text
    assert text.count("not measured for this threshold") == 2


def test_a_model_that_is_not_at_hand_is_said_to_be_missing(scanned: PageJob) -> None:
    """The page is made all the same; a wrong model is refused."""
    assert "figures of the model fake are missing" in page(scanned).text
    with pytest.raises(UsageError, match=r"--model: .* was made with fake@abababababab"):
        page(dataclasses.replace(scanned, model="default"))


def test_images_that_moved_are_named_one_by_one(scanned: PageJob, tmp_path: Path) -> None:
    """Not found, changed or not readable; and found again where they are now."""
    films = tmp_path / "films"
    (films / "0.png").unlink()
    (films / "1.png").write_bytes((films / "2.png").read_bytes())
    (films / "3.png").write_bytes((films / "3.png").read_bytes()[:200])
    found = page(scanned)
    assert found.picture("0.png") == {
        "problem": "not found", "why": f"Image not found: expected it at {films / '0.png'}."
    }  # fmt: skip
    assert found.picture("1.png")["problem"] == "changed"
    assert found.picture("3.png")["problem"] == "not readable"
    assert found.picture("2.png")["thumbnail"].startswith(JPEG)
    for line in (
        "1 of 8 images was not found where it was scanned: give --images",
        "1 of 8 images has changed since it was scanned: scan again.",
        "1 of 8 images is not readable: each opened row says why.",
    ):
        assert line in found.text


def test_a_page_says_at_its_top_that_images_moved(scanned: PageJob, tmp_path: Path) -> None:
    """How many, and which option helps; one that names another folder is told too."""
    archive, other = tmp_path / "archive", tmp_path / "other"
    shutil.move(tmp_path / "films", archive)
    other.mkdir()
    found = page(scanned)
    assert {one["problem"] for one in pictures(found)} == {"not found"}
    told = "8 of 8 images were not found where they were scanned: give --images"
    assert told in found.text
    first = write_html(dataclasses.replace(scanned, pictures=3)).lacks[-1]
    assert first.startswith("3 of the first 3 images were not found")
    assert not [line for line in write_html(dataclasses.replace(scanned, pictures=0)).lacks
                if "not found" in line]  # fmt: skip
    wrong = page(dataclasses.replace(scanned, images=[other]))
    assert f"8 of 8 images were not found in {other}: check --images" in wrong.text
    moved = page(dataclasses.replace(scanned, images=[archive]))
    assert moved.picture("2.png")["view"].startswith(JPEG)
    assert "8 of 8" not in moved.text


def pictures(found: Page) -> list[dict[str, str]]:
    return [one for path in found.paths if (one := found.picture(path))]


def test_pictures_are_as_many_as_asked_for(scanned: PageJob) -> None:
    """The first of the worklist have them."""
    few = page(dataclasses.replace(scanned, pictures=3))
    assert [bool(few.picture(path)) for path in few.paths] == [True] * 3 + [False] * 8
    assert not pictures(page(dataclasses.replace(scanned, pictures=0)))


def test_heat_maps_stand_beside_their_images(scanned: PageJob, tmp_path: Path) -> None:
    """Where there are any; one that is broken is told."""
    folder = tmp_path / "maps"
    folder.mkdir()
    cv2.imwrite(str(heat_map_path(folder, "0.png")), np.zeros((40, 80, 3), np.uint8))
    heat_map_path(folder, "1.png").write_text("no picture")
    found = page(dataclasses.replace(scanned, heat_maps=folder))
    assert found.picture("0.png")["heat_map"].startswith(JPEG)
    assert "1.png.png cannot be shown" in found.picture("1.png")["heat_map_problem"]
    assert set(found.picture("2.png")) == {"thumbnail", "view"}
    assert "No heat map" not in found.text


def test_a_folder_of_other_heat_maps_is_told(scanned: PageJob, tmp_path: Path) -> None:
    """One without a file of these names, and one of another model, which is not shown."""
    folder = tmp_path / "maps"
    folder.mkdir()
    job = dataclasses.replace(scanned, heat_maps=folder)
    first, *_ = page(scanned).paths
    assert f"{folder} has no heat maps: 'cxr scan --heatmaps' draws" in page(job).text
    (folder / "other.png").touch()
    told = f"No heat map in {folder} fits an image on this page (that of {first} would be"
    assert f"{told} {folder / first}.png)." in page(job).text
    _, png = cv2.imencode(".png", np.zeros((40, 80, 3), np.uint8))
    lines = {one["path"]: one for one in rows(scanned.report)}
    for model, is_shown in (("cd" * 32, False), ("ab" * 32, True)):
        note = heat_map_note(lines[first]["sha256"], model, lines[first]["threshold"])
        heat_map_path(folder, first).write_bytes(with_note(bytes(png), note))
        found = page(job)
        assert ("heat_map" in found.picture(first)) == is_shown
        assert (told in found.text) == (not is_shown)
        if not is_shown:
            assert "1 is there, and is of something else or damaged" in found.text
            problem = found.picture(first)["heat_map_problem"]
            assert "is of another image, model or threshold" in problem


def test_counts_have_the_names_of_the_labels(scanned: PageJob, tmp_path: Path) -> None:
    """Of those that no row has, too; where nobody knows them, they are positive and negative."""
    change_manifest(scanned.report, identity=identity(scanned.report) | {"labels": ["N", "P"]})
    names = re.findall(r'class="name">([^<]+)<', page(scanned).source)
    assert names == ["All images", "P", "Review", "N", "With flags", "Failed"]
    manifest_path(scanned.report).unlink()
    alone = PageJob(write_report(tmp_path / "e.csv", [row("a.png", 0.9)]), tmp_path / "e.html")
    assert "negative" in re.findall(r'class="name">([^<]+)<', page(alone).source)


def test_a_share_is_nothing_or_all_only_of_none_or_of_all(tmp_path: Path) -> None:
    """One of ten thousand images is not 0 %, and the others are not 100 %."""
    many = [row(f"{number}.png", 0.1) for number in range(9999)]
    report = write_report(tmp_path / "r.csv", [row("one.png", 0.9), *many])
    shares = re.findall(
        r'of the scored images">([^<]+)<', page(PageJob(report, tmp_path / "p.html")).source
    )
    assert shares == ["&lt; 0.1%", "0.0%", "&gt; 99.9%", "0.0%"]


def test_a_page_says_why_images_are_left_to_a_person(scanned: PageJob) -> None:
    """The limits of the review band, and how many rows are review by it and by the input check."""
    lines = rows(scanned.report)
    for number, flags in ((0, ""), (1, "small"), (2, "small;lateral")):
        lines[number] |= {"label": "review", "flags": flags}
    band, check = "from 0.3 to 0.5", "the image should not be scored"
    for answer, causes in (("review", ["band", "band", "check"]), ("flag", ["band"] * 3)):
        write_report(scanned.report, [list(line.values()) for line in lines])
        settings = {"review_band": [0.3, 0.5], "on_input_check": answer}
        change_manifest(scanned.report, digest=RowMarks(),
                        identity=identity(scanned.report) | settings)  # fmt: skip
        found = page(scanned)
        table = json.loads(found.scripts["table"])
        by_path = {one[1]: one[-1] for one in found.rows}
        assert [by_path[line["path"]] for line in lines[:3]] == causes
        assert band in table["causes"]["band"]
        assert check in table["causes"]["check"]
        text = " ".join(found.text.split())
        assert f"Review band {band}" in text
        assert f"By the band {counted(causes.count('band'), 'image', 'images')}" in text
        assert f"By input check {counted(causes.count('check'), 'image', 'images')}" in text
    change_manifest(
        scanned.report, identity=identity(scanned.report) | {"review_band": [10**400, 1]}
    )
    assert "Review band not known" in " ".join(page(scanned).text.split())


def identity(report: Path) -> dict[str, object]:
    return dict(json.loads(manifest_path(report).read_text())["identity"])


HOSTILE = (
    "<img src=x onerror=alert(1)>.png", "</script><script>alert(1)</script>.png",
    "<!--<script>.png", "\"'`&lt;.png", "{{ 7*7 }}{% raw %}.png", "a\u2028b.png", r"a\nb.png",
    r"a\udcff.png", "]]>.png",
)  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE)
def test_no_file_name_leaves_its_place(tmp_path: Path, path: str) -> None:
    """It ends no script, makes no element and runs nothing; the table has it letter by letter."""
    lines = [row(path, 0.9, flags=path), failed(path, path, path), row("plain.png", 0.1)]
    harmless = page(PageJob(write_report(tmp_path / "plain.csv", []), tmp_path / "plain.html"))
    found = page(PageJob(write_report(tmp_path / "r.csv", lines), tmp_path / "page.html"))
    assert found.paths == [path, "plain.png", path]
    kinds = {tag for tag, _ in found.tags} - {"rect", "title", "line", "text", "svg", "dt", "dd"}
    assert kinds <= {tag for tag, _ in harmless.tags}
    assert found.source.count("<script") == harmless.source.count("<script")
    assert found.scripts["code"] == harmless.scripts["code"]


def test_a_hostile_folder_and_manifest_are_text(scanned: PageJob) -> None:
    """The manifest may say anything; the report's own name too."""
    evil = "<script>alert(1)</script>\ud800"
    change_manifest(
        scanned.report, notice=evil, roots={"": f"/{evil}"}, operating_point=evil,
        skipped={"packed": 2}, first_lost=[evil], changed=3, first_changed=[evil],
        gone={"files": 1, "first": [evil]}, tool_version=7, self_test=["x"], ended=evil,
    )  # fmt: skip
    found = page(scanned)
    assert found.source.count("<script") == 2 + len(pictures(found))
    assert "<script>alert(1)</script>\\ud800" in found.text
    assert "2 packed files were not looked into" in found.text
    assert "3 files have changed since the scan" in found.text


def test_a_page_says_what_it_lacks_without_a_manifest(scanned: PageJob) -> None:
    """Missing, damaged or of another version: the rows are shown, and the reason."""
    path = manifest_path(scanned.report)
    change_manifest(scanned.report, manifest_version=99)
    newer = page(scanned).text
    assert "by a newer version of cxr-edge" in newer
    assert "so report.csv cannot be shown in full" in newer
    path.write_text("{")
    assert "is damaged" in page(scanned).text
    path.unlink()
    found = page(scanned)
    assert "report.run.json is missing" in found.text
    assert "does not know the model and its figures" in found.text
    assert "name it with --images" in found.text
    assert len(found.rows) == 11
    there = dataclasses.replace(scanned, images=[scanned.report.parent / "films"])
    assert page(there).picture("0.png")["view"].startswith(JPEG)
    with pytest.raises(UsageError, match=r"--model: the manifest .* does not say which model"):
        page(dataclasses.replace(scanned, model="default"))


def test_a_scan_that_is_not_finished_says_so(scanned: PageJob) -> None:
    """Images may be missing from the page; and from one of an empty report all are."""
    change_manifest(scanned.report, exit_code=130)
    assert "The scan is not finished" in page(scanned).text
    empty = page(PageJob(write_report(scanned.report.with_name("e.csv"), []), scanned.out))
    assert "The report has no rows: no images were found." in empty.text
    assert "No image was scored." in empty.text


def test_what_is_no_report_is_refused(scanned: PageJob, tmp_path: Path) -> None:
    """A folder, another CSV file, an empty file, an edited report: one sentence each."""
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    empty = tmp_path / "empty.csv"
    empty.touch()
    for path, kind, message in (
        (tmp_path, UsageError, "is a folder"),
        (other, ReportError, "is not a report of cxr scan"),
        (empty, UsageError, "expected a report of cxr scan, got"),
    ):
        with pytest.raises(kind, match=message):
            page(dataclasses.replace(scanned, report=path))
    lines = scanned.report.read_text().splitlines(keepends=True)
    scanned.report.write_text("".join([*lines[:4], lines[4].replace("ok", "Ok"), *lines[5:]]))
    with pytest.raises(ReportError, match="was edited: row 4"):
        page(scanned)
    assert not scanned.out.exists()
