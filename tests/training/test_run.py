"""One training run, from labelled images to a run folder."""

import dataclasses
import importlib.util
import json
import shutil
import subprocess
import sys
import textwrap
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import keras
import pytest
import typer
from dicoms import Make, saved
from fakes import CLASSES

from cxr_edge.cli.app import app
from cxr_edge.datasets.csv_manifest import write_csv_manifest
from cxr_edge.datasets.image_set import load_images
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.datasets.listing import list_images
from cxr_edge.datasets.patient_split import split_by_patient
from cxr_edge.errors import DataError, MissingExtra, UsageError
from cxr_edge.metrics.roc import auc
from cxr_edge.models.locate import default_package
from cxr_edge.models.open import open_artefact
from cxr_edge.spec.embedding import read_appended_spec
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training import load_run
from cxr_edge.training.augment import PRESETS
from cxr_edge.training.config import (
    NOTHING_ELSE,
    Architecture,
    Augmentation,
    Distillation,
    FitConfig,
)
from cxr_edge.training.history import read_history
from cxr_edge.training.run import show_samples, train
from cxr_edge.training.run_folder import keep_settings

SPEC = InputSpec(32, 32)


@pytest.mark.slow
def test_a_run_folder_says_all(run_folder: Path) -> None:
    """Model with spec, history a row an epoch, configuration, split, pictures, report."""
    spec = read_appended_spec((run_folder / "model.keras").read_bytes(), "model.keras")
    facts = spec.provenance
    assert facts is not None
    history = read_history(run_folder)
    assert [row["epoch"] for row in history] == [1, 2]
    assert {"loss", "val_loss", "val_auc", "seconds"} <= history[0].keys()
    config = json.loads((run_folder / "config.json").read_text())
    assert config["data_sha256"] == facts.data_sha256
    splits = Counter(image.split for image in list_images(run_folder / "split.csv", CLASSES))
    assert splits == {"train": facts.training_films, "validation": facts.validation_films}
    assert facts.command == config["command"]
    assert facts.command.startswith("cxr train DATA --image-size 64 --epochs 2")
    assert {path.name for path in run_folder.iterdir()} == {
        "model.keras", "history.csv", "config.json", "split.csv", "curves.png", "samples.png",
        "report.md", "predictions.csv", "training-images.json",
    }  # fmt: skip
    listed = json.loads((run_folder / "training-images.json").read_text())
    assert len(listed["training"]) == facts.training_films
    assert len(listed["validation"]) == facts.validation_films
    assert listed["data_sha256"] == facts.data_sha256
    report = (run_folder / "report.md").read_text()
    assert str(facts.validation_auc) in report
    assert "Research use only" in report
    assert f"trained on {facts.training_films} images that are not described." in report
    assert "--data-note TEXT gives one" in report
    assert "not known" not in report
    for point in spec.operating_points:
        assert f"| {point.name} | {point.threshold:.6f} | {point.sensitivity} |" in report


@pytest.mark.slow
def test_the_figures_are_the_models(run_folder: Path) -> None:
    """The AUC in the spec is what the saved model scores on the images that split.csv holds out."""
    from cxr_export.keras_models.load import load_original

    original = load_original(run_folder / "model.keras")
    spec = original.spec
    assert spec.provenance is not None
    images = load_images(list_images(run_folder / "split.csv", CLASSES), CLASSES, spec.input)
    _, validation = split_by_patient(images, 0, 0.5)
    scores = original.run(validation.pixels).scores
    expected = spec.provenance.validation_auc.value
    assert auc(validation.labels, scores).value == pytest.approx(expected, abs=1e-6)


def quick(**options: Any) -> FitConfig:
    settings = {"architecture": "dense-deep", "input": SPEC, "epochs": 2, **options}
    return FitConfig(**settings)


@pytest.mark.slow
def test_a_run_is_not_overwritten_but_resumed(class_folders: Path, tmp_path: Path) -> None:
    """Without --resume a folder with a run is refused, with it the same options are asked for."""
    run = tmp_path / "run"
    first = train(class_folders, run, quick(), verbose=0)
    assert not first.already
    with pytest.raises(UsageError, match="holds a run already"):
        train(class_folders, run, quick(), verbose=0)
    with pytest.raises(UsageError, match="epochs 2, now 3"):
        train(class_folders, run, quick(epochs=3), resume=True, verbose=0)
    said: list[str] = []
    again = train(class_folders, run, quick(), resume=True, verbose=0, say=said.append)
    assert again == dataclasses.replace(first, already=True)
    assert said[-1] == f"{run} is already finished"
    with pytest.raises(UsageError, match="holds a run already"):
        show_samples(class_folders, run, quick())


