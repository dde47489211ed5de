"""Model packages: whole or not at all."""

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import pytest

from cxr_edge.errors import ModelError, ModelInvalid, SpecMissing, UsageError
from cxr_edge.evaluation.report import check_folder
from cxr_edge.models.checksums import check_checksums, write_checksums
from cxr_edge.spec.embedding import append_spec
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.provenance import Provenance
from cxr_export.keras_models.load import load_original
from cxr_export.packaging.card import model_card, with_parity
from cxr_export.packaging.export import _put_in_place, export_package, is_taken
from cxr_export.packaging.request import Request

pytestmark = pytest.mark.slow

FLOAT = Request(formats=("onnx", "tflite"))
ONLY_FLOAT = ("--formats", "onnx,tflite")


def test_exporting_twice_replaces_the_package(run_folder: Path, tmp_path: Path) -> None:
    """The new package is whole, the old one and the scratch folder are gone."""
    out = tmp_path / "p"
    export_package(run_folder / "model.keras", out, request=FLOAT)
    names = {path.name for path in out.iterdir()}
    (out / "model.onnx").write_bytes(b"old")
    export_package(run_folder / "model.keras", out, request=FLOAT)
    assert {path.name for path in out.iterdir()} == names
    check_checksums(out)
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_what_a_system_or_a_user_has_hidden_is_no_file_and_stays(tmp_path: Path) -> None:
    """A folder with a Thumbs.db is empty, as for the other commands, and nothing in it is lost."""
    out, package = tmp_path / "p", tmp_path / "new"
    for folder, name in ((out, ".git"), (out, "Thumbs.db"), (package, "model.onnx")):
        folder.mkdir(exist_ok=True)
        (folder / name).touch()
    assert not is_taken(out)
    check_folder(out)
    _put_in_place(package, out, tmp_path / "aside")
    assert sorted(path.name for path in out.iterdir()) == [".git", "Thumbs.db", "model.onnx"]
    assert is_taken(out)
    with pytest.raises(UsageError, match="has other files"):
        check_folder(out)


def test_hidden_files_that_cannot_be_moved_are_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old folder stays under another name, since the temporary one is removed."""
    out, package = tmp_path / "p", tmp_path / "new"
    for folder, name in ((out, ".git"), (package, "model.onnx")):
        folder.mkdir()
        (folder / name).touch()
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name == ".git":
            raise OSError("refused")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="refused"):
        _put_in_place(package, out, tmp_path / "aside")
    assert (tmp_path / "p.old" / ".git").exists()
    assert (out / "model.onnx").exists()


def test_a_foreign_folder_is_not_replaced(run_folder: Path, tmp_path: Path) -> None:
    """Somebody's own folder is left alone."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(UsageError, match="not a model package"):
        export_package(run_folder / "model.keras", tmp_path / "mine", request=FLOAT)
    with pytest.raises(UsageError, match="existing folder"):
        export_package(run_folder / "model.keras", tmp_path / "none" / "p", request=FLOAT)


def test_a_folder_that_only_looks_like_a_package_is_not_replaced(
    run_folder: Path, tmp_path: Path
) -> None:
    """A list of checksums stands in most downloads, and a user may keep notes in a package."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    write_checksums(mine)
    with pytest.raises(UsageError, match="is not a model package that can be replaced"):
        export_package(run_folder / "model.keras", mine, request=FLOAT)
    export_package(run_folder / "model.keras", tmp_path / "p", request=FLOAT)
    (tmp_path / "p" / "notes.txt").write_text("seen on Monday")
    with pytest.raises(UsageError, match=r"notes\.txt is in it"):
        export_package(run_folder / "model.keras", tmp_path / "p", request=FLOAT)
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_a_full_disk_is_told_and_leaves_nothing(
    run_folder: Path, cxr: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1 with what the disk said; no traceback, no half a package."""

    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("cxr_export.packaging.export.write_selftest", full)
    result = cxr("export", run_folder / "model.keras", "-o", tmp_path / "p", *ONLY_FLOAT)
    assert result.exit_code == 1
    assert "No space left on device" in result.output
    assert not list(tmp_path.iterdir())


