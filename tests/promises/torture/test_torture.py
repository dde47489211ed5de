"""A short version of the scripts in torture/, which run for longer by command."""

import subprocess
import sys
from pathlib import Path

import pytest

TORTURE = Path(__file__).parent


@pytest.mark.slow
def test_killed_at_random_moments_the_report_is_the_same() -> None:
    """Three scans of sixty images, each killed until it happens to get through."""
    done = subprocess.run(
        [sys.executable, TORTURE / "kill.py", "--rounds", "3", "--images", "60", "--seed", "5"],
        capture_output=True, text=True, check=False, timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "3 reports of 60 images, all identical" in done.stdout
