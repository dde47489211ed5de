"""Git LFS pointers in the place of models."""

from typing import Final

from cxr_edge.errors import ModelInvalid

_POINTER: Final = b"version https://git-lfs.github.com/spec/"


def refuse_pointer(data: bytes, source: str) -> None:
    """Raise where a file is a pointer left by a plain ``git clone``.

    Parameters
    ----------
    data
        The file's bytes, or the first hundred of them.
    source
        File, for the message.

    Raises
    ------
    ModelInvalid
        The file is a pointer.
    """
    if data.startswith(_POINTER):
        raise ModelInvalid(
            f"{source}: expected a model, got a Git LFS pointer, not the model: "
            "run 'git lfs pull' where it was cloned"
        )
