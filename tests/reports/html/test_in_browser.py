"""The page in a real browser: sorted, filtered, opened by hand and by key, and readable by all."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from browser import chromium, shown
from fakes import SAMPLES, FakeRuntime
from image_folders import write_ward
from pages import failed, row, write_report
from runs import session_of

from cxr_edge.imaging.heat_map_file import heat_map_path
from cxr_edge.jobs.html_report import PageJob, write_html
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.model import Model
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

HOSTILE = "<img src=x onerror=document.title='hit'>\u2028</script>.png"
ROWS = "tr[data-row]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory, phantoms: ModuleType) -> Path:
    """A page of ten images, one of a hostile name and one with a heat map, and three failures."""
    folder = tmp_path_factory.mktemp("page")
    images = write_ward(folder / "films", phantoms)
    shutil.copy(SAMPLES / "phantom-opacities-8bit.png", images / HOSTILE.replace("/", "\u2044"))
    shutil.copy(SAMPLES / "phantom-opacities-monochrome1.dcm", images / "ward")
    spec = ModelSpec(
        "fake", ("NORMAL", "PNEUMONIA"), InputSpec(32, 32), (OperatingPoint("middle", 0.42),),
        "middle",
    )  # fmt: skip
    model = Model("ab" * 32, "onnx", FakeRuntime(spec))
    run_scan(ScanJob([images], folder / "report.csv", session_of(model, workers=1)))
    (folder / "maps").mkdir()
    map_file = heat_map_path(folder / "maps", "0.png")
    shutil.copy(SAMPLES / "phantom-opacities-8bit.png", map_file)
    job = PageJob(folder / "report.csv", folder / "page.html", heat_maps=folder / "maps")
    write_html(job, spec)
    return job.out


@pytest.fixture(scope="module")
def long_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 5,000 rows from a report alone, with every group and no manifest."""
    folder = tmp_path_factory.mktemp("long")
    rows = [row(f"ward {n % 7}/{n:05d}.png", n / 5000, flags="color" * (n % 9 == 0))
            for n in range(4990)]  # fmt: skip
    rows[4000] = row("doubt.png", 0.8, "review", flags="small;lateral")
    rows[4001] = row("near.png", 0.79, "review")
    rows += [failed(f"bad/{n}.png") for n in range(10)]
    write_html(PageJob(write_report(folder / "r.csv", rows), folder / "page.html"))
    return folder / "page.html"


def column(page: Any, name: str) -> list[str]:
    """Return the texts of a column, from top to bottom."""
    return list(page.locator(f"{ROWS} td.{name}").all_inner_texts())


def test_a_click_on_a_heading_sorts(browser: Any, page_path: Path) -> None:
    """First one way, then the other; files without a value stay at the end."""
    with shown(browser, page_path) as page:
        found = [float(text) for text in column(page, "probability") if text]
        assert len(found) == 10
        assert column(page, "rank")[0] == "1"
        for heading, name in (("P(PNEUMONIA)", "probability"), ("Image", "path")):
            button = page.get_by_role("button", name=heading)
            button.click()
            one = [text for text in column(page, name) if text]
            button.click()
            other = [text for text in column(page, name) if text]
            assert one == other[::-1]
            assert page.locator("th[aria-sort]").count() == 1
        page.get_by_role("button", name="P(PNEUMONIA)").click()
        assert column(page, "probability")[-3:] == ["", "", ""]
        page.get_by_role("button", name="Worklist order").click()
        assert column(page, "rank") == [str(number) for number in range(1, 14)]


def test_rows_are_filtered_by_group_and_by_words(browser: Any, page_path: Path) -> None:
    """The count says how many are left; nothing found is said too."""
    with shown(browser, page_path) as page:
        page.get_by_text("Failed", exact=True).click()
        assert set(column(page, "label")) == {"failed"}
        assert page.get_by_role("status").inner_text() == "3 of 13 rows"
        page.get_by_role("searchbox").fill("bad, name")
        assert column(page, "path") == ["bad, name.png\nward/"]
        page.get_by_role("searchbox").fill("nothing of the kind")
        assert page.get_by_text("No image matches.").is_visible()
        page.get_by_role("searchbox").fill("")
        page.get_by_text("All images", exact=True).click()
        assert len(column(page, "path")) == 13


