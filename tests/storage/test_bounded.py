"""Packages from elsewhere are data: read with a bound, within themselves, and never run."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_edge.errors import CxrError, ModelError, ModelInvalid, ReportError, SpecInvalid
from cxr_edge.models.checksums import check_checksums, read_checksums
from cxr_edge.models.golden_set import GoldenArtefact, GoldenImage, GoldenSet
from cxr_edge.models.locate import default_package
from cxr_edge.models.package import CHECKSUMS
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.spec.embedding import append_spec, read_appended_spec
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.storage.bounded import (
    MAX_JSON,
    MAX_MEMBER,
    open_archive,
    parse_json,
    read_at_most,
    read_member,
)

DEEP = b'{"a":' * 100_000
INPUT = InputSpec(4, 3, 1)
IMAGE = GoldenImage("a.jpg", b"film", np.zeros(INPUT.shape, np.uint8), 2, 0.5)
GOLDEN = GoldenSet(INPUT, (IMAGE,), {"model.onnx": GoldenArtefact((0.5,), 1e-4)}).to_bytes()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def lying(data: bytes, size: int) -> bytes:
    """Return an archive whose directory says that its first member has ``size`` bytes."""
    at = data.index(b"PK\x01\x02") + 24
    return data[:at] + struct.pack("<I", size) + data[at + 4 :]


@pytest.mark.parametrize("name", ["../spec.json", "/spec.json", "a/../../b", "C:b", "a\\..\\b"])
def test_a_member_that_leads_out_is_refused(name: str) -> None:
    """Nothing is unpacked, and yet no such archive is taken for a model's."""
    data = zipped({"spec.json": b"{}", name: b"x"})
    with pytest.raises(ModelInvalid, match="leads out of the archive"):
        read_appended_spec(data, "m.tflite")
    with pytest.raises(ModelInvalid, match="leads out of the archive"):
        GoldenSet.from_bytes(zipped({**members(GOLDEN), name: b"x"}), "selftest.zip")


def test_nothing_is_ever_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a golden set leaves no file anywhere near."""
    monkeypatch.chdir(tmp_path)
    GoldenSet.from_bytes(GOLDEN, "selftest.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the directory says, before a byte is inflated."""
    bomb = zipped({f"{number}": bytes(1 << 24) for number in range(5)} | {"spec.json": b"{}"})
    assert len(bomb) < 1 << 17
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it was read"))
    with pytest.raises(ModelInvalid, match="members grow to"):
        read_appended_spec(bomb, "m.tflite")


def test_a_member_too_large_for_what_it_is_is_refused() -> None:
    """A spec of more than its limit, in an archive that is no bomb as a whole."""
    with pytest.raises(ModelInvalid, match=f"expected at most {MAX_JSON}"):
        read_appended_spec(zipped({"spec.json": b" " * (MAX_JSON + 1)}), "m.tflite")
    image = members(GOLDEN) | {"films/a.jpg": bytes(MAX_MEMBER + 1)}
    with pytest.raises(ModelInvalid, match=r"members grow|expected at most"):
        GoldenSet.from_bytes(zipped(image), "selftest.zip")


def test_a_size_that_lies_gives_no_more_than_it_says() -> None:
    """Where the directory says ten bytes, ten bytes are inflated and the checksum fails."""
    data = lying(zipped({"spec.json": b" " * 1000}), 10)
    with pytest.raises(ModelInvalid, match="spec cannot be read"):
        read_appended_spec(data, "m.tflite")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused(method: int) -> None:
    """Fewer decompressors, fewer surprises."""
    with pytest.raises(ModelInvalid, match="is not compressed by deflate"):
        read_appended_spec(zipped({"spec.json": b"{}"}, method), "m.tflite")