@pytest.mark.slow
def test_resuming_on_other_images_is_refused(
    class_folders: Path, tmp_path: Path, phantoms: ModuleType
) -> None:
    """The digest of the data is part of the run."""
    train(class_folders, tmp_path / "run", quick(), verbose=0)
    shutil.copytree(class_folders, tmp_path / "films")
    phantoms.write_classes(tmp_path / "films", 61, 48)
    with pytest.raises(UsageError, match="data_sha256"):
        train(tmp_path / "films", tmp_path / "run", quick(), resume=True, verbose=0)


@pytest.mark.slow
def test_the_split_of_a_manifest_holds(class_folders: Path, tmp_path: Path) -> None:
    """Images are validated on that it names, and those for test are left alone."""
    images = [
        LabelledImage(image.path, image.label, image.patient, split)
        for image, split in zip(
            list_images(class_folders, CLASSES),
            (["train"] * 40 + ["validation"] * 10 + ["test"] * 10) * 2,
            strict=True,
        )
    ]
    write_csv_manifest(tmp_path / "films.csv", images, CLASSES)
    spec = train(tmp_path / "films.csv", tmp_path / "run", quick(), verbose=0).spec
    assert spec.provenance is not None
    assert (spec.provenance.training_films, spec.provenance.validation_films) == (80, 20)


@pytest.mark.slow
def test_calibration_can_be_left_out(class_folders: Path, tmp_path: Path) -> None:
    """It changes probabilities, not their order."""
    specs = [
        train(class_folders, tmp_path / name, quick(calibrate=calibrate), verbose=0).spec
        for name, calibrate in (("with", True), ("without", False))
    ]
    aucs = [spec.provenance.validation_auc for spec in specs if spec.provenance]
    assert aucs[0].value == pytest.approx(aucs[1].value, abs=1e-6)
    assert specs[0] != specs[1]


@pytest.mark.slow
def test_tensorboard_gets_its_logs(class_folders: Path, tmp_path: Path) -> None:
    """On request, below the run folder."""
    pytest.importorskip("tensorboard")
    train(class_folders, tmp_path / "run", quick(), tensorboard=True, verbose=0)
    assert list((tmp_path / "run" / "tensorboard").rglob("events.*"))