def test_what_tflite_cannot_hold_is_told(tmp_path: Path) -> None:
    """An operation without counterpart is a message that names it, and leaves nothing behind."""
    image = keras.Input((8, 8, 1), dtype="uint8")
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 512)(image))
    found = keras.ops.erfinv(keras.layers.Dense(1, activation="tanh")(pooled))
    model = keras.Model(image, keras.layers.Activation("sigmoid")(found))
    path = save(model, tmp_path / "m.keras", TINY)
    with pytest.raises(ModelError, match=r"TFLite cannot hold this network: .*[Ee]rf"):
        export_package(path, tmp_path / "p", request=Request(formats=("tflite",)))
    with pytest.raises(ModelError, match=r"^model\.onnx: the exported graph is not valid"):
        export_package(path, tmp_path / "p", request=Request(formats=("onnx",)))
    assert [path.name for path in tmp_path.iterdir()] == ["m.keras"]


def save(model: keras.Model, path: Path, spec: ModelSpec | None) -> Path:
    model.save(path)
    if spec:
        append_spec(path, spec)
    return path


def network(channels: int = 1, outputs: int = 1) -> keras.Model:
    image = keras.Input((8, 8, channels), dtype="uint8")
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(image))
    return keras.Model(image, keras.layers.Dense(outputs, activation="sigmoid")(pooled))


TINY = ModelSpec(
    "tiny", ("NORMAL", "PNEUMONIA"), InputSpec(8, 8), (OperatingPoint("study", 0.5),), "study"
)


def test_a_model_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """No spec, other channels, three classes, half a file: each has its message, no package."""
    with pytest.raises(SpecMissing, match="--spec"):
        export_package(save(network(), tmp_path / "a.keras", None), tmp_path / "p", request=FLOAT)
    with pytest.raises(ModelInvalid, match="says 8x8x1 uint8, the model wants 8x8x3"):
        export_package(
            save(network(channels=3), tmp_path / "b.keras", TINY), tmp_path / "p", request=FLOAT
        )
    with pytest.raises(ModelInvalid, match=r"or \(N, 2\), got \(None, 3\)"):
        export_package(
            save(network(outputs=3), tmp_path / "c.keras", TINY), tmp_path / "p", request=FLOAT
        )
    whole = save(network(), tmp_path / "d.keras", TINY)
    whole.write_bytes(whole.read_bytes()[:-500])
    with pytest.raises(ModelInvalid, match="half of one"):
        export_package(whole, tmp_path / "p", request=FLOAT)
    assert not (tmp_path / "p").exists()


def test_a_given_spec_stands_in(tmp_path: Path, cxr: Callable[..., Any]) -> None:
    """--spec describes a model that carries none, and goes into its artefacts."""
    path = save(network(), tmp_path / "a.keras", None)
    (tmp_path / "spec.json").write_text(TINY.to_json())
    result = cxr(
        "export", path, "-o", tmp_path / "p", *ONLY_FLOAT, "--spec", tmp_path / "spec.json"
    )
    assert result.exit_code == 0, result.output
    assert load_original(tmp_path / "p" / "model.keras").spec == TINY


def test_code_in_a_model_is_refused(tmp_path: Path) -> None:
    """Keras' safe mode stays on: a Lambda layer is not run."""
    image = keras.Input((8, 8, 1), dtype="uint8")
    scaled = keras.layers.Lambda(lambda x: keras.ops.cast(x, "float32"))(image)
    pooled = keras.layers.GlobalAveragePooling2D()(scaled)
    model = keras.Model(image, keras.layers.Dense(1, activation="sigmoid")(pooled))
    with pytest.raises(ModelInvalid, match=r"[Ll]ambda"):
        load_original(save(model, tmp_path / "a.keras", TINY))


