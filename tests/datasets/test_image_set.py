"""Labelled films and the split by patient."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_edge.datasets.image_set import FilmSet, load_films
from cxr_edge.datasets.labelled_image import LabelledFilm
from cxr_edge.datasets.listing import list_films
from cxr_edge.datasets.patient_split import in_validation, split_by_patient, write_split
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
    """Nor is any film lost."""
    films = load_films(list_films(folder), SPEC)
    training, validation = split_by_patient(films, seed=3, fraction=0.3)
    sides = [{film.patient for film in side.films} for side in (training, validation)]
    assert not sides[0] & sides[1]
    assert len(training.films) + len(validation.films) == len(films.films) == 80


def test_a_changed_file_is_not_the_manifests(folder: Path, tmp_path: Path) -> None:
    """What the manifest was written of is what is trained on."""
    films = load_films(list_films(folder), SPEC)
    write_split(tmp_path / "split.csv", *split_by_patient(films, seed=3, fraction=0.3))
    text = (tmp_path / "split.csv").read_text()
    (tmp_path / "split.csv").write_text(text.replace(films.sha256[5], "0" * 64))
    with pytest.raises(DataError, match="1 of 80 have other bytes"):
        load_films(list_films(tmp_path / "split.csv"), SPEC)


def test_the_split_that_was_written_is_read_again(folder: Path, tmp_path: Path) -> None:
    """split.csv is a manifest: it gives the same two sides, whatever the seed."""
    films = load_films(list_films(folder), SPEC)
    sides = split_by_patient(films, seed=3, fraction=0.3)
    write_split(tmp_path / "split.csv", *sides)
    again = split_by_patient(load_films(list_films(tmp_path / "split.csv"), SPEC), 99, 0.9)
    for one, other in zip(sides, again, strict=True):
        assert sorted(one.sha256) == sorted(other.sha256)


def test_a_manifest_with_a_patient_on_both_sides_is_refused(folder: Path) -> None:
    """The message names the patient and the command that repairs it."""
    films = load_films(list_films(folder), SPEC)
    marked = tuple(
        LabelledFilm(film.path, film.label, film.patient, "validation" if n % 2 else "train")
        for n, film in enumerate(films.films)
    )
    with pytest.raises(DataError, match=r"40 are on both: IM-0000, .*cxr audit"):
        split_by_patient(FilmSet(marked, films.pixels, films.sha256), 1, 0.5)


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
    assert films.duplicates == 1


def test_one_film_under_both_labels_is_refused(tmp_path: Path, phantoms: ModuleType) -> None:
    """The message names the pair."""
    phantoms.write_classes(tmp_path, 2, 48)
    data = (tmp_path / "NORMAL" / "IM-0000-0000.png").read_bytes()
    (tmp_path / "PNEUMONIA" / "person9_virus_1.png").write_bytes(data)
    with pytest.raises(DataError, match=r"IM-0000-0000\.png and .*person9_virus_1\.png"):
        load_films(list_films(tmp_path), SPEC)


def test_no_readable_film_is_told(tmp_path: Path) -> None:
    """There is nothing to go on with."""
    for name in ("NORMAL", "PNEUMONIA"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_text("no film")
    with pytest.raises(DataError, match="none of 2 is"):
        load_films(list_films(tmp_path), SPEC, skip_unreadable=True)


def test_unreadable_films_are_listed(tmp_path: Path, phantoms: ModuleType) -> None:
    """Training does not begin on a set of which a part cannot be read."""
    phantoms.write_classes(tmp_path, 2, 48)
    (tmp_path / "NORMAL" / "bad.png").write_text("no film")
    with pytest.raises(DataError, match=r"1 of 5 are not: .*bad\.png \(not-an-image\)"):
        load_films(list_films(tmp_path), SPEC)
    films = load_films(list_films(tmp_path), SPEC, skip_unreadable=True)
    assert len(films.films) == 4
    assert films.unreadable == (f"{tmp_path / 'NORMAL' / 'bad.png'} (not-an-image)",)


def test_a_side_without_a_class_is_refused(folder: Path) -> None:
    """Too small a set says what to change."""
    films = load_films(list_films(folder), SPEC)
    with pytest.raises(
        DataError, match=r"the validation side .*--validation-fraction.* none of 0 is NORMAL"
    ):
        split_by_patient(films, seed=1, fraction=0)


def test_the_digest_does_not_depend_on_order(folder: Path) -> None:
    """It names the bytes trained on, and nothing else."""
    films = load_films(list_films(folder)[:4], SPEC)
    assert films.digest == films.take([3, 1, 0, 2]).digest
    assert films.digest != films.take([0, 1, 2]).digest
