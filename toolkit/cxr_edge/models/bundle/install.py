"""The installer of a bundle, run from the wheel inside it by ``install.sh``.

It needs only the Python that the bundle is for: the standard library, no package, no network.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cxr_edge.errors import BundleError, CxrError, ExitCode, SelfTestFailed, UsageError
from cxr_edge.models.bundle.check import check_bundle
from cxr_edge.models.bundle.layout import (
    FACTS,
    FOLDER,
    MODEL,
    RECEIVER,
    REQUIREMENTS,
    SBOM,
    SYSTEM_USER,
    UNIT,
    WHEELS,
)
from cxr_edge.models.bundle.target import Target
from cxr_edge.models.package import GOLDEN_IMAGES, SELFTEST
from cxr_edge.system.printable import printable

_VERIFIER: Final = ("cryptography-", "cffi-")
"""Start of the names of the wheels that check a signature."""

_MISREAD: Final = frozenset(':"\\$`')
"""Characters that have a meaning in a search path, a shell or a unit of systemd."""


def install(bundle: Path, folder: Path, key: Path | None, *, unsigned: bool) -> None:
    """Check a bundle, install it, and test its model on this machine.

    Parameters
    ----------
    bundle
        Folder of the bundle.
    folder
        New or empty folder; it is left as it was if anything fails.
    key, unsigned
        As for :func:`cxr_edge.models.bundle.check.check_bundle`.

    Raises
    ------
    UsageError
        The folder is in use or too small, or as there.
    BundleError
        The bundle does not check, is for another machine, or cannot be installed.
    SelfTestFailed
        The model's results differ from those recorded at export.
    """
    _require_name(folder)
    if Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(bundle)):
        raise UsageError(f"--to: expected a folder outside of the bundle, got {folder}")
    with _new_folder(folder):
        verifier = lambda: _verifier(bundle, folder / ".half-verifier")  # noqa: E731
        print(check_bundle(bundle, key, unsigned=unsigned, verifier=verifier))
        target = Target.read(bundle)
        target.require_this_machine()
        _require_space(folder, target.installed_bytes)
        python = _make_environment(bundle, folder / "venv")
        _copy_files(bundle, folder)
        print("installed; testing the model on this machine", flush=True)
        _self_test(python, folder / MODEL)
        _trial_scan(python, folder)
    unit, user = Path(UNIT).name, Path(SYSTEM_USER).name
    print(
        f"ready. Scan a folder:\n"
        f"  {folder}/venv/bin/cxr scan IMAGES --model {folder}/{MODEL} --out report.csv\n"
        f"Watch an inbox, as a service of the system:\n"
        f"  sudo cp {folder}/{user} /etc/sysusers.d/ && sudo systemd-sysusers\n"
        f"  sudo cp {folder}/{unit} /etc/systemd/system/ && sudo systemctl enable --now {unit}"
    )


def _require_name(folder: Path) -> None:
    """Refuse a name that a virtual environment, a shell or a unit of systemd would misread."""
    if not str(folder).isprintable() or set(str(folder)) & _MISREAD:
        raise UsageError(
            "--to: expected a folder without control characters and without any of "
            f"{' '.join(sorted(_MISREAD))} in its path, got {printable(str(folder))}; choose "
            "another"
        )


@contextmanager
def _new_folder(folder: Path) -> Iterator[None]:
    """Have a folder made, and everything in it removed again if the work fails."""
    was_there = folder.exists()
    if was_there and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"--to: expected a new or empty folder, got {folder}; choose another")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(
            f"--to: {folder} cannot be made ({exc.strerror}); run this with sudo, or choose another"
        ) from exc
    try:
        yield
    except BaseException:
        shutil.rmtree(os.path.realpath(folder), ignore_errors=True)  # it may be a link
        if was_there:
            Path(os.path.realpath(folder)).mkdir(exist_ok=True)
        raise


def _require_space(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise UsageError(
            f"--to: expected {wanted >> 20} MiB of free space for {folder}, got {free >> 20} MiB; "
            "make room, or choose another"
        )


@contextmanager
def _verifier(bundle: Path, scratch: Path) -> Iterator[None]:
    """Let the bundle's library of signatures be imported, before anything is installed."""
    for wheel in (bundle / WHEELS).iterdir():
        if wheel.name.startswith(_VERIFIER):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(scratch)
    sys.path.insert(0, str(scratch))
    try:
        yield
    except ImportError as exc:
        raise BundleError(
            f"the bundle's library of signatures cannot be loaded here ({exc}); is the bundle for "
            "this machine, and may programs run from the folder of --to?"
        ) from exc
    finally:
        sys.path.remove(str(scratch))
        shutil.rmtree(scratch)


