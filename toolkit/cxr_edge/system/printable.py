"""Text from elsewhere (file names, messages), made harmless for terminals and spreadsheets."""

import re
from collections.abc import Sequence
from typing import Final

_UNSEEN: Final = re.compile(
    r"[\\"
    "\x00-\x1f\x7f-\x9f"  # controls
    "\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff]"  # bytes of a file name that are not UTF-8, as os.fsdecode gives them
)
"""The backslash, and characters that cannot be seen: controls, zero width, direction of writing.

They are listed by code, not by Unicode category, so that every version of Python writes the same
report.
"""

_FORMULA: Final = re.compile(r"""((?:^|;)[\s"']*)([=+\-@\uff1d\uff0b\uff0d\uff20])""")
"""Start of a formula in a cell of a spreadsheet; where the list separator is a semicolon, a cell
starts behind each."""

_ESCAPE: Final = re.compile(
    r"\\(?:(\\)|(x[0-9a-f]{2}|u[0-9a-f]{4}|U(?:000[0-9a-f]|0010)[0-9a-f]{4}))"
)
"""Escape of one character, or of a backslash."""

_NOT_SHOWN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that a cell has only if it was edited."""

_LONGEST_CELL: Final = 300
"""Characters of a cell that a message shows."""

_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Characters by which text may command a terminal; not tabs and line ends."""

_START, _END = 1500, 500
"""Characters of a line of a message that are shown, of its start and of its end."""


def printable(text: str) -> str:
    r"""Return text on one line that is harmless in any reader, terminal and spreadsheet.

    A backslash becomes ``\\``; control, zero-width and bidirectional characters become ``\xNN``,
    ``\uNNNN`` or ``\UNNNNNNNN``, and bytes of a file name that are not UTF-8 ``\udcNN``. The first
    of ``= + - @`` (full width too) at the start or behind a semicolon is escaped likewise. These
    are Python's escapes, so different texts stay different and each can be restored.
    """
    if _UNSEEN.search(text):
        text = _UNSEEN.sub(lambda found: _escaped(found[0]), text)
    if _FORMULA.search(text):
        text = _FORMULA.sub(lambda found: found[1] + _escaped(found[2]), text)
    return text


def unescaped(text: str) -> str:
    """Return the text that :func:`printable` was given."""
    return _ESCAPE.sub(lambda found: found[1] or chr(int(found[2][1:], 16)), text)


def _escaped(character: str) -> str:
    code = ord(character)
    if character == "\\":
        return r"\\"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def shortened(text: str, most: int = 80) -> str:
    """Return text for a message, its end cut off where nobody would read it."""
    return text if len(text) <= most else f"{text[:most]}..."


def cell_shown(text: str, most: int = _LONGEST_CELL) -> str:
    """Return the text of a cell for a message; in a file that was edited it may be anything."""
    return shortened(_NOT_SHOWN.sub("?", text), most)


def message_shown(message: str) -> str:
    """Return a message for a terminal, whatever a file had that it quotes.

    The middle of a very long line is left out: advice is at the end.
    """
    return "\n".join(
        line if len(line) <= _START + _END else f"{line[:_START]}...{line[-_END:]}"
        for line in _CONTROLS.sub("?", message).split("\n")
    )


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or the name of its class if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def first_names(names: Sequence[object], count: int = 0, most: int = 10) -> str:
    """Return the first names of a list, joined by commas, for a message.

    Parameters
    ----------
    names
        The names, or the first of them.
    count
        How many there are in all, where ``names`` has only the first.
    most
        How many are named.
    """
    first = names[:most]
    left = max(count, len(names)) - len(first)
    return ", ".join(map(str, first)) + (f" and {left} more" if left else "")
