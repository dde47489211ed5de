"""TFLite models by LiteRT: the only importer of ai_edge_litert."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from cxr_edge.artefact import read_appended_spec
from cxr_edge.errors import ModelError, ModelInvalid, RuntimeUnavailable
from cxr_edge.runtimes import Scores, check_input
from cxr_edge.spec import ModelSpec


class LiteRtRuntime:
    """One LiteRT interpreter; not to be shared between threads."""

    provider = "CPU"

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
            Of the interpreter.
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
            raise RuntimeUnavailable(f"--device: litert runs on the cpu only, came {device!r}")
        try:
            with _no_chatter():
                self._interpreter = Interpreter(model_content=data, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as exc:
            raise ModelInvalid(
                f"{source}: expected a TFLite model, LiteRT cannot load it ({exc}); "
                "export it or copy it again"
            ) from exc
        self.spec = spec or read_appended_spec(data, source)
        image = self._interpreter.get_input_details()[0]
        dtype = np.dtype(image["dtype"]).name
        check_input(source, self.spec.input, tuple(int(n) for n in image["shape"]), dtype)
        self._input = image["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._batch = int(image["shape"][0])

    def run(self, pixels: NDArray[np.uint8]) -> Scores:
        """Score a batch; see :class:`cxr_edge.runtimes.Runtime`.

        Raises
        ------
        ModelError
            LiteRT failed on it.
        """
        try:
            if len(pixels) != self._batch:
                self._interpreter.resize_tensor_input(self._input, pixels.shape, strict=True)
                self._interpreter.allocate_tensors()
                self._batch = len(pixels)
            self._interpreter.set_tensor(self._input, pixels)
            self._interpreter.invoke()
            scores = self._interpreter.get_tensor(self._output)
        except (ValueError, RuntimeError) as exc:
            raise ModelError(f"LiteRT failed on a batch: {exc}") from exc
        return np.asarray(scores, np.float32).reshape(-1)


@contextmanager
def _no_chatter() -> Iterator[None]:
    """Keep LiteRT's note on how it computes off standard error; no option or variable does.

    What goes wrong is raised, so nothing is lost. No other thread runs while a model is opened.
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
