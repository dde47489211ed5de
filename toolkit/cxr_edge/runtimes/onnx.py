"""ONNX models by onnxruntime: its only importer."""

import os
from typing import Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as native

from cxr_edge.artefact import SPEC_KEY, spec_missing
from cxr_edge.errors import ModelError, ModelInvalid, RuntimeUnavailable, UsageError
from cxr_edge.runtimes import Scores
from cxr_edge.runtimes.adapter import Adapter, Array, Tensor
from cxr_edge.spec import ModelSpec

PROVIDERS: Final = {
    "cpu": ("CPUExecutionProvider", "onnxruntime"),
    "cuda": ("CUDAExecutionProvider", "onnxruntime-gpu"),
}
"""Device to execution provider and the package that brings it."""

LOAD_ERRORS: Final = (
    native.InvalidProtobuf,
    native.InvalidGraph,
    native.InvalidArgument,
    native.NotImplemented,
    native.Fail,
    native.RuntimeException,
)
"""What onnxruntime raises on a model or a batch."""
_ERRORS_ONLY: Final = 3
_EXTERNAL_FOLDER: Final = "session.model_external_initializers_file_folder_path"
_NOWHERE: Final = f"{os.devnull}/none"
"""A folder that cannot be: without it onnxruntime looks for a model's data where it was started."""
_TYPES: Final = {"float": "float32", "double": "float64"}
"""onnxruntime's names of types, where they are not NumPy's."""


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
        options.add_session_config_entry(_EXTERNAL_FOLDER, _NOWHERE)
        wanted = _provider(device)
        try:
            self._session = ort.InferenceSession(data, options, providers=wanted)
        except LOAD_ERRORS as exc:
            if "external data" in str(exc).lower():
                raise ModelInvalid(
                    f"{source}: expected all weights in one file, came a model that keeps some in "
                    "another, which is not followed; save it as one: "
                    "onnx.save(onnx.load(path), 'one.onnx')"
                ) from exc
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
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        self._adapter = Adapter(
            source,
            self.spec,
            [_tensor(value) for value in inputs],
            [_tensor(value) for value in outputs],
        )
        self._input, self._output = inputs[0].name, outputs[0].name

    @property
    def provider(self) -> str:
        """The first execution provider that the session really has."""
        return str(self._session.get_providers()[0])

    def run(self, pixels: NDArray[np.uint8]) -> Scores:
        """Score a batch; see :class:`cxr_edge.runtimes.Runtime`.

        Raises
        ------
        ModelInvalid
            What came out is not one probability a film.
        ModelError
            onnxruntime failed on it.
        """
        return self._adapter.run(pixels, self._call)

    def _call(self, image: Array) -> Array:
        try:
            (scores,) = self._session.run([self._output], {self._input: image})
        except LOAD_ERRORS as exc:
            raise ModelError(f"onnxruntime failed on a batch: {_first_line(exc)}") from exc
        return np.asarray(scores)

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


def _tensor(value: ort.NodeArg) -> Tensor:
    """Return what onnxruntime says of an input or output."""
    dtype = value.type.removeprefix("tensor(").removesuffix(")")
    return Tensor(value.name, tuple(value.shape), _TYPES.get(dtype, dtype))


def _first_line(exc: Exception) -> str:
    return str(exc).strip().splitlines()[0]
