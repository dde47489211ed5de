"""Folders of phantoms, with files among them that are no image."""

import shutil
from pathlib import Path
from types import ModuleType

import cv2


def write_mixed(folder: Path, phantoms: ModuleType) -> Path:
    """Write eleven images, two files that fail, and one that is skipped."""
    (folder / "b").mkdir(parents=True)
    for number in range(11):
        image = phantoms.to_8_bits(phantoms.phantom(number, opacities=number % 3, size=64))
        cv2.imwrite(str(folder / ("b" if number % 2 else "") / f"{number}.png"), image)
    (folder / "b" / "bad.png").write_text("no image")
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("no image")
    return folder


def write_ward(folder: Path, phantoms: ModuleType) -> Path:
    """Write eight images and three files that fail."""
    (folder / "ward").mkdir(parents=True)
    for number in range(8):
        image = phantoms.to_8_bits(phantoms.phantom(number, opacities=1, size=64))
        cv2.imwrite(str(folder / f"{number}.png"), image)
    (folder / "5a.png").write_text("no image")
    (folder / "ward" / "bad, name.png").write_text("no image")
    (folder / "ward" / "empty.jpg").touch()
    return folder


def write_dicoms(folder: Path, phantoms: ModuleType) -> Path:
    """Write seven images, three with one UID and two with the same bytes, and two that fail."""
    (folder / "b").mkdir(parents=True)
    for number in range(4):
        image = phantoms.phantom(number, opacities=number % 3, size=48)
        if number < 2:
            cv2.imwrite(str(folder / f"{number}.png"), image >> 4)
        dicom = phantoms.dicom(image, "MONOCHROME1", 7 if number < 2 else number)
        dicom.save_as(folder / "b" / f"{number}.dcm", enforce_file_format=True)
    shutil.copy(folder / "b" / "0.dcm", folder / "b" / "copy.dcm")
    (folder / "b" / "bad.png").write_text("no image")
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("no image")
    return folder
