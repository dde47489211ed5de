"""A model package: a folder with every artefact, its spec, its card and its checksums."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import keras

from cxr_edge.artefact import SPEC_MEMBER, append_spec
from cxr_edge.errors import DataError, UsageError
from cxr_edge.evaluation.summary import Summary
from cxr_edge.package import (
    CARD,
    CHECKSUMS,
    EVALUATION,
    FORMATS,
    ORIGINAL,
    PARITY,
    Format,
    write_checksums,
)
from cxr_edge.spec import ModelSpec
from cxr_export.card import model_card, with_parity
from cxr_export.films import Films, choose, divide, list_parity_films, load_parity_films
from cxr_export.gates import FULL, GATES, Gate
from cxr_export.golden import write_selftest
from cxr_export.ladder import Ladder, Rung
from cxr_export.onnx import export_onnx
from cxr_export.original import KerasRuntime, load_original, single_probability
from cxr_export.parity import ArtefactParity, ParityReport, measure, score
from cxr_export.quantize import Quantizer
from cxr_export.tflite import export_tflite

CALIBRATION_FILMS: Final = 128
"""To begin with; the rung that takes more takes four times as many."""

JUDGED_FILMS: Final = 1000
"""Films on which artefacts are judged."""

_FLOAT: Final = {"onnx": "model.onnx", "litert": "model.tflite"}
"""Runtime to the float artefact that those of fewer bits are made from."""


@dataclass(frozen=True)
class Request:
    """What is to be in a package."""

    formats: Sequence[str] = (*FORMATS,)
    """Keys of :data:`cxr_edge.package.FORMATS`."""
    calibration: Sequence[Path] = ()
    """Folders and manifests of films to calibrate with; needed for formats of fewer bits."""
    data: Sequence[Path] = ()
    """Films to judge on; without, those of ``calibration`` that are of other patients."""
    calibration_films: int = CALIBRATION_FILMS
    """To begin with."""
    judged_films: int = JUDGED_FILMS
    """At most."""
    gates: Mapping[str, Gate] = field(default_factory=lambda: GATES)
    """By precision."""
    evaluation: Path | None = None
    """``evaluation.json`` of the same model, for the card; it is copied into the package."""
    notes: Path | None = None
    """Markdown for the card: how the model was chosen."""

    def __post_init__(self) -> None:
        if unknown := [name for name in self.formats if name not in FORMATS]:
            raise UsageError(
                f"--formats: expected some of {', '.join(FORMATS)}, came {', '.join(unknown)}"
            )
        if not self.formats:
            raise UsageError(f"--formats: expected some of {', '.join(FORMATS)}, came none")
        few = [kind.name for kind in self.kinds if kind.precision != FULL]
        if few and not self.calibration:
            raise UsageError(
                f"--formats {','.join(few)}: expected --calibration DATA, films like those that "
                "will be scanned: ranges are measured on some of them, and on others it is judged "
                "whether decisions stay; or export --formats onnx,tflite alone"
            )

    @property
    def kinds(self) -> list[Format]:
        """The formats, the most exact first."""
        return [kind for kind in FORMATS.values() if kind.name in self.formats]


@dataclass(frozen=True)
class Exported:
    """What :func:`export_package` made."""

    spec: ModelSpec
    """Of the model."""
    report: ParityReport | None
    """Comparison with the original of all that was exported; None where no films were given."""
    withheld: dict[str, list[str]]
    """File to why it is not in the package: it did not pass its gate."""


def export_package(
    model: Path,
    out: Path,
    spec: ModelSpec | None = None,
    request: Request | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Exported:
    """Export a Keras model as one folder that is there whole or not at all.

    Parameters
    ----------
    model
        A ``.keras`` or ``.h5`` file; it is wrapped by
        :func:`cxr_export.original.single_probability`.
    out
        The package; must not exist yet, or be an older package, which is replaced.
    spec
        Instead of the one inside the model.
    request
        What is to be in it; everything by default, which needs films.
    tell
        Called with a line for each attempt at a quantization.

    Raises
    ------
    UsageError
        ``out`` exists and is no package, or its folder is missing; films are missing; the
        evaluation is of another model; the notes cannot be read.
    DataError
        The evaluation or the films cannot be read, or there are too few.
    ModelError
        The model cannot be loaded or exported.
    """
    wanted = request or Request()
    parent = out.absolute().parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise UsageError(f"-o: expected an existing folder that can be written, {parent} is none")
    if out.exists() and not (out / CHECKSUMS).is_file() and not _is_empty(out):
        raise UsageError(f"-o: {out} exists and is no model package; choose another name")
    loaded, given = load_original(model, spec)
    keras_model, exported = single_probability(loaded, given, str(model))
    summary = _read_evaluation(wanted.evaluation, model, exported) if wanted.evaluation else None
    notes = _read_notes(wanted.notes) if wanted.notes else ""
    films = _films(wanted, exported)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{out.name}-") as folder:
        scratch, package = Path(folder), Path(folder) / out.name
        package.mkdir()
        if spec is None and keras_model is loaded:
            shutil.copyfile(model, package / ORIGINAL)
        else:
            keras_model.save(package / ORIGINAL, include_optimizer=False)
            append_spec(package / ORIGINAL, exported)
        maker = _Maker(keras_model, exported, wanted, package, scratch, films, tell)
        report, withheld = maker.make()
        findings = report.to_dict() if report else None
        (package / SPEC_MEMBER).write_text(exported.to_json(), encoding="utf-8")
        card = model_card(exported, summary, notes, findings)
        (package / CARD).write_text(card, encoding="utf-8")
        if findings:
            _write_findings(package, findings)
        if wanted.evaluation:
            shutil.copyfile(wanted.evaluation, package / EVALUATION)
        write_selftest(package)
        write_checksums(package)
        if out.exists():
            out.rename(scratch / "replaced")
        package.rename(out)
    return Exported(exported, report, withheld)


def record(package: Path, report: ParityReport) -> None:
    """Put what a comparison found into a package: ``parity.json`` and the model card.

    What was tried at the export stays in ``parity.json``.
    """
    findings = report.to_dict()
    path, card = package / PARITY, package / CARD
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        findings["rungs"] = before.get("rungs", {})
    _write_findings(package, findings)
    if card.is_file():
        text = with_parity(card.read_text(encoding="utf-8"), findings)
        card.write_text(text, encoding="utf-8")
    write_checksums(package)


def _write_findings(package: Path, findings: dict[str, Any]) -> None:
    text = json.dumps(findings, indent=2, ensure_ascii=False)
    (package / PARITY).write_text(text + "\n", encoding="utf-8")


@dataclass
class _Maker:
    """Makes the artefacts of one package."""

    model: keras.Model
    spec: ModelSpec
    wanted: Request
    package: Path
    scratch: Path
    films: tuple[Films, Films] | None
    tell: Callable[[str], None]
    rungs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    withheld: dict[str, list[str]] = field(default_factory=dict)

    def make(self) -> tuple[ParityReport | None, dict[str, list[str]]]:
        """Write every artefact that passes; return the comparison and what was withheld."""
        kinds = self.wanted.kinds
        runtimes = {kind.runtime for kind in kinds}
        if "onnx" in runtimes:
            export_onnx(self.model, self.spec, self.scratch / _FLOAT["onnx"])
        if "litert" in runtimes:
            export_tflite(self.model, self.spec, self.scratch / _FLOAT["litert"])
        if self.films is None:
            for kind in kinds:
                (self.scratch / kind.file).rename(self.package / kind.file)
            return None, {}
        _, judged = self.films
        expected = score(KerasRuntime(self.model, self.spec), judged.pixels)
        found: list[ArtefactParity] = []
        for kind in kinds:
            path = self.scratch / kind.file
            if kind.precision != FULL:
                tried = self._ladder(kind, expected).climb(path, self.tell)
                self.rungs[kind.file] = [rung.to_dict() for rung in tried]
                if tried[-1].mismatches:
                    self.withheld[kind.file] = _summary(tried)
                    continue
            gate = self.wanted.gates[kind.precision]
            artefact = measure(path, kind, judged, expected, self.spec, gate)
            if artefact.passed:
                found.append(artefact)
            else:
                self.withheld[kind.file] = artefact.mismatches
        for artefact in found:
            shutil.copyfile(self.scratch / artefact.artefact, self.package / artefact.artefact)
        report = ParityReport(self.spec, ORIGINAL, judged, tuple(found), self.rungs)
        return report, self.withheld

    def _ladder(self, kind: Format, expected: Any) -> Ladder:
        assert self.films is not None
        calibration, judged = self.films
        source = self.scratch / _FLOAT[kind.runtime]
        return Ladder(
            quantizer=self._quantizer(kind, source, calibration),
            source=source,
            spec=self.spec,
            calibration=calibration,
            judged=judged,
            expected=expected,
            gate=self.wanted.gates[kind.precision],
            count=self.wanted.calibration_films,
        )

    def _quantizer(self, kind: Format, source: Path, films: Films) -> Quantizer:
        if kind.runtime == "onnx":
            from cxr_export.quantize_onnx import OnnxInt8

            return OnnxInt8(source, films.pixels, self.scratch)
        from cxr_export.quantize_tflite import TfliteQuantizer

        return TfliteQuantizer(kind.precision, source, films.pixels)


def _summary(tried: Sequence[Rung]) -> list[str]:
    return [f"{rung.name}: {'; '.join(rung.mismatches)}" for rung in tried]


def _films(wanted: Request, spec: ModelSpec) -> tuple[Films, Films] | None:
    """Return the films to calibrate with and those to judge on; None where none are given."""
    given = [*wanted.calibration, *wanted.data]
    if not given:
        return None
    calibration = list_parity_films(wanted.calibration, spec.labels) if wanted.calibration else []
    if wanted.data:
        judged = list_parity_films(wanted.data, spec.labels)
        apart = {film.item.file.resolve() for film in judged}
        calibration = [film for film in calibration if film.item.file.resolve() not in apart]
    else:
        calibration, judged = divide(calibration, spec)
    if wanted.calibration and not calibration:
        raise DataError(
            "--calibration: expected films of other patients than those judged on, came none; "
            "give more films, or those to judge on with --data"
        )
    if not judged:
        raise DataError("expected films to judge on, all are calibrated with; give --data")
    used = load_parity_films(choose(judged, wanted.judged_films), spec.input)
    several = choose(calibration, 4 * wanted.calibration_films)
    return (load_parity_films(several, spec.input) if several else used), used


def _read_evaluation(path: Path, model: Path, spec: ModelSpec) -> Summary:
    """Read figures and check that they are of this file and its operating points."""
    found = Summary.read(path)
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    points = [(point.name, point.threshold) for point in found.figures.points]
    wanted = [(point.name, point.threshold) for point in spec.operating_points]
    if not digest.startswith(found.model.rpartition("@")[2]) or points != wanted:
        raise UsageError(
            f"--evaluation: expected figures of {model} ({digest[:12]}) at its operating points, "
            f"{path} is of {found.model}; run 'cxr evaluate {model} DATA'"
        )
    return found


def _read_notes(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as exc:
        raise UsageError(f"--notes: expected a text file, {path} cannot be read: {exc}") from exc


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())
