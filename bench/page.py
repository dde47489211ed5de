"""Time until the page of a large report shows its rows in Chromium.

    python bench/page.py [--rows 20000] [--pictures 500] [--runs 5]

Prints the table of docs/worklist.md.

The report is made up: its images are links to ten drawn ones. ``cxr report`` makes the page.
Chromium opens it in a fresh profile each time, once before those that count; rows and pictures
count once they are painted. Needs Playwright, and Chromium on the PATH.
"""

import argparse
import csv
import hashlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
from playwright.sync_api import sync_playwright

from cxr_edge.reports.csv_report import COLUMNS

ROOT = Path(__file__).resolve().parent.parent
DRAWN = 10
SIDE = 1024

NOTE_TIMES = """
const painted = (name) => requestAnimationFrame(() => requestAnimationFrame(() => {
  window[name] = performance.now();
}));
new MutationObserver((_, observer) => {
  if (document.querySelector("tr[data-row]")) { observer.disconnect(); painted("rows"); }
}).observe(document, { childList: true, subtree: true });
new MutationObserver((_, observer) => {
  if (document.querySelector("td.picture img")) { observer.disconnect(); painted("pictures"); }
}).observe(document, { childList: true, subtree: true });
addEventListener("load", () => painted("whole"));
"""


def make_report(folder: Path, rows: int) -> Path:
    """Write a report and the images of its rows; return its path."""
    sys.path.insert(0, str(ROOT / "samples"))
    from generate import phantom, to_8_bits

    images = []
    for number in range(DRAWN):
        image = folder / f"{number}.jpg"
        drawn = to_8_bits(phantom(number, opacities=number % 4, size=SIDE))
        cv2.imwrite(str(image), drawn)
        images.append((image, hashlib.sha256(image.read_bytes()).hexdigest()))
    report = folder / "report.csv"
    with report.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number in range(rows):
            name = f"ward-{number // 1000:04}/image-{number:07}.jpg"
            image, digest = images[number % DRAWN]
            (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "images" / name).hardlink_to(image)
            if number % 100 == 99:
                writer.writerow(
                    [name, "failed", *[""] * 4, "truncated", "it ends", *[""] * 4, "m@1"]
                )
                continue
            probability = (number * 7919 % rows / rows) ** 3
            label = "PNEUMONIA" if probability >= 0.5 else "NORMAL"
            flags = "color" if number % 9 == 0 else ""
            writer.writerow(
                [name, "ok", label, f"{probability:.6f}", "0.500000", flags, "", "", SIDE, SIDE,
                 "jpeg", digest, "m@1"]
            )  # fmt: skip
    return report


STEPS = {"rows": "the first rows", "pictures": "their pictures", "whole": "all of the page"}


def opened(browser: Any, page: Path) -> list[float]:
    """Return the milliseconds until each step is painted."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        shown = context.new_page()
        shown.add_init_script(NOTE_TIMES)
        shown.goto(page.as_uri())
        shown.wait_for_function("window.rows && window.pictures && window.whole")
        return [shown.evaluate(f"window.{step}") for step in STEPS]
    finally:
        context.close()


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--runs", type=int, default=5)
    wanted = parser.parse_args()
    chromium = shutil.which("chromium")
    if not chromium:
        sys.exit("expected Chromium on the PATH, found none")
    with tempfile.TemporaryDirectory() as scratch:
        report = make_report(Path(scratch), wanted.rows)
        page = report.with_suffix(".html")
        words = [sys.executable, "-m", "cxr_edge", "report", report, "--images"]
        words += [report.with_name("images"), "--thumbnails", f"top:{wanted.pictures}"]
        started = time.monotonic()
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        made = time.monotonic() - started
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            opened(browser, page)
            times = [opened(browser, page) for _ in range(wanted.runs)]
            browser.close()
        size = page.stat().st_size / 1e6
    print(f"page of {wanted.rows:,} rows, {wanted.pictures} pictures: {size:.1f} MB")
    print("| step | median, s | slowest, s |\n| --- | --- | --- |")
    print(f"| `cxr report` makes the page | {made:.1f} | |")
    for step, found in zip(STEPS.values(), zip(*times, strict=True), strict=True):
        print(
            f"| Chromium shows {step} | {statistics.median(found) / 1e3:.2f} "
            f"| {max(found) / 1e3:.2f} |"
        )


if __name__ == "__main__":
    main()
