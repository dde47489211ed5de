"""ONNX models run by onnxruntime; the only importer of onnxruntime."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from threading import Lock
from typing import Final

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as native

from cxr_edge.errors import ModelError, ModelInvalid, RuntimeUnavailable
from cxr_edge.runtimes.adapted import AdaptedRuntime
from cxr_edge.runtimes.adapter import Adapter
from cxr_edge.runtimes.base import OpenOptions
from cxr_edge.runtimes.providers import (
    AUTO,
    CPU,
    Provider,
    explain_several,
    how_to_install,
    installed_distributions,
    providers_of,
)
from cxr_edge.runtimes.tensor import Array, Tensor
from cxr_edge.spec.embedding import SPEC_KEY, spec_missing
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.system.printable import first_line

LOAD_ERRORS: Final = (
    native.InvalidProtobuf,
    native.InvalidGraph,
    native.InvalidArgument,
    native.NotImplemented,
    native.Fail,
    native.EPFail,
    native.RuntimeException,
)
"""Errors that onnxruntime raises on a model or a batch."""
_ERRORS_ONLY: Final = 3
_FATAL_ONLY: Final = 4
_WARNINGS: Final = 2
"""Severity from which onnxruntime prints by default."""
_TURN: Final = Lock()
"""Held by the thread that has changed the default logger."""
_CPU_ALONE: Final = providers_of(CPU)[0]
_RECORD_PLACEMENT: Final = "session.record_ep_graph_assignment_info"
_EXTERNAL_FOLDER: Final = "session.model_external_initializers_file_folder_path"
_NOWHERE: Final = f"{os.devnull}/none"
"""Folder that cannot exist; without one onnxruntime looks for data in the working folder."""
_TYPES: Final = {"float": "float32", "double": "float64"}
"""Types by onnxruntime's names, where these are not NumPy's."""


class OnnxRuntime(AdaptedRuntime):
    """One onnxruntime session, which several threads may call at once."""

    def __init__(self, data: bytes, source: str, options: OpenOptions) -> None:
        """Open a model.

        A device other than the CPU must take operators of the graph and score a trial image:
        ``auto`` takes the first that does, and says which it skipped.

        Parameters
        ----------
        data
            All bytes of the ``.onnx`` file; data outside of it is not followed.
        source
            File, for messages.
        options
            Settings.

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
        self._data, self._source, self._options = data, source, options
        device = options.device
        wanted = providers_of(device)
        together = installed_distributions()
        several = explain_several(together) if len(together) > 1 else ""
        if several and device not in (AUTO, CPU):
            raise RuntimeUnavailable(f"--device {device}: {several}")
        available = ort.get_available_providers()
        found = [provider for provider in wanted if provider.name in available]
        if not found:
            raise RuntimeUnavailable(
                f"--device {device} needs {wanted[0].name}, installed are {', '.join(available)}; "
                f"{how_to_install(wanted[0])}"
            )
        skipped = []
        for provider in found:
            try:
                placed = self._use(provider)
                break
            except RuntimeUnavailable as exc:
                skipped.append((provider.name, str(exc)))
        else:
            self._session_on(_CPU_ALONE)  # a damaged model is no fault of the device
            reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped)
            raise RuntimeUnavailable(f"--device {device}: {reasons}")
        self.why = _why(device, found, placed, skipped, several)

    @property
    def provider(self) -> str:
        """First execution provider that the session really has."""
        return str(self._session.get_providers()[0])

    def _use(self, provider: Provider) -> str:
        """Open the model on a provider and return how much of the graph it runs.

        Raises
        ------
        RuntimeUnavailable
            A provider other than the CPU does not work here.
        ModelInvalid, SpecMissing, SpecInvalid, SpecUnknown
            The same as those of the constructor.
        """
        asked = self._options.device != AUTO
        if provider.only_asked and not asked:
            raise RuntimeUnavailable(f"only when asked for, {provider.only_asked}")
        with nullcontext() if asked or provider.device == CPU else _silence():
            self._session = self._session_on(provider)
        self.spec = self._options.spec or self._read_spec()
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        self.adapter = Adapter(
            self._source,
            self.spec,
            [_tensor(value) for value in inputs],
            [_tensor(value) for value in outputs],
            maps=self._options.maps,
            features=self._options.features,
        )
        self._input = inputs[0].name
        self._outputs = [outputs[position].name for position in self.adapter.wanted]
        self._bound = provider.device != CPU
        if provider.device == CPU:
            return ""
        if self.provider != provider.name:
            raise RuntimeUnavailable(
                f"onnxruntime fell back to {self.provider}, check the device's driver and libraries"
            )
        placed = _placement(self._session, provider.name)
        noise = np.random.default_rng(0).integers(0, 256, (1, *self.spec.input.shape), np.uint8)
        try:
            scores = self.run(noise).scores
        except ModelInvalid:
            raise
        except ModelError as exc:
            raise RuntimeUnavailable(f"fails on a trial image, {exc}") from exc
        if not np.isfinite(scores).all():
            raise RuntimeUnavailable(f"gives {scores[0]} for a trial image")
        return placed

    def _session_on(self, provider: Provider) -> ort.InferenceSession:
        threads = self._options.threads
        options = ort.SessionOptions()
        # Threads set by hand set no affinity: cpusets work.
        options.intra_op_num_threads = 1 if provider.device == "xnnpack" else threads
        options.log_severity_level = _ERRORS_ONLY
        options.add_session_config_entry(_EXTERNAL_FOLDER, _NOWHERE)
        if provider.device != CPU:
            options.add_session_config_entry(_RECORD_PLACEMENT, "1")
        below = [lower for device in provider.below for lower in providers_of(device)]
        chain = [(each.name, dict(each.options(threads))) for each in (provider, *below)]
        try:
            session = ort.InferenceSession(self._data, options, chain, enable_fallback=False)
        except (*LOAD_ERRORS, RuntimeError, ValueError) as exc:
            if provider.device != CPU:
                raise RuntimeUnavailable(f"no session, {first_line(exc)}") from exc
            raise self._invalid(exc) from exc
        session.disable_fallback()
        return session

    def _call(self, image: Array) -> Sequence[object]:
        try:
            return self._bound_call(image) if self._bound else self._plain_call(image)
        except LOAD_ERRORS as exc:
            raise ModelError(f"onnxruntime failed on a batch: {first_line(exc)}") from exc

    def _plain_call(self, image: Array) -> Sequence[object]:
        given: Sequence[object] = self._session.run(self._outputs, {self._input: image})
        return given

    def _bound_call(self, image: Array) -> Sequence[object]:
        """Copy the input to the device once and the outputs back; each call has a binding."""
        binding = self._session.io_binding()
        binding.bind_cpu_input(self._input, np.ascontiguousarray(image))
        for name in self._outputs:
            binding.bind_output(name)
        self._session.run_with_iobinding(binding)
        given: Sequence[object] = binding.copy_outputs_to_cpu()
        return given

    def _invalid(self, exc: Exception) -> ModelInvalid:
        """Return the error for a model that onnxruntime cannot load."""
        from cxr_edge.runtimes.external_data import external_data, has_external_data

        with suppress(ModelInvalid):  # bytes that are no ONNX model: onnxruntime tells more
            if has_external_data(self._data, self._source):
                return external_data(self._source)
        return ModelInvalid(
            f"{self._source}: expected an ONNX model, onnxruntime cannot load it "
            f"({first_line(exc)}); export it or copy it again"
        )

    def _read_spec(self) -> ModelSpec:
        metadata = self._session.get_modelmeta().custom_metadata_map
        if SPEC_KEY not in metadata:
            raise spec_missing(self._source)
        return ModelSpec.from_json(metadata[SPEC_KEY])


