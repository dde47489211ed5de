"""The spec inside an artefact."""

from pathlib import Path

import pytest

from cxr_edge.errors import ModelInvalid, SpecMissing
from cxr_edge.spec.embedding import append_spec, read_appended_spec
from cxr_edge.spec.model_spec import ModelSpec


def test_a_spec_survives_an_artefact(spec: ModelSpec, tmp_path: Path) -> None:
    """A spec appended behind foreign bytes is found again, and the bytes are left alone."""
    path = tmp_path / "model.tflite"
    path.write_bytes(b"flatbuffer" * 100)
    append_spec(path, spec)
    data = path.read_bytes()
    assert data.startswith(b"flatbuffer" * 100)
    assert read_appended_spec(data, "model.tflite") == spec


def test_appending_the_same_spec_gives_the_same_bytes(spec: ModelSpec, tmp_path: Path) -> None:
    """No clock goes into an artefact."""
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"x")
        append_spec(tmp_path / name, spec)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_artefact_without_spec_says_what_to_do() -> None:
    """The error names the file and both ways out."""
    with pytest.raises(SpecMissing, match=r"x\.tflite.*cxr export.*--spec"):
        read_appended_spec(b"no zip", "x.tflite")


def test_a_damaged_spec_member_is_an_invalid_model(spec: ModelSpec, tmp_path: Path) -> None:
    """Bit rot inside the appended archive is not mistaken for a missing spec."""
    path = tmp_path / "model.tflite"
    path.write_bytes(b"flatbuffer")
    append_spec(path, spec)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    with pytest.raises(ModelInvalid, match="export it again"):
        read_appended_spec(bytes(data), "model.tflite")
