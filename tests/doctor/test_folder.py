"""Findings of ``cxr doctor DIR`` in a folder, without decoding a pixel."""

import errno
import json
import os
import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from fakes import SAMPLES
from pydicom import dcmwrite
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG2MPML,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from cxr_edge.doctor.file import FileFacts, examine
from cxr_edge.doctor.folder import Spread, examine_folder
from cxr_edge.errors import ImageError
from cxr_edge.imaging.decode import decode

# What pydicom finds odd is ignored in use; pytest would make an error of it.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom.*")

COMPRESSED = (JPEG2000Lossless, MPEG2MPML)
PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)

PLANTED = {
    "PatientName": "DOE^JANE",
    "PatientID": "ID4711",
    "PatientBirthDate": "19510203",
    "InstitutionName": "SAINT ELSEWHERE",
    "PatientComments": "COMMENT0815",
}

HUGE_PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x01\x00\x00\x00\x01\x00\x00\x08"
    b"\x00\x00\x00\x00" + bytes.fromhex("49ef6f3f") + bytes(4) + b"IEND"
)
"""A header that promises 65536 x 65536 pixels, and none."""

Make = Callable[..., bytes]


@pytest.fixture
def make(phantoms: ModuleType) -> Make:
    """Return a DICOM file of 12 bits with attributes set and planted identifiers."""

    def build(syntax: UID = ExplicitVRLittleEndian, without: str = "", **attributes: Any) -> bytes:
        dataset: FileDataset = phantoms.dicom(
            phantoms.phantom(7, opacities=3, size=48), "MONOCHROME1", 1
        )
        for name, value in (PLANTED | attributes).items():
            setattr(dataset, name, value)
        if without:
            delattr(dataset, without)
        dataset.file_meta.TransferSyntaxUID = syntax
        if syntax in COMPRESSED and "PixelData" in dataset:
            dataset.PixelData = encapsulate([bytes(500)])
            dataset["PixelData"].VR = "OB"
            dataset["PixelData"].is_undefined_length = True
        file = BytesIO()
        dcmwrite(
            file,
            dataset,
            implicit_vr=syntax == ImplicitVRLittleEndian,
            little_endian=syntax != ExplicitVRBigEndian,
            enforce_file_format=True,
        )
        return file.getvalue()

    return build


@pytest.fixture
def examined(tmp_path: Path) -> Callable[..., FileFacts]:
    """Write bytes under a name, and examine the file."""

    def write(data: bytes, name: str = "film.dcm") -> FileFacts:
        file = tmp_path / name
        file.write_bytes(data)
        return examine(file)

    return write


def png(values: np.ndarray[Any, Any]) -> bytes:
    return bytes(cv2.imencode(".png", values)[1])


