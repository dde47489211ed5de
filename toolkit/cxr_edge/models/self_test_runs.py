"""Runs of the self-test: which are due, and what this machine remembers of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_edge.errors import ModelInvalid, RuntimeUnavailable
from cxr_edge.models.checksums import has_or_lists
from cxr_edge.models.load import Artefact
from cxr_edge.models.machine_cache import machine_cache
from cxr_edge.models.model import Model
from cxr_edge.models.package import FORMATS, SELFTEST
from cxr_edge.models.registry import RUNTIMES, installed, runtimes_of
from cxr_edge.runtimes.base import OpenOptions
from cxr_edge.runtimes.providers import AUTO
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.system.progress import stage

if TYPE_CHECKING:
    from cxr_edge.models.self_test import SelfTestResult

PASSED: Final = "passed"
"""Verdict in the run manifest: the test was run and passed."""

PASSED_BEFORE: Final = "passed before"
"""Verdict in the run manifest: the test passed on this machine before."""

SKIPPED: Final = "skipped"
"""Verdict in the run manifest: the user asked to skip the test."""

SINGLE_FILE: Final = "none: a single file"
"""Verdict in the run manifest: the model is not in a package."""

NONE_INSIDE: Final = "none: the package has none"
"""Verdict in the run manifest: the package was made by an older version."""


def check_once(model: Model) -> str:
    """Run the self-test where this machine has not passed it with this artefact before.

    A pass is remembered for the same package, artefact, runtime, provider, libraries and machine.

    Returns
    -------
    str
        Verdict for the run manifest.

    Raises
    ------
    SelfTestFailed
        Results differ from those recorded at export.
    ModelError
        As :func:`cxr_edge.models.self_test.self_test`.
    """
    if model.package is None:
        return SINGLE_FILE
    if not has_or_lists(model.package, SELFTEST):
        return NONE_INSIDE
    if machine_cache(model.package).get(_question(model)) == PASSED:
        return PASSED_BEFORE

    from cxr_edge.models.self_test import require

    with stage("testing the model, once on this machine"):
        require([_remembered(model.package, model)])
    return PASSED


def self_test_all(
    package: Path, runtime: str = AUTO, artefact: str = ""
) -> tuple["Sequence[SelfTestResult]", Sequence[tuple[str, str]]]:
    """Run the self-test for every artefact of a package that can run here.

    Returns
    -------
    tuple
        Results, and file and runtime of each artefact that no installed runtime runs.

    Raises
    ------
    RuntimeUnavailable
        No artefact can run here.
    ModelError
        As :func:`cxr_edge.models.self_test.self_test`, or the package has no artefact for the
        runtime.
    """
    fit = {
        kind.file: [name for name in runtimes_of(kind.file) if runtime in (AUTO, name)]
        for kind in FORMATS.values()
        if artefact in ("", kind.file) and (package / kind.file).is_file()
    }
    if not any(fit.values()):
        raise ModelInvalid(
            f"{package} has no model for --runtime {runtime}; use another --runtime or a package "
            "that has one"
        )
    results, absent = [], []
    for file, names in fit.items():
        here = [name for name in names if installed(name)]
        if not here:
            absent += [(file, name) for name in names[:1]]
            continue
        loaded = Artefact.read(package / file, package)
        for name in here:
            model = loaded.load(name, OpenOptions(threads=usable_cpus()), "asked for")
            results.append(_remembered(package, model))
    if not results:
        how = " or ".join(sorted({RUNTIMES[name].install for _, name in absent}))
        if runtime != AUTO:
            raise RuntimeUnavailable(
                f"--runtime {runtime}: {RUNTIMES[runtime].module} is not installed; {how}"
            )
        raise RuntimeUnavailable(f"{package}: no runtime for its artefacts is installed; {how}")
    return results, absent


def _remembered(package: Path, model: Model) -> "SelfTestResult":
    """Run the self-test and remember a pass, or forget an earlier one."""
    from cxr_edge.models.self_test import self_test

    result = self_test(package, model)
    machine_cache(package).put(_question(model), PASSED if result.passed else None)
    return result


def _question(model: Model) -> str:
    return (
        f"self-test of {model.artefact} {model.sha256} by {model.runtime_name} "
        f"({model.runtime.provider}), {model.spec.interface}"  # --spec can give another
    )
