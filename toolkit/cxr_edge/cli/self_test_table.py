"""``cxr verify PACKAGE --self-test``: golden images through every artefact that runs here."""

from pathlib import Path

from cxr_edge.cli.tables import print_table
from cxr_edge.errors import UsageError


def run_self_test(package: Path, runtime: str, artefact: str = "") -> None:
    """Run the self-test and print its table.

    Parameters
    ----------
    package
        A model package.
    runtime
        ``auto`` for all that are installed, or one of them.
    artefact
        The only file to run, instead of all.

    Raises
    ------
    SelfTestFailed
        An artefact drifted; raised once all have been shown.
    ModelError
        The package has no golden images or cannot be run here.
    """
    from cxr_edge.models.registry import RUNTIMES
    from cxr_edge.models.self_test import require
    from cxr_edge.models.self_test_runs import self_test_all
    from cxr_edge.runtimes.providers import AUTO

    if runtime not in (AUTO, *RUNTIMES):
        raise UsageError(f"--runtime: expected auto, {', '.join(RUNTIMES)}, got {runtime!r}")
    results, absent = self_test_all(package, runtime, artefact)

    columns = ("artefact", "runtime", "images", "gray levels", "max |Δp|", "result")
    rows = [
        (
            result.artefact,
            result.runtime,
            str(len(result.images)),
            str(result.gray_levels),
            f"{result.difference:.1e}",
            "passed" if result.passed else "FAILED",
        )
        for result in results
    ]
    rows += [(artefact, name, "", "", "", "not installed") for artefact, name in absent]
    print_table(columns, rows)
    require(results)
