"""Counts in words: one file, two files."""


def worded(count: int, one: str, several: str) -> str:
    """Return the words that go with a count: those for one, or those for any other number."""
    return one if count == 1 else several


def counted(count: int, one: str, several: str) -> str:
    """Return a count with its words: ``1 file``, ``2 files``."""
    return f"{count} {worded(count, one, several)}"
