"""The wheels of a bundle: what the toolkit requires on another machine, downloaded for it."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageMetadata, distributions
from pathlib import Path
from typing import Final
from zipfile import ZipFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from cxr_edge.errors import BundleError
from cxr_edge.models.checksums import file_sha256
from cxr_edge.models.registry import RUNTIMES
from cxr_edge.system import versions
from cxr_export.packaging.bundle.pip import NoWheel, run_pip
from cxr_export.packaging.bundle.platforms import Platform, oldest_glibc

_SIGNATURES: Final = "cryptography"
_WATCH: Final = "watch"
_PACS: Final = "pacs"
"""Extra of the service in a bundle."""


@dataclass(frozen=True)
class Wheel:
    """A file of wheel format."""

    path: Path
    """The file."""

    @property
    def name(self) -> str:
        """Normalized name of the distribution."""
        return str(parse_wheel_filename(self.path.name)[0])

    @property
    def version(self) -> str:
        """Version of the distribution."""
        return str(parse_wheel_filename(self.path.name)[1])

    @property
    def glibc(self) -> int:
        """Minor version of the oldest glibc 2 that it runs with; 0 where it needs none."""
        return oldest_glibc([tag.platform for tag in parse_wheel_filename(self.path.name)[3]])

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file."""
        return file_sha256(self.path)

    @cached_property
    def metadata(self) -> PackageMetadata:
        """Its core metadata."""
        return next(iter(distributions(path=[str(self.path)]))).metadata

    @property
    def requires(self) -> list[Requirement]:
        """Requirements, with their markers."""
        return [Requirement(line) for line in self.metadata.get_all("Requires-Dist") or ()]

    @property
    def installed_bytes(self) -> int:
        """Size of its files."""
        with ZipFile(self.path) as archive:
            return sum(info.file_size for info in archive.infolist())


def roots(
    own: Wheel, platform: Platform, runtimes: Sequence[str], *, pacs: bool = False
) -> list[Requirement]:
    """Return what the toolkit needs with these runtimes, to watch an inbox and check a signature.

    The toolkit requires onnxruntime; it is left out where it is not among the runtimes.
    """
    unwanted = {kind.module for name, kind in RUNTIMES.items() if name not in runtimes}
    extras = {"", _WATCH, *(RUNTIMES[name].extra for name in runtimes)}
    if pacs:
        extras.add(_PACS)
    return [
        each
        for each in own.requires
        if each.name.replace("-", "_") not in unwanted
        and (each.name == _SIGNATURES or _applies(each, platform, extras))
    ]


def download(
    wanted: Sequence[Requirement], platform: Platform, constraints: Path | None, folder: Path
) -> list[Wheel]:
    """Download what these requirements need on a platform, for any machine to call it.

    pip judges the markers of requirements by the machine that it runs on. So they are judged again:
    what is missing there is downloaded too, and what is not needed there is removed.

    Parameters
    ----------
    wanted
        Requirements; their markers are not looked at.
    platform
        Machine that the wheels are for.
    constraints
        File of versions; those that are installed here by default.
    folder
        Folder for the wheels, without others.

    Returns
    -------
    list of Wheel
        The wheels, sorted by name.

    Raises
    ------
    BundleError
        There is no wheel for something, or pip cannot download.
    """
    have: dict[str, Wheel] = {}
    missing = list(wanted)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        if constraints is None:
            file.write("".join(_installed_versions()))
            file.flush()
        needed: set[str] = set()
        while missing:
            asked = [*wanted, *missing]
            _fetch(asked, platform, constraints or Path(file.name), folder)
            have = {wheel.name: wheel for wheel in map(Wheel, sorted(folder.glob("*.whl")))}
            needed, missing = _closure(wanted, have, platform)
    for name in have.keys() - needed:
        have.pop(name).path.unlink()
    return list(have.values())


def requirement_lines(wheels: Iterable[Wheel]) -> str:
    """Return the lines of a requirements file that pins wheels by version and SHA-256."""
    return "".join(f"{each.name}=={each.version} --hash=sha256:{each.sha256}\n" for each in wheels)


def _fetch(
    wanted: Iterable[Requirement], platform: Platform, constraints: Path, folder: Path
) -> None:
    names = sorted({_without_marker(each) for each in wanted})
    tags = [word for tag in platform.tags for word in ("--platform", tag)]
    try:
        run_pip(
            "download", "--only-binary=:all:", "--implementation", "cp",
            "--python-version", platform.python, *tags,
            "--constraint", constraints, "--dest", folder, *names,
        )  # fmt: skip
    except NoWheel as exc:
        raise BundleError(
            f"expected wheels for {platform.name} and Python {platform.python}, got none of "
            f"{exc.requirement}; choose another --python, other --runtimes, or other versions with "
            "--constraints"
        ) from exc


def _closure(
    wanted: Iterable[Requirement], have: Mapping[str, Wheel], platform: Platform
) -> tuple[set[str], list[Requirement]]:
    """Return the names that are needed on a platform, and requirements without a wheel."""
    needed: set[str] = set()
    missing: list[Requirement] = []
    seen: set[str] = set()
    waiting = list(wanted)
    while waiting:
        each = waiting.pop()
        name = str(canonicalize_name(each.name))
        if name not in have:
            missing.append(each)
        elif str(each) not in seen:
            seen.add(str(each))
            needed.add(name)
            extras = {"", *each.extras}
            waiting += [more for more in have[name].requires if _applies(more, platform, extras)]
    return needed, missing


def _applies(requirement: Requirement, platform: Platform, extras: Iterable[str]) -> bool:
    if requirement.marker is None:
        return True
    values = {key: str(value) for key, value in platform.markers.items()}
    return any(requirement.marker.evaluate(values | {"extra": extra}) for extra in extras)


def _without_marker(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def _installed_versions() -> Iterator[str]:
    for name, version in sorted(versions.distributions().items()):
        if name != "cxr-edge":
            yield f"{name}=={version}\n"
