"""The summary on a terminal and in a pipe."""

import dataclasses
import io
import re
from pathlib import Path

import pytest
from fakes import SAMPLES, FakeRuntime
from runs import session_of

from cxr_edge.cli.run_display import failed_lines, label_lines, print_summary, skipped_line
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.model import Model
from cxr_edge.pipeline.skipped import MAY_HOLD_IMAGES, SKIP_REASONS
from cxr_edge.reports.counts import ScanCounts
from cxr_edge.reports.missing import missing_line

LINES = ["  NORMAL          2", "Research use only, not a diagnosis. " * 4]


def printed(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> list[str]:
    """Return what is printed of :data:`LINES` in 60 columns."""
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("COLUMNS", "60")
    print_summary(LINES)
    return stream.getvalue().splitlines()


def test_a_terminal_gets_lines_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long lines are folded between words; columns stay as they are, and no word is lost."""
    found = printed(monkeypatch, terminal=True)
    assert found[0] == LINES[0]
    assert max(map(len, found)) <= 60
    assert " ".join(" ".join(found[1:]).split()) == LINES[1].strip()


def test_a_pipe_gets_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that looks for a line finds it in one piece."""
    assert printed(monkeypatch, terminal=False) == LINES


def test_what_many_files_failed_of_is_shown_once() -> None:
    """By the detail of the first, cut short, and harmless in a report that was edited."""
    counts = ScanCounts()
    for number in range(120):
        row = {"path": f"{number}.png", "status": "failed", "flags": ""}
        counts.add(row | {"reason": "unreadable", "detail": "it is encrypted\x1b[2J" + "!" * 200})
    *_, names, why = failed_lines(counts)
    assert names.endswith("and 115 more")
    assert re.fullmatch(r"120 unreadable: it is encrypted\?\[2J!+\.\.\.", why)
    assert len(why) < 200


@pytest.mark.parametrize("reason", SKIP_REASONS)
def test_one_is_not_several(reason: str) -> None:
    """Each reason for a skipped file has words for one of them and for more."""
    one, several = SKIP_REASONS[reason]
    assert skipped_line({reason: 1}) == f"skipped 1: {one}"
    assert skipped_line({reason: 2}) == f"skipped 2: {several}"


def test_what_may_hold_images_is_told_with_what_helps() -> None:
    """Counts, the first names, and what to do about them."""
    assert missing_line({"packed": 2}, ["s.zip", "x.dcm.gz"], "scan") == (
        "images may be missing: 2 packed files were not looked into (s.zip, x.dcm.gz): unpack them "
        "and scan again"
    )
    assert missing_line({"packed": 1, "unlisted": 6, "other": 3}, ["a/", "b/"], "scan") == (
        "images may be missing: 1 packed file was not looked into and 6 folders could not be read "
        "(a/, b/ and 5 more): unpack it, check the permissions and scan again"
    )


@pytest.mark.parametrize("reason", MAY_HOLD_IMAGES)
def test_each_loss_is_told(reason: str) -> None:
    """A sentence says what was lost, and what helps."""
    for count in (1, 2):
        line = missing_line({reason: count}, ["a"], "scan")
        assert re.fullmatch(rf"images may be missing: {count} \w.*: \w.* and scan again", line)


def test_each_label_has_one_line(tmp_path: Path, model: Model) -> None:
    """Also where a model calls a class by the name that stands for review."""
    named = dataclasses.replace(model.spec, labels=("normal", "review"))
    session = session_of(Model("0", "fake", FakeRuntime(named)))
    image = SAMPLES / "phantom-normal.jpg"
    manifest = run_scan(ScanJob([image], tmp_path / "r.csv", session))
    lines = [line.split() for line in label_lines(manifest)]
    assert sorted(name for name, _ in lines) == ["normal", "review"]
    assert sum(int(count) for _, count in lines) == 1
