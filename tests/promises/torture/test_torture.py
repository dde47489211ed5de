"""A short version of the scripts in torture/, which run for longer by command."""

import subprocess
import sys
from pathlib import Path

import pytest

TORTURE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.parametrize("into", [[], ["--shards", "7"]], ids=["a report", "shards"])
def test_killed_at_random_moments_the_report_is_the_same(into: list[str]) -> None:
    """Three scans of sixty images, each killed until it happens to get through."""
    words = ["--rounds", "3", "--images", "60", "--seed", "5", *into]
    done = subprocess.run(
        [sys.executable, TORTURE / "kill.py", *words],
        capture_output=True, text=True, check=False, timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "3 reports of 60 images, all identical" in done.stdout
