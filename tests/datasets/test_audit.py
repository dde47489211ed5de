"""Faults of a labelled set, and a set without."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fakes import CLASSES
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cxr_edge.datasets.audit import audit, read_set
from cxr_edge.datasets.csv_manifest import write_csv_manifest
from cxr_edge.datasets.duplicates import groups, near_duplicates, perceptual_hash
from cxr_edge.datasets.listing import list_images
from cxr_edge.datasets.repair import repair
from cxr_edge.errors import DataError

SIDE = 96


def image(seed: int) -> NDArray[np.uint8]:
    """A picture of its own: smooth noise, unlike any other."""
    noise = np.random.default_rng(seed).normal(size=(SIDE, SIDE))
    smooth = cv2.GaussianBlur(noise, (0, 0), 8)
    scaled = cv2.normalize(smooth, np.zeros_like(smooth), 20, 235, cv2.NORM_MINMAX)
    return np.asarray(scaled, np.uint8)


def write(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Forty images of twenty patients in Kaggle's layout, all different."""
    root = tmp_path / "sound"
    for number in range(40):
        label = number % 2
        name = f"person{number // 2}_virus_{number}.png" if label else f"IM-{number // 2:04}-1.png"
        write(root / "train" / CLASSES[label] / name, image(number))
    return root


def test_a_sound_set_has_nothing_to_repair(sound: Path) -> None:
    """No finding, and the manifest holds every image."""
    read = read_set(sound, CLASSES)
    found = audit(read)
    assert found.warnings() == []
    assert found.splits["train"].images == {"NORMAL": 20, "PNEUMONIA": 20}
    assert found.splits["train"].prevalence == 0.5
    assert found.widths == (SIDE, SIDE, SIDE)
    assert found.formats == {"png": 40}
    images, left_out = repair(read, 1, 0.25)
    assert len(images) == 40
    assert not left_out


def test_every_fault_is_found_and_repaired(sound: Path) -> None:
    """Leaking patients, copies, conflicting labels, recompressed images, unreadable files."""
    train, val = sound / "train", sound / "val"
    write(val / "NORMAL" / "IM-0000-2.png", image(100))  # a patient of train
    write(val / "PNEUMONIA" / "person900_virus_1.png", image(101))
    shutil.copy(train / "NORMAL" / "IM-0001-1.png", train / "NORMAL" / "IM-0901-1.png")
    shutil.copy(train / "NORMAL" / "IM-0002-1.png", train / "PNEUMONIA" / "person902_virus_1.png")
    write(train / "PNEUMONIA" / "person903_virus_1.jpg", image(1))  # person0's, recompressed
    (train / "NORMAL" / "IM-0904-1.png").write_text("no image")
    read = read_set(sound, CLASSES)
    found = audit(read)
    assert found.patients_across == {"IM-0000": ("train", "validation")}
    assert len(found.exact_duplicates) == 2
    assert len(found.conflicting) == 1
    assert found.near_conflicting == 0
    assert [Path(path).name for path in found.near_duplicates[0]] == [
        "person0_virus_1.png", "person903_virus_1.jpg"
    ]  # fmt: skip
    assert [Path(path).name for path in found.unreadable] == ["IM-0904-1.png"]
    warnings = " ".join(found.warnings())
    for text in (
        "1 patient is in several splits", "2 images are stored under 4 names",
        "1 image has both labels",
        "1 pair of files shows nearly", "1 file cannot be read", "too few to choose a model by",
    ):  # fmt: skip
        assert text in warnings
    images, left_out = repair(read, 1, 0.25)
    assert left_out == {"unreadable": 1, "exact duplicate": 1, "both labels": 2}
    sides: dict[str, set[str]] = {}
    for one in images:
        sides.setdefault(one.patient, set()).add(one.split)
    assert all(len(splits) == 1 for splits in sides.values())
    twins = [
        one for one in images if one.path.name in {"person0_virus_1.png", "person903_virus_1.jpg"}
    ]
    assert len(twins) == 2
    assert len({one.patient for one in twins}) == 1


