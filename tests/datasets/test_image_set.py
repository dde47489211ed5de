"""Labelled images and the split by patient."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from fakes import CLASSES
from hypothesis import given
from hypothesis import strategies as st

from cxr_edge.datasets import image_set, pixel_store
from cxr_edge.datasets.image_set import load_images
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.datasets.listing import list_images
from cxr_edge.datasets.patient_split import (
    hold_out,
    in_validation,
    require_enough,
    split_by_patient,
    write_split,
)
from cxr_edge.errors import DataError
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.preprocess import preprocess
from cxr_edge.spec.input_spec import InputSpec

SPEC = InputSpec(32, 32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, phantoms: ModuleType) -> Path:
    path = tmp_path_factory.mktemp("films")
    phantoms.write_classes(path / "train", 40, 48)
    return path


def test_no_patient_is_on_both_sides(folder: Path) -> None:
    """Nor is any image lost."""
    images = load_images(list_images(folder, CLASSES), CLASSES, SPEC)
    training, validation = split_by_patient(images, seed=3, fraction=0.3)
    sides = [{image.patient for image in side.images} for side in (training, validation)]
    assert not sides[0] & sides[1]
    assert len(training.images) + len(validation.images) == len(images.images) == 80


def test_a_changed_file_is_not_the_manifests(folder: Path, tmp_path: Path) -> None:
    """A network is trained only on the files that the manifest was written of."""
    images = load_images(list_images(folder, CLASSES), CLASSES, SPEC)
    write_split(tmp_path / "split.csv", *split_by_patient(images, seed=3, fraction=0.3))
    text = (tmp_path / "split.csv").read_text()
    (tmp_path / "split.csv").write_text(text.replace(images.sha256[5], "0" * 64))
    with pytest.raises(DataError, match="1 of 80 have other bytes"):
        load_images(list_images(tmp_path / "split.csv", CLASSES), CLASSES, SPEC)


def test_the_split_that_was_written_is_read_again(folder: Path, tmp_path: Path) -> None:
    """split.csv is a manifest: it gives the same two sides, whatever the seed."""
    images = load_images(list_images(folder, CLASSES), CLASSES, SPEC)
    sides = split_by_patient(images, seed=3, fraction=0.3)
    write_split(tmp_path / "split.csv", *sides)
    again = split_by_patient(
        load_images(list_images(tmp_path / "split.csv", CLASSES), CLASSES, SPEC), 99, 0.9
    )
    for one, other in zip(sides, again, strict=True):
        assert sorted(one.sha256) == sorted(other.sha256)


def test_a_manifest_with_a_patient_on_both_sides_is_refused(folder: Path) -> None:
    """The message names the patient and the command that repairs it."""
    images = load_images(list_images(folder, CLASSES), CLASSES, SPEC)
    marked = tuple(
        LabelledImage(image.path, image.label, image.patient, "validation" if n % 2 else "train")
        for n, image in enumerate(images.images)
    )
    with pytest.raises(DataError, match=r"40 are on both: IM-0000, .*cxr audit"):
        split_by_patient(replace(images, images=marked), 1, 0.5)


@pytest.mark.parametrize(("normal", "positive"), [(40, 40), (100, 20), (13, 400)])
@pytest.mark.parametrize("seed", range(4))
def test_both_sides_have_the_classes_in_the_same_shares(
    normal: int, positive: int, seed: int
) -> None:
    """At any size and for any seed, to half a patient; a hash of the patient alone was off."""
    listed = [LabelledImage(Path(f"{n}.png"), 0, f"n{n // 2}") for n in range(normal)]
    listed += [LabelledImage(Path(f"p{n}.png"), 1, f"p{n // 3}") for n in range(positive)]
    held_out = hold_out(listed, seed, 0.2)
    for label, total, images in ((0, normal, 2), (1, positive, 3)):
        count = sum(i.label == label and i.patient in held_out for i in listed)
        assert abs(count - 0.2 * total) <= images / 2


def test_too_few_to_validate_on_are_refused(folder: Path) -> None:
    """The message has what there is, why it is too few, and how many images are needed."""
    images = load_images(list_images(folder, CLASSES), CLASSES, SPEC)
    _, validation = split_by_patient(images, seed=3, fraction=0.2)
    with pytest.raises(DataError) as raised:
        require_enough(images, validation, 0.2)
    assert str(raised.value) == (
        "expected at least 10 images of each class to validate on, got 8 of NORMAL (40 in all): "
        "even 8 of 8 right can mean a true rate of 0.68; this takes about 50 images of NORMAL with "
        "--validation-fraction 0.2, or --validation-fraction 0.25"
    )
    require_enough(images, split_by_patient(images, seed=3, fraction=0.25)[1], 0.25)
    marked = tuple(
        replace(image, split="validation" if n < 4 else "train")
        for n, image in enumerate(images.images)
    )
    given = replace(images, images=marked)
    with pytest.raises(DataError, match=r"got 4 of NORMAL .*mark more of them for validation"):
        require_enough(given, given.take(range(4)), 0.2)


@given(st.one_of(st.text(), st.just("\udcff.png")), st.integers(0, 2**32))
def test_a_patient_stays_on_its_side(patient: str, seed: int) -> None:
    """More held out never moves a patient back; nobody and everybody are the ends."""
    sides = [in_validation(patient, seed, fraction) for fraction in (0, 0.1, 0.5, 0.9, 1)]
    assert sides == sorted(sides)
    assert not sides[0]
    assert sides[-1]


def test_the_split_holds_out_the_share_asked_for() -> None:
    """Over many patients, within three standard deviations."""
    held = np.mean([in_validation(f"person{n}", 2021, 0.2) for n in range(5000)])
    assert held == pytest.approx(0.2, abs=3 * np.sqrt(0.2 * 0.8 / 5000))


def test_images_go_through_the_scans_functions(folder: Path) -> None:
    """Training pixels are those that every runtime sees."""
    images = load_images(list_images(folder, CLASSES)[:3], CLASSES, SPEC)
    for image, pixels in zip(images.images, images.pixels, strict=True):
        expected = preprocess(decode(image.path.read_bytes(), SPEC), SPEC)
        np.testing.assert_array_equal(pixels, expected)


def test_exact_duplicates_are_left_out(tmp_path: Path, phantoms: ModuleType) -> None:
    """The same bytes under another name cannot stand on both sides of the split."""
    phantoms.write_classes(tmp_path, 3, 48)
    data = (tmp_path / "NORMAL" / "IM-0000-0000.png").read_bytes()
    (tmp_path / "NORMAL" / "IM-0999-0001.png").write_bytes(data)
    images = load_images(list_images(tmp_path, CLASSES), CLASSES, SPEC)
    assert len(images.images) == 6
    assert "IM-0999" not in {image.patient for image in images.images}
    assert images.pixels.shape == (6, 32, 32, 1)
    assert images.duplicates == 1


def test_one_image_under_both_labels_is_refused(tmp_path: Path, phantoms: ModuleType) -> None:
    """The message names the pair."""
    phantoms.write_classes(tmp_path, 2, 48)
    data = (tmp_path / "NORMAL" / "IM-0000-0000.png").read_bytes()
    (tmp_path / "PNEUMONIA" / "person9_virus_1.png").write_bytes(data)
    with pytest.raises(DataError, match=r"IM-0000-0000\.png and .*person9_virus_1\.png"):
        load_images(list_images(tmp_path, CLASSES), CLASSES, SPEC)


def test_no_readable_image_is_told(tmp_path: Path) -> None:
    """There is nothing to go on with."""
    for name in ("NORMAL", "PNEUMONIA"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_text("no image")
    with pytest.raises(DataError, match="none of 2 is"):
        load_images(list_images(tmp_path, CLASSES), CLASSES, SPEC, skip_unreadable=True)


def test_unreadable_images_are_listed(tmp_path: Path, phantoms: ModuleType) -> None:
    """Training does not begin on a set of which a part cannot be read."""
    phantoms.write_classes(tmp_path, 2, 48)
    (tmp_path / "NORMAL" / "bad.png").write_text("no image")
    with pytest.raises(DataError, match=r"1 of 5 are not: .*bad\.png \(not-an-image\)"):
        load_images(list_images(tmp_path, CLASSES), CLASSES, SPEC)
    images = load_images(list_images(tmp_path, CLASSES), CLASSES, SPEC, skip_unreadable=True)
    assert len(images.images) == 4
    assert images.unreadable == (f"{tmp_path / 'NORMAL' / 'bad.png'} (not-an-image)",)


def test_a_side_without_a_class_is_refused(folder: Path) -> None:
    """Too small a set says what to change."""
    images = load_images(list_images(folder, CLASSES), CLASSES, SPEC)
    with pytest.raises(
        DataError, match=r"the validation side .*--validation-fraction.* none of 0 is NORMAL"
    ):
        split_by_patient(images, seed=1, fraction=0)


def test_the_digest_does_not_depend_on_order(folder: Path) -> None:
    """It names the bytes trained on, and nothing else."""
    images = load_images(list_images(folder, CLASSES)[:4], CLASSES, SPEC)
    assert images.digest == images.take([3, 1, 0, 2]).digest
    assert images.digest != images.take([0, 1, 2]).digest


def test_few_images_are_decoded_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the set: images wait to be taken before more are decoded."""
    started: list[Path] = []
    monkeypatch.setattr(image_set, "prepare", lambda path, _: started.append(path))
    images = (LabelledImage(Path(f"{number}.png"), 0, "p") for number in range(1000))
    reader = image_set.read_images(images, SPEC)
    next(reader)
    assert len(started) <= image_set.AHEAD + 1


def test_large_sets_are_in_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their pixels are those of a set in memory, on both sides of the split."""
    listed = list_images(folder, CLASSES)
    expected = split_by_patient(load_images(listed, CLASSES, SPEC), seed=3, fraction=0.3)
    monkeypatch.setattr(pixel_store, "IN_MEMORY", 1000)
    found = split_by_patient(load_images(listed, CLASSES, SPEC), seed=3, fraction=0.3)
    for one, other in zip(expected, found, strict=True):
        assert isinstance(other.pixels, np.memmap)
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_no_room_for_pixels_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the folder and how to choose another; nothing crashes later."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pixel_store, "IN_MEMORY", 1000)
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(DataError, match=r"room for .*No space left on device.*TMPDIR"):
        load_images(list_images(folder, CLASSES), CLASSES, SPEC)
