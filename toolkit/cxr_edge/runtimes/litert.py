"""TFLite models run by LiteRT; the only importer of ai_edge_litert."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from cxr_edge.errors import ModelError, ModelInvalid, RuntimeUnavailable
from cxr_edge.runtimes.adapted import AdaptedRuntime
from cxr_edge.runtimes.adapter import Adapter
from cxr_edge.runtimes.base import OpenOptions
from cxr_edge.runtimes.providers import AUTO, CPU
from cxr_edge.runtimes.tensor import Array, Tensor
from cxr_edge.spec.embedding import read_appended_spec
from cxr_edge.system.stderr import drop_lines

_NOTE: Final = b"Created TensorFlow Lite XNNPACK delegate for CPU"
_noted = False
"""LiteRT has printed its note in this process, so that standard error is left alone."""


class LiteRtRuntime(AdaptedRuntime):
    """LiteRT interpreters, as many as threads call at once; each serves one call at a time."""

    provider = "CPU"
    why = "LiteRT runs on the CPU only"

    def __init__(self, data: bytes, source: str, options: OpenOptions) -> None:
        """Open a model.

        Parameters
        ----------
        data
            All bytes of the ``.tflite`` file.
        source
            File, for messages.
        options
            Settings; the device is ``auto`` or ``cpu``.

        Raises
        ------
        ModelInvalid
            Not a TFLite model, damaged, or not what its spec says.
        SpecMissing, SpecInvalid, SpecUnknown
            No usable spec inside and none given.
        RuntimeUnavailable
            Another device than the CPU.
        """
        if options.device not in (AUTO, CPU):
            raise RuntimeUnavailable(
                f"--device {options.device}: LiteRT supports only the CPU; use --runtime onnx"
            )
        self._data, self._threads = data, options.threads
        try:
            first = self._load_first()
        except (ValueError, RuntimeError) as exc:
            raise ModelInvalid(
                f"{source}: expected a TFLite model, LiteRT cannot load it ({exc}); "
                "export it or copy it again"
            ) from exc
        self.spec = options.spec or read_appended_spec(data, source)
        inputs, outputs = first.get_input_details(), named_outputs(first)
        self.adapter = Adapter(
            source,
            self.spec,
            [_tensor(details) for details in inputs],
            [_tensor(details) for details in outputs],
            maps=options.maps,
            features=options.features,
        )
        self._input = inputs[0]["index"]
        self._outputs = [outputs[position]["index"] for position in self.adapter.wanted]
        self._idle = [first]

    def _call(self, image: Array) -> Sequence[object]:
        try:
            interpreter = self._free()
            try:
                if image.shape != tuple(interpreter.get_input_details()[0]["shape"]):
                    interpreter.resize_tensor_input(self._input, image.shape, strict=True)
                    interpreter.allocate_tensors()
                interpreter.set_tensor(self._input, image)
                interpreter.invoke()
                return [interpreter.get_tensor(output) for output in self._outputs]
            finally:
                self._idle.append(interpreter)
        except (ValueError, RuntimeError) as exc:
            raise ModelError(f"LiteRT failed on a batch: {exc}") from exc

    def _free(self) -> Interpreter:
        """Return an interpreter that no thread uses, a new one where all are in use."""
        try:
            return self._idle.pop()  # a list's own lock is enough
        except IndexError:
            return self._load()

    def _load_first(self) -> Interpreter:
        """Load without the note that LiteRT prints once a process on how it computes.

        No option or variable turns it off. An error is raised all the same.
        """
        global _noted  # noqa: PLW0603
        if _noted:
            return self._load()
        with drop_lines(_NOTE) as dropped:
            interpreter = self._load()
        _noted = bool(dropped)
        return interpreter

    def _load(self) -> Interpreter:
        interpreter = Interpreter(model_content=self._data, num_threads=self._threads)
        interpreter.allocate_tensors()
        return interpreter


def named_outputs(interpreter: Interpreter) -> list[dict[str, Any]]:
    """Return the details of the outputs; of several, by their names in the only signature.

    A quantizer may put another tensor in an output's place and leave the old one in the signature:
    one name that is left belongs to the one output that has none.
    """
    outputs: list[dict[str, Any]] = interpreter.get_output_details()
    signatures = interpreter.get_signature_list()
    if len(outputs) == 1 or len(signatures) != 1:
        return outputs
    named = interpreter.get_signature_runner(*signatures).get_output_details()
    names = {details["index"]: name for name, details in named.items()}
    unnamed = [details["index"] for details in outputs if details["index"] not in names]
    left = sorted(set(names) - {details["index"] for details in outputs})
    if len(unnamed) == len(left) == 1:
        names[unnamed[0]] = names[left[0]]
    return [{**details, "name": names.get(details["index"], "?")} for details in outputs]


def _tensor(details: dict[str, Any]) -> Tensor:
    """Return an input or output as LiteRT describes it."""
    scale, zero_point = details["quantization"]
    return Tensor(
        name=details["name"],
        shape=tuple(int(side) for side in details["shape_signature"]),
        dtype=np.dtype(details["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )
