"""A model package: a folder with every artefact, its spec, its card and its checksums."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras

from cxr_edge.datasets.training_images import TrainingImages
from cxr_edge.errors import DataError, ModelInvalid, ParityError, UsageError
from cxr_edge.evaluation.summary import Summary
from cxr_edge.models.checksums import file_sha256, read_checksums, write_checksums, write_list
from cxr_edge.models.package import CARD, CHECKSUMS, EVALUATION, ORIGINAL, PARITY
from cxr_edge.spec.embedding import SPEC_MEMBER, append_spec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.storage.bounded import MAX_JSON, read_at_most
from cxr_edge.storage.system_names import is_taken, names_in
from cxr_export.keras_models.backend import require_tensorflow
from cxr_export.keras_models.ending import ENDING, with_outputs
from cxr_export.keras_models.load import load_original
from cxr_export.keras_models.wrap import single_probability
from cxr_export.packaging.artefacts import ArtefactMaker
from cxr_export.packaging.card import model_card, with_parity
from cxr_export.packaging.check_images import input_statistics
from cxr_export.packaging.golden import write_selftest
from cxr_export.packaging.request import Request, choose_images
from cxr_export.parity.report import ParityReport
from cxr_export.parity.tables import attempts_of


@dataclass(frozen=True)
class Exported:
    """Result of :func:`export_package`."""

    spec: ModelSpec
    """Spec of the exported model."""
    report: ParityReport | None
    """Comparison of the artefacts with the original; None if no images were given."""
    impossible: Mapping[str, str] = field(default_factory=dict)
    """Reasons why an artefact that was asked for cannot be made of this network, by file."""

    @property
    def withheld(self) -> Mapping[str, Sequence[str]]:
        """Reasons why an artefact is not in the package, by file."""
        return self.report.withheld if self.report else {}


def export_package(
    model: Path,
    out: Path,
    spec: ModelSpec | None = None,
    request: Request | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Exported:
    """Export a Keras model as a folder that is written whole or not at all.

    Parameters
    ----------
    model
        A ``.keras`` or ``.h5`` file; it is wrapped by
        :func:`cxr_export.keras_models.wrap.single_probability`.
    out
        Folder of the package; an older package in its place is replaced, nothing else is.
    spec
        Spec in place of the one inside the model.
    request
        Content of the package; everything that can be made without images by default.
    tell
        Called with a line for each attempt at a quantization.

    Raises
    ------
    UsageError
        ``out`` exists and is no package, or its folder is missing; images are missing; the
        evaluation is of another model; the notes cannot be read; or Keras computes with another
        library than TensorFlow.
    DataError
        The evaluation or the images cannot be read, or there are too few; the package cannot be
        written.
    ModelError
        The model cannot be loaded, or no format can hold it.
    ParityError
        No artefact passed its gate; no package was made.
    """
    wanted = request or Request()
    parent = out.absolute().parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise UsageError(f"--out: expected an existing folder that can be written, got {parent}")
    if is_taken(out):
        _require_package(out)
    require_tensorflow("exports Keras models")
    original = load_original(model, spec, maps=wanted.heat_map, features=wanted.features)
    keras_model, exported = single_probability(original)
    summary = _read_evaluation(wanted.evaluation, model, exported) if wanted.evaluation else None
    notes = _read_notes(wanted.notes) if wanted.notes else ""
    facts = exported.provenance
    known = TrainingImages.read(model.parent, facts.data_sha256) if facts else None
    images = choose_images(wanted, exported, known)
    if images and images[0].unreadable:
        tell(f"{len(images[0].unreadable)} calibration images could not be read and were left out")
    if images and known and not known.validation:
        tell(
            "no image was held out from this network: parity is judged on "
            f"{len(images[1].images)} of the images given, which it may have learned from"
        )
    statistics = input_statistics(wanted, original, exported, model.parent, tell)
    if statistics:
        exported = replace(exported, input_check=statistics)
    with _scratch(out) as folder:
        scratch, package = Path(folder), Path(folder) / out.name
        package.mkdir()
        if spec is None and keras_model is original.model:
            shutil.copyfile(model, package / ORIGINAL)
        else:
            keras_model.save(package / ORIGINAL, include_optimizer=False)
            append_spec(package / ORIGINAL, exported)
        answering, beside = _with_outputs(keras_model, wanted.beside, tell)
        maker = ArtefactMaker(answering, exported, wanted, scratch, tell, beside)
        report = maker.make_judged(package, original, *images) if images else None
        if not images:
            maker.make(package)
        if report and not report.artefacts:
            raise ParityError(f"no package was made: {explain_withheld(report.withheld, model)}")
        findings = report.to_dict() if report else None
        (package / SPEC_MEMBER).write_text(exported.to_json(), encoding="utf-8")
        card = model_card(exported, summary, notes, findings, wanted.license_name)
        (package / CARD).write_text(card, encoding="utf-8")
        if findings:
            (package / PARITY).write_text(_text(findings), encoding="utf-8")
        if known:
            known.write(package)
        if wanted.evaluation:
            shutil.copyfile(wanted.evaluation, package / EVALUATION)
        write_selftest(package)
        write_checksums(package)
        _put_in_place(package, out, scratch / "replaced")
    return Exported(exported, report, maker.left_out)


def _with_outputs(
    model: keras.Model, names: Sequence[str], tell: Callable[[str], None]
) -> tuple[keras.Model, Sequence[str]]:
    """Return a model with outputs beside its probability, and which; a line says why without."""
    more = with_outputs(model, names) if names else None
    if names and more is None:
        tell(f"no heat map and no features: they need a network that ends in {ENDING}")
    return (more, names) if more else (model, ())


@contextmanager
def _scratch(out: Path) -> Iterator[str]:
    """Give a folder beside ``out`` that is removed afterwards; errors of the disk are named."""
    try:
        with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=f".{out.name}-") as it:
            yield it
    except OSError as exc:
        raise DataError(
            f"--out: {out} cannot be written ({exc.strerror or exc}); make room, or choose "
            "another place"
        ) from exc


def record(package: Path, report: ParityReport) -> list[str]:
    """Write the findings of a comparison into a package: ``parity.json`` and the model card.

    The attempts made at the export stay in ``parity.json``.

    Returns
    -------
    list of str
        The files written.

    Raises
    ------
    DataError
        They cannot be written.
    """
    findings, listed = report.to_dict(), read_checksums(package)
    path, card = package / PARITY, package / CARD
    try:
        if path.is_file():
            before = json.loads(path.read_text(encoding="utf-8"))
            findings |= {"attempts": attempts_of(before), "withheld": before.get("withheld", {})}
        written = {PARITY: _text(findings)}
        if card.is_file():
            written[CARD] = with_parity(card.read_text(encoding="utf-8"), findings)
        for name, text in written.items():
            write_text_atomically(package / name, text)
            listed[name] = hashlib.sha256(text.encode()).hexdigest()
        write_list(package, listed)
    except (OSError, ValueError) as exc:
        raise DataError(
            f"{package}: the findings cannot be written into it ({exc}); use --no-write to leave "
            "the package as it is"
        ) from exc
    return [*written, CHECKSUMS]


def _text(findings: dict[str, Any]) -> str:
    return json.dumps(findings, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def explain_withheld(withheld: Mapping[str, Sequence[str]], model: Path) -> str:
    """Return the artefacts that were left out of a package, each with its reasons."""
    reasons = "; ".join(f"{name}: {', '.join(lines)}" for name, lines in withheld.items())
    return (
        f"left out of the package because they failed parity with {model.name}: {reasons}; give "
        "other or more images (--calibration), leave these formats out (--formats), or loosen the "
        "limits (--flips, ...)"
    )


def explain_impossible(impossible: Mapping[str, str]) -> str:
    """Return the artefacts that cannot be made, with their reasons and the way out."""
    names, reasons = ", ".join(impossible), "; ".join(dict.fromkeys(impossible.values()))
    return (
        f"left out of the package because they cannot be made: {names} ({reasons}); "
        "name the other formats with --formats, or change the network"
    )


def _require_package(folder: Path) -> None:
    """Raise unless a folder holds the files of a package, and nothing else that would be lost."""
    try:
        listed = read_checksums(folder) if folder.is_dir() else {}
    except ModelInvalid:
        listed = {}
    own = {CHECKSUMS, *listed}
    strange = [name for name in names_in(folder) if name not in own] if listed else []
    if SPEC_MEMBER not in listed or strange:
        other = f": {strange[0]} is in it" if strange else ""
        raise UsageError(
            f"--out: {folder} exists and is not a model package that can be replaced{other}; "
            "choose another name"
        )


def _put_in_place(package: Path, out: Path, aside: Path) -> None:
    """Rename the new package to its place, and the old one back if that fails.

    Files that are hidden or a system's stay.
    """
    if out.exists():
        out.rename(aside)
    try:
        package.rename(out)
    except OSError:
        if aside.exists():
            aside.rename(out)
        raise
    if aside.exists():
        own = names_in(aside)
        try:
            for path in aside.iterdir():
                if path.name not in own:
                    path.rename(out / path.name)
        except BaseException:  # what was not moved must not be removed with the old package
            aside.rename(out.with_name(f"{out.name}.old"))
            raise


def _read_evaluation(path: Path, model: Path, spec: ModelSpec) -> Summary:
    """Read figures and check that they belong to this file and its operating points."""
    found = Summary.read(path)
    digest = file_sha256(model)
    points = [(point.name, point.threshold) for point in found.figures.points]
    wanted = [(point.name, point.threshold) for point in spec.operating_points]
    if not digest.startswith(found.model.rpartition("@")[2]) or points != wanted:
        raise UsageError(
            f"--evaluation: expected figures of {model} ({digest[:12]}) at its operating points, "
            f"got {path} of {found.model}; run 'cxr evaluate DATA --model {model}'"
        )
    return found


def _read_notes(path: Path) -> str:
    try:
        return read_at_most(path, MAX_JSON).decode("utf-8")
    except (OSError, UnicodeError) as exc:
        raise UsageError(
            f"--notes: expected a text file, got {path}, which cannot be read: {exc}"
        ) from exc
