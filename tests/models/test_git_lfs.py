"""Git LFS pointers in the place of models."""

from pathlib import Path

import pytest

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.git_lfs import refuse_pointer
from cxr_edge.models.open import open_artefact

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"


@pytest.mark.parametrize("name", ["m.onnx", "m.tflite"])
def test_a_pointer_is_named(tmp_path: Path, name: str) -> None:
    """A pointer that git leaves without git lfs is not called a damaged model."""
    (tmp_path / name).write_text(POINTER)
    with pytest.raises(ModelInvalid, match=r"a Git LFS pointer, not the model: run 'git lfs pull'"):
        open_artefact(str(tmp_path / name))


def test_other_bytes_are_let_through() -> None:
    """Any other file is judged by its own format."""
    refuse_pointer(b"", "empty")
    refuse_pointer(POINTER[1:].encode(), "text")