@contextmanager
def _silence() -> Iterator[None]:
    """Drop what onnxruntime prints on a device that ``auto`` merely tries.

    A library that is missing is logged by the default logger, which belongs to the whole process:
    warnings on the sessions of other threads are dropped too in this time, their errors are raised.
    """
    with _TURN:
        ort.set_default_logger_severity(_FATAL_ONLY)
        try:
            yield
        finally:
            ort.set_default_logger_severity(_WARNINGS)


def _placement(session: ort.InferenceSession, provider: str) -> str:
    """Return how many operators a provider runs, empty where onnxruntime is too old to tell.

    Raises
    ------
    RuntimeUnavailable
        The provider runs none: all would run on the CPU.
    """
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return ""
    taken: Counter[str] = Counter()
    for part in session.get_provider_graph_assignment_info():
        taken[part.ep_name] += len(part.get_nodes())
    if not taken[provider]:
        raise RuntimeUnavailable(
            f"runs none of the graph's {taken.total()} operators, all would run on "
            f"{' and '.join(taken)}"
        )
    return f"runs {taken[provider]} of {taken.total()} operators"


def _why(
    device: str,
    found: Sequence[Provider],
    placed: str,
    skipped: Sequence[tuple[str, str]],
    several: str,
) -> str:
    """Return the run manifest's clause on the device."""
    if device != AUTO:
        why = "asked for"
    elif len(found) == 1:
        why = "no GPU provider installed"
    else:
        why = "the first provider that works"
    reasons = [f"skipped {name}: {reason}" for name, reason in skipped]
    return "; ".join(filter(None, (why, placed, *reasons, several)))


def available_providers() -> tuple[str, ...]:
    """Return the execution providers that this onnxruntime was built with, by its names."""
    return tuple(ort.get_available_providers())


def _tensor(value: ort.NodeArg) -> Tensor:
    """Return an input or output as onnxruntime describes it."""
    dtype = value.type.removeprefix("tensor(").removesuffix(")")
    return Tensor(value.name, tuple(value.shape), _TYPES.get(dtype, dtype))
