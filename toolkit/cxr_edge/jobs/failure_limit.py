"""How many files may fail."""

from dataclasses import dataclass

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.reports.counts import Counts


@dataclass(frozen=True)
class FailureLimit:
    """How many files may fail."""

    text: str
    """``N`` or ``N%`` of the files done, which is looked at from the hundredth on."""

    def __post_init__(self) -> None:
        """Refuse what is neither.

        Raises
        ------
        UsageError
            It is no number, or more than 100 %.
        """
        number = self.text.removesuffix("%")
        if not number.isdecimal() or (self.is_share and int(number) > 100):
            raise UsageError(
                "--max-failures: expected a number of files or a share such as 5%, got "
                f"{self.text!r}"
            )

    @property
    def is_share(self) -> bool:
        """A share of the files, not a number."""
        return self.text.endswith("%")

    def check(self, counts: Counts) -> None:
        """Do nothing where no more have failed.

        Raises
        ------
        ReportError
            More have.
        """
        most = int(self.text.removesuffix("%"))
        if self.is_share:
            too_many = counts.rows >= 100 and 100 * counts.failed > most * counts.rows
        else:
            too_many = counts.failed > most
        if too_many:
            raise ReportError(
                f"stopped: {counts.failed} of {counts.rows} files failed, --max-failures allows "
                f"{self.text}; the report can be continued by the same command with a higher limit"
            )
