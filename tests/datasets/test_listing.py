"""Where labelled images are and what their names say."""

import csv
import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from fakes import CLASSES

from cxr_edge.datasets.csv_manifest import write_csv_manifest
from cxr_edge.datasets.labelled_image import UNKNOWN, LabelledImage, patient_of
from cxr_edge.datasets.listing import (
    class_names,
    find_classes,
    list_images,
    list_training_images,
    list_unlabelled,
)
from cxr_edge.errors import DataError, UsageError


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
    """Kermany's names group the images of a patient; other files stand for themselves."""
    assert patient_of(name) == patient


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory, phantoms: ModuleType) -> Path:
    path = tmp_path_factory.mktemp("flat")
    phantoms.write_classes(path, 4, 48)
    return path


@pytest.fixture(scope="module")
def kaggle(tmp_path_factory: pytest.TempPathFactory, phantoms: ModuleType) -> Path:
    path = tmp_path_factory.mktemp("kaggle")
    for count, split in ((4, "train"), (1, "val"), (2, "test")):
        phantoms.write_classes(path / split, count, 48)
    return path


def test_a_flat_class_folder(flat: Path) -> None:
    """Labels come from the folders, patients from the names, no split."""
    images = list_images(flat, CLASSES)
    assert [image.label for image in images] == [0] * 4 + [1] * 4
    assert {image.patient for image in images} == {"IM-0000", "IM-0001", "person0", "person1"}
    assert {image.split for image in images} == {""}


def test_kaggles_layout(kaggle: Path) -> None:
    """Each image knows its split; training takes the folder train alone, still to be split."""
    images = list_images(kaggle, CLASSES)
    assert [image.split for image in images] == ["train"] * 8 + ["validation"] * 2 + ["test"] * 4
    training = list_training_images(kaggle, CLASSES)
    assert [image.path for image in training] == [image.path for image in images[:8]]
    assert {image.split for image in training} == {""}


def test_a_manifest_goes_round(kaggle: Path, tmp_path: Path) -> None:
    """A manifest that was written is read again; training leaves the test images out."""
    images = [
        replace(image, patient=image.patient + image.split)
        for image in list_images(kaggle, CLASSES)
    ]
    write_csv_manifest(tmp_path / "films.csv", images, CLASSES)
    again = list_images(tmp_path / "films.csv", CLASSES)
    assert [image.path.resolve() for image in again] == [image.path.resolve() for image in images]
    key = [(image.label, image.patient, image.split) for image in images]
    assert [(image.label, image.patient, image.split) for image in again] == key
    kept = list_training_images(tmp_path / "films.csv", CLASSES)
    assert [image.split for image in kept] == ["train"] * 8 + ["validation"] * 2


def test_path_and_label_are_enough(flat: Path, tmp_path: Path) -> None:
    """Then names tell the patient; paths are relative to the manifest."""
    image = list_images(flat, CLASSES)[0]
    path = tmp_path / "films.csv"
    relative = os.path.relpath(image.path, tmp_path)
    path.write_text(f"label,path\nNORMAL,{relative}\n")
    (only,) = list_images(path, CLASSES)
    assert (only.patient, only.label, only.split) == ("IM-0000", 0, "")
    assert only.path.resolve() == image.path


def test_images_of_another_class_are_refused(
    flat: Path, phantoms: ModuleType, tmp_path: Path
) -> None:
    """They are not left out in silence; folders without images do no harm."""
    flat = Path(shutil.copytree(flat, tmp_path / "flat"))
    (flat / "notes").mkdir()
    (flat / "notes" / "a.txt").write_text("x")
    assert len(list_images(flat, CLASSES)) == 8
    phantoms.write_classes(flat / "COVID", 1, 48)
    with pytest.raises(DataError, match=r"NORMAL and PNEUMONIA alone, .* 'COVID'"):
        list_images(flat, CLASSES)


