"""The page of a day, made beside the watch."""

import threading
from pathlib import Path

import pytest

from cxr_edge.errors import CxrError
from cxr_edge.isolation.subprocess_call import ProcessDied
from cxr_edge.jobs import day_page
from cxr_edge.jobs.day_page import DayPage
from cxr_edge.jobs.html_report import PageJob
from cxr_edge.spec.model_spec import ModelSpec


class Maker:
    """In place of the process that makes a page."""

    def __init__(self) -> None:
        self.made = 0
        self.may_end = threading.Event()
        self.may_end.set()
        self.error: CxrError | None = None

    def __call__(self, *_: object, within: float) -> None:
        assert within > 0
        self.may_end.wait(30)
        self.made += 1
        if self.error:
            raise self.error


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    made = Maker()
    monkeypatch.setattr(day_page, "call_in_subprocess", made)
    return made


@pytest.fixture
def page(tmp_path: Path, spec: ModelSpec) -> DayPage:
    job = PageJob(tmp_path / "2026-01-01.csv", tmp_path / "2026-01-01.html")
    return DayPage(job, spec, 300, said.append, lambda: now[0])


now = [0.0]
said: list[str] = []


@pytest.fixture(autouse=True)
def begin() -> None:
    now[0] = 0.0
    said.clear()


def ended(page: DayPage) -> None:
    assert page._maker
    page._maker.join(30)


def test_it_is_made_of_new_rows_and_not_too_often(page: DayPage, maker: Maker) -> None:
    """At once of the first rows, then at most once in a time, and not without new rows."""
    page.make_if_due()
    assert page._maker is None
    for seconds, made in [(0, 1), (299, 1), (300, 2), (900, 3)]:
        now[0] = seconds
        page.changed()
        page.make_if_due()
        ended(page)
        assert maker.made == made, seconds
    now[0] = 9000
    page.make_if_due()
    ended(page)
    assert maker.made == 3


def test_the_last_page_has_all_rows(page: DayPage, maker: Maker) -> None:
    """Rows written while a page was made are on the next one."""
    maker.may_end.clear()
    page.changed()
    page.make_if_due()
    page.changed()
    threading.Timer(0.05, maker.may_end.set).start()
    page.finish()
    ended(page)
    assert maker.made == 2
    page.finish()
    assert maker.made == 2


def test_a_page_that_takes_too_long_is_not_waited_for(page: DayPage, maker: Maker) -> None:
    """Whoever stops the watch has its own patience."""
    maker.may_end.clear()
    page.changed()
    page.finish(within=0.01)
    assert maker.made == 0
    maker.may_end.set()
    ended(page)


def test_a_crash_costs_a_page_and_no_more(page: DayPage, maker: Maker) -> None:
    """It is told, and the next page is made."""
    maker.error = ProcessDied("its process died")
    page.changed()
    page.make_if_due()
    ended(page)
    assert said == [f"{page.job.out} was not made: its process died"]
    maker.error = None
    page.changed()
    page.finish()
    assert maker.made == 2
