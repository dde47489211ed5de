"""The software bill of materials of a bundle, in CycloneDX."""

import json
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from cxr_edge import __version__
from cxr_edge.models.checksums import read_checksums
from cxr_export.packaging.bundle.wheels import Wheel

_NAMESPACE: Final = uuid.UUID("6a2f6a1c-3f5e-5c1e-9a51-6d3f1c0a7e42")
_CLASSIFIER: Final = "License :: "
_LONGEST_NAME: Final = 60


def bill_of_materials(
    platform: str, wheels: Sequence[Wheel], model: Path, model_name: str, licence: str
) -> str:
    """Return the CycloneDX JSON of a bundle; without a date, so that the same bundle has the same.

    Parameters
    ----------
    platform
        Name of the platform.
    wheels
        Every wheel inside, pip's too.
    model
        Folder of the model package.
    model_name
        Name of the model.
    licence
        Licence of the model, as its card says; empty where it says none.
    """
    parts = [*map(_of_wheel, wheels), _of_model(model, model_name, licence)]
    root = Component(
        name=f"cxr-edge bundle for {platform}",
        version=__version__,
        type=ComponentType.APPLICATION,
        bom_ref="bundle",
    )
    digests = sorted(str(hashed.content) for part in parts for hashed in part.hashes)
    bom = Bom(components=parts, serial_number=uuid.uuid5(_NAMESPACE, " ".join(digests)))
    bom.metadata.component = root
    bom.register_dependency(root, parts)
    found = json.loads(JsonV1Dot6(bom).output_as_string())
    del found["metadata"]["timestamp"]
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _of_wheel(wheel: Wheel) -> Component:
    return Component(
        name=wheel.name,
        version=wheel.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{wheel.name}=={wheel.version}",
        purl=PackageURL("pypi", None, wheel.name, wheel.version),
        description=wheel.metadata["Summary"],
        licenses=[LicenseFactory().make_from_string(name) for name in _licences(wheel)],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel.sha256)],
    )


def _licences(wheel: Wheel) -> Iterable[str]:
    """Return the licences as a wheel states them: an expression, a name, or classifiers."""
    metadata = wheel.metadata
    for field in ("License-Expression", "License"):
        (text,) = metadata.get_all(field) or [""]
        if text and "\n" not in text and len(text) <= _LONGEST_NAME:  # older ones have it in full
            return [text]
    stated = metadata.get_all("Classifier") or []
    return sorted(each.rpartition(" :: ")[2] for each in stated if each.startswith(_CLASSIFIER))


def _of_model(model: Path, name: str, licence: str) -> Component:
    files = [
        Component(
            name=file,
            type=ComponentType.FILE,
            bom_ref=f"model/{file}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        )
        for file, digest in read_checksums(model).items()
    ]
    return Component(
        name=name,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
        components=files,
    )