def _make_environment(bundle: Path, place: Path) -> Path:
    """Make a virtual environment without pip, fill it by the bundle's pip, return its Python."""
    try:
        from venv import EnvBuilder
    except ImportError as exc:
        raise BundleError(
            f"expected Python with its standard library, got one without {exc.name}; install it "
            "(Debian: apt install python3-venv)"
        ) from exc
    EnvBuilder(symlinks=True, with_pip=False).create(place)
    python = place / "bin" / "python"
    (pip,) = (bundle / WHEELS).glob("pip-*.whl")
    failed = _run(
        [python, "-I", pip / "pip", "--isolated", "install", "--quiet", "--no-input", "--no-index",
         "--no-deps", "--require-hashes", "--no-cache-dir", "--no-compile",
         "--disable-pip-version-check",
         "--find-links", bundle / WHEELS, "--requirement", bundle / REQUIREMENTS]
    )  # fmt: skip
    if failed:
        raise BundleError(f"the bundle's wheels could not be installed; pip says: {failed}")
    return python


def _run(words: Sequence[object]) -> str:
    """Run a program, and return what it wrote as its errors if it failed."""
    done = subprocess.run(  # noqa: S603  (the bundle's own, which was checked)
        [*map(str, words)], capture_output=True, text=True, errors="replace", check=False
    )
    return done.stderr.strip() or f"exit code {done.returncode}" if done.returncode else ""


def _copy_files(bundle: Path, folder: Path) -> None:
    shutil.copytree(bundle / MODEL, folder / MODEL, copy_function=shutil.copyfile)
    for name in (FACTS, SBOM, SYSTEM_USER):
        shutil.copyfile(bundle / name, folder / Path(name).name)
    for name in (UNIT, RECEIVER):
        if (bundle / name).is_file():
            unit = (bundle / name).read_text("utf-8")
            unit = unit.replace(FOLDER, str(folder).replace("%", "%%"))
            (folder / Path(name).name).write_text(unit, "utf-8")


def _self_test(python: Path, model: Path) -> None:
    done = subprocess.run(  # noqa: S603  (what was installed just now)
        [python, "-I", "-m", "cxr_edge", "verify", model, "--self-test"], check=False
    )
    if done.returncode:
        raise SelfTestFailed(
            "the self-test did not pass on this machine, as shown above; nothing was installed"
        )


def _trial_scan(python: Path, folder: Path) -> None:
    """Scan the golden images, by which Python also compiles what a scan loads, and no more.

    A service that may not write there would compile it at every start.
    """
    images = folder / ".half-trial"
    with zipfile.ZipFile(folder / MODEL / SELFTEST) as archive:
        names = [name for name in archive.namelist() if name.startswith(GOLDEN_IMAGES)]
        archive.extractall(images, names)
    failed = _run(
        [python, "-I", "-m", "cxr_edge", "scan", images / GOLDEN_IMAGES, "--model", folder / MODEL,
         "--out", images / "report.csv", "--batch-size", 1, "--quiet"]
    )  # fmt: skip
    if failed:
        raise BundleError(f"the golden images cannot be scanned on this machine: {failed}")
    shutil.rmtree(images)


def main(words: Sequence[str] | None = None) -> int:
    """Run ``install.sh``.

    Parameters
    ----------
    words
        Folder of the bundle, then the words of the user; those of the process by default.

    Returns
    -------
    int
        Exit code.
    """
    bundle, *given = sys.argv[1:] if words is None else words
    parser = argparse.ArgumentParser(
        "install.sh", description="Install cxr-edge from this bundle, without any network."
    )
    parser.add_argument("--to", type=Path, default="/opt/cxr-edge", metavar="FOLDER",
                        help="new or empty folder (default: %(default)s)")  # fmt: skip
    parser.add_argument("--key", type=Path, metavar="PUBKEY", help="public key of who made it")
    parser.add_argument("--unsigned", action="store_true", help="accept one without a signature")
    asked = parser.parse_args(given)
    if words is None:  # a process of its own: a closed terminal leaves nothing behind either
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
    os.umask(0o022)  # the user of a service reads what root installs
    try:
        install(Path(bundle), asked.to.absolute(), asked.key, unsigned=asked.unsigned)
    except CxrError as exc:
        return _failed(str(exc), exc.exit_code)
    except OSError as exc:
        return _failed(f"{exc.filename or bundle}: {exc.strerror or exc}", ExitCode.ERROR)
    except KeyboardInterrupt:
        return _failed("interrupted; nothing was installed", ExitCode.INTERRUPTED)
    return ExitCode.DONE


def _failed(message: str, code: ExitCode) -> ExitCode:
    print(f"error: {message}" if code != ExitCode.INTERRUPTED else message, file=sys.stderr)
    return code
