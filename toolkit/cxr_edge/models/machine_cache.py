"""Findings about a model on this machine, kept in the user's cache folder."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from cxr_edge import __version__
from cxr_edge.models.checksums import checksum_list
from cxr_edge.storage.atomic import write_text_atomically
from cxr_edge.storage.bounded import MAX_JSON, parse_json, read_at_most
from cxr_edge.system.cpu import CpuInfo, usable_cpus
from cxr_edge.system.versions import library_versions

RECORD_VERSION: Final = 1
"""Version of a record's JSON; another one is as good as none."""


@dataclass(frozen=True)
class MachineCache:
    """Findings on one package or model by this machine as it is now.

    A record that cannot be read or has another key counts as none, and one that cannot be written
    is not written. Neither is an error: the work that it would have saved is done again.
    """

    path: Path
    """File of the record; its name is the digest of the key."""
    key: Mapping[str, str]
    """Package or model, libraries and machine, repeated in the record."""

    def get(self, question: str) -> object:
        """Return the answer to a question, None where there is none."""
        return self._findings().get(question)

    def put(self, question: str, answer: object) -> None:
        """Keep an answer, as JSON; None forgets it."""
        findings = {**self._findings(), question: answer}
        if answer is None:
            del findings[question]
        data = {"record_version": RECORD_VERSION, "key": self.key, "findings": findings}
        if not self.path.is_absolute():  # no home folder is known
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_text_atomically(self.path, json.dumps(data, indent=2) + "\n")
        except OSError:
            pass

    def _findings(self) -> dict[str, Any]:
        try:
            data = parse_json(read_at_most(self.path, MAX_JSON))
            if data["record_version"] == RECORD_VERSION and data["key"] == self.key:
                return dict(data["findings"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return {}


def machine_cache(package: Path, *, shared: bool = False) -> MachineCache:
    """Return the findings about a package.

    Parameters
    ----------
    package
        Folder with a checksum list, whose bytes stand for the whole package.
    shared
        Whether machines that differ in nothing but their name share these findings.

    Raises
    ------
    ModelInvalid
        The list cannot be read.
    """
    return _cache("package", hashlib.sha256(checksum_list(package)).hexdigest(), shared=shared)


def model_cache(sha256: str) -> MachineCache:
    """Return the findings about the model of a digest, whether in a package or a single file."""
    return _cache("model", sha256, shared=False)


def _cache(kind: str, digest: str, *, shared: bool) -> MachineCache:
    key = {kind: digest, **_circumstances()}
    if shared:
        del key["node"]
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    return MachineCache(cache_folder() / f"{name}.json", key)


def cache_folder() -> Path:
    """Return the folder of the records; a relative path where no home folder is known."""
    from platformdirs import user_cache_path

    return user_cache_path("cxr-edge", appauthor=False)


@cache
def _circumstances() -> Mapping[str, str]:
    """Return the facts beside the package that must be the same for a finding to hold."""
    return {
        "cxr_edge": __version__,
        **library_versions(),
        "node": platform.node(),
        "machine": platform.machine(),
        "cpu": CpuInfo.read().identity,
        "usable_cpus": str(usable_cpus()),
    }
