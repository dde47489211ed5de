"""Git LFS pointers, which stand where a model was to be."""

from typing import Final

from cxr_edge.errors import ModelInvalid

_POINTER: Final = b"version https://git-lfs.github.com/spec/"


def refuse_pointer(data: bytes, source: str) -> None:
    """Do nothing where a file is what it seems, and not a pointer left by a plain ``git clone``.

    Parameters
    ----------
    data
        The file's bytes, or the first hundred of them.
    source
        The file, for the message.

    Raises
    ------
    ModelInvalid
        It is a pointer.
    """
    if data.startswith(_POINTER):
        raise ModelInvalid(
            f"{source}: expected a model, got a Git LFS pointer, not the model: "
            "run 'git lfs pull' where it was cloned"
        )
