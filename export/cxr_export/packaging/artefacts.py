"""The artefacts of one package, each judged by its gate."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import keras

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.errors import ModelError
from cxr_edge.models.consistency import try_answers
from cxr_edge.models.open import open_artefact
from cxr_edge.models.package import ORIGINAL, ArtefactFormat
from cxr_edge.runtimes.base import Outputs, Runtime
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision
from cxr_edge.system.progress import stage
from cxr_export.convert.onnx import export_onnx
from cxr_export.convert.tflite import export_tflite
from cxr_export.packaging.request import Request
from cxr_export.parity.report import ArtefactParity, ParityReport
from cxr_export.parity.verdict import Verdict
from cxr_export.parity.verify import measure_artefact
from cxr_export.quantize.plan import Quantizer
from cxr_export.quantize.search import QuantizationAttempt, QuantizationSearch, best_of

_FLOAT: Final = {"onnx": "model.onnx", "litert": "model.tflite"}
"""Runtime to the float artefact from which those of fewer bits are made."""

_EXPORTS: Final[Mapping[str, Callable[[keras.Model, ModelSpec, Path, Sequence[str]], None]]] = {
    "onnx": export_onnx,
    "litert": export_tflite,
}
"""Runtime to the function that writes its float artefact."""


@dataclass(frozen=True)
class ArtefactMaker:
    """Makes the artefacts of one package."""

    model: keras.Model
    """The model as it is exported: uint8 pixels in, one probability out, and maybe others."""
    spec: ModelSpec
    """Spec of the exported model."""
    request: Request
    """Formats, gates and calibration."""
    scratch: Path
    """An existing folder for files that do not stay."""
    tell: Callable[[str], None]
    """Called with a line for each attempt at a quantization."""
    beside: Sequence[str] = ()
    """Names of the outputs beside the probability, in the model's order."""
    impossible: dict[str, str] = field(default_factory=dict)
    """Reasons why the network cannot be held by a runtime's format, by runtime."""

    def make(self, package: Path) -> None:
        """Write every artefact into a package, unjudged, where there are no images."""
        self._convert()
        for kind in self._kinds:
            (self.scratch / kind.file).rename(package / kind.file)

    def make_judged(
        self, package: Path, original: Runtime, calibration: ImageSet, judged: ImageSet
    ) -> ParityReport:
        """Write every artefact that does not fail its gate into a package.

        Parameters
        ----------
        package
            The folder to write to.
        original
            The model as its author saved it. Artefacts are compared with this one, so the
            wrapping of the model is judged too.
        calibration
            Images from which quantizers measure ranges.
        judged
            Images on which artefacts are compared, of other patients.
        """
        self._convert()
        expected = run_in_batches(original, judged.pixels, what="scoring by Keras")
        kept: list[ArtefactParity] = []
        attempts: dict[str, list[QuantizationAttempt]] = {}
        withheld: dict[str, list[str]] = {}
        for kind in self._kinds:
            path, gate = self.scratch / kind.file, self.request.gates[kind.precision]
            if kind.precision != Precision.FP32:
                search = self._search(kind, calibration, judged, expected)
                tried = attempts[kind.file] = search.run(path, self.tell)
                best = best_of(tried)
                if best.mismatches:
                    reasons = (f"best of {len(tried)} attempts, {best.name}", *best.mismatches)
                    withheld[kind.file] = list(reasons)
                    continue
            artefact = measure_artefact(path, kind, judged, expected, self.spec, gate)
            if artefact.verdict is Verdict.FAILED:
                withheld[kind.file] = artefact.comparison.mismatches + artefact.batch_mismatches
            else:
                kept.append(artefact)
        for artefact in kept:
            shutil.copyfile(self.scratch / artefact.artefact, package / artefact.artefact)
        return ParityReport(
            self.spec, ORIGINAL, judged, tuple(kept), _as_records(attempts), withheld
        )

    @property
    def left_out(self) -> dict[str, str]:
        """Reasons why an artefact that was asked for cannot be made, by file."""
        return {
            kind.file: self.impossible[kind.runtime]
            for kind in self.request.kinds
            if kind.runtime in self.impossible
        }

    @property
    def _kinds(self) -> list[ArtefactFormat]:
        return [kind for kind in self.request.kinds if kind.runtime not in self.impossible]

    def _convert(self) -> None:
        """Write the float artefact of each runtime to the scratch folder.

        Raises
        ------
        ModelError
            None can be made.
        """
        for runtime in dict.fromkeys(kind.runtime for kind in self.request.kinds):
            path = self.scratch / _FLOAT[runtime]
            try:
                with stage(f"converting to {_FLOAT[runtime]}"):
                    _EXPORTS[runtime](self.model, self.spec, path, self.beside)
                made = open_artefact(str(path), runtime).runtime
                try_answers(made).require_usable(str(path))
            except ModelError as exc:
                self.impossible[runtime] = str(exc).replace(f"{self.scratch}/", "")
        if not self._kinds:
            raise ModelError("; ".join(self.impossible.values()))

    def _search(
        self, kind: ArtefactFormat, calibration: ImageSet, judged: ImageSet, expected: Outputs
    ) -> QuantizationSearch:
        source = self.scratch / _FLOAT[kind.runtime]
        return QuantizationSearch(
            quantizer=self._quantizer(kind, source, calibration),
            source=source,
            spec=self.spec,
            calibration=calibration,
            judged=judged,
            expected=expected,
            gate=self.request.gates[kind.precision],
            count=self.request.calibration_images,
        )

    def _quantizer(self, kind: ArtefactFormat, source: Path, images: ImageSet) -> Quantizer:
        if kind.runtime == "onnx":
            from cxr_export.quantize.onnx_int8 import OnnxInt8

            return OnnxInt8(source, images.pixels, self.scratch)
        from cxr_export.quantize.tflite import TfliteQuantizer

        return TfliteQuantizer(kind.precision, source, images.pixels)


def _as_records(
    attempts: Mapping[str, Sequence[QuantizationAttempt]],
) -> dict[str, list[dict[str, object]]]:
    return {file: [attempt.to_dict() for attempt in tried] for file, tried in attempts.items()}
