"""Plants a faulty decoder into a process whose PYTHONPATH begins with this folder.

Python imports this module at start. Where ``CXR_TEST_FAULTS`` is set, the decoder that
``cxr_edge.pipeline.prepare`` and ``cxr_edge.jobs.convert_run`` use crashes, hangs or eats memory on
files that begin with such a word.
"""

import atexit
import importlib.abc
import importlib.util
import os
import signal
import sys
import time
from importlib.machinery import ModuleSpec
from types import ModuleType

TARGETS = ("cxr_edge.pipeline.prepare", "cxr_edge.jobs.convert_run")


class Planted(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the module as always, then exchanges its decoder."""

    def __init__(self, target: str) -> None:
        self._target = target

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        if name != self._target:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        self._loader = spec.loader
        spec.loader = self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        real = module.decode

        def decode(data: bytes, target: object = None) -> object:
            if data.startswith(b"crash"):
                os.kill(os.getpid(), signal.SIGSEGV)
            if data.startswith(b"later"):  # libraries crash when they are unloaded, too
                atexit.register(os.kill, os.getpid(), signal.SIGSEGV)
            if data.startswith(b"hang"):
                time.sleep(3600)
            if data.startswith(b"bomb"):
                held = []
                while True:
                    held.append(b"x" * (1 << 24))
            return real(data, target)

        module.decode = decode


if os.environ.get("CXR_TEST_FAULTS"):
    sys.meta_path[:0] = [Planted(target) for target in TARGETS]