def test_tensorboard_must_be_installed(
    class_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told before the first epoch, with the extra's name."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"\[tensorboard\]"):
        train(class_folders, tmp_path / "run", quick(), tensorboard=True)


@pytest.mark.slow
def test_resuming_with_another_split_is_refused(class_folders: Path, tmp_path: Path) -> None:
    """The same bytes on other sides, or under another label, are another run."""
    listed = list_images(class_folders, CLASSES)
    for shift in (0, 1):
        images = [
            dataclasses.replace(image, split="validation" if (n // 2 + shift) % 4 == 0 else "train")
            for n, image in enumerate(listed)
        ]
        write_csv_manifest(tmp_path / f"images{shift}.csv", images, CLASSES)
    train(tmp_path / "images0.csv", tmp_path / "run", quick(), verbose=0)
    split = (tmp_path / "run" / "split.csv").read_bytes()
    with pytest.raises(UsageError, match="split_sha256"):
        train(tmp_path / "images1.csv", tmp_path / "run", quick(), resume=True, verbose=0)
    assert (tmp_path / "run" / "split.csv").read_bytes() == split


@pytest.mark.parametrize("name", ["model.keras", "report.md", "best-model.weights.h5"])
def test_other_peoples_files_are_left_alone(class_folders: Path, tmp_path: Path, name: str) -> None:
    """A folder with files that is no run is not written into."""
    (tmp_path / name).write_text("mine")
    for resume in (False, True):
        with pytest.raises(UsageError, match="expected a new folder"):
            train(class_folders, tmp_path, quick(), resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_damaged_settings_are_told(class_folders: Path, tmp_path: Path) -> None:
    """Half a config.json is no run to go on with."""
    (tmp_path / "config.json").write_text('{"epochs": ')
    with pytest.raises(DataError, match="damaged"):
        train(class_folders, tmp_path, quick(), resume=True)


def test_a_run_from_before_an_option_goes_on(class_folders: Path, tmp_path: Path) -> None:
    """It had the default; another value is another run."""
    images = load_run.load_run(
        class_folders, tmp_path, quick(), NOTHING_ELSE, positive="", resume=False,
        skip_unreadable=False, say=str,
    )  # fmt: skip
    keep_settings(tmp_path, quick(), images)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["style_mixing"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    keep_settings(tmp_path, quick(), images)
    with pytest.raises(UsageError, match=r"style_mixing 0\.0, now 0\.4"):
        keep_settings(tmp_path, quick(style_mixing=0.4), images)


@pytest.mark.slow
def test_a_run_with_crops_says_how_large_its_images_were(
    class_folders: Path, tmp_path: Path
) -> None:
    """The network takes what a scan gives it; a run of smaller images cannot be continued."""
    spec = train(class_folders, tmp_path, quick(crop_area=0.5, epochs=1), verbose=0).spec
    assert spec.input == SPEC
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["training_input"]["height"] == 46
    del config["training_input"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UsageError, match="training_input None"):
        train(class_folders, tmp_path, quick(crop_area=0.5, epochs=1), resume=True)


@pytest.mark.slow
def test_a_run_with_teachers_says_who_they_were(
    class_folders: Path, tmp_path: Path, phantoms: ModuleType, make: Make
) -> None:
    """Name, digest and weight are in settings, spec and report, and a run continues with no others.

    Images without labels are counted and listed as learned from, DICOM among them; those that are
    labelled images too are left out.
    """
    more = tmp_path / "more"
    phantoms.write_classes(more, 5, 48)
    for number, path in enumerate(sorted(more.rglob("*.png"))):
        path.rename(
            more / f"{number}.png"
        )  # else the names say that they are of validation patients
    (more / "a").write_bytes(saved(make()))
    shutil.copy(next(class_folders.rglob("*.png")), more)
    teacher = tmp_path / "teacher.onnx"  # alone, so that nothing tells what it learned from
    shutil.copy(default_package() / "model.onnx", teacher)
    taught = Distillation((str(teacher),), unlabelled=more)
    run, said = tmp_path / "run", []
    words = {"verbose": 0, "say": said.append}
    spec = train(class_folders, run, quick(epochs=1), taught, **words).spec
    facts = spec.provenance
    assert facts is not None
    (name,) = facts.teachers
    assert name.startswith(f"{open_artefact().spec.name}@")
    assert facts.unlabelled_images == 11
    assert any("unlabelled: 11 images; left out: 0 exact dup" in line for line in said)
    config = json.loads((run / "config.json").read_text())
    assert config["teachers"] == [name]
    assert (config["teacher_weight"], config["unlabelled_images"]) == (0.8, 11)
    listed = json.loads((run / "training-images.json").read_text())
    assert len(listed["training"]) == facts.training_films + 11
    report = (run / "report.md").read_text()
    assert f"probabilities of {name}, also on 11 images" in report
    unknown = f"what teacher {name[:-52]} learned from is not known"  # 12 digits of 64
    assert facts.caution == f"figures may be too good: {unknown}"
    assert facts.caution in facts.headline
    assert report.count(facts.caution) == 2
    (warning,) = [line for line in said if line.startswith("warning: the figures of this run")]
    assert unknown in warning
    assert train(class_folders, run, quick(epochs=1), taught, resume=True, **words).already
    for other in (
        NOTHING_ELSE,
        Distillation((str(teacher),)),
        dataclasses.replace(taught, weight=1),
    ):
        with pytest.raises(UsageError, match="started with other settings"):
            train(class_folders, run, quick(epochs=1), other, resume=True, **words)


def test_samples_are_kept(class_folders: Path, tmp_path: Path) -> None:
    """Those of another command are not replaced; a run into the folder makes its own."""
    run = tmp_path / "run"
    show_samples(class_folders, run, quick())
    drawn = (run / "samples.png").read_bytes()
    with pytest.raises(UsageError, match=r"samples\.png exists already; name another folder"):
        show_samples(class_folders, run, quick(seed=9))
    assert (run / "samples.png").read_bytes() == drawn


def test_refused_images_leave_no_folder(tmp_path: Path, phantoms: ModuleType) -> None:
    """Too few to validate on, and a file that cannot be read: the same command can be repeated."""
    phantoms.write_classes(tmp_path / "few", 4, 48)
    with pytest.raises(DataError):
        train(tmp_path / "few", tmp_path / "a" / "run", quick(), verbose=0)
    phantoms.write_classes(tmp_path / "films", 30, 48)
    (tmp_path / "films" / CLASSES[0] / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for work in (train, show_samples):
        with pytest.raises(DataError, match="broken"):
            work(tmp_path / "films", tmp_path / "a" / "run", quick())
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
def test_a_single_epoch_is_told(
    class_folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As several are, and counted as one in the report."""
    train(class_folders, tmp_path / "run", quick(epochs=1), verbose=1)
    assert "Epoch 1/1\n" in capsys.readouterr().out
    assert "1 epoch in " in (tmp_path / "run" / "report.md").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--unlabelled", "."], "--unlabelled: expected with --teacher MODEL"),
        (["--teacher-weight", "0.5"], "--teacher-weight: expected with --teacher MODEL"),
        (["--teacher", "default", "--teacher-weight", "2"], "expected a number from 0 to 1, got 2"),
        (["--teacher", "default", "--imbalance", "focal"], "focal: expected without --teacher"),
        (["--teacher", "gone.onnx"], "gone.onnx does not exist"),
    ],
)
def test_teachers_that_cannot_teach_are_refused(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    """As usage errors, before an image is read or a folder is made."""
    result = cxr("train", class_folders, "-o", tmp_path / "run", *words)
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "--unlabelled: expected a folder of images, got"),
        (lambda folder: folder.mkdir(), "expected images in it or below, got none"),
        (lambda folder: folder.write_text("x"), "--unlabelled: expected a folder of images, got"),
    ],
)
def test_a_folder_without_unlabelled_images_is_told_before_any_is_decoded(
    class_folders: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], object],
    message: str,
) -> None:
    """Decoding the labelled ones can take long; nothing is written either."""
    monkeypatch.setattr(load_run, "load_training_data", None)
    make(tmp_path / "more")
    taught = Distillation(("default",), unlabelled=tmp_path / "more")
    with pytest.raises((DataError, UsageError), match=message):
        train(class_folders, tmp_path / "run", quick(), taught)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_paths_of_teachers_are_not_in_the_model(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path
) -> None:
    """The command in the spec repeats the options, without names of this machine's folders."""
    words = ("train", class_folders, "-o", tmp_path / "run", "--architecture", "dense-deep")
    words += ("--image-size", 32, "--epochs", 1, "--teacher", "default", "--teacher", "default")
    result = cxr(*words, "--teacher-weight", 0.5, "--unlabelled", class_folders)
    assert result.exit_code == 1
    assert "all 120 are, or are of validation patients" in result.output
    assert not (tmp_path / "run").exists()
    assert cxr(*words, "--teacher-weight", 0.5).exit_code == 0
    command = json.loads((tmp_path / "run" / "config.json").read_text())["command"]
    assert command.endswith("--teacher MODEL --teacher MODEL --teacher-weight 0.5")


@pytest.mark.slow
def test_samples_alone(class_folders: Path, tmp_path: Path) -> None:
    """A look at the augmented images costs no training, and a hidden file is in nobody's way."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".DS_Store").write_bytes(b"x")
    assert show_samples(class_folders, tmp_path / "run", quick()) == ()
    assert {path.name for path in (tmp_path / "run").iterdir()} == {".DS_Store", "samples.png"}
    assert (tmp_path / "run" / "samples.png").read_bytes().startswith(b"\x89PNG")


def test_a_file_in_place_of_the_run_folder_is_told(class_folders: Path, tmp_path: Path) -> None:
    """Before the images are read, and without touching the file."""
    (tmp_path / "run").write_text("mine")
    with pytest.raises(UsageError, match="cannot be made"):
        train(class_folders, tmp_path / "run", quick())
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("optimizer", "sgd"), ("schedule", "step"), ("monitor", "loss"), ("imbalance", "smote"),
        ("augmentation", "none"), ("head_epochs", 2), ("batch_size", 0), ("averaging", 2),
        ("learning_rate", -1), ("validation_fraction", 7), ("patience", 0), ("name", "  "),
        ("architecture", "vgg"),
    ],
)  # fmt: skip
def test_unknown_settings_are_refused(option: str, value: object) -> None:
    """By the name of the option, with what it takes."""
    with pytest.raises(UsageError, match=f"--{option.replace('_', '-')}: expected"):
        quick(**{option: value})


def test_the_commands_defaults_are_the_configurations() -> None:
    """The defaults of cxr train are those of FitConfig()."""
    command = typer.main.get_command(app).commands["train"]
    defaults = {parameter.name: parameter.default for parameter in command.params}
    config = FitConfig()
    shared = {field.name for field in dataclasses.fields(FitConfig)} & defaults.keys()
    assert len(shared) >= 18
    for name in shared - {"name", "data"}:
        assert defaults[name] == getattr(config, name), name
    assert (defaults["image_size"], defaults["channels"]) == (224, config.input.channels)


def test_a_head_alone_needs_a_pretrained_network() -> None:
    """Freezing random weights is no use; it is told before the images are read."""
    with pytest.raises(UsageError, match="--head-epochs: expected a pretrained network"):
        quick(head_epochs=1)


@pytest.mark.slow
def test_unreadable_images_are_listed_or_left_out(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path
) -> None:
    """Refused by name before the first epoch; by --skip-unreadable left out, with exit code 3."""
    images = tmp_path / "films"
    shutil.copytree(class_folders, images)
    (images / "NORMAL" / "bad.png").write_text("no image")
    words = ("train", images, "-o", tmp_path / "run", "--architecture", "dense-deep")
    words += ("--image-size", 32, "--epochs", 1)
    refused = cxr(*words)
    assert refused.exit_code == 1
    assert "bad.png (not-an-image)" in refused.output
    shown = cxr(*words, "--skip-unreadable", "--show-samples")
    assert shown.exit_code == 3
    done = cxr(*words, "--skip-unreadable")
    assert done.exit_code == 3
    assert "left out, unreadable" in done.output
    assert (tmp_path / "run" / "model.keras").exists()


@pytest.mark.slow
def test_deterministic_runs_give_the_same_weights(class_folders: Path, tmp_path: Path) -> None:
    """The same seed twice, in processes of their own: equal to the last bit, however many of them
    augment the images."""
    digests = set()
    for name, workers in (("one", 0), ("other", 2)):
        words = ["train", class_folders, "-o", tmp_path / name, "--architecture", "dense-deep"]
        words += ["--image-size", 32, "--epochs", 2, "--deterministic", "--workers", workers]
        command = [sys.executable, "-m", "cxr_edge", *map(str, words)]
        subprocess.run(command, check=True, capture_output=True)
        with zipfile.ZipFile(tmp_path / name / "model.keras") as archive:
            model = keras.saving.load_model(tmp_path / name / "model.keras", compile=False)
            assert "spec.json" in archive.namelist()
        digests.add(b"".join(weight.tobytes() for weight in model.get_weights()))
    assert len(digests) == 1


@pytest.mark.slow
def test_a_killed_run_goes_on(class_folders: Path, tmp_path: Path) -> None:
    """SIGKILL after the first epoch, --resume: all epochs, no gap, a finished run."""
    words = ["train", class_folders, "-o", tmp_path / "run", "--architecture", "dense-deep"]
    words += ["--image-size", 32, "--epochs", 12, "--resume"]
    command = [sys.executable, "-m", "cxr_edge", *map(str, words)]
    history = tmp_path / "run" / "history.csv"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not history.exists():
            time.sleep(0.02)
        process.kill()
    assert not (tmp_path / "run" / "model.keras").exists()
    assert 1 <= len(read_history(tmp_path / "run")) < 12
    subprocess.run(command, check=True, capture_output=True)
    assert [row["epoch"] for row in read_history(tmp_path / "run")] == list(range(1, 13))
    assert (tmp_path / "run" / "model.keras").exists()
    assert not list((tmp_path / "run").glob("*.h5"))


def test_a_wrong_setting_costs_no_keras() -> None:
    """Settings are checked by a table of names, before a heavy library is loaded."""
    script = (
        "import sys\n"
        "from cxr_edge.cli.app import app\n"
        "from cxr_edge.training.config import FitConfig\n"
        "FitConfig(architecture='efficientnet-lite0', augmentation='study-2021')\n"
        "app(['train', '.', '--optimizer', 'adamw', '--head-epochs', '99'], standalone_mode=False)"
    )
    script = f"try:\n{textwrap.indent(script, '    ')}\nexcept BaseException: pass\n"
    script += "assert not {'keras', 'tensorflow', 'cv2'} & set(sys.modules)\n"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.slow
def test_the_registries_have_the_names_of_the_settings() -> None:
    """Each name that an option takes is a network or an augmentation, and the other way round."""
    from cxr_edge.training.architectures import ARCHITECTURES

    assert set(get_args(Architecture)) == set(ARCHITECTURES)
    assert set(get_args(Augmentation)) == set(PRESETS)