@pytest.mark.parametrize("layout", ["flat", "train"])
def test_duplicates_of_several_patients_are_told(sound: Path, layout: str) -> None:
    """Also where all images are in one split, which is still to be split by patient."""
    folder = sound / "train"
    shutil.copy(folder / "NORMAL" / "IM-0001-1.png", folder / "NORMAL" / "IM-0901-1.png")
    shutil.copy(folder / "NORMAL" / "IM-0002-1.png", folder / "NORMAL" / "IM-0002-2.png")
    found = audit(read_set(folder if layout == "flat" else sound, CLASSES))
    assert len(found.exact_duplicates) == 2
    assert found.duplicates_across == 1
    assert "1 patient has several images" in " ".join(found.warnings())


def test_near_copies_under_both_labels_are_told(sound: Path) -> None:
    """They contradict each other as exact copies do."""
    write(sound / "train" / "NORMAL" / "IM-0903-1.jpg", image(1))  # person0's, recompressed
    found = audit(read_set(sound, CLASSES))
    assert found.near_conflicting == 1
    assert "both labels in 1 of these pairs" in found.warnings()


def test_packed_files_are_told(sound: Path) -> None:
    """Images in them are in no figure."""
    (sound / "train" / "NORMAL" / "more.zip").touch()
    (sound / "train" / "NORMAL" / "README").write_text("words")
    warnings = audit(read_set(sound, CLASSES)).warnings()
    assert "packed files in the class folders: 1; unpack them" in warnings


def test_a_class_without_images_is_told(sound: Path, tmp_path: Path) -> None:
    """In whatever split it is missing."""
    normal = [one for one in list_images(sound, CLASSES) if one.label == 0]
    write_csv_manifest(tmp_path / "films.csv", normal, CLASSES)
    found = audit(read_set(tmp_path / "films.csv", CLASSES))
    assert "no image of class PNEUMONIA in the split train" in found.warnings()


def test_a_manifest_that_cannot_be_trained_on_is_told(
    cxr: Callable[..., Any], tmp_path: Path
) -> None:
    """Where all images of a class are one patient's, a side of the split lacks the class."""
    for number in range(6):
        name = f"person{number}_virus_1.png" if number % 2 else f"IM-0000-{number}.png"
        write(tmp_path / "films" / CLASSES[number % 2] / name, image(number))
    result = cxr("audit", tmp_path / "films", "--fix", tmp_path / "films.csv")
    assert "of one class only, so 'cxr train' will reject this manifest" in result.output


def test_the_new_split_is_stratified(sound: Path) -> None:
    """Each class gives the share asked for; another seed gives another split."""
    read = read_set(sound, CLASSES)
    splits = []
    for seed in (1, 2):
        images, _ = repair(read, seed, 0.25)
        held = [one for one in images if one.split == "validation"]
        assert [sum(one.label == label for one in held) for label in (0, 1)] == [5, 5]
        splits.append({one.path for one in held})
    assert splits[0] != splits[1]


def test_the_test_split_stays_what_it_is(sound: Path) -> None:
    """Its images are kept, and images of its patients and copies of its images are left out."""
    write(sound / "test" / "NORMAL" / "IM-0000-2.png", image(100))
    write(sound / "test" / "PNEUMONIA" / "person900_virus_1.png", image(101))
    copy = sound / "test" / "NORMAL" / "IM-0900-1.png"
    shutil.copy(sound / "train" / "NORMAL" / "IM-0001-1.png", copy)
    write(sound / "train" / "NORMAL" / "IM-0900-2.png", image(102))
    images, left_out = repair(read_set(sound, CLASSES), 1, 0.25)
    assert sum(one.split == "test" for one in images) == 3
    assert left_out == {"exact duplicate": 1, "patient of the test split": 2}
    assert copy in {one.path for one in images}
    for patient in ("IM-0000", "IM-0001"):
        assert {one.split for one in images if one.patient == patient} == {"test"}


