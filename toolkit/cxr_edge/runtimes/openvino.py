"""ONNX models run by OpenVINO; the only importer of openvino."""

import sys
from collections import deque
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import numpy as np

# Importing openvino reports the import to its makers where openvino_telemetry is installed; no
# option or variable stops it, only a file in the user's home. OpenVINO does without the module.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402

from cxr_edge.errors import ModelError, ModelInvalid, RuntimeUnavailable  # noqa: E402
from cxr_edge.runtimes.adapted import AdaptedRuntime  # noqa: E402
from cxr_edge.runtimes.adapter import Adapter  # noqa: E402
from cxr_edge.runtimes.base import OpenOptions  # noqa: E402
from cxr_edge.runtimes.external_data import external_data, has_external_data  # noqa: E402
from cxr_edge.runtimes.providers import AUTO, CPU, openvino_config  # noqa: E402
from cxr_edge.runtimes.tensor import Array, Tensor  # noqa: E402
from cxr_edge.spec.embedding import SPEC_KEY, spec_missing  # noqa: E402
from cxr_edge.spec.model_spec import ModelSpec  # noqa: E402

_METADATA: Final = "framework"
"""Entry under which OpenVINO keeps an ONNX model's ``metadata_props``."""
_DEVICE: Final = "CPU"


class OpenVinoRuntime(AdaptedRuntime):
    """One compiled model, which several threads may call at once."""

    provider: str
    """Device, as OpenVINO reports it."""
    why = "the OpenVINO runtime uses the CPU only"

    def __init__(self, data: bytes, source: str, options: OpenOptions) -> None:
        """Open a model.

        Parameters
        ----------
        data
            All bytes of the ``.onnx`` file; data outside of it is not followed.
        source
            File, for messages.
        options
            Settings; the device is ``auto`` or ``cpu``.

        Raises
        ------
        ModelInvalid
            Not an ONNX model, damaged, or not what its spec says.
        SpecMissing, SpecInvalid, SpecUnknown
            No usable spec inside and none given.
        RuntimeUnavailable
            Another device than the CPU.
        """
        if options.device not in (AUTO, CPU):
            raise RuntimeUnavailable(
                f"--device {options.device}: the OpenVINO runtime uses only the CPU; "
                "use --runtime onnx"
            )
        if has_external_data(data, source):
            raise external_data(source)
        config = {
            **openvino_config(options.threads),
            "ENABLE_CPU_PINNING": False,  # two processes would be pinned to the same CPUs
        }
        core = _core()
        try:
            model = core.read_model(data)
            self._compiled = core.compile_model(model, _DEVICE, config)
        except RuntimeError as exc:
            raise ModelInvalid(
                f"{source}: expected an ONNX model, OpenVINO cannot load it ({_last_line(exc)}); "
                "export it or copy it again"
            ) from exc
        self.provider = ", ".join(self._compiled.get_property("EXECUTION_DEVICES"))
        self.spec = options.spec or _read_spec(model, source)
        self.adapter = Adapter(
            source,
            self.spec,
            [_tensor(port) for port in model.inputs],
            [_tensor(port) for port in model.outputs],
            maps=options.maps,
            features=options.features,
        )
        self._idle: deque[ov.InferRequest] = deque()

    def _call(self, image: Array) -> Sequence[object]:
        """Run a request that no other call uses; there are as many as calls at once."""
        try:
            try:
                request = self._idle.pop()
            except IndexError:
                request = self._compiled.create_infer_request()
            request.infer([image])
            given = [
                np.array(request.get_output_tensor(position).data)
                for position in self.adapter.wanted
            ]
        except RuntimeError as exc:
            raise ModelError(f"OpenVINO failed on a batch: {_last_line(exc)}") from exc
        self._idle.append(request)
        return given


@cache
def _core() -> ov.Core:
    """Return the one core of this process, which is never let go.

    Its plugin for CPUs gives the thread that loads it another stack for signals, and leaves that in
    place when it is unloaded with its core: the next signal, such as Ctrl-C, would then be handled
    in memory that is not there any more.
    """
    return ov.Core()


def _read_spec(model: ov.Model, source: str) -> ModelSpec:
    if not model.has_rt_info([_METADATA, SPEC_KEY]):
        raise spec_missing(source)
    return ModelSpec.from_json(model.get_rt_info([_METADATA, SPEC_KEY]).astype(str))


def _tensor(port: Any) -> Tensor:
    """Return an input or output as OpenVINO describes it."""
    shape = port.partial_shape
    sides = (
        ()
        if shape.rank.is_dynamic
        else tuple(side.get_length() if side.is_static else "?" for side in shape)
    )
    try:
        dtype = np.dtype(port.element_type.to_dtype()).name
    except (RuntimeError, TypeError):  # a type that NumPy lacks
        dtype = port.element_type.get_type_name()
    return Tensor(port.get_any_name(), sides, dtype)


def _last_line(exc: Exception) -> str:
    """Return the cause; the lines before it tell the place in OpenVINO's code."""
    return str(exc).strip().splitlines()[-1]
