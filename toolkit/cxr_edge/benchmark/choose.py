"""The fastest artefact of a package on this machine that decides as the original does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cxr_edge.benchmark.measure import BenchmarkPlan, measure
from cxr_edge.benchmark.rows import BenchmarkRow, Setting
from cxr_edge.errors import CxrError, UsageError
from cxr_edge.isolation.subprocess_call import call_in_subprocess
from cxr_edge.jobs.session import ScanConfig, Session
from cxr_edge.models.checksums import read_checksums
from cxr_edge.models.device_choice import DeviceChoice
from cxr_edge.models.package import FORMATS, PARITY
from cxr_edge.models.registry import installed, runtimes_of
from cxr_edge.storage.bounded import MAX_JSON, parse_json, read_at_most

GAIN: Final = 1.1
"""Least rate, relative to that of a more exact artefact, at which a less exact one is taken."""

_PASSED: Final = "passed"


@dataclass(frozen=True)
class Option:
    """One artefact with a runtime and a number of threads."""

    artefact: str
    """File in the package."""
    runtime: str
    """Key of :data:`cxr_edge.models.registry.RUNTIMES`."""
    threads: int
    """CPU threads per model call."""

    def __str__(self) -> str:
        threads = f", {self.threads} threads per call" if self.threads > 1 else ""
        return f"{self.artefact} by {self.runtime}{threads}"


@dataclass(frozen=True)
class Measured:
    """An option with its figures."""

    option: Option
    """Artefact, runtime and threads."""
    row: BenchmarkRow
    """Its figures, or why it cannot run."""

    @property
    def rate(self) -> float:
        """Images per second from files to rows; 0 where it cannot run."""
        return self.row.figures.end_to_end_rate if self.row.figures else 0.0


def options_of(package: Path, runtimes: Sequence[str], threads: Sequence[int]) -> list[Option]:
    """Return what can be chosen from: artefacts that passed parity, the most exact first.

    Parameters
    ----------
    package
        Folder of a model package.
    runtimes
        Runtimes that are allowed; empty for all that are installed.
    threads
        Numbers of CPU threads per model call to try.

    Raises
    ------
    UsageError
        No artefact of the package passed parity and can be run here.
    """
    if not package.is_dir():
        raise UsageError(f"--choose: expected a model package, got {package}; export one")
    passed = _passed(package)
    found = [
        Option(kind.file, runtime, count)
        for kind in FORMATS.values()
        if kind.file in passed and (package / kind.file).is_file()
        for runtime in runtimes_of(kind.file)
        if installed(runtime) and (not runtimes or runtime in runtimes)
        for count in threads
    ]
    if not found:
        raise UsageError(
            f"--choose: expected an artefact that passed parity and that an installed runtime "
            f"runs, {package} has none; see 'cxr models' and 'cxr doctor'"
        )
    return found


def measure_option(
    plan: BenchmarkPlan, package: Path, option: Option, setting: Setting
) -> Measured:
    """Measure an option as a scan.

    Parameters
    ----------
    plan
        Images and rounds.
    package
        Folder of the artefacts.
    option
        What to measure.
    setting
        Batch size and workers.
    """
    one = replace(plan, reference=str(package / option.artefact))
    asked = replace(setting, runtime=option.runtime, threads=option.threads)
    return Measured(option, measure(one, asked))


def choose(package: Path, measured: Sequence[Measured]) -> tuple[DeviceChoice, list[str]]:
    """Return the fastest that passes the self-test here, and what was left out and why.

    A less exact artefact must be faster by a tenth than a more exact one.

    Parameters
    ----------
    package
        Folder of the artefacts.
    measured
        Options with their figures, the most exact first.

    Raises
    ------
    UsageError
        None can run here.
    """
    left_out = []
    able = [one for one in measured if one.rate]
    while able:
        best = able[0]
        for one in able[1:]:
            same = one.option.artefact == best.option.artefact
            if one.rate > best.rate * (1 if same else GAIN):
                best = one
        try:
            call_in_subprocess(_tested, package / best.option.artefact, best.option.runtime)
        except CxrError as exc:
            left_out.append(f"{best.option}: {exc}")
            able.remove(best)
            continue
        return _choice(package, best, measured), left_out
    raise UsageError("--choose: none of the artefacts can run here; see the reasons above")


def _choice(package: Path, best: Measured, measured: Sequence[Measured]) -> DeviceChoice:
    exact = max(
        (one for one in measured if one.option.artefact == measured[0].option.artefact),
        key=lambda one: one.rate,
    )
    than = f"; {exact.option}: {exact.rate:.1f}" if exact is not best and exact.rate else ""
    return DeviceChoice(
        best.option.artefact,
        read_checksums(package)[best.option.artefact],
        best.option.runtime,
        best.option.threads,
        f"chosen by 'cxr benchmark --choose': {best.rate:.1f} images per second here{than}",
    )


def _tested(artefact: Path, runtime: str) -> None:
    """Run the self-test of an artefact by a runtime; raises SelfTestFailed."""
    Session.open(ScanConfig(str(artefact), runtime=runtime))


def _passed(package: Path) -> set[str]:
    """Return the artefacts of a package that passed parity.

    Raises
    ------
    UsageError
        Its findings cannot be read.
    """
    try:
        data = parse_json(read_at_most(package / PARITY, MAX_JSON))
        return {one["artefact"] for one in data["artefacts"] if one["verdict"] == _PASSED}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise UsageError(
            f"--choose: expected {package / PARITY} with the findings of 'cxr verify', it cannot "
            "be read; run 'cxr verify' or export the package again"
        ) from exc
