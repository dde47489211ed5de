"""The limit on how many files may fail before a scan stops."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.sink import RunResult
from cxr_edge.system.ranges import FILES, PERCENT


@dataclass(frozen=True)
class FailureLimit:
    """Number or share of files that may fail."""

    text: str
    """``N``, or ``N%`` of the files done, which is checked from the hundredth file on."""

    def __post_init__(self) -> None:
        """Refuse anything else.

        Raises
        ------
        UsageError
            It is not a number, or is more than a report can have.
        """
        number = self.text.removesuffix("%")
        within = PERCENT if self.is_share else FILES
        if not re.fullmatch(r"[0-9]{1,10}", number) or int(number) not in within:
            raise UsageError(
                f"--max-failures: expected a number of files up to {FILES.most} or a share such "
                f"as 5%, got {self.text!r}"
            )

    @property
    def is_share(self) -> bool:
        """Whether it is a share of the files, not a number."""
        return self.text.endswith("%")

    def check(self, counts: Counts) -> None:
        """Raise where more files have failed.

        Raises
        ------
        ReportError
            More files have failed.
        """
        most = int(self.text.removesuffix("%"))
        if self.is_share:
            too_many = counts.rows >= 100 and 100 * counts.failed > most * counts.rows
        else:
            too_many = counts.failed > most
        if too_many:
            raise ReportError(
                f"stopped: {counts.failed} of {counts.rows} files failed, --max-failures allows "
                f"{self.text}; the same command with a higher limit continues the report"
            )


class FailureStop:
    """The sink that stops a scan once more files failed than a limit allows."""

    def __init__(self, limit: FailureLimit) -> None:
        """Take the limit."""
        self._limit = limit
        self._counts = Counts()

    def begin(self, manifest: Manifest) -> None:
        """Check the rows of earlier runs; raises as :meth:`FailureLimit.check`."""
        self._counts = manifest.counts
        self._limit.check(self._counts)

    def write(self, outcomes: Sequence[object]) -> None:  # noqa: ARG002  (they are counted)
        """Check the counts; raises as :meth:`FailureLimit.check`."""
        self._limit.check(self._counts)

    def close(self, result: RunResult) -> None:
        """Do nothing."""
