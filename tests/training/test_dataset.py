"""Labelled films and the split by patient."""

import csv
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_edge.errors import DataError
from cxr_edge.images import decode
from cxr_edge.preprocess import preprocess
from cxr_edge.spec import InputSpec
from cxr_edge.training.dataset import (
    in_validation,
    list_films,
    load_films,
    patient_of,
    split_by_patient,
    write_split,
)

SPEC = InputSpec(32, 32)


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("person123_bacteria_4.jpeg", "person123"),
        ("person123_virus_921_1.jpeg", "person123"),
        ("IM-0115-0001.jpeg", "IM-0115"),
        ("IM-0115-0001-0002.jpeg", "IM-0115"),
        ("NORMAL2-IM-0115-0001.jpeg", "NORMAL2-IM-0115"),
        ("somebody.png", "somebody.png"),
    ],
)
def test_file_names_tell_the_patient(name: str, patient: str) -> None:
    """Kermany's names group the films of a patient; other files stand for themselves."""
    assert patient_of(name) == patient


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, phantoms: ModuleType) -> Path:
    path = tmp_path_factory.mktemp("films")
    phantoms.write_classes(path / "train", 40, 48)
    return path


def test_no_patient_is_on_both_sides(folder: Path, tmp_path: Path) -> None:
    """Nor is any film lost; split.csv says the same."""
    films = load_films(list_films(folder), SPEC)
    training, validation = split_by_patient(films, seed=3, fraction=0.3)
    sides = [{film.patient for film in side.films} for side in (training, validation)]
    assert not sides[0] & sides[1]
    assert len(training.films) + len(validation.films) == len(films.films) == 80
    write_split(tmp_path / "split.csv", folder, training, validation)
    with (tmp_path / "split.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    by_patient: dict[str, set[str]] = {}
    for row in rows:
        by_patient.setdefault(row["patient"], set()).add(row["split"])
    assert all(len(splits) == 1 for splits in by_patient.values())
    assert {row["path"] for row in rows} == {
        film.path.relative_to(folder).as_posix() for film in films.films
    }


@given(st.text(), st.integers(0, 2**32))
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


def test_films_go_through_the_scans_functions(folder: Path) -> None:
    """Training pixels are those that every runtime sees."""
    films = load_films(list_films(folder)[:3], SPEC)
    for film, pixels in zip(films.films, films.pixels, strict=True):
        expected = preprocess(decode(film.path.read_bytes(), (32, 32)), SPEC)
        np.testing.assert_array_equal(pixels, expected)


def test_exact_duplicates_are_left_out(tmp_path: Path, phantoms: ModuleType) -> None:
    """The same bytes under another name cannot stand on both sides of the split."""
    phantoms.write_classes(tmp_path, 3, 48)
    data = (tmp_path / "NORMAL" / "IM-0000-0000.png").read_bytes()
    (tmp_path / "NORMAL" / "IM-0999-0001.png").write_bytes(data)
    films = load_films(list_films(tmp_path), SPEC)
    assert len(films.films) == 6
    assert "IM-0999" not in {film.patient for film in films.films}
    assert films.pixels.shape == (6, 32, 32, 1)


def test_unreadable_films_are_listed(tmp_path: Path, phantoms: ModuleType) -> None:
    """Training does not begin on a set of which a part cannot be read."""
    phantoms.write_classes(tmp_path, 2, 48)
    (tmp_path / "NORMAL" / "bad.png").write_text("no film")
    with pytest.raises(DataError, match=r"1 of 5 are not: .*bad\.png \(not-an-image\)"):
        load_films(list_films(tmp_path), SPEC)


@pytest.mark.parametrize("missing", ["NORMAL", "PNEUMONIA"])
def test_both_class_folders_must_have_films(
    tmp_path: Path, phantoms: ModuleType, missing: str
) -> None:
    """A missing and an empty class folder are told apart by name."""
    phantoms.write_classes(tmp_path, 1, 48)
    for path in (tmp_path / missing).iterdir():
        path.unlink()
    with pytest.raises(DataError, match=f"class {missing}"):
        list_films(tmp_path)
    (tmp_path / missing).rmdir()
    with pytest.raises(DataError, match="is missing"):
        list_films(tmp_path)


def test_a_side_without_a_class_is_refused(folder: Path) -> None:
    """Too small a set says what to change."""
    films = load_films(list_films(folder), SPEC)
    with pytest.raises(DataError, match="--validation-fraction"):
        split_by_patient(films, seed=1, fraction=0)


def test_a_relative_folder_will_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative folder lists the same films."""
    monkeypatch.chdir(folder.parent)
    relative = Path(os.path.relpath(folder))
    assert [f.path for f in list_films(relative)] == [f.path for f in list_films(folder)]


def test_the_digest_does_not_depend_on_order(folder: Path) -> None:
    """It names the bytes trained on, and nothing else."""
    films = load_films(list_films(folder)[:4], SPEC)
    assert films.digest == films.take([3, 1, 0, 2]).digest
    assert films.digest != films.take([0, 1, 2]).digest


def test_split_csv_names_films_below_any_spelling_of_the_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder given as ../films is the same folder."""
    monkeypatch.chdir(folder / "train")
    films = load_films(list_films(Path("..")), SPEC)
    write_split(tmp_path / "split.csv", Path(".."), films, films.take([]))
    with (tmp_path / "split.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["path"].startswith("train/NORMAL/")
