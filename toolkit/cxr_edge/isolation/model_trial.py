"""A model's first opening on a machine, in a process of its own, which a damaged file may end."""

import os
from pathlib import Path
from typing import Final

from cxr_edge.errors import CxrError, ModelInvalid
from cxr_edge.models.batch_size import drawn_images
from cxr_edge.models.checksums import file_sha256
from cxr_edge.models.locate import DEFAULT, model_path
from cxr_edge.models.machine_cache import MachineCache, machine_cache, model_cache
from cxr_edge.models.open import open_artefact
from cxr_edge.runtimes.providers import AUTO, CPU
from cxr_edge.spec.model_spec import ModelSpec

TRIAL_SECONDS: Final = 120.0
"""Limit of a trial; opening a large model on a small board takes a minute."""

_OPENED: Final = "opened and scored an image"


def try_model(reference: str, runtime: str, device: str, spec: ModelSpec | None) -> None:
    """Open a model and score an image in a process of its own, once on a machine.

    A runtime's own code reads the file, and can crash on one that is damaged. The default model
    and one that was opened before are not tried; neither is one for another device than the CPU,
    where onnxruntime runs it, and where opening takes long.

    Parameters
    ----------
    reference, runtime, device, spec
        As for :func:`cxr_edge.models.open.open_artefact`.

    Raises
    ------
    ModelInvalid
        The process crashed or hung. Any other error of the model is left to whoever opens it.
    """
    if reference == DEFAULT or device not in (AUTO, CPU):
        return
    known = _known(model_path(reference))
    question = f"first opening, runtime {runtime}"
    if known is None or known.get(question) == _OPENED:
        return

    from cxr_edge.isolation.subprocess_call import (
        ProcessDied,
        ProcessTimedOut,
        call_in_subprocess,
    )

    try:
        call_in_subprocess(_open, reference, runtime, device, spec, within=TRIAL_SECONDS)
    except ProcessTimedOut as exc:
        raise ModelInvalid(
            f"{reference}: expected a model that opens and scores an image within "
            f"{TRIAL_SECONDS:g} s, got no answer: its network may have a loop that does not end, "
            "or be too large for this machine; export it again, or use another --runtime"
        ) from exc
    except ProcessDied as exc:
        raise ModelInvalid(
            f"{reference}: expected a model that opens and scores an image, its runtime crashed "
            f"({exc}); the file is damaged, or the runtime cannot run it here: copy or export it "
            "again, or use another --runtime"
        ) from exc
    except CxrError:  # it comes again where the model is opened
        return
    known.put(question, _OPENED)


def _known(path: Path) -> MachineCache | None:
    """Return the findings about a package or a file; None where it cannot be read."""
    try:
        if path.is_dir():
            return machine_cache(path)
        return model_cache(file_sha256(path)) if path.is_file() else None  # no pipe, no device
    except (CxrError, OSError):
        return None


def _open(reference: str, runtime: str, device: str, spec: ModelSpec | None) -> None:
    """Open a model and score an image; libraries print nothing of their own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    opened = open_artefact(reference, runtime, device=device, spec=spec).runtime
    opened.run(drawn_images(opened.spec.input, 1))
