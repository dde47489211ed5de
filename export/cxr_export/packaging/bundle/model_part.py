"""The model of a bundle: the part of a package that its runtimes need."""

import shutil
from pathlib import Path

from cxr_edge.errors import ModelInvalid, UsageError
from cxr_edge.models.checksums import check_checksums, read_checksums, write_list
from cxr_edge.models.package import FORMATS, ORIGINAL, SELFTEST
from cxr_edge.models.registry import runtimes_of
from cxr_export.packaging.bundle.request import BundleRequest


def copy_model(wanted: BundleRequest, target: Path) -> tuple[str, ...]:
    """Copy the artefacts that are asked for, and what a package has beside artefacts.

    Parameters
    ----------
    wanted
        The package with runtimes, and perhaps one artefact.
    target
        New folder, which becomes a package.

    Returns
    -------
    tuple of str
        Files of the artefacts, the most exact one first.

    Raises
    ------
    ModelInvalid
        The package is not as its checksum list says, or has no golden images.
    UsageError
        It has no artefact for one of the runtimes.
    """
    package = wanted.package
    check_checksums(package, elsewhere=ORIGINAL)
    listed = read_checksums(package)
    if SELFTEST not in listed:
        raise ModelInvalid(
            f"{package} has no {SELFTEST}, with which it is tested where it is installed; export "
            "it again"
        )
    there = [kind.file for kind in FORMATS.values() if kind.file in listed]
    asked = [file for file in there if wanted.artefact in ("", file)]
    taken = [file for file in asked if set(runtimes_of(file)) & set(wanted.runtimes)]
    for runtime in wanted.runtimes:
        if not any(runtime in runtimes_of(file) for file in taken):
            raise UsageError(
                f"--runtimes {runtime}: expected a package with an artefact for it, got "
                f"{wanted.artefact or ', '.join(there)} in {package}; choose other --runtimes, or "
                "export that format"
            )
    left_out = {*(kind.file for kind in FORMATS.values()), ORIGINAL} - set(taken)
    kept = {name: digest for name, digest in listed.items() if name not in left_out}
    target.mkdir()
    for name in kept:
        shutil.copyfile(package / name, target / name)
    write_list(target, kept)
    return tuple(taken)