def test_a_missing_class_folder_is_told_with_what_is_there(flat: Path, tmp_path: Path) -> None:
    """Another spelling is seen at once."""
    flat = Path(shutil.copytree(flat, tmp_path / "flat"))
    (flat / "NORMAL").rename(flat / "normal")
    with pytest.raises(DataError, match=r"NORMAL and PNEUMONIA alone, .* in 'normal'"):
        list_images(flat, CLASSES)
    with pytest.raises(UsageError, match="PNEUMONIA or normal, got none; add --positive NAME"):
        find_classes(flat)


def other_names(folder: Path, flat: Path, layout: str) -> Path:
    """Return the phantoms in class folders CLEAR and TB, in Kaggle's layout or in a manifest."""
    base = folder / "data" / "train" if layout == "kaggle" else folder / "data"
    shutil.copytree(flat, base)
    (base / "NORMAL").rename(base / "CLEAR")
    (base / "PNEUMONIA").rename(base / "TB")
    if layout != "manifest":
        return folder / "data"
    classes = ("CLEAR", "TB")
    write_csv_manifest(folder / "data.csv", list_images(folder / "data", classes), classes)
    return folder / "data.csv"


@pytest.mark.parametrize("layout", ["flat", "kaggle", "manifest"])
@pytest.mark.parametrize(("positive", "negative"), [("TB", "CLEAR"), ("CLEAR", "TB")])
def test_any_two_names_are_classes(
    flat: Path, tmp_path: Path, layout: str, positive: str, negative: str
) -> None:
    """The data give the names, --positive says which of them is labelled 1."""
    data = other_names(tmp_path, flat, layout)
    assert class_names(data) == ["CLEAR", "TB"]
    classes = find_classes(data, positive)
    assert classes == (negative, positive)
    images = list_images(data, classes)
    assert sorted({(image.label, image.path.parent.name) for image in images}) == [
        (0, negative),
        (1, positive),
    ]


@pytest.mark.parametrize("layout", ["flat", "kaggle", "manifest"])
def test_the_positive_class_must_be_named(flat: Path, tmp_path: Path, layout: str) -> None:
    """Other names than NORMAL and PNEUMONIA do not tell it; a name that is not there is refused."""
    data = other_names(tmp_path, flat, layout)
    with pytest.raises(UsageError, match="CLEAR or TB, got none; add --positive NAME"):
        find_classes(data)
    with pytest.raises(UsageError, match="CLEAR or TB, got 'tb'"):
        find_classes(data, "tb")


def test_normal_and_pneumonia_need_no_flag(flat: Path) -> None:
    """PNEUMONIA is then the positive class, unless it is said otherwise."""
    assert find_classes(flat) == ("NORMAL", "PNEUMONIA")
    assert find_classes(flat, "NORMAL") == ("PNEUMONIA", "NORMAL")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_two_classes_are_asked_for(tmp_path: Path, phantoms: ModuleType, count: int) -> None:
    """No folder with images, one or three are refused; the message lists those that are there."""
    phantoms.write_classes(tmp_path / "drawn", 1, 48)
    for name in ("A", "B", "C")[:count]:
        shutil.copytree(tmp_path / "drawn" / "NORMAL", tmp_path / "data" / name)
    (tmp_path / "data" / "notes").mkdir(parents=True)
    got = ("no folder with images", "the folder 'A'", "", "the folders 'A', 'B', 'C'")[count]
    with pytest.raises(DataError, match=f"expected images of two classes, got {got};"):
        find_classes(tmp_path / "data", "A")


def test_a_byte_order_mark_is_read_over(flat: Path, tmp_path: Path) -> None:
    """Spreadsheets write one."""
    image = list_images(flat, CLASSES)[0]
    relative = os.path.relpath(image.path, tmp_path)
    (tmp_path / "films.csv").write_text(f"path,label\n{relative},NORMAL\n", encoding="utf-8-sig")
    assert len(list_images(tmp_path / "films.csv", CLASSES)) == 1


