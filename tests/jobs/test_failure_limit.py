"""How many files may fail."""

import pytest

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.jobs.failure_limit import FailureLimit
from cxr_edge.reports.counts import Counts


@pytest.mark.parametrize(
    ("text", "failed", "rows", "stops"),
    [("0", 1, 1, True), ("3", 3, 9, False), ("3", 4, 9, True), ("5%", 9, 99, False),
     ("5%", 5, 100, False), ("5%", 6, 100, True), ("100%", 500, 500, False)],
)  # fmt: skip
def test_failures_are_allowed_by_number_or_share(
    text: str, failed: int, rows: int, stops: bool
) -> None:
    """A share is looked at from the hundredth file on."""
    counts = Counts(rows=rows, failed=failed)
    if stops:
        with pytest.raises(ReportError, match=f"{failed} of {rows} files failed"):
            FailureLimit(text).check(counts)
    else:
        FailureLimit(text).check(counts)


@pytest.mark.parametrize("text", ["", "%", "-1", "1.5", "101%", "many"])
def test_other_limits_are_refused(text: str) -> None:
    """The message shows what would do."""
    with pytest.raises(UsageError, match="such as 5%"):
        FailureLimit(text)