def test_the_card_says_what_it_must(run_folder: Path) -> None:
    """Notice, data, split, seed, command, every operating point, limits, model-index."""
    spec = load_original(run_folder / "model.keras").spec
    card = model_card(spec)
    assert spec.provenance
    for text in (
        spec.notice, "data | not stated", "model-index:", spec.provenance.data_sha256,
        spec.provenance.command, "## Limits",
        str(spec.provenance.validation_auc), *(f"| {p.name} |" for p in spec.operating_points),
    ):  # fmt: skip
        assert text in card
    assert "license" not in card


def test_the_card_names_the_teachers() -> None:
    """Each with its digest, and how many images they alone have judged."""
    facts = Provenance(
        "edge", "films", "d" * 64, "cxr train DATA", 1, 0.5, 30, 30, 10, 10,
        Interval(0.9, 0.8, 1.0), 7, teachers=(f"large@{'a' * 64}", "wide@b"), unlabelled_images=5,
    )  # fmt: skip
    rows = (
        f"| trained on | 30 images |\n| teacher | `large@{'a' * 64}` |\n| teacher | `wide@b` |\n"
        "| by the teachers alone | 5 images without labels |\n| validated on"
    )
    assert rows in model_card(replace(TINY, provenance=facts))
    plain = replace(facts, teachers=(), unlabelled_images=0)
    assert "teacher" not in model_card(replace(TINY, provenance=plain))
    assert "teachers" not in plain.to_dict()


def test_the_card_of_a_foreign_model_asserts_nothing_unknown() -> None:
    """No data set, no validation, no license; what is given is stated."""
    card = model_card(TINY)
    for text in ("## Training", "alidation", "license", "trained on, named above", "model-index"):
        assert text not in card
    assert "It is not known what the model" in card
    assert 'license: "mit"' in model_card(TINY, license_name="mit")


def test_a_card_keeps_its_limits(run_folder: Path) -> None:
    """New findings replace the old ones; what stands after them stays as it was."""
    card = model_card(load_original(run_folder / "model.keras").spec)
    findings = {
        "films": 1, "patients": 1, "positives": 1, "negatives": 0, "reference": "model.keras",
        "unjudged": [], "unreadable": 0, "artefacts": [], "withheld": {},
    }  # fmt: skip
    once = with_parity(card.replace("## Limits\n", "## Limits\n\nOurs.\n"), findings)
    assert once.count("## Parity") == 1
    assert "## Limits\n\nOurs.\n" in once
    assert with_parity(once, findings) == once


def test_the_card_takes_in_an_evaluation(
    cxr: Callable[..., Any], run_folder: Path, class_folders: Path, tmp_path: Path
) -> None:
    """Tables of cxr evaluate and notes stand in it; figures of another model are refused."""
    original = run_folder / "model.keras"
    out = tmp_path / "evaluation"
    words = (
        "evaluate",
        class_folders,
        "--model",
        original,
        "-o",
        out,
        "--shifted",
        "--counterfactual",
    )
    assert cxr(*words).exit_code == 0
    (tmp_path / "notes.md").write_text("## How it was chosen\n\nBy lot.\n")
    options = ("--evaluation", out / "evaluation.json", "--notes", tmp_path / "notes.md")
    result = cxr("export", original, "-o", tmp_path / "p", *ONLY_FLOAT, *options)
    assert result.exit_code == 0, result.output
    card = (tmp_path / "p" / "README.md").read_text()
    report = (out / "report.md").read_text()
    tables = [block for block in report.split("\n\n") if block.startswith("| ")]
    shown = [tables[0], *(block for block in tables if "masked" in block or "crop" in block)]
    assert len(shown) == 3
    assert all(block in card for block in shown)
    assert "By lot." in card
    assert "type: recall" in card
    check_checksums(tmp_path / "p")
    other = save(network(), tmp_path / "other.keras", TINY)
    refused = cxr("export", other, "-o", tmp_path / "q", *ONLY_FLOAT, *options)
    assert refused.exit_code == 2
    assert "expected figures of" in refused.output