def test_an_encrypted_member_is_named() -> None:
    """zipfile's own error becomes the package's."""
    data = bytearray(zipped({"spec.json": b"{}"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(ModelInvalid, match="spec cannot be read"):
        read_appended_spec(bytes(data), "m.tflite")


@pytest.mark.parametrize(
    "header",
    [
        {"descr": "|u1", "fortran_order": False, "shape": (1 << 40,)},
        {"descr": "|O", "fortran_order": False, "shape": INPUT.shape},
        {"descr": "<f8", "fortran_order": False, "shape": INPUT.shape},
        {"descr": "|u1", "fortran_order": True, "shape": INPUT.shape},
    ],
)
def test_pixels_are_of_the_input_or_refused(header: dict[str, object]) -> None:
    """No array of another size is made room for, and no object is unpickled."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, header)
    damaged = members(GOLDEN) | {"pixels/a.jpg.npy": file.getvalue() + bytes(12)}
    with pytest.raises(ModelInvalid, match="expected pixels of"):
        GoldenSet.from_bytes(zipped(damaged), "selftest.zip")


@pytest.mark.parametrize("data", [DEEP, b"[" * 100_000, b" " * (MAX_JSON + 1), b'"' + b"9" * 9])
def test_json_bombs_are_named(data: bytes) -> None:
    """Too deep or too long: an error of the tree, not of Python."""
    with pytest.raises(ValueError, match=r".+"):
        parse_json(data)
    with pytest.raises(SpecInvalid, match="expected JSON"):
        ModelSpec.from_json(data)
    with pytest.raises(ModelInvalid, match="damaged"):
        GoldenSet.from_bytes(zipped(members(GOLDEN) | {"selftest.json": data}), "selftest.zip")


@pytest.mark.parametrize("depth", range(100, 1500, 97))
def test_no_depth_slips_through(depth: int, spec: ModelSpec) -> None:
    """JSON that can just be parsed may be too deep to be quoted: an error all the same."""
    text = json.dumps(spec.to_dict() | {"name": "NAME"})
    with pytest.raises(SpecInvalid):
        ModelSpec.from_json(text.replace('"NAME"', "[" * depth + "]" * depth))


def test_a_deep_manifest_is_named(tmp_path: Path) -> None:
    """A report beside such a one is not continued."""
    manifest_path(tmp_path / "r.csv").write_bytes(DEEP)
    with pytest.raises(ReportError, match="is damaged"):
        REPORT.recorded(tmp_path / "r.csv")


@pytest.mark.parametrize(
    "name", ["../spec.json", "/etc/passwd", "a/b", "..", ".", "a\\b", "C:b", "\x1b[2J", "=1+1", ""]
)
@pytest.mark.parametrize("read", [read_checksums, check_checksums])
def test_a_list_names_files_beside_it_alone(
    name: str, read: Callable[[Path], object], tmp_path: Path
) -> None:
    """A package cannot point at another folder's files, nor write to a terminal."""
    (tmp_path / CHECKSUMS).write_text(f"{'ab' * 32}  {name}\n")
    with pytest.raises(ModelInvalid, match="none that can be read"):
        read(tmp_path)


@pytest.mark.parametrize("digest", ["", "ab" * 31, "AB" * 32, "zz" * 32])
def test_a_list_holds_digests(digest: str, tmp_path: Path) -> None:
    """SHA-256 in lower case, as sha256sum prints it."""
    (tmp_path / CHECKSUMS).write_text(f"{digest}  model.onnx\n")
    with pytest.raises(ModelInvalid, match="none that can be read"):
        read_checksums(tmp_path)


def test_a_small_file_is_small(tmp_path: Path) -> None:
    """One byte more than allowed is not read; a device has no end and is not begun."""
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    assert read_at_most(path, 5) == b"12345"
    with pytest.raises(OSError, match="at most 4 bytes, got 5"):
        read_at_most(path, 4)
    with pytest.raises(OSError, match="not a regular file"):
        read_at_most(Path("/dev/zero"), 5)


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An artefact with a spec behind it."""
    path = tmp_path_factory.mktemp("artefact") / "m.tflite"
    path.write_bytes(b"flatbuffer" * 10)
    text = (default_package() / "spec.json").read_bytes()
    append_spec(path, ModelSpec.from_json(text))
    return path.read_bytes()


@pytest.mark.slow
@settings(max_examples=300, derandomize=True, deadline=None)
@given(data=st.data())
def test_no_damage_escapes_the_error_tree(data: st.DataObject, artefact: bytes) -> None:
    """Any bytes of an archive changed or cut: it is read as it was, or refused as a model."""
    for whole, read in (
        (artefact, read_appended_spec),
        (GOLDEN, GoldenSet.from_bytes),
    ):
        changed = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 4))):
            changed[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.just(len(whole)) | st.integers(0, len(whole)))
        try:
            read(bytes(changed[:cut]), "m")
        except CxrError as exc:
            assert isinstance(exc, ModelError)  # noqa: PT017  (most changes raise, some do not)


def test_an_archive_is_closed_with_its_error() -> None:
    """An error while a member is read is the archive's error."""
    data = bytearray(zipped({"a": bytes(range(256)) * 4}))
    data[60] ^= 0xFF
    with pytest.raises(ValueError, match="damaged archive"), open_archive(io.BytesIO(data)) as one:
        read_member(one, "a")


@pytest.mark.parametrize("error", [OSError, RuntimeError, NotImplementedError])
def test_an_error_of_the_caller_is_not_the_archive_s(error: type[Exception]) -> None:
    """A full disk while a whole archive is open is not called a damaged archive."""
    with pytest.raises(error, match="mine"), open_archive(io.BytesIO(zipped({"a": b"a"}))):
        raise error("mine")


def test_a_deep_header_of_pixels_is_named() -> None:
    """JSON too deep for Python to parse is a damaged golden set."""
    changed = members(GOLDEN)
    pixels = next(name for name in changed if name.endswith(".npy"))
    deep = b"-" * 9000 + b"1"
    changed[pixels] = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(deep)) + deep
    with pytest.raises(ModelInvalid, match="damaged"):
        GoldenSet.from_bytes(zipped(changed), "m")
