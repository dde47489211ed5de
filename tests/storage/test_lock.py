"""One process at a time into one report."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_edge.errors import ReportError
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.storage.lock import lock_path


def test_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    """Another process is refused while it lasts; a file that was left behind refuses nobody."""
    out = tmp_path / "report.csv"
    script = (
        "import sys; from pathlib import Path\n"
        "from cxr_edge.reports.csv_report import REPORT\n"
        "with REPORT.alone_at(Path(sys.argv[1])): pass"
    )
    try_it = [sys.executable, "-c", script, str(out)]
    with REPORT.alone_at(out):
        assert subprocess.run(try_it, capture_output=True, check=False).returncode == 1
    lock_path(out).touch()
    assert subprocess.run(try_it, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", ["uv.csv", "x.lock"])
def test_a_lock_takes_no_other_file(tmp_path: Path, name: str) -> None:
    """Neither one beside the report, nor the report, nor one in the lock's place."""
    out = tmp_path / name
    own = [tmp_path / "uv.lock", out, lock_path(out)]
    for path in own:
        path.write_text("somebody's")
    with REPORT.alone_at(out):
        pass
    assert {path.read_text() for path in own} == {"somebody's"}


def test_another_users_lock_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that can be read, but neither written nor removed, as where a folder is shared."""
    out = tmp_path / "report.csv"
    lock_path(out).touch()
    real = os.open

    def refuse(path: Path, flags: int, *mode: int) -> int:
        if flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *mode)

    def stays(_path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(Path, "unlink", stays)
    again = pytest.raises(ReportError, match="being written")
    with REPORT.alone_at(out), again, REPORT.alone_at(out):
        pass
    with REPORT.alone_at(out):
        pass


def test_a_file_system_without_locks_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems have none."""

    asked: list[int] = []

    def none(_handle: int, how: int) -> None:
        asked.append(how)
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", none)
    with REPORT.alone_at(tmp_path / "report.csv"):
        assert asked == [fcntl.LOCK_EX | fcntl.LOCK_NB]