@pytest.mark.parametrize("name", ["jpeg", "brighter", "smaller", "sharper"])
def test_a_changed_copy_is_a_near_duplicate(name: str) -> None:
    """Recompressed, re-exposed, resized or sharpened it is the same picture."""
    original = image(1)
    changed = {
        "jpeg": cv2.imdecode(cv2.imencode(".jpg", original, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 0),
        "brighter": np.clip(original * 0.8 + 40, 0, 255).astype(np.uint8),
        "smaller": cv2.resize(cv2.resize(original, (48, 48)), (SIDE, SIDE)),
        "sharper": np.clip(1.5 * original - 0.5 * cv2.blur(original, (5, 5)), 0, 255).astype(
            np.uint8
        ),
    }[name]
    others = [image(seed) for seed in range(2, 12)]
    assert near_duplicates(np.stack([original, *others, changed])) == [(0, 11)]


def test_phashes_of_different_images_differ() -> None:
    """Half of the bits or so; those of one image are the same each time."""
    hashes = [perceptual_hash(image(seed)) for seed in range(10)]
    assert perceptual_hash(image(3)) == hashes[3]
    distances = [(one ^ other).bit_count() for n, one in enumerate(hashes) for other in hashes[:n]]
    assert min(distances) > 10


@given(
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=8),
)
def test_groups_join_names_and_links(names: list[str], links: list[tuple[int, int]]) -> None:
    """Linked indices and equal names share a group; a group's name is one of its own."""
    linked = [(one, other) for one, other in links if max(one, other) < len(names)]
    found = groups(names, linked)
    for one, other in linked:
        assert found[one] == found[other]
    for name, group in zip(names, found, strict=True):
        assert found[names.index(name)] == group
        assert group <= name
    if not linked:
        assert found == names


def test_the_command_writes_json_and_manifest(
    cxr: Callable[..., Any], sound: Path, tmp_path: Path
) -> None:
    """Both are what the functions say; the table names the split."""
    words = ("--json", tmp_path / "audit.json", "--fix", tmp_path / "films.csv")
    result = cxr("audit", sound, *words)
    assert result.exit_code == 0, result.output
    assert "50.0%" in result.output
    assert json.loads((tmp_path / "audit.json").read_text())["splits"]["train"]["patients"] == 40
    images = list_images(tmp_path / "films.csv", CLASSES)
    assert {one.split for one in images} == {"train", "validation"}
    before = (tmp_path / "films.csv").read_bytes()
    refused = cxr("audit", tmp_path / "films.csv", "--fix", tmp_path / "films.csv")
    assert refused.exit_code == 2
    assert "another file than the manifest" in refused.output
    assert (tmp_path / "films.csv").read_bytes() == before
    refused = cxr("audit", sound, "--fix", tmp_path / "none" / "films.csv")
    assert refused.exit_code == 2
    assert "expected a file in a folder that exists" in refused.output


def test_a_validation_split_without_a_class(sound: Path) -> None:
    """It is a finding, not a crash."""
    write(sound / "val" / "NORMAL" / "IM-0900-2.png", image(100))
    (sound / "val" / "PNEUMONIA").mkdir()
    (sound / "val" / "PNEUMONIA" / "bad.png").write_text("no image")
    assert "0 images of a class" in " ".join(audit(read_set(sound, CLASSES)).warnings())


def test_a_set_without_a_readable_image_is_told(tmp_path: Path) -> None:
    """There is nothing to look at."""
    for name in CLASSES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_text("no image")
    with pytest.raises(DataError, match="none of 2 is"):
        read_set(tmp_path, CLASSES)


@pytest.mark.data
def test_the_real_sets_duplicates_and_patients(real_data: Path) -> None:
    """Exact duplicates and patients with several images are found; none is across the new split."""
    read = read_set(real_data / "chest_xray_224", CLASSES)
    found = audit(read)
    assert sum(len(group) for group in found.exact_duplicates) == 50
    assert len(found.exact_duplicates) == 24
    assert found.patients_with_several == 1075
    assert found.most_images == 30
    images, _ = repair(read, 2021, 0.2)
    sides: dict[str, set[str]] = {}
    for one in images:
        sides.setdefault(one.patient, set()).add(one.split)
    assert all(len(splits) == 1 for splits in sides.values())
    assert sum(one.split == "validation" for one in images) == pytest.approx(0.2 * 5190, abs=10)