def test_the_samples_are_told_without_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Formats, syntaxes, polarity, depth and sizes, and the two that are bad on purpose."""

    def refuse(*_: object) -> None:
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr(cv2, "imdecode", refuse)
    found = examine_folder([SAMPLES]).as_dict()
    assert found["formats"] == {"jpeg": 3, "png": 2, "dicom": 2, "tiff": 1, "none": 1}
    assert found["transfer_syntaxes"] == {"ExplicitVRLittleEndian": {"files": 2, "missing": None}}
    assert found["polarities"] == {"black-is-zero": 5, "MONOCHROME1": 1, "MONOCHROME2": 1}
    assert found["bits"] == {"8": 4, "12": 2, "16": 1}
    assert found["problems"] == {
        "not-an-image": {"files": 1, "first": ["text.png"]},
        "truncated": {"files": 1, "first": ["truncated.jpg"]},
    }
    assert found["failing"] == 2
    assert found["skipped"].keys() == {"other"}  # the scripts and the report
    sizes = sorted(file.stat().st_size for file in SAMPLES.glob("[pt]*.*g"))
    assert found["bytes"]["least"] == sizes[0]


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_the_header_of_an_image_is_told(
    make: Make, examined: Callable[..., FileFacts], syntax: UID
) -> None:
    """The same facts whichever way the file is written."""
    data = make(syntax, NumberOfFrames=1)
    assert examined(data) == FileFacts(
        size=len(data), format="dicom", syntax=syntax.keyword, polarity="MONOCHROME1",
        bits=12, width=48, height=48,
    )  # fmt: skip


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, DeflatedExplicitVRLittleEndian])
def test_a_compressed_image_has_its_facts(
    make: Make, examined: Callable[..., FileFacts], syntax: UID
) -> None:
    """Whether it is decoded here or not."""
    facts = examined(make(syntax))
    assert (facts.syntax, facts.polarity, facts.bits) == (syntax.keyword, "MONOCHROME1", 12)
    assert (facts.width, facts.height) == (48, 48)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, ExplicitVRLittleEndian])
def test_a_cut_image_is_truncated(
    make: Make, examined: Callable[..., FileFacts], syntax: UID
) -> None:
    """Seen by the lengths alone; what the header told is kept."""
    facts = examined(make(syntax)[:-20])
    assert (facts.reason, facts.syntax, facts.width) == ("truncated", syntax.keyword, 48)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"NumberOfFrames": 2}, "truncated"),
        ({"Rows": 60000, "Columns": 60000}, "too-large"),
        ({"without": "PixelData"}, "no-pixel-data"),
        ({"PixelData": b""}, "no-pixel-data"),
    ],
)
def test_pixels_that_are_not_there_are_missed(
    make: Make, examined: Callable[..., FileFacts], attributes: dict[str, Any], reason: str
) -> None:
    """The header promises more than the file holds."""
    assert examined(make(**attributes)).reason == reason


def test_a_deflated_bomb_is_not_unpacked(examined: Callable[..., FileFacts], make: Make) -> None:
    """Only the first part of a header that would fill the memory is unpacked."""
    data = make(DeflatedExplicitVRLittleEndian)
    behind_meta = 144 + int.from_bytes(data[140:144], "little")
    header = zlib.decompress(data[behind_meta:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = packer.compress(header) + packer.compress(bytes(1 << 26)) + packer.flush()
    tracemalloc.start()
    try:
        facts = examined(data[:behind_meta] + bomb)
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()
    assert (facts.syntax, facts.width) == ("DeflatedExplicitVRLittleEndian", 48)


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "empty.png", "empty-file"),
        (b"<html></html>", "page.dcm", "not-an-image"),
        (b"GIF89a" + bytes(100), "a.gif", "unsupported-format"),
        (b"II+\x00" + bytes(100), "a.tif", "unsupported-format"),
        (HUGE_PNG, "big.png", "too-large"),
        (b"\xff\xd8\xff\xe0\x00\x04\x00\x00xx", "a.jpg", "corrupt"),
    ],
)  # fmt: skip
def test_what_a_scan_would_refuse_has_its_reason(
    examined: Callable[..., FileFacts], data: bytes, name: str, reason: str
) -> None:
    """The code is that of the report."""
    facts = examined(data, name)
    assert facts.reason == reason
    assert not facts.mislabelled
    with pytest.raises(ImageError) as raised:
        decode(data)
    assert raised.value.reason == reason


def test_a_wrong_suffix_is_told_and_no_failure(examined: Callable[..., FileFacts]) -> None:
    """A scan goes by the first bytes."""
    facts = examined(png(np.arange(64, dtype=np.uint8).reshape(8, 8)), "film.jpg")
    assert (facts.format, facts.mislabelled, facts.reason) == ("png", True, "")


def test_nothing_waits_for_what_is_no_file(tmp_path: Path) -> None:
    """A name that is gone, a folder and a pipe that nobody writes to are unreadable, at once."""
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("gone.png", "", "pipe.png"):
        assert examine(tmp_path / name).reason == "unreadable"


@pytest.mark.parametrize("name", ["phantom-normal.jpg", "phantom-opacities-monochrome1.dcm"])
def test_a_pipe_that_takes_a_files_place_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Between the look at a name and its opening it can become a pipe: unreadable, at once."""
    pipe = tmp_path / name
    os.mkfifo(pipe)
    real = os.stat
    monkeypatch.setattr(
        "cxr_edge.storage.open_regular.os.stat",
        lambda path, **more: real(SAMPLES / name if Path(path) == pipe else path, **more),
    )
    assert examine(pipe).reason == "unreadable"


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_no_patient_is_told(cxr: Callable[..., Any], make: Make, tmp_path: Path) -> None:
    """Neither in the table nor in JSON nor in an error, of whole, cut and damaged headers."""
    chance = random.Random(0)  # noqa: S311
    folder = tmp_path / "films"
    folder.mkdir()
    syntaxes = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless)
    whole = [make(syntax) for syntax in syntaxes]
    whole += [
        make(PhotometricInterpretation="DOE^JANE"),
        make(UID("1.2.4711.19510203")),
        make(DeflatedExplicitVRLittleEndian),
    ]
    for number, data in enumerate(whole):
        (folder / f"{number}.dcm").write_bytes(data)
        for copy in range(20):
            damaged = bytearray(data[: chance.randrange(200, len(data))])
            for _ in range(3):
                damaged[chance.randrange(132, len(damaged))] = chance.randrange(256)
            (folder / f"{number}-{copy}.dcm").write_bytes(damaged)
    for words in ((), ("--json",)):
        result = cxr("doctor", folder, *words)
        assert result.exit_code == 3, result.output
        assert "DOE" not in result.output
        assert not [value for value in PLANTED.values() if value in result.output]
        assert "4711" not in result.output