def test_an_image_opens_by_click_and_by_key(browser: Any, page_path: Path) -> None:
    """With its heat map and facts; Escape closes it and leads back to its row."""
    with shown(browser, page_path) as page:
        page.locator(ROWS, has_text="0.png").first.click()
        dialog = page.get_by_role("dialog", name="0.png")
        assert dialog.locator("figure.image img").evaluate("image => image.naturalWidth") == 64
        assert dialog.locator("figure.heat img").evaluate("image => image.naturalWidth") > 64
        assert "SHA-256" in dialog.inner_text()
        page.keyboard.press("Escape")
        assert dialog.is_hidden()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowDown")
        second = page.evaluate("document.activeElement.querySelector('td.path').title")
        page.keyboard.press("Enter")
        assert page.get_by_role("dialog").locator("h2").inner_text() == second
        page.keyboard.press("ArrowRight")
        third = page.get_by_role("dialog").locator("h2").inner_text()
        assert third != second
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.querySelector('td.path').title") == third


def test_an_open_image_says_why_it_is_left_to_a_person(browser: Any, long_path: Path) -> None:
    """By the input check, with the flags that speak for it, or by the review band."""
    with shown(browser, long_path) as page:
        page.get_by_text("Review", exact=True).click()
        page.locator(ROWS).first.click()
        details = page.locator("#details")
        told = "the input check says that the image should not be scored: lateral"
        assert told in details.inner_text()
        page.keyboard.press("ArrowRight")
        assert "the probability lies in the review band" in details.inner_text()
        page.keyboard.press("Escape")
        page.get_by_text("NORMAL", exact=True).first.click()
        page.locator(ROWS).first.click()
        assert "Why" not in details.inner_text()


def test_the_keyboard_alone_is_enough(browser: Any, page_path: Path) -> None:
    """Tab leads from the filters to the search, the headings and one row, and no further."""
    with shown(browser, page_path) as page:
        places = []
        for _ in range(13):
            page.keyboard.press("Tab")
            places.append(page.evaluate("document.activeElement.tagName"))
        assert places[:2] == ["INPUT", "INPUT"]
        assert places[2:9] == ["BUTTON"] * 7
        assert places[9:11] == ["TR", "ASIDE"]


def test_a_hostile_name_is_text(browser: Any, page_path: Path) -> None:
    """In the row, in the title of the open image, and nowhere else: nothing of it runs."""
    with shown(browser, page_path) as page:
        made = page.locator(ROWS, has_text="onerror")
        name = made.locator("td.path b").inner_text()
        assert name.startswith("<img src=x onerror=document.title='hit'>")
        made.click()
        assert "<img src=x" in page.get_by_role("dialog").locator("h2").inner_text()
        assert page.get_by_role("dialog").locator("img").count() == 1
        assert page.title() == "Worklist of report.csv"


@pytest.mark.parametrize("width", [1440, 700])
def test_only_rows_in_sight_are_in_the_document(browser: Any, long_path: Path, width: int) -> None:
    """However far one goes; and the last one is reached by one key."""
    with shown(browser, long_path, viewport={"width": width, "height": 800}) as page:
        assert page.locator(ROWS).count() < 60
        assert page.locator("#grid").get_attribute("aria-rowcount") == "5001"
        page.locator(ROWS).first.focus()
        page.keyboard.press("End")
        assert page.evaluate("document.activeElement.ariaRowIndex") == "5001"
        assert page.locator(ROWS).count() < 60
        page.keyboard.press("PageUp")
        page.locator("#scroll").evaluate("(element) => { element.scrollTop = 60000; }")
        page.wait_for_function("document.querySelector('tr[data-row]').ariaRowIndex > 1600")
        assert page.locator(ROWS).count() < 60
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.tagName") == "TR"


def test_paper_gets_the_rows_that_are_shown(browser: Any, long_path: Path) -> None:
    """As far as a page can be expected to be printed, and it says where it ends."""
    with shown(browser, long_path) as page:
        page.get_by_text("Failed", exact=True).click()
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator(ROWS).count() == 10
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.emulate_media(media="screen")
        page.get_by_text("All images", exact=True).click()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator(ROWS).count() == 2000
        assert "first 2,000 of 5,000" in page.locator("#printed").inner_text()
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator(ROWS).count() < 60


@pytest.mark.parametrize("width", [1440, 700])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["page_path", "long_path"])
def test_everybody_can_read_it(
    browser: Any, request: pytest.FixtureRequest, name: str, scheme: str, width: int
) -> None:
    """axe finds nothing, contrast of level AA included: in the table and in an open image."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    settings = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}}
    with shown(browser, request.getfixturevalue(name), **settings) as page:
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()
        page.locator(ROWS).first.click()
        page.get_by_role("dialog").wait_for()
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()
