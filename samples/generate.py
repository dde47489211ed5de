"""Draw chest phantoms: test images that anyone may have.

A phantom is drawn, not taken: body, lungs, ribs, spine, heart, and for the positive class
opacities in the lungs. It shows no patient, and the probability that a model gives it means
nothing clinically. The samples are drawn by :mod:`chest` in enough detail that the embedded model
tells the two classes apart; the class folders and the images of the self-test are sketches, which
are enough to exercise every step.

    python samples/generate.py samples             the committed samples
    python samples/generate.py OUT --count 40      labelled class folders
    python samples/generate.py OUT --golden        export/cxr_export/packaging/golden
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from chest import chest
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

UID_ROOT = "2.25.20210430."


def phantom(seed: int, *, opacities: int, size: int = 512) -> NDArray[np.uint16]:
    """Draw one sketch of a chest.

    Parameters
    ----------
    seed
        Of everything that varies.
    opacities
        Count of patches of dense tissue in the lungs; 0 for a normal one.
    size
        Rows and columns.

    Returns
    -------
    numpy.ndarray
        uint16 of shape (size, size), the full range; 0 is black.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    x -= rng.uniform(-0.02, 0.02)
    y -= rng.uniform(-0.02, 0.02)
    density = np.full((size, size), 0.03, np.float32)
    density += 0.55 * _ellipse(x, y, 0, 0.1, 0.44, 0.62)
    lungs = np.zeros_like(density)
    for side in (-1, 1):
        width = 0.15 - (0.02 if side > 0 else 0)
        lungs = np.maximum(lungs, _ellipse(x, y, side * 0.2, 0.0, width, 0.33))
    density -= 0.38 * lungs
    for number in range(9):
        height = -0.32 + 0.075 * number
        arch = height + 0.55 * (np.abs(x) - 0.2) ** 2 + 0.06 * np.abs(x)
        rib = np.exp(-(((y - arch) / 0.011) ** 2)) * _ellipse(x, y, 0, 0.0, 0.4, 0.42)
        density += 0.11 * rib
    density += 0.22 * _ellipse(x, y, 0.0, 0.1, 0.045, 0.7)
    density += 0.26 * _ellipse(x, y, 0.06, 0.14, 0.16, 0.17)
    density += 0.25 * _ellipse(x, y, 0, 0.5, 0.42, 0.2)
    for _ in range(opacities):
        side = rng.choice((-1, 1))
        patch = _ellipse(
            x, y, side * rng.uniform(0.14, 0.25), rng.uniform(-0.15, 0.2),
            rng.uniform(0.05, 0.1), rng.uniform(0.05, 0.1),
        )  # fmt: skip
        density += rng.uniform(0.18, 0.3) * patch * lungs
    texture = cv2.GaussianBlur(rng.normal(0, 1, (size, size)).astype(np.float32), (0, 0), 6)
    density += 0.15 * texture * lungs + rng.normal(0, 0.006, (size, size)).astype(np.float32)
    density = cv2.GaussianBlur(density, (0, 0), size / 400)
    letters = np.zeros((size, size), np.uint8)
    cv2.putText(letters, "PHANTOM", (12, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 230, 1)
    density = np.maximum(density, letters / np.float32(255))
    return np.rint(np.clip(density, 0, 1) * 65535).astype(np.uint16)


def _ellipse(
    x: NDArray[np.float32], y: NDArray[np.float32], cx: float, cy: float, rx: float, ry: float
) -> NDArray[np.float32]:
    """Return a soft-edged ellipse: 1 inside, 0 outside."""
    distance = np.sqrt(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2)
    return np.clip((1.06 - distance) / 0.12, 0, 1).astype(np.float32)


def to_8_bits(image: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Return the image in 8 bits."""
    return np.rint(image / 257).astype(np.uint8)


def dicom(image: NDArray[np.uint16], photometric: str, number: int) -> FileDataset:
    """Return an image as an uncompressed 12-bit CR object without any patient in it."""
    values = image >> 4
    if photometric == "MONOCHROME1":
        values = 4095 - values
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = f"{UID_ROOT}{number}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = f"{UID_ROOT}0"
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = f"{UID_ROOT}{number}.1"
    dataset.SeriesInstanceUID = f"{UID_ROOT}{number}.2"
    dataset.PatientName = "Phantom^Drawn"
    dataset.PatientID = "PHANTOM"
    dataset.Modality = "CR"
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = "PA"
    dataset.PhotometricInterpretation = photometric
    dataset.SamplesPerPixel = 1
    dataset.Rows, dataset.Columns = values.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = 12
    dataset.HighBit = 11
    dataset.PixelRepresentation = 0
    dataset.PixelData = values.astype("<u2").tobytes()
    return dataset


def write_samples(out: Path) -> None:
    """Write one file for each way in which an image can arrive, and two that cannot be read."""
    out.mkdir(parents=True, exist_ok=True)
    normal, ill = chest(1, opacities=0), chest(8, opacities=2)
    small = chest(10, opacities=3, size=320)
    _write(out / "phantom-normal.jpg", to_8_bits(normal), cv2.IMWRITE_JPEG_QUALITY, 90)
    _write(out / "phantom-opacities.jpg", to_8_bits(ill), cv2.IMWRITE_JPEG_QUALITY, 90)
    _write(out / "phantom-opacities-8bit.png", to_8_bits(small))
    _write(out / "phantom-opacities-16bit.png", to_8_bits(small).astype(np.uint16) * 257)
    _write(out / "phantom-normal.tiff", to_8_bits(normal))
    for number, photometric in enumerate(("MONOCHROME1", "MONOCHROME2"), start=1):
        path = out / f"phantom-opacities-{photometric.lower()}.dcm"
        dicom(small, photometric, number).save_as(path, enforce_file_format=True)
    whole = (out / "phantom-normal.jpg").read_bytes()
    (out / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (out / "text.png").write_text("This is a text file that somebody named .png.\n")


def write_golden(out: Path) -> None:
    """Write the images of the self-test: each format, and sizes around those of the models.

    One JPEG is more than four times as long as 224 pixels, so that it is decoded at reduced scale;
    one image shrinks along one axis and grows along the other; one grows along both.
    """
    out.mkdir(parents=True, exist_ok=True)
    large = to_8_bits(phantom(11, opacities=3, size=960))[:, 24:-24]
    _write(out / "large.jpg", large, cv2.IMWRITE_JPEG_QUALITY, 80)
    gray = to_8_bits(phantom(12, opacities=0, size=300))[:, 20:-10]
    tinted = np.stack([gray, gray, np.maximum(gray, 40)], axis=2)
    _write(out / "color.jpg", tinted, cv2.IMWRITE_JPEG_QUALITY, 85)
    _write(out / "small.png", to_8_bits(phantom(13, opacities=4, size=160))[8:-8])
    deep = phantom(14, opacities=0, size=264)[:, 52:-52] >> 4
    _write(out / "deep.png", deep)
    _write(out / "film.tiff", to_8_bits(chest(5, opacities=0, size=288))[20:])
    image = phantom(16, opacities=5, size=176)[:, 20:-16]
    dicom(image, "MONOCHROME1", 3).save_as(out / "monochrome1.dcm", enforce_file_format=True)


def write_classes(out: Path, count: int, size: int) -> None:
    """Write ``count`` phantoms of each class into class folders, two for each patient."""
    for label, name in enumerate(("NORMAL", "PNEUMONIA")):
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            image = to_8_bits(phantom(1000 * label + number, opacities=4 * label, size=size))
            stem = (
                f"person{number // 2}_bacteria_{number}"
                if label
                else f"IM-{number // 2:04}-{number:04}"
            )
            _write(folder / f"{stem}.png", image)


def _write(path: Path, image: NDArray[np.generic], *options: int) -> None:
    if not cv2.imwrite(str(path), image, options):
        raise OSError(f"{path} cannot be written")


def main() -> None:
    """Run as a command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, help="write class folders of so many phantoms each")
    parser.add_argument("--size", type=int, default=224, help="their rows and columns")
    parser.add_argument("--golden", action="store_true", help="write the images of the self-test")
    options = parser.parse_args()
    if options.golden:
        write_golden(options.out)
    elif options.count:
        write_classes(options.out, options.count, options.size)
    else:
        write_samples(options.out)


if __name__ == "__main__":
    main()
