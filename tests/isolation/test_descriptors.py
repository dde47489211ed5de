"""A scan with few file descriptors, and with many that it inherited."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import SAMPLES

pytestmark = pytest.mark.slow

INHERITED = """
import os, resource, sys
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
for _ in range(1100):
    os.set_inheritable(os.open(os.devnull, os.O_RDONLY), True)
os.execv(sys.argv[1], sys.argv[1:])
"""
FEW = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize("launcher", [INHERITED, FEW], ids=["inherited", "few"])
def test_every_image_is_scored(launcher: str, tmp_path: Path) -> None:
    """Descriptors of a leaking launcher do no harm, and workers take turns at the few there are."""
    images = tmp_path / "films"
    images.mkdir()
    for number in range(40):
        shutil.copy(SAMPLES / "phantom-normal.jpg", images / f"{number:02}.jpg")
    report = tmp_path / "report.csv"
    done = subprocess.run(
        [sys.executable, "-c", launcher, sys.executable, "-m", "cxr_edge", "scan", images,
         "--out", report, "--workers", "32", "--batch-size", "1", "--runtime", "onnx"],
        env=os.environ, capture_output=True, text=True, check=False, timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with report.open(newline="", encoding="utf-8") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["ok"] * 40
