"""The two class names of a labelled set, and which of them is the positive one."""

from collections.abc import Collection
from pathlib import Path
from typing import Final, TypeAlias

from cxr_edge.errors import DataError, UsageError
from cxr_edge.system.printable import cell_shown, first_names

Classes: TypeAlias = tuple[str, str]
"""Class names: negative, positive."""

_KNOWN: Final[Classes] = ("NORMAL", "PNEUMONIA")
"""Names of which everybody knows the positive one; any others need ``--positive``."""

_LONGEST: Final = 80
"""Characters of a name that a message shows."""


def order_classes(names: Collection[str], positive: str, data: Path) -> Classes:
    """Return the names of a labelled set in order: negative, positive.

    Parameters
    ----------
    names
        Class names that the set has.
    positive
        Which of them is the positive class; may be empty where they are NORMAL and PNEUMONIA, or
        one of these.
    data
        Where they are from, for the message.

    Raises
    ------
    DataError
        They are not two names.
    UsageError
        The positive class is not among them, or has to be named.
    """
    if names and not positive and set(names) <= set(_KNOWN):
        return _KNOWN
    if len(names) != len(_KNOWN):
        raise DataError(
            f"{data}: expected images of two classes, got {_found(names, data)}; use a folder with "
            "two folders of images, named after the classes, or a manifest with two labels"
        )
    if positive not in names:
        got = f"got {positive!r}" if positive else "got none; add --positive NAME"
        raise UsageError(
            f"--positive: expected the name of the positive class, {joined(names, 'or')}, {got}"
        )
    return next(name for name in names if name != positive), positive


def require_known(names: Collection[str], classes: Classes, data: Path, model: str) -> None:
    """Raise where a labelled set has classes that a model does not have.

    Raises
    ------
    DataError
        It names the classes of both sides.
    """
    if set(names) <= set(classes):
        return
    raise DataError(
        f"expected the classes of the model {model}, {joined(classes)}, got "
        f"{_found(names, data)} in {data}; choose a model of these classes, or rename the "
        "classes"
    )


def _found(names: Collection[str], data: Path) -> str:
    """Return the classes that a set has as a phrase: what they are, and their names in quotes."""
    if not names:
        return "no folder with images"
    what = "label" if data.is_file() else "folder"
    plural = "s" if len(names) > 1 else ""
    return f"the {what}{plural} {joined(quoted(names))}"


def quoted(names: Collection[str]) -> list[str]:
    """Return names in quotes, so that they are no words of the sentence around them."""
    return [f"'{cell_shown(name, _LONGEST)}'" for name in names]


def joined(names: Collection[str], word: str = "and") -> str:
    """Return names as a phrase; many are cut short."""
    shown = [cell_shown(name, _LONGEST) for name in sorted(names)]
    return f" {word} ".join(shown) if len(shown) <= len(_KNOWN) else first_names(shown)
