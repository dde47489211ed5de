"""No patient's name, number, birth date or UID leaves a file by any output of ``cxr scan``."""

import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import SAMPLES
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import UID

from cxr_edge.pipeline.discover import discover

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("identifiers")]

NAME, NUMBER, BIRTH, UID_ = "Quixworth^Zebedee", "MRN7741902", "19520317", "1.2.826.0.1.7741.902"
PLANTED = (NAME, "Quixworth", "Zebedee", NUMBER, BIRTH, UID_)
"""Values that are planted, and must never be seen again."""

TEXT = f"{NAME}|{NUMBER}|{BIRTH}|{UID_}"
DICOM = SAMPLES / "phantom-opacities-monochrome2.dcm"


def identified() -> Dataset:
    """Return an image whose header says who it is of, in all the places that headers have."""
    image = dcmread(DICOM)
    image.PatientName, image.PatientID, image.PatientBirthDate = NAME, NUMBER, BIRTH
    image.StudyInstanceUID = image.SeriesInstanceUID = image.SOPInstanceUID = UID(UID_)
    image.file_meta.MediaStorageSOPInstanceUID = UID(UID_)
    image.AccessionNumber, image.StudyDescription, image.ImageComments = NUMBER, NAME, TEXT
    image.StudyDate = image.ContentDate = BIRTH
    other = Dataset()
    other.PatientID = NUMBER
    image.OtherPatientIDsSequence = [other]
    image.private_block(0x0011, NAME, create=True).add_new(1, "LO", TEXT)
    return image


def written(image: Dataset) -> bytes:
    file = io.BytesIO()
    dcmwrite(file, image)
    return file.getvalue()


def quoting(**values: object) -> Callable[[], bytes]:
    """Return a maker of an image with a value where it must fail, that a message could quote."""

    def make() -> bytes:
        image = identified()
        for keyword, value in values.items():
            image[keyword].value = value  # only what the image has
        return written(image)

    return make


def raw(old: bytes, new: bytes) -> Callable[[], bytes]:
    """Return a maker of an image whose bytes were changed behind pydicom's back."""

    def make() -> bytes:
        data = written(identified())
        assert data.count(old) >= 1
        return data.replace(old, new[: len(old)].ljust(len(old)))

    return make


def bad_syntax() -> bytes:
    """An unknown transfer syntax, of the same length as the known one, is a planted UID."""
    data = written(identified())
    old = b"1.2.840.10008.1.2.1\0"
    return data.replace(old, UID_.encode()[: len(old)].ljust(len(old), b"\0"), 1)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes, cut: int = 0) -> Callable[[], bytes]:
    def make() -> bytes:
        data = (SAMPLES / "phantom-opacities-8bit.png").read_bytes()
        whole = data[:33] + b"".join(chunks) + data[33:]
        return whole[: len(whole) - cut]

    return make


def profile(spoilt: int) -> bytes:
    """An ICC profile that libpng finds odd, called by the patient's name."""
    data = bytearray(np.random.default_rng(0).bytes(600))
    struct.pack_into(">I", data, 0, 600 + spoilt)
    data[8], data[12:24], data[36:40] = 2, b"mntrGRAYXYZ ", b"acsp"
    struct.pack_into(">I", data, 64, 0x7FFF)
    return chunk(b"iCCP", NAME.encode() + b"\0\0" + zlib.compress(bytes(data)))


def exif() -> bytes:
    """A TIFF directory with Artist and ImageDescription."""
    text = TEXT.encode() + b"\0"
    entries = [struct.pack("<HHII", tag, 2, len(text), 38) for tag in (270, 315)]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + b"".join(entries) + bytes(4) + text


def jpeg(cut: int = 0) -> Callable[[], bytes]:
    def make() -> bytes:
        data = (SAMPLES / "phantom-normal.jpg").read_bytes()
        segments = ((0xE1, b"Exif\0\0" + exif()), (0xFE, TEXT.encode()), (0xED, TEXT.encode()))
        headers = b"".join(
            struct.pack(">BBH", 0xFF, kind, len(content) + 2) + content
            for kind, content in segments
        )
        whole = data[:2] + headers + data[2:]
        return whole[: len(whole) - cut]

    return make


def tiff() -> bytes:
    """An image behind a directory with texts, one of them without its end."""
    data = bytearray(cv2.imencode(".tiff", np.arange(4096, dtype=np.uint8).reshape(64, 64))[1])
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    entries = [bytes(data[at + 2 + 12 * n : at + 14 + 12 * n]) for n in range(count)]
    text = TEXT.encode()
    entries += [struct.pack("<HHII", tag, 2, len(text), len(data)) for tag in (269, 315, 40001)]
    data += text + bytes(len(text) % 2)
    struct.pack_into("<I", data, 4, len(data))
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
    return bytes(data) + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)


