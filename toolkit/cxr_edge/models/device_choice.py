"""The artefact, runtime and threads that were measured to be the fastest on this machine."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from cxr_edge.errors import UsageError
from cxr_edge.models.checksums import read_checksums
from cxr_edge.models.machine_cache import machine_cache
from cxr_edge.models.package import FORMATS
from cxr_edge.models.registry import RUNTIMES, installed, runtimes_of
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.storage.bounded import MAX_JSON, parse_json, read_at_most
from cxr_edge.system.printable import cell_shown
from cxr_edge.system.ranges import THREADS

DEVICE_FILE: Final = "device.json"
"""Name of the file."""

DEVICE_VERSION: Final = 1
"""Version of its JSON."""

_LONGEST_WHY: Final = 500
"""Characters that a reason may have."""

_FILES: Final = frozenset(kind.file for kind in FORMATS.values())


@dataclass(frozen=True)
class DeviceChoice:
    """Artefact, runtime and threads that ``auto`` stands for on this machine, for one package."""

    artefact: str
    """File in the package."""
    sha256: str
    """Digest of the file."""
    runtime: str
    """Key of :data:`cxr_edge.models.registry.RUNTIMES`."""
    threads: int
    """CPU threads per model call."""
    why: str
    """Reason, as a clause for the run manifest."""


def places() -> Sequence[Path]:
    """Return where the file may be: the place of the user, then that of the machine."""
    from platformdirs import site_config_path, user_config_path

    folders = (user_config_path("cxr-edge", appauthor=False), site_config_path("cxr-edge"))
    return [folder / DEVICE_FILE for folder in folders if folder.is_absolute()]


def choice_for(package: Path) -> tuple[DeviceChoice | None, str]:
    """Return the choice for a package, and a warning where one cannot be followed.

    Parameters
    ----------
    package
        Folder of a model package.

    Returns
    -------
    DeviceChoice or None
        None where nobody has chosen, or the choice cannot be followed here.
    str
        Warning; empty where there is nothing to say.

    Raises
    ------
    ModelInvalid
        The package has no checksum list that can be read.
    """
    for path in places():
        try:
            found = _entries(path)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError):
            return None, (
                f"{path}: expected a file that 'cxr benchmark --choose' wrote, it cannot be read; "
                "it is not followed; remove it, or choose again"
            )
        key = machine_cache(package, shared=True).key
        ours = [entry for entry in found if entry["key"].get("package") == key["package"]]
        for entry in ours:
            if entry["key"] == key:
                return _checked(entry, package, path)
        if ours:
            made = _difference(ours[0]["key"], key)
            return None, (
                f"{path}: the choice for this model was made {made}; it is not followed; choose "
                "again with 'cxr benchmark --choose'"
            )
    return None, ""


def write_choice(package: Path, choice: DeviceChoice) -> Path:
    """Keep a choice for a package, in the user's file.

    Raises
    ------
    UsageError
        It cannot be written.
    """
    path = places()[0]
    try:
        kept = _entries(path)
    except (OSError, ValueError, KeyError, TypeError):
        kept = []
    key = machine_cache(package, shared=True).key
    kept = [entry for entry in kept if entry["key"].get("package") != key["package"]]
    data = {
        "device_version": DEVICE_VERSION,
        "choices": [*kept, {"key": key, **asdict(choice)}],
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomically(path, json.dumps(data, indent=2) + "\n")
    except OSError as exc:
        raise UsageError(
            f"--choose: {path} cannot be written: {exc.strerror}; set XDG_CONFIG_HOME to a folder "
            "that can"
        ) from exc
    return path


def _entries(path: Path) -> list[dict[str, Any]]:
    """Return the choices in a file; raises OSError, ValueError, KeyError or TypeError."""
    data = parse_json(read_at_most(path, MAX_JSON))
    if data["device_version"] != DEVICE_VERSION:
        raise ValueError("another version")
    found = [dict(entry) for entry in data["choices"]]
    if not all(isinstance(entry["key"], dict) for entry in found):
        raise TypeError("expected an object as key")
    return found


def _checked(
    entry: Mapping[str, Any], package: Path, path: Path
) -> tuple[DeviceChoice | None, str]:
    """Return a choice that can be followed, or the warning that it cannot."""
    values: dict[str, Any] = {one.name: entry.get(one.name) for one in fields(DeviceChoice)}
    choice = DeviceChoice(**values)
    listed = read_checksums(package)
    is_typed = type(choice.threads) is int and all(
        isinstance(text, str) for name, text in values.items() if name != "threads"
    )
    if (
        not is_typed
        or choice.artefact not in _FILES
        or choice.runtime not in RUNTIMES
        or choice.runtime not in runtimes_of(Path(choice.artefact))
        or choice.threads not in THREADS
        or not choice.why.isprintable()
        or len(choice.why) > _LONGEST_WHY
        or listed.get(choice.artefact) != choice.sha256
    ):
        return None, (
            f"{path}: the choice for this model is none that 'cxr benchmark --choose' made; it is "
            "not followed; choose again"
        )
    if not (package / choice.artefact).is_file():
        return None, (
            f"{path}: {choice.artefact} was chosen, and is not in {package}; the choice is not "
            "followed; export it, or choose again"
        )
    if not installed(choice.runtime):
        return None, (
            f"{path}: {choice.runtime} was chosen, and is not installed; the choice is not "
            "followed; install it, or choose again"
        )
    return choice, ""


def _difference(then: Mapping[str, object], now: Mapping[str, str]) -> str:
    """Return in what the circumstances of a choice differ from those now."""
    for name, value in now.items():
        if then.get(name) != value and name not in ("cpu", "package"):
            was = cell_shown(str(then.get(name) or f"no {name}"))
            return f"with {was}, here is {value or f'no {name}'}"
    return "on another CPU"
