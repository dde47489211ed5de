"""Make the artefacts of one package, each judged by its gate."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import keras

from cxr_edge.models.gates import FULL
from cxr_edge.models.package import ORIGINAL, Format
from cxr_edge.runtimes.base import Runtime, Scores
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.convert.onnx import export_onnx
from cxr_export.convert.tflite import export_tflite
from cxr_export.packaging.request import Request
from cxr_export.parity.images import Images
from cxr_export.parity.report import ArtefactParity, ParityReport
from cxr_export.parity.verify import measure
from cxr_export.quantize.plan import Quantizer
from cxr_export.quantize.search import Ladder, Rung

_FLOAT: Final = {"onnx": "model.onnx", "litert": "model.tflite"}
"""Runtime to the float artefact that those of fewer bits are made from."""


@dataclass
class Maker:
    """Makes the artefacts of one package."""

    model: keras.Model
    spec: ModelSpec
    wanted: Request
    package: Path
    scratch: Path
    images: tuple[Images, Images] | None
    tell: Callable[[str], None]
    source: Runtime
    rungs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    withheld: dict[str, list[str]] = field(default_factory=dict)

    def make(self) -> ParityReport | None:
        """Write every artefact that passes, all where there are no images to judge on.

        Artefacts are held against the source, as the user has it: what wraps it is judged too.
        """
        kinds = self.wanted.kinds
        runtimes = {kind.runtime for kind in kinds}
        if "onnx" in runtimes:
            export_onnx(self.model, self.spec, self.scratch / _FLOAT["onnx"])
        if "litert" in runtimes:
            export_tflite(self.model, self.spec, self.scratch / _FLOAT["litert"])
        if self.images is None:
            for kind in kinds:
                (self.scratch / kind.file).rename(self.package / kind.file)
            return None
        _, judged = self.images
        expected = run_in_batches(self.source, judged.pixels).scores
        found: list[ArtefactParity] = []
        for kind in kinds:
            path = self.scratch / kind.file
            if kind.precision != FULL:
                tried = self._ladder(kind, expected).climb(path, self.tell)
                self.rungs[kind.file] = [rung.to_dict() for rung in tried]
                if tried[-1].mismatches:
                    self.withheld[kind.file] = _best(tried)
                    continue
            gate = self.wanted.gates[kind.precision]
            artefact = measure(path, kind, judged, expected, self.spec, gate)
            if artefact.passed:
                found.append(artefact)
            else:
                self.withheld[kind.file] = artefact.comparison.mismatches + artefact.apart
        for artefact in found:
            shutil.copyfile(self.scratch / artefact.artefact, self.package / artefact.artefact)
        return ParityReport(self.spec, ORIGINAL, judged, tuple(found), self.rungs, self.withheld)

    def _ladder(self, kind: Format, expected: Scores) -> Ladder:
        assert self.images is not None
        calibration, judged = self.images
        source = self.scratch / _FLOAT[kind.runtime]
        return Ladder(
            quantizer=self._quantizer(kind, source, calibration),
            source=source,
            spec=self.spec,
            calibration=calibration,
            judged=judged,
            expected=expected,
            gate=self.wanted.gates[kind.precision],
            count=self.wanted.calibration_images,
        )

    def _quantizer(self, kind: Format, source: Path, images: Images) -> Quantizer:
        if kind.runtime == "onnx":
            from cxr_export.quantize.onnx_int8 import OnnxInt8

            return OnnxInt8(source, images.pixels, self.scratch)
        from cxr_export.quantize.tflite import TfliteQuantizer

        return TfliteQuantizer(kind.precision, source, images.pixels)


def _best(tried: Sequence[Rung]) -> list[str]:
    """Return why the attempt that came nearest did not pass."""
    best = min(tried, key=lambda rung: sum(rung.comparison.flips.values()))
    return [f"best of {len(tried)} attempts, {best.name}", *best.mismatches]