def test_a_link_keeps_its_name(tmp_path: Path) -> None:
    """It tells the patient, which the file that it leads to need not."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "0001").write_bytes(b"x")
    (tmp_path / "IM-0001-1.png").symlink_to(tmp_path / "store" / "0001")
    write_csv_manifest(
        tmp_path / "films.csv", [LabelledImage(tmp_path / "IM-0001-1.png", 0, "p")], CLASSES
    )
    assert list_images(tmp_path / "films.csv", CLASSES)[0].path.name == "IM-0001-1.png"


@pytest.mark.parametrize("name", ["a,b.png", 'a"b.png', "a\nb.png", "\udcff.png"])
def test_odd_names_go_round(tmp_path: Path, name: str) -> None:
    """Commas, quotes, newlines and bytes that are no UTF-8."""
    (tmp_path / name).write_bytes(b"x")
    image = LabelledImage(tmp_path / name, 1, "p", "train")
    write_csv_manifest(tmp_path / "films.csv", [image], CLASSES)
    assert list_images(tmp_path / "films.csv", CLASSES) == [image]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "path,label,colour\na.png,NORMAL,red\n",
            "columns path and label.*; remove the column 'colour'$",
        ),
        ("path,label,age,view\na.png,NORMAL,9,AP\n", "; remove the columns 'age', 'view'$"),
        ("path,label,label\na.png,NORMAL,x\n", "; keep one alone of the column 'label'$"),
        ("path,patient\na.png,p\n", "columns path and label.*; add the column 'label'$"),
        ("", "got nothing"),
        ("path,label\n", "at least one image"),
        ("path,label\na.png,normal\n", "row 2: expected label NORMAL or PNEUMONIA"),
        ("path,label,split\na.png,NORMAL,dev\n", "row 2: expected split .*got 'dev'"),
        ("path,label\na.png,NORMAL\na.png,NORMAL\n", "row 3: 'a.png' is in the manifest twice"),
        ("path,label\na.png\n", r"row 2: expected as many fields .*\(2\), got 1; "),
        ("path,label\na.png,NORMAL,x\n", r"row 2: expected as many fields .*\(2\), got 3; "),
        ("path,label\ngone.png,NORMAL\n", r"1 of 1 paths are not files: .*gone\.png"),
    ],
)
def test_a_wrong_manifest_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """Before anything is read; the message names the row and what was expected."""
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "films.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        list_images(tmp_path / "films.csv", CLASSES)


def test_nothing_there_is_told(tmp_path: Path) -> None:
    """A wrong path is a wrong use of the command."""
    with pytest.raises(UsageError, match="nowhere does not exist; check the spelling"):
        list_images(tmp_path / "nowhere", CLASSES)


def test_images_for_test_alone_cannot_be_trained_on(flat: Path, tmp_path: Path) -> None:
    """Nothing of the test split is ever learnt from."""
    images = [LabelledImage(f.path, f.label, f.patient, "test") for f in list_images(flat, CLASSES)]
    write_csv_manifest(tmp_path / "films.csv", images, CLASSES)
    with pytest.raises(DataError, match="images to train on"):
        list_training_images(tmp_path / "films.csv", CLASSES)


@pytest.mark.parametrize("missing", ["NORMAL", "PNEUMONIA"])
def test_both_class_folders_must_have_images(
    tmp_path: Path, phantoms: ModuleType, missing: str
) -> None:
    """A network cannot learn from one class: a set that lacks one, or has it empty, is refused."""
    phantoms.write_classes(tmp_path, 1, 48)
    for path in (tmp_path / missing).iterdir():
        path.unlink()
    for _ in ("empty", "missing"):
        with pytest.raises(DataError, match=f"both classes in .*, got .*none of {missing}"):
            list_training_images(tmp_path, find_classes(tmp_path))
        shutil.rmtree(tmp_path / missing, ignore_errors=True)


def test_a_relative_flat_will_do(flat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative folder lists the same images."""
    monkeypatch.chdir(flat.parent)
    relative = Path(os.path.relpath(flat))
    assert [f.path for f in list_images(relative, CLASSES)] == [
        f.path for f in list_images(flat, CLASSES)
    ]


