"""Everything that a conversion writes and prints, searched for the patient."""

import csv
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fakes import SAMPLES

NAME, NUMBER, BORN = "Planted^Patricia", "ID-48151623", "19570304"
UIDS = ("1.2.826.0.1.99.1", "1.2.826.0.1.99.2", "1.2.826.0.1.99.3")
PLANTED = tuple(word.encode() for word in ("Planted", "Patricia", NUMBER, BORN, *UIDS))


def dicom(phantoms: ModuleType, **attributes: Any) -> bytes:
    dataset = phantoms.dicom(phantoms.phantom(1, opacities=1, size=64), "MONOCHROME1", 1)
    planted = {"PatientName": NAME, "PatientID": NUMBER, "PatientBirthDate": BORN}
    planted |= {"InstitutionName": NAME, "ImageComments": f"{NAME} {NUMBER}"}
    planted["SOPInstanceUID"], planted["StudyInstanceUID"], planted["SeriesInstanceUID"] = UIDS
    for name, value in (planted | attributes).items():
        setattr(dataset, name, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def jpeg_with_exif() -> bytes:
    text = f"{NAME} {NUMBER} {BORN} {UIDS[0]}".encode()
    entry = struct.pack("<HHHHII", 42, 8, 0, 1, 0x010E0002, 0)
    exif = b"Exif\0\0II" + entry[:2] + struct.pack("<IHHHII", 8, 1, 0x010E, 2, len(text), 26)
    exif += bytes(4) + text
    data = (SAMPLES / "phantom-normal.jpg").read_bytes()
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def png_with_text() -> bytes:
    data = (SAMPLES / "phantom-opacities-8bit.png").read_bytes()
    chunk = b"tEXtComment\0" + f"{NAME} {NUMBER} {BORN} {UIDS[0]}".encode()
    whole = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:33] + whole + data[33:]


@pytest.fixture
def ward(tmp_path: Path, phantoms: ModuleType) -> Path:
    """Images of a patient, whose name is in all files and in the names of files and folder."""
    folder = tmp_path / "ward" / NAME
    folder.mkdir(parents=True)
    whole = dicom(phantoms)
    windowed = dicom(phantoms, WindowCenter="123456789012", WindowWidth=9)
    contents = {
        "image.dcm": whole,
        "copy.dcm": whole,
        "photo.jpg": jpeg_with_exif(),
        "shot.png": png_with_text(),
        "cut.dcm": whole[:-100],
        "no-pixels.dcm": dicom(phantoms, Rows=0),
        "odd.dcm": whole.replace(b"MONOCHROME1 ", b"Planted^Pat "),
        "number.dcm": windowed.replace(b"123456789012", NUMBER.encode() + b" "),
        "cut.jpg": jpeg_with_exif()[:-200],
    }
    for name, data in contents.items():
        assert any(word in data for word in PLANTED)
        (folder / f"{NUMBER} {name}").write_bytes(data)
    (folder / "a.png").write_text(f"{NAME} {NUMBER}")
    return folder.parent


@pytest.mark.parametrize(
    "words", [[], ["--bits", "16"], ["--format", "tiff"], ["--format", "jpeg"]], ids=" ".join
)
def test_nothing_but_the_mapping_tells_of_the_patient(
    cxr: Callable[..., Any], ward: Path, tmp_path: Path, words: list[str]
) -> None:
    """Name, number, birth date and UIDs are in the mapping's column source and nowhere else."""
    target = tmp_path / "out"
    printed = []
    for _ in range(2):
        done = cxr("convert", ward, target, *words)
        assert done.exit_code == 3, done.output
        printed.append(done.stdout + done.stderr)
    (ward / NAME / "0.png").write_text("one more")
    done = cxr("convert", ward, target, *words)
    assert done.exit_code == 1
    assert "the files are not those of its rows: one before the one of row " in done.stderr
    printed.append(done.stdout + done.stderr)
    with (tmp_path / "out.mapping.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sum(row["status"] == "ok" for row in rows) == 5
    assert len(rows) == 10
    for row in rows:
        assert NAME in row.pop("source")
        printed.append(str(row))
    files = [*target.rglob("*"), tmp_path / "out.mapping.run.json", tmp_path / "out.mapping.key"]
    assert len(files) == 7
    for word in PLANTED:
        assert not any(word in path.read_bytes() for path in files)
        assert not any(word in str(path).encode() for path in target.rglob("*"))
        assert not any(word.decode() in text for text in printed)
