"""TFLite models by LiteRT: the only importer of ai_edge_litert."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from cxr_edge.errors import ModelError, ModelInvalid, RuntimeUnavailable
from cxr_edge.runtimes.adapted import AdaptedRuntime
from cxr_edge.runtimes.adapter import Adapter, Array, Tensor
from cxr_edge.spec.embedding import read_appended_spec
from cxr_edge.spec.model_spec import ModelSpec


class LiteRtRuntime(AdaptedRuntime):
    """As many LiteRT interpreters as threads call at once; each serves one of them at a time."""

    provider = "CPU"
    why = "LiteRT runs on the CPU only"

    def __init__(
        self, data: bytes, source: str, device: str, threads: int, spec: ModelSpec | None
    ) -> None:
        """Open a model.

        Parameters
        ----------
        data
            All bytes of the ``.tflite`` file.
        source
            The file, for messages.
        device
            ``auto`` or ``cpu``.
        threads
            That one call may use.
        spec
            Instead of the one appended.

        Raises
        ------
        ModelInvalid
            Not a TFLite model, damaged, or not what its spec says.
        SpecMissing, SpecInvalid, SpecUnknown
            No usable spec inside and none given.
        RuntimeUnavailable
            Another device than the CPU.
        """
        if device not in ("auto", "cpu"):
            raise RuntimeUnavailable(f"--device: litert runs on the cpu only, got {device!r}")
        self._data, self._threads = data, threads
        try:
            with _no_chatter():
                first = self._load()
        except (ValueError, RuntimeError) as exc:
            raise ModelInvalid(
                f"{source}: expected a TFLite model, LiteRT cannot load it ({exc}); "
                "export it or copy it again"
            ) from exc
        self.spec = spec or read_appended_spec(data, source)
        inputs, outputs = first.get_input_details(), first.get_output_details()
        self._adapter = Adapter(
            source,
            self.spec,
            [_tensor(details) for details in inputs],
            [_tensor(details) for details in outputs],
        )
        self._input, self._output = inputs[0]["index"], outputs[0]["index"]
        self._idle = [first]

    def _call(self, image: Array) -> Array:
        try:
            interpreter = self._free()
            try:
                if image.shape != tuple(interpreter.get_input_details()[0]["shape"]):
                    interpreter.resize_tensor_input(self._input, image.shape, strict=True)
                    interpreter.allocate_tensors()
                interpreter.set_tensor(self._input, image)
                interpreter.invoke()
                return np.asarray(interpreter.get_tensor(self._output))
            finally:
                self._idle.append(interpreter)
        except (ValueError, RuntimeError) as exc:
            raise ModelError(f"LiteRT failed on a batch: {exc}") from exc

    def _free(self) -> Interpreter:
        """Return an interpreter that no thread has, a new one where all are taken."""
        try:
            return self._idle.pop()  # a list's own lock is enough
        except IndexError:
            return self._load()

    def _load(self) -> Interpreter:
        interpreter = Interpreter(model_content=self._data, num_threads=self._threads)
        interpreter.allocate_tensors()
        return interpreter


def _tensor(details: dict[str, Any]) -> Tensor:
    """Return what LiteRT says of an input or output."""
    scale, zero_point = details["quantization"]
    return Tensor(
        name=details["name"],
        shape=tuple(int(side) for side in details["shape_signature"]),
        dtype=np.dtype(details["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )


@contextmanager
def _no_chatter() -> Iterator[None]:
    """Keep LiteRT's note on how it computes off standard error; no option or variable does.

    It says it once a process. What goes wrong is raised, so nothing is lost. No other thread runs
    while a model is opened.
    """
    try:
        kept = os.dup(2)
    except OSError:  # standard error is closed
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
