"""Counts of a report's rows."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

FIRST_FAILED: Final = 5
"""So many failed files are named in the summary; the report names all."""


@dataclass
class Counts:
    """What a report holds; all that a run keeps in memory of it."""

    rows: int = 0
    """All files taken."""
    ok: int = 0
    """Scored."""
    failed: int = 0
    """Not scored."""
    flagged: int = 0
    """Scored with one flag or more."""
    labels: Counter[str] = field(default_factory=Counter)
    """Scored files by label."""
    flags: Counter[str] = field(default_factory=Counter)
    """Scored files by flag."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Failed files by reason."""
    first_failed: list[str] = field(default_factory=list)
    """Paths of the first :data:`FIRST_FAILED` failed files."""

    def add(self, values: Mapping[str, str]) -> None:
        """Count one row, given by column; one without ``path`` is no scan's and names nobody."""
        self.rows += 1
        if values["status"] == "ok":
            self.ok += 1
            if "path" in values:
                self.labels[values["label"]] += 1
            if values["flags"]:
                self.flagged += 1
                self.flags.update(values["flags"].split(";"))
        else:
            self.failed += 1
            self.reasons[values["reason"]] += 1
            if "path" in values and len(self.first_failed) < FIRST_FAILED:
                self.first_failed.append(values["path"])
