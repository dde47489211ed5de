"""One artefact, read and checked once, and loaded by a runtime."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cxr_edge.errors import ModelInvalid, RuntimeUnavailable, missing_module
from cxr_edge.models.checksums import check_listed, read_checksums
from cxr_edge.models.git_lfs import refuse_pointer
from cxr_edge.models.model import Model
from cxr_edge.models.package import CHECKSUMS
from cxr_edge.models.registry import RUNTIMES
from cxr_edge.runtimes.base import OpenOptions
from cxr_edge.storage.open_regular import open_regular


@dataclass(frozen=True)
class Artefact:
    """The bytes of one artefact, which several runtimes may load."""

    file: Path
    """Path of the file."""
    data: bytes = field(repr=False)
    """All bytes of the file."""
    sha256: str
    """Digest of the bytes."""
    package: Path | None
    """Package that lists the file with this digest; None for a single file."""

    @classmethod
    def read(cls, file: Path, package: Path | None = None) -> Self:
        """Read and check a file.

        Parameters
        ----------
        file
            The file.
        package
            Folder that must list the file; None to find out whether its folder does.

        Raises
        ------
        ModelInvalid
            The file cannot be read, is a Git LFS pointer, or is not the one listed beside it.
        """
        try:
            with open_regular(file) as opened:
                data = opened.read()
        except OSError as exc:
            raise ModelInvalid(f"{file} cannot be read: {exc.strerror}") from exc
        refuse_pointer(data, str(file))
        digest = hashlib.sha256(data).hexdigest()
        if package:
            check_listed(package, file.name, digest)
        return cls(file, data, digest, package or package_of(file, digest))

    def load(self, runtime: str, options: OpenOptions, why: str) -> Model:
        """Load the artefact by a runtime.

        Parameters
        ----------
        runtime
            Key of :data:`cxr_edge.models.registry.RUNTIMES`.
        options
            Settings of the runtime.
        why
            Reason for the runtime, for the run manifest.

        Raises
        ------
        ModelError
            The library is not installed, or refuses the model or the device.
        """
        source, kind = str(self.file), RUNTIMES[runtime]
        try:
            opened = kind.load()(self.data, source, options)
        except ModuleNotFoundError as exc:
            if missing_module(exc) != kind.module:
                raise
            raise RuntimeUnavailable(
                f"{source} needs {kind.module}, which is not installed: {kind.install}"
            ) from exc
        except ImportError as exc:
            raise RuntimeUnavailable(
                f"{source} needs {kind.module}, which is installed but cannot be loaded here "
                f"({exc}); install it again, or use another --runtime"
            ) from exc
        return Model(
            self.sha256, runtime, opened, self.file.name, self.package, self.file.parent, why
        )


def package_of(file: Path, digest: str) -> Path | None:
    """Return the folder of a file where it is a package that lists the file with this digest.

    Raises
    ------
    ModelInvalid
        The folder lists the file with another digest.
    """
    try:
        listed = read_checksums(file.parent)
    except ModelInvalid:
        return None
    if file.name not in listed:
        return None
    if listed[file.name] != digest:
        raise ModelInvalid(
            f"{file}: its bytes are not those listed in {CHECKSUMS} beside it; copy the package "
            "again, or take the file out of it"
        )
    return file.parent