IMAGES: dict[str, Callable[[], bytes]] = {
    "good.dcm": lambda: written(identified()),
    "cut.dcm": lambda: written(identified())[:-5000],
    "cut-in-header.dcm": lambda: written(identified())[:600],
    "photometric.dcm": raw(b"MONOCHROME2", NAME.encode()),
    "syntax.dcm": bad_syntax,
    "rows.dcm": quoting(Rows=0),
    "bits.dcm": quoting(BitsAllocated=13),
    "samples.dcm": quoting(SamplesPerPixel=5),
    "stored.dcm": quoting(BitsStored=99),
    "name-in-vr.dcm": raw(b"PN", b"DS"),
    "id-as-number.dcm": raw(b"LO", b"IS"),
    "date-as-number.dcm": raw(b"DA", b"FD"),
    "garbage.dcm": lambda: bytes(128) + b"DICM" + TEXT.encode() * 30,
    "text.png": lambda: TEXT.encode() * 10,
    "text": png(
        chunk(b"tEXt", b"Patient\0" + TEXT.encode()),
        chunk(b"iTXt", b"Patient\0\0\0\0\0" + TEXT.encode()),
        chunk(b"zTXt", b"Patient\0\0" + zlib.compress(TEXT.encode())),
        chunk(b"eXIf", exif()),
        profile(0),
    ),
    "odd.png": png(
        profile(3),
        chunk(b"tEXt", TEXT.encode() * 3),
        chunk(b"zTXt", NAME.encode() + b"\0\0broken"),
        chunk(b"sPLT", NAME.encode() + b"\0\x07abc"),
        chunk(b"tEXt", b"Patient\0" + TEXT.encode())[:-1] + b"x",
    ),
    "critical.png": png(chunk(b"QUIX", TEXT.encode())),
    "cut.png": png(chunk(b"tEXt", b"Patient\0" + TEXT.encode()), cut=100),
    "good.jpg": jpeg(),
    "cut.jpg": jpeg(cut=3000),
    "good.tiff": tiff,
    "cut.tiff": lambda: tiff()[:-30],
}
"""Images that say who they are of, whole, damaged, and made to be quoted."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("identified") / "images"
    folder.mkdir()
    for name, make in IMAGES.items():
        (folder / name).write_bytes(make())
    return folder


def leaks(output: bytes) -> list[str]:
    """Return the planted values that are in some output, in any case and in the usual encodings."""
    low = output.lower()
    return [
        text
        for text in PLANTED
        if any(text.lower().encode(code) in low for code in ("utf-8", "utf-16-le"))
        or text.encode().hex().encode() in low
    ]


@pytest.mark.parametrize(
    "words",
    ["", "--log-json", "--quiet", "--max-failures 1", "--log-json --max-failures 0"],
)
def test_no_output_holds_an_identifier(words: str, images: Path, tmp_path: Path) -> None:
    """Report, manifest, page, table, log, summary, errors, what libraries print, warnings on."""
    out = tmp_path / "report.csv"
    command = [sys.executable, "-m", "cxr_edge", "scan", images, "--out", out, "--runtime", "onnx"]
    command += ["--html", tmp_path / "page.html", "--format", "jsonl"]
    environment = os.environ | {"PYTHONWARNINGS": "always", "PYTHONDEVMODE": "1"}
    done = subprocess.run(
        [*command, *words.split()], capture_output=True, check=False, env=environment
    )
    assert done.returncode == (1 if "--max-failures" in words else 3), done.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"report.csv", "report.run.json", "page.html"}
    for output in (done.stdout, done.stderr, *(path.read_bytes() for path in written)):
        assert leaks(output) == []
    if "--max-failures" not in words:
        assert out.read_text().count("\n") == len(IMAGES) + 1


def test_the_images_do_hold_them(images: Path) -> None:
    """The planted values are in the files, so that the test above could find them."""
    assert [item.path for item in discover([images])] == sorted(IMAGES)
    for path in images.iterdir():
        assert leaks(path.read_bytes()), path.name


def test_a_name_in_a_message_would_be_found() -> None:
    """The search itself works, also for another case and for bytes shown as hexadecimal."""
    assert leaks(f"error: {NAME.upper()}".encode()) == [NAME, "Quixworth", "Zebedee"]
    assert leaks(NUMBER.encode().hex().encode()) == [NUMBER]
    assert leaks(b"nothing") == []
