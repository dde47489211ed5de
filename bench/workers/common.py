"""Common part of every worker: the list of images before, the report and its own time after."""

import csv
import json
import time
from collections.abc import Iterable
from pathlib import Path


def images_below(folder: str) -> list[Path]:
    """Return the images of a folder and those below it, sorted."""
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())


class Stopwatch:
    """The time from the first image to the last, imports and the loading of the model apart."""

    def __init__(self) -> None:
        self.start = time.perf_counter()

    def finish(self, report: str, images: Iterable[str | Path], values: Iterable[float]) -> None:
        """Write image and P(PNEUMONIA) as CSV, then print images and seconds as a line of JSON."""
        rows = [
            (Path(image).name, f"{value:.6f}") for image, value in zip(images, values, strict=True)
        ]
        with Path(report).open("w", newline="") as file:
            csv.writer(file).writerows([("image", "probability"), *rows])
        seconds = time.perf_counter() - self.start
        print(json.dumps({"images": len(rows), "seconds": seconds}))
