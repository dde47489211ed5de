"""The wheel of this toolkit: built from its source, or packed from the installed files."""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

import cxr_edge
from cxr_edge.errors import BundleError
from cxr_export.packaging.bundle.pip import run_pip

_NAME: Final = "cxr-edge"
_OF_THE_INSTALLER: Final = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
_FIRST_DATE: Final = "315532800"
"""First second that a zip can hold, 1980-01-01, so that the same files give the same bytes."""


def make_own_wheel(folder: Path) -> Path:
    """Write the wheel of this toolkit into a folder, and return its path.

    Raises
    ------
    BundleError
        It can be neither built nor packed.
    """
    source = source_tree()
    if source is None:
        try:
            return pack_installed(distribution(_NAME), folder)
        except PackageNotFoundError as exc:
            raise BundleError(
                "expected cxr-edge as installed by pip, or in its source tree, got neither; "
                "install it first"
            ) from exc
    run_pip("wheel", "--no-deps", "--no-cache-dir", "--wheel-dir", folder, source)
    return next(folder.glob("cxr_edge-*.whl"))


def source_tree() -> Path | None:
    """Return the source tree that this code runs from, None for installed code."""
    tree = Path(cxr_edge.__file__).parents[2]
    try:
        project = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["project"]
    except (OSError, ValueError, KeyError):
        return None
    return tree if project.get("name") == _NAME else None


def pack_installed(installed: Distribution, folder: Path) -> Path:
    """Pack the files of an installed distribution, which its RECORD lists, into a wheel.

    Parameters
    ----------
    installed
        The distribution; no editable one, whose files are elsewhere.
    folder
        Folder that the wheel is written into.

    Raises
    ------
    BundleError
        It has no record of its files, or they are not there.
    """
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch, "wheel")
        for file in installed.files or ():
            leads_out = ".." in file.parts or file.is_absolute()  # commands, which pip makes anew
            if leads_out or file.suffix == ".pyc" or file.name in _OF_THE_INSTALLER:
                continue
            target = tree.joinpath(*file.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(str(file.locate()), target)
            except OSError as exc:
                raise BundleError(
                    f"expected every file of {installed.name} {installed.version} as installed, "
                    f"got none at {exc.filename}; install it again"
                ) from exc
        done = subprocess.run(  # noqa: S603  (our own words)
            [sys.executable, "-m", "wheel", "pack", str(tree), "--dest-dir", str(folder)],
            env={**os.environ, "SOURCE_DATE_EPOCH": _FIRST_DATE},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise BundleError(
            f"{installed.name} {installed.version} cannot be packed into a wheel: "
            f"{(done.stderr or done.stdout).strip().splitlines()[-1]}; install it by pip from a "
            "wheel or an index, not as editable"
        )
    stem = f"{installed.name}-{installed.version}".replace(f"{installed.name}", "*", 1)
    return next(folder.glob(f"{stem}-*.whl"))