def test_the_columns_of_a_manifest(flat: Path, tmp_path: Path) -> None:
    """Digests are written where they are known."""
    images = list_images(flat, CLASSES)
    write_csv_manifest(
        tmp_path / "films.csv", images, CLASSES, [str(n) for n in range(len(images))]
    )
    with (tmp_path / "films.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "label", "patient", "split", "sha256"]
    assert [row["sha256"] for row in rows] == [str(n) for n in range(len(images))]
    assert {row["label"] for row in rows} == set(CLASSES)


def test_patients_of_the_test_split_are_not_trained_on(flat: Path, tmp_path: Path) -> None:
    """A manifest with a patient in both is refused, with the command that repairs it."""
    images = list_images(flat, CLASSES)
    marked = [replace(image, split="test" if n == 0 else "train") for n, image in enumerate(images)]
    write_csv_manifest(tmp_path / "films.csv", marked, CLASSES)
    with pytest.raises(DataError, match=r"1 are in both: IM-0000; .*cxr audit"):
        list_training_images(tmp_path / "films.csv", CLASSES)


@pytest.mark.parametrize(("label", "split"), [(2, ""), (0, "dev")])
def test_no_invalid_image_exists(label: int, split: str) -> None:
    """Labels and splits are checked when an image is made."""
    with pytest.raises(ValueError, match="LabelledImage: expected"):
        LabelledImage(Path("a.png"), label, "p", split)


def test_what_systems_leave_in_a_set_is_no_class_and_no_image(flat: Path, tmp_path: Path) -> None:
    """Thumbnails and trash beside and in the class folders change nothing."""
    data = Path(shutil.copytree(flat, tmp_path / "data"))
    image = next((data / "NORMAL").iterdir())
    for place in ("@eaDir", "__MACOSX/NORMAL", "NORMAL/@eaDir", "PNEUMONIA/#recycle"):
        (data / place).mkdir(parents=True)
        shutil.copy(image, data / place / "copy.png")
    (data / "NORMAL" / "README").write_text("From one hospital.")
    (data / "NORMAL" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    assert class_names(data) == sorted(CLASSES)
    assert len(list_images(data, CLASSES)) == len(list_images(flat, CLASSES))


def test_a_class_folder_that_cannot_be_read_is_no_smaller_class(
    flat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images below it would be missing from every figure without a word."""
    data = Path(shutil.copytree(flat, tmp_path / "data"))
    (data / "NORMAL" / "ward").mkdir()
    real = os.scandir

    def refuse(where: bytes) -> object:
        if where.endswith(b"/ward/"):
            raise PermissionError
        return real(where)

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(DataError, match="1 in it cannot: ward/; check their permissions"):
        list_images(data, CLASSES)


def test_unlabelled_images_are_those_of_a_scan(flat: Path, tmp_path: Path) -> None:
    """All below a folder, sorted by path, of unknown class; no folder and no images are told."""
    found = list_unlabelled(flat)
    assert [image.path for image in found] == sorted(flat.rglob("*.png"))
    assert {image.label for image in found} == {UNKNOWN}
    with pytest.raises(DataError, match="expected images in it or below, got none"):
        list_unlabelled(tmp_path)
    with pytest.raises(UsageError, match="--unlabelled: expected a folder of images"):
        list_unlabelled(tmp_path / "gone")


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"PK\x03\x04" + bytes(range(256)) * 20, "got a zip file; unpack it first"),
        (b"\x1f\x8b\x08" + bytes(2000), "got a gzip file; unpack it first"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "got a png file; name the folder that it is in"),
        ("path,label\n".encode("utf-16"), "no text; save the table as CSV in UTF-8"),
        (b"\x1b[31m" + b"x" * 9000 + b",\n" * 500, "remove the column"),
        (b"a," * 5000 + b"\n1\n", "remove the columns 'a', "),
        (b"path,label\na.png," + b"y\x1b[2J" * 3000 + b"\n", "one label|two labels|got the label"),
    ],
)
def test_a_file_that_is_no_manifest_is_not_repeated(
    tmp_path: Path, content: bytes, got: str
) -> None:
    """The message says what it is, on one short line that a terminal shows as it stands."""
    path = tmp_path / "films.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match=got) as refused:
        find_classes(path)
    assert len(str(refused.value)) < 900
    assert str(refused.value).isprintable()
