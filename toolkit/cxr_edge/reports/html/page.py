"""The page itself: facts, rows and pictures in one HTML file. The only importer of Jinja2."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cxr_edge.errors import ReportError
from cxr_edge.imaging.image import VERDICTS
from cxr_edge.imaging.preview import VIEW
from cxr_edge.notice import RESEARCH_USE
from cxr_edge.reports.html.facts import Facts
from cxr_edge.reports.html.histogram import histogram
from cxr_edge.reports.html.worklist import Group, Worklist
from cxr_edge.storage.atomic import atomic_write

GENERATOR: Final = "cxr-edge worklist"
"""Value of the page's meta element ``generator``, by which a page of ours is known."""

_HEAD: Final = 400
"""Bytes at the start of a page that have that element."""


def write_page(
    out: Path, facts: Facts, worklist: Worklist, pictures: Iterable[tuple[int, dict[str, str]]]
) -> None:
    """Write a page.

    Parameters
    ----------
    out
        HTML file to write; an existing one is replaced.
    facts
        What is known of the report.
    worklist
        Rows of the report.
    pictures
        Number of a row, and what the page has of its image; taken one at a time.

    Raises
    ------
    ReportError
        It cannot be written.
    """
    pictures = iter(pictures)
    first = next(pictures, None)
    template = _environment().get_template("page.html.j2")
    style, script = _resource("page.css"), _resource("page.js")
    threshold = float(worklist.threshold) if worklist.threshold else None
    pieces = template.generate(
        generator=GENERATOR,
        style=Markup(style),  # noqa: S704  (our own)
        script=Markup(script),  # noqa: S704
        style_digest=_digest(style),
        script_digest=_digest(script),
        research_use=RESEARCH_USE,
        facts=facts,
        tiles=_tiles(worklist),
        counts=worklist.counts,
        positive=worklist.labels.get(Group.POSITIVE, "positive"),
        threshold=worklist.threshold,
        histogram=histogram(worklist.below, worklist.above, threshold),
        table={
            "rows": worklist.rows,
            "threshold": threshold,
            "view": VIEW,
            "pictures": first is not None,
            "causes": facts.causes,
            "verdicts": sorted(VERDICTS),
        },
        pictures=chain([first] if first else [], pictures),
    )
    try:
        # A surrogate, in a path that is no UTF-8, is written as its escape.
        with (
            atomic_write(out) as half,
            half.open("w", encoding="utf-8", errors="backslashreplace") as file,
        ):
            file.writelines(pieces)
    except OSError as exc:
        raise unwritable(out, exc) from exc


def unwritable(out: Path, exc: OSError) -> ReportError:
    """Return the error of a page that cannot be written."""
    return ReportError(
        f"{out} cannot be written: {exc.strerror}; make room, or choose another place"
    )


def is_page(path: Path) -> bool:
    """Tell whether a file is a page that was written here, and not somebody else's."""
    try:
        with path.open("rb") as file:
            return f'name="generator" content="{GENERATOR}"'.encode() in file.read(_HEAD)
    except OSError:
        return False


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("cxr_edge.reports", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _resource(name: str) -> str:
    return (Path(__file__).parent / name).read_text("utf-8")


def _digest(text: str) -> str:
    """Return what a content security policy names an inline script or style by."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _tiles(worklist: Worklist) -> list[Mapping[str, object]]:
    """Return the counts that the page starts with, each a filter of the table too."""
    counts, groups = worklist.counts, worklist.groups
    scored = counts.ok
    found = [
        ("all", "All images", counts.rows, ""),
        (
            "positive",
            worklist.labels.get(Group.POSITIVE, "positive"),
            groups[Group.POSITIVE],
            _share(groups[Group.POSITIVE], scored),
        ),
        ("review", "Review", groups[Group.REVIEW], _share(groups[Group.REVIEW], scored)),
        (
            "negative",
            worklist.labels.get(Group.OTHER, "negative"),
            groups[Group.FLAGGED] + groups[Group.OTHER],
            _share(groups[Group.FLAGGED] + groups[Group.OTHER], scored),
        ),
        ("flagged", "With flags", counts.flagged, _share(counts.flagged, scored)),
        ("failed", "Failed", counts.failed, ""),
    ]
    return [
        {"key": key, "name": name, "count": count, "share": share}
        for key, name, count, share in found
    ]


def _share(count: int, total: int) -> str:
    """Return a share in percent, which is 0 or 100 of none or of all alone."""
    if not total:
        return ""
    shown = f"{100 * count / total:.1f}%"
    if count and shown == "0.0%":
        return "< 0.1%"
    return "> 99.9%" if count < total and shown == "100.0%" else shown
