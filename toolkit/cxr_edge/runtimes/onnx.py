"""ONNX models by onnxruntime: its only importer."""

from typing import Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as native

from cxr_edge.artefact import SPEC_KEY, spec_missing
from cxr_edge.errors import ModelError, ModelInvalid, RuntimeUnavailable, UsageError
from cxr_edge.runtimes import Scores, check_input
from cxr_edge.spec import ModelSpec

PROVIDERS: Final = {
    "cpu": ("CPUExecutionProvider", "onnxruntime"),
    "cuda": ("CUDAExecutionProvider", "onnxruntime-gpu"),
}
"""Device to execution provider and the package that brings it."""

_LOAD_ERRORS: Final = (
    native.InvalidProtobuf,
    native.InvalidGraph,
    native.InvalidArgument,
    native.NotImplemented,
    native.Fail,
    native.RuntimeException,
)
_ERRORS_ONLY: Final = 3


class OnnxRuntime:
    """One onnxruntime session."""

    def __init__(
        self, data: bytes, source: str, device: str, threads: int, spec: ModelSpec | None
    ) -> None:
        """Open a model.

        Parameters
        ----------
        data
            All bytes of the ``.onnx`` file; data outside of it is not followed.
        source
            The file, for messages.
        device
            ``auto``, or a key of :data:`PROVIDERS`.
        threads
            Of the session.
        spec
            Instead of the one inside.

        Raises
        ------
        ModelInvalid
            Not an ONNX model, damaged, or not what its spec says.
        SpecMissing, SpecInvalid, SpecUnknown
            No usable spec inside and none given.
        UsageError
            The device is unknown.
        RuntimeUnavailable
            The device has no provider installed, or does not work.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads  # set by hand, no affinity is set: cpusets work
        options.log_severity_level = _ERRORS_ONLY
        wanted = _provider(device)
        try:
            self._session = ort.InferenceSession(data, options, providers=wanted)
        except _LOAD_ERRORS as exc:
            raise ModelInvalid(
                f"{source}: expected an ONNX model, onnxruntime cannot load it "
                f"({_first_line(exc)}); export it or copy it again"
            ) from exc
        if device != "auto" and self.provider != wanted[0]:
            raise RuntimeUnavailable(
                f"--device {device}: asked for {wanted[0]}, onnxruntime fell back to "
                f"{self.provider}; check the device's driver and libraries"
            )
        self.spec = spec or self._read_spec(source)
        image = self._session.get_inputs()[0]
        check_input(
            source, self.spec.input, tuple(image.shape), image.type.removeprefix("tensor(")[:-1]
        )
        output = self._session.get_outputs()[0]
        fixed = isinstance(image.shape[0], int)
        if fixed or len(output.shape) > 2 or output.shape[1:] not in ([], [1]):
            raise ModelInvalid(
                f"{source}: expected any number of films in and one probability a film out, "
                f"came shapes {image.shape} and {output.shape}; export it with a dynamic batch"
            )
        self._input, self._output = image.name, output.name

    @property
    def provider(self) -> str:
        """The first execution provider that the session really has."""
        return str(self._session.get_providers()[0])

    def run(self, pixels: NDArray[np.uint8]) -> Scores:
        """Score a batch; see :class:`cxr_edge.runtimes.Runtime`.

        Raises
        ------
        ModelError
            onnxruntime failed on it.
        """
        try:
            (scores,) = self._session.run([self._output], {self._input: pixels})
        except _LOAD_ERRORS as exc:
            raise ModelError(f"onnxruntime failed on a batch: {_first_line(exc)}") from exc
        return np.asarray(scores, np.float32).reshape(-1)

    def _read_spec(self, source: str) -> ModelSpec:
        metadata = self._session.get_modelmeta().custom_metadata_map
        if SPEC_KEY not in metadata:
            raise spec_missing(source)
        return ModelSpec.from_json(metadata[SPEC_KEY])


def _provider(device: str) -> list[str]:
    installed = ort.get_available_providers()
    if device == "auto":
        return [name for name, _ in reversed(PROVIDERS.values()) if name in installed]
    if device not in PROVIDERS:
        raise UsageError(f"--device: expected auto, {', '.join(PROVIDERS)}, came {device!r}")
    name, package = PROVIDERS[device]
    if name not in installed:
        raise RuntimeUnavailable(
            f"--device {device} needs {name}, installed are {', '.join(installed)}; "
            f"install {package} in place of onnxruntime"
        )
    return [name]


def _first_line(exc: Exception) -> str:
    return str(exc).strip().splitlines()[0]