@pytest.mark.usefixtures("quick")
def test_a_few_files_of_each_trouble_are_named(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """The first in order, on one line each whatever is in their names, as in the report."""
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("a\nb.png", "b.png", "c.png", "d.png"):
        (folder / name).write_bytes(b"")
    (folder / ".hidden").write_bytes(b"")
    result = cxr("doctor", folder)
    output = " ".join(result.output.split())
    assert "empty-file 4: a\\x0ab.png, b.png, c.png, ..." in output
    assert "skipped 1 hidden 1" in output


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_what_cannot_be_looked_into_is_named_as_a_scan_does(
    cxr: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that refuses and a packed file may hold images; a file that refuses counts."""
    folder = tmp_path / "films"
    (folder / "ward").mkdir(parents=True)
    (folder / "notes.txt").write_bytes(b"")
    (folder / "more.zip").write_bytes(b"")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    real = os.scandir
    ward = os.fsencode(folder / "ward/") + b"/"
    monkeypatch.setattr("os.scandir", lambda at: refuse() if at == ward else real(at))
    monkeypatch.setattr("cxr_edge.storage.local.open_regular", refuse)
    table, data = cxr("doctor", folder), cxr("doctor", folder, "--json")
    assert (table.exit_code, data.exit_code) == (3, 3), table.output
    assert "packed file 1" in " ".join(table.output.split())
    told = "1 packed file was not looked into and 1 folder could not be read (more.zip, ward/): "
    assert f"images may be missing {told}" in " ".join(table.output.split())
    found = json.loads(data.stdout)["folder"]
    assert found["first_lost"] == ["more.zip", "ward/"]
    assert found["files"] == 1


def test_frames_count_as_pixels(
    make: Make, examined: Callable[..., FileFacts], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image whose frames together are too large is what a scan says of it."""
    monkeypatch.setattr("cxr_edge.imaging.image.MAX_PIXELS", 2 * 48 * 48)
    data = make(NumberOfFrames=3)
    data += bytes(2 * 2 * 48 * 48)
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 2 * 48 * 48)
    data = data.replace(pixels, pixels[:-4] + struct.pack("<I", 3 * 2 * 48 * 48))
    facts = examined(data)
    assert (facts.reason, facts.frames, facts.multi_frame) == ("too-large", 3, True)


def test_a_number_takes_eight_bytes() -> None:
    """Sizes of a million files are no burden."""
    spread = Spread()
    spread.numbers.extend(range(100_000))
    assert spread.numbers.itemsize * len(spread.numbers) == 800_000
    assert spread.as_dict() == {"least": 0, "median": 49_999, "largest": 99_999}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([], (0, 0, 0)), ([7], (7, 7, 7)), ([3, 1, 2], (1, 2, 3)), ([4, 1, 3, 2], (1, 2, 4))],
)
def test_a_spread_is_exact(numbers: list[int], expected: tuple[int, int, int]) -> None:
    """Least, lower median, largest; zeros of nothing."""
    spread = Spread()
    spread.numbers.extend(numbers)
    assert tuple(spread.as_dict().values()) == expected


def reason_of_scan(data: bytes) -> str:
    try:
        decode(data)
    except ImageError as error:
        return error.reason
    return ""


ODD: tuple[dict[str, Any], ...] = (
    {},
    {"without": "PixelData"},
    {"without": "PhotometricInterpretation"},
    {"without": "Rows"},
    {"without": "BitsStored"},
    {"PixelData": b""},
    {"PixelData": bytes(48 * 48 * 2 + 5000)},
    {"PixelData": b"\xfe\xff\x00\xe0" + bytes(48 * 48 * 2)},
    {"Rows": 0},
    {"Rows": [48, 48]},
    {"Rows": [48, 49]},
    {"Rows": 60000, "Columns": 60000},
    {"NumberOfFrames": 0},
    {"NumberOfFrames": 2},
    {"BitsStored": 0},
    {"BitsStored": 17},
    {"SamplesPerPixel": 3},
    {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3},
    {"PhotometricInterpretation": "CMYK"},
)
"""Attributes of images that are odd or broken in ways that the header tells."""


@pytest.mark.parametrize("syntax", [*PLAIN, DeflatedExplicitVRLittleEndian, *COMPRESSED])
@pytest.mark.parametrize("number", range(len(ODD)))
def test_the_reason_is_that_of_a_scan(
    make: Make, examined: Callable[..., FileFacts], syntax: UID, number: int
) -> None:
    """Whole and cut, in every coding: what the header tells, both say alike."""
    data = make(syntax, **ODD[number])
    for lost in (0, 1, 8, 20, 400, 4000):
        part = data[: max(len(data) - lost, 0)]
        told, expected = examined(part).reason, reason_of_scan(part)
        needs_decoding = told == "" and expected in ("corrupt", "constant-image")
        assert told == expected or needs_decoding, (lost, told, expected)


@pytest.mark.data
def test_real_files_have_the_reasons_of_a_scan(real_data: Path) -> None:
    """Odd and broken DICOM files have the scan's reason, but for one that decoding alone shows."""
    files = [file for file in sorted((real_data / "dicom").rglob("*")) if file.is_file()]
    assert len(files) > 100
    different = {}
    for file in files:
        told, expected = examine(file).reason, reason_of_scan(file.read_bytes())
        if told != expected:
            different[file.name] = told, expected
    assert different == {"JPEG2000-embedded-sequence-delimiter.dcm": ("", "corrupt")}
