"""Ranges of settings: what a machine or a format can do, for commands and the Python API alike."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Final

from cxr_edge.errors import UsageError
from cxr_edge.system.printable import shortened


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may have."""

    least: float
    """Smallest number."""
    most: float
    """Largest number."""
    whole: bool = True
    """Whether only whole numbers are meant."""

    def __str__(self) -> str:
        """Return it as a message names it: ``a whole number from 1 to 1024``."""
        return f"a {'whole ' * self.whole}number from {self.least} to {self.most}"

    def __contains__(self, value: Any) -> bool:  # Any: numbers of all kinds compare with floats
        """Tell whether a value is a number in the range; True, False and NaN are none."""
        kind: type[Any] = Integral if self.whole else Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        return bool(self.least <= value <= self.most)

    def require(self, name: str, value: Any) -> float:  # Any: what it is, is checked
        """Return a setting as a number of Python's own, which JSON takes.

        Raises
        ------
        UsageError
            It is no number, or out of range; the message names it, the range and what was given.
        """
        if value not in self:
            text = str(value) if isinstance(value, Real) else repr(value)
            raise UsageError(f"{name}: expected {self}, got {shortened(text)}")
        return int(value) if self.whole else float(value) + 0.0  # no minus before a zero


SHARE: Final = Range(0, 1, whole=False)
"""Probabilities, thresholds, differences of either, and shares."""

WORKERS: Final = Range(1, 1024)
"""Files processed in parallel: as many as the supervisor can watch."""

THREADS: Final = Range(1, 64)
"""CPU threads per model call: more only wait for each other, and with 256 on two CPUs an image
takes seconds."""

BATCH_SIZE: Final = Range(1, 256)
"""Images per model call: what a model keeps of each while it computes has to fit the memory."""

IMAGES: Final = Range(1, 1_000_000)
"""Images that are taken out of a folder."""

PICTURES: Final = Range(1, 5000)
"""Images of a page that get pictures: a browser holds some 100 KB for each."""

ROUNDS: Final = Range(1, 1000)
"""Passes of a measurement."""

SECONDS: Final = Range(0.1, 86_400, whole=False)
"""Time limit of a file: a day at most."""

PORT: Final = Range(1, 65_535)
"""Ports of TCP."""

MEGABYTES: Final = Range(256, 1_000_000)
"""Memory limit: from what a scan needs to a terabyte."""

FILES: Final = Range(0, 1_000_000_000)
"""Rows of a report."""

SHARD_SIZE: Final = Range(1, 100_000)
"""Files of a shard: its rows are in memory at once."""

PERCENT: Final = Range(0, 100)
"""Whole percents."""

QUALITY: Final = Range(1, 100)
"""Quality of a JPEG, as libjpeg has it."""

SEED: Final = Range(0, 2**32 - 1)
"""Seeds of random numbers: 32 bits."""

HELD_OUT: Final = Range(0.01, 0.9, whole=False)
"""Share of a set that is held out for validation."""

KEPT_SENSITIVITY: Final = Range(0.5, 1, whole=False)
"""Sensitivity that a threshold keeps."""

ASSOCIATIONS: Final = Range(1, 256)
"""DICOM associations at once: each has a thread, and holds an object in memory."""

SILENCE: Final = Range(1, 3600, whole=False)
"""Seconds that another machine may keep silent."""

OBJECT_SIZE: Final = Range(1, 4096)
"""Megabytes of one DICOM object."""

FREE_SPACE: Final = Range(0, 10_000_000)
"""Megabytes of a disk that stay free."""
