"""The artefacts of one package, each judged by its gate."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import keras

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.models.package import ORIGINAL, Format
from cxr_edge.runtimes.base import Runtime, Scores
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision
from cxr_export.convert.onnx import export_onnx
from cxr_export.convert.tflite import export_tflite
from cxr_export.packaging.request import Request
from cxr_export.parity.report import ArtefactParity, ParityReport
from cxr_export.parity.verdict import Verdict
from cxr_export.parity.verify import measure_artefact
from cxr_export.quantize.plan import Quantizer
from cxr_export.quantize.search import Attempt, QuantizationSearch, best_of

_FLOAT: Final = {"onnx": "model.onnx", "litert": "model.tflite"}
"""Runtime to the float artefact from which those of fewer bits are made."""


@dataclass(frozen=True)
class ArtefactMaker:
    """Makes the artefacts of one package."""

    model: keras.Model
    """The model as it is exported: uint8 pixels in, one probability out."""
    spec: ModelSpec
    """Spec of the exported model."""
    request: Request
    """Formats, gates and calibration."""
    scratch: Path
    """An existing folder for files that do not stay."""
    tell: Callable[[str], None]
    """Called with a line for each attempt at a quantization."""

    def make(self, package: Path) -> None:
        """Write every artefact into a package, unjudged, where there are no images."""
        self._convert()
        for kind in self.request.kinds:
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
        expected = run_in_batches(original, judged.pixels).scores
        kept: list[ArtefactParity] = []
        attempts: dict[str, list[Attempt]] = {}
        withheld: dict[str, list[str]] = {}
        for kind in self.request.kinds:
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

    def _convert(self) -> None:
        """Write the float artefact of each runtime to the scratch folder."""
        runtimes = {kind.runtime for kind in self.request.kinds}
        if "onnx" in runtimes:
            export_onnx(self.model, self.spec, self.scratch / _FLOAT["onnx"])
        if "litert" in runtimes:
            export_tflite(self.model, self.spec, self.scratch / _FLOAT["litert"])

    def _search(
        self, kind: Format, calibration: ImageSet, judged: ImageSet, expected: Scores
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

    def _quantizer(self, kind: Format, source: Path, images: ImageSet) -> Quantizer:
        if kind.runtime == "onnx":
            from cxr_export.quantize.onnx_int8 import OnnxInt8

            return OnnxInt8(source, images.pixels, self.scratch)
        from cxr_export.quantize.tflite import TfliteQuantizer

        return TfliteQuantizer(kind.precision, source, images.pixels)


def _as_records(attempts: Mapping[str, Sequence[Attempt]]) -> dict[str, list[dict[str, object]]]:
    return {file: [attempt.to_dict() for attempt in tried] for file, tried in attempts.items()}
