"""The files of a bundle but its checksums: wheels, model, installer, unit, bill of materials."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from cxr_edge import __version__
from cxr_edge.models.bundle import layout
from cxr_edge.models.checksums import file_sha256
from cxr_edge.models.locate import package_spec
from cxr_edge.models.package import CARD
from cxr_edge.system.progress import stage
from cxr_export.packaging.bundle.model_part import copy_model
from cxr_export.packaging.bundle.request import BundleRequest
from cxr_export.packaging.bundle.sbom import bill_of_materials
from cxr_export.packaging.bundle.wheels import Wheel, download, requirement_lines, roots

_FILES: Final = Path(__file__).parent / "files"
_LICENCE: Final = re.compile(r'^license: "(.+)"$', re.MULTILINE)
_MARGIN: Final = 16 << 20
"""Bytes for the environment itself, for compiled modules, and for what a file system adds."""


@dataclass(frozen=True)
class Content:
    """Content of a bundle."""

    artefacts: tuple[str, ...]
    """Files of the model's artefacts."""
    wheels: Mapping[str, int]
    """Distributions that are installed, each with the bytes of its files."""
    installed_bytes: int
    """Largest number of bytes that the installation takes."""
    facts: Mapping[str, object]
    """Content of :data:`cxr_edge.models.bundle.layout.FACTS`."""


def fill(bundle: Path, wanted: BundleRequest, own_wheel: Callable[[Path], Path]) -> Content:
    """Write everything but the checksum list and its signature into an empty folder.

    Parameters
    ----------
    bundle
        The folder.
    wanted
        Content of the bundle.
    own_wheel
        Writes the wheel of this toolkit into a folder, and returns its path.

    Raises
    ------
    CxrError
        As :func:`cxr_export.packaging.bundle.make.make_bundle`.
    """
    model, folder = bundle / layout.MODEL, bundle / layout.WHEELS
    artefacts = copy_model(wanted, model)
    spec = package_spec(model)
    with stage("making the wheel of cxr-edge"):
        folder.mkdir()
        own = Wheel(own_wheel(folder))
    with stage(f"downloading wheels for {wanted.platform.name}"):
        downloaded = bundle / "downloaded"
        downloaded.mkdir()
        needed = roots(own, wanted.platform, wanted.runtimes, pacs=wanted.pacs)
        pip = Requirement(f"pip=={version('pip')}")
        found = download([*needed, pip], wanted.platform, wanted.constraints, downloaded)
        found = [Wheel(wheel.path.rename(folder / wheel.path.name)) for wheel in found]
        downloaded.rmdir()
    wheels = sorted([*found, own], key=lambda wheel: wheel.name)
    installed = [wheel for wheel in wheels if wheel.name != "pip"]
    sizes = {wheel.name: wheel.installed_bytes for wheel in installed}
    size = sum(sizes.values()) + _MARGIN + sum(path.stat().st_size for path in model.iterdir())
    facts: dict[str, object] = {
        "bundle_version": layout.BUNDLE_VERSION,
        "cxr_edge": __version__,
        "platform": wanted.platform.name,
        "machine": wanted.platform.machine,
        "python": wanted.platform.python,
        "glibc": f"2.{max(wheel.glibc for wheel in wheels)}",
        "runtimes": list(wanted.runtimes),
        "model": spec.name,
        "artefacts": {name: file_sha256(model / name) for name in artefacts},
        "installed_bytes": size,
    }
    card = model / CARD
    licence = _LICENCE.search(card.read_text("utf-8")) if card.is_file() else None
    bill = bill_of_materials(
        wanted.platform.name, wheels, model, spec.name, licence[1] if licence else ""
    )
    texts = {
        layout.FACTS: json.dumps(facts, indent=2, ensure_ascii=False) + "\n",
        layout.REQUIREMENTS: requirement_lines(installed),
        layout.SBOM: bill,
        **_templates(facts, own, pacs=wanted.pacs),
    }
    for name, text in texts.items():
        (bundle / name).parent.mkdir(exist_ok=True)
        (bundle / name).write_text(text, "utf-8")
    (bundle / layout.INSTALLER).chmod(0o755)
    return Content(artefacts, sizes, size, facts)


def _templates(facts: Mapping[str, object], own: Wheel, *, pacs: bool) -> dict[str, str]:
    """Return the texts of installer, guide and units, by name."""
    words = {f"@{name.upper()}@": str(value) for name, value in facts.items()}
    major, minor = str(facts["python"]).split(".")
    words |= {"@MAJOR@": major, "@MINOR@": minor, "@WHEEL@": own.path.name}
    words["@VERSION@"] = __version__
    texts = {}
    names = [layout.INSTALLER, layout.GUIDE, layout.UNIT, layout.SYSTEM_USER]
    if pacs:
        names.append(layout.RECEIVER)
    for name in names:
        text = (_FILES / Path(name).name).read_text("utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        texts[name] = text
    return texts
