"""Draw the pictures of docs/worklist.md: the page of a scan of drawn chests, in Chromium.

    python docs/draw_worklist.py

Needs the extra ``dev``, and Chromium on the PATH. Nobody's X-ray is in the pictures.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).parent
SAMPLES = DOCS.parent / "samples"
WARDS = ("emergency", "paediatrics", "ward 3")
SIZE = {"width": 1280, "height": 800}


def write_images(folder: Path) -> None:
    """Write chests without and with opacities, DICOM among them, and files that fail."""
    sys.path.insert(0, str(SAMPLES))
    from chest import chest
    from generate import dicom, to_8_bits

    for ward in WARDS:
        (folder / ward).mkdir(parents=True)
    for number in range(30):
        image = chest(number + 1, opacities=(0, 12, 0, 0, 9)[number % 5], size=400)
        place = folder / WARDS[number % 3] / f"drawn-{number:03}"
        if number % 4:
            picture = to_8_bits(image)
            if number % 7 == 0:
                picture = cv2.merge([picture, picture, cv2.max(picture, 30)])
            cv2.imwrite(str(place.with_suffix(".png")), picture)
        else:
            path = place.with_suffix(".dcm")
            dicom(image, "MONOCHROME2", number + 10).save_as(path, enforce_file_format=True)
    shutil.copy(SAMPLES / "truncated.jpg", folder / WARDS[0])
    shutil.copy(SAMPLES / "text.png", folder / WARDS[1])


def cxr(folder: Path, *words: object) -> None:
    """Run a command in a folder; some files fail."""
    done = subprocess.run(  # noqa: S603  (ourselves)
        [sys.executable, "-m", "cxr_edge", *map(str, words)],
        check=False, cwd=folder, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode not in (0, 3):
        sys.exit(done.returncode)


@contextmanager
def shown(browser: Any, page: Path, scheme: str) -> Iterator[Any]:
    """Show a page in light or dark."""
    context = browser.new_context(viewport=SIZE, color_scheme=scheme)
    tab = context.new_page()
    tab.goto(page.as_uri())
    tab.locator("td.picture img").first.wait_for()
    yield tab
    context.close()


def main() -> None:
    """Scan, and take three pictures of the page."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_images(folder / "images")
        cxr(folder, "scan", "images", "-q", "--heatmaps", "maps", "--html", "report.html")
        first = "drawn-001.png"
        page = folder / "report.html"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            with shown(browser, page, "light") as tab:
                tab.screenshot(path=DOCS / "worklist.png")
                tab.locator("tr[data-row]", has_text=first).click()
                tab.screenshot(path=DOCS / "worklist-open.png")
            with shown(browser, page, "dark") as tab:
                tab.get_by_text("NORMAL", exact=True).first.click()
                tab.get_by_role("button", name="P(PNEUMONIA)").click()
                tab.screenshot(path=DOCS / "worklist-dark.png")
            browser.close()


if __name__ == "__main__":
    main()
