"""A disk below the folder that is scanned goes, and comes back."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import ROOT

SUPPORT = ROOT / "tests" / "support"
MOUNTS = ["unshare", "--mount", "--propagation", "private"]
COUNT = 60


def mounts_are_allowed() -> bool:
    if not shutil.which("unshare"):
        return False
    trial = [*MOUNTS, "mount", "-t", "tmpfs", "trial", "/tmp"]  # noqa: S108  (in its own namespace)
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["{:03}.png", "1.2.840.113619.{:03}"])
@pytest.mark.parametrize("after", [1, COUNT + 5])
def test_a_disk_that_goes_ends_the_scan_and_is_continued(
    name: str, after: int, tmp_path: Path
) -> None:
    """Before the scan reaches it or midway: exit code 1, no failed row, and every row once back."""
    if not mounts_are_allowed():
        pytest.skip("mounting needs root and a mount namespace, which this machine does not allow")
    paths = [str(SUPPORT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [*MOUNTS, sys.executable, SUPPORT / "nested_mount.py", tmp_path, name, str(after)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    gone, too_early, back = json.loads(done.stdout)
    assert (gone["code"], gone["failed"]) == (1, 0)
    assert "b is no longer available" in gone["error"]
    assert gone["rows"] < 3 * COUNT
    assert (too_early["code"], too_early["rows"]) == (1, gone["rows"])
    assert "b/ was a disk of its own, and none is mounted there; mount it" in too_early["error"]
    assert back == {"code": 0, "error": "", "rows": 3 * COUNT, "failed": 0}
