"""HTML pages as a browser takes them apart, and reports to make them of."""

import csv
import json
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from cxr_edge.reports.csv_report import COLUMNS


class Page(HTMLParser):
    """The elements of a page: texts of scripts by id, all tags with attributes, visible text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.scripts: dict[str, str] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._script = ""
        self.source = path.read_text("utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        self.text += " "
        self._script = (found.get("id") or "code") if tag == "script" else ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = ""

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts[self._script] = data
        else:
            self.text += data

    @property
    def rows(self) -> list[list[Any]]:
        """Rows of the table."""
        return list(json.loads(self.scripts["table"])["rows"])

    @property
    def paths(self) -> list[str]:
        """Paths of the rows."""
        return [row[1] for row in self.rows]

    def picture(self, path: str) -> dict[str, str]:
        """Return what the page has of an image; empty where it has nothing."""
        return dict(json.loads(self.scripts.get(f"picture-{self.paths.index(path)}", "{}")))


def row(path: str, probability: float, label: str = "", flags: str = "") -> list[str]:
    """Return a row of an image that was scored, threshold 0.5."""
    label = label or ("PNEUMONIA" if probability >= 0.5 else "NORMAL")
    number = f"{probability:.6f}"
    return [path, "ok", label, number, "0.500000", flags, "", "", "9", "8", "png", "ab" * 32, "m@1"]


def failed(path: str, reason: str = "empty-file", detail: str = "no bytes") -> list[str]:
    """Return a row of a file that failed."""
    return [path, "failed", "", "", "", "", reason, detail, "", "", "", "", "m@1"]


def write_report(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    """Write a report without a manifest."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    return path
