"""Watches that run in the process of a test, and what they leave."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
from runs import rows

from cxr_edge.jobs.watch_job import WatchJob
from cxr_edge.jobs.watch_state import HEALTH

DAY = date(2026, 1, 31)


def add_image(folder: Path, name: str, phantoms: ModuleType, number: int = 0) -> Path:
    """Write an image, renamed into place and old enough to be taken at once."""
    image = phantoms.to_8_bits(phantoms.phantom(number, opacities=1, size=48))
    return add_file(folder, name, cv2.imencode(".png", image)[1].tobytes())


def add_file(folder: Path, name: str, data: bytes) -> Path:
    """Write a file likewise."""
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    half = folder / ".half"
    half.write_bytes(data)
    os.utime(half, (1e9, 1e9))
    return half.rename(place)


def scripted(job: WatchJob, *steps: Callable[[], bool]) -> WatchJob:
    """Return a watch that tries a step before each look, until it is true, and so on.

    After the last step it gets SIGTERM. It is no other day meanwhile.
    """
    left = list(steps)

    def today() -> date:
        if left and left[0]():
            left.pop(0)
        if not left:
            signal.raise_signal(signal.SIGTERM)
        return DAY

    return replace(job, once=False, today=today)


def found(job: WatchJob, day: date = DAY) -> list[dict[str, str]]:
    """Return the rows of a day, none before its report is there."""
    report = job.report(day.isoformat())
    return rows(report) if report.exists() else []


def health(job: WatchJob) -> dict[str, Any]:
    """Return what the health file says."""
    return dict(json.loads((job.out / HEALTH).read_text(encoding="utf-8")))
