"""The names of a bundle's files."""

from typing import Final

SUMS: Final = "SHA256SUMS"
"""SHA-256 of every other file, as ``sha256sum`` prints and checks them."""

SIGNATURE: Final = "SHA256SUMS.sig"
"""Ed25519 signature of the list, 64 bytes; a bundle that is not signed has none."""

FACTS: Final = "bundle.json"
"""Machine that the bundle is for, and what is in it."""

BUNDLE_VERSION: Final = 1
"""Version of :data:`FACTS`; an installer refuses what it does not know."""

REQUIREMENTS: Final = "requirements.txt"
"""Wheels that are installed, by name, version and SHA-256."""

WHEELS: Final = "wheels"
"""Folder of the wheels, pip's among them."""

MODEL: Final = "model"
"""Folder of the model package."""

SBOM: Final = "sbom.cdx.json"
"""Bill of materials with licences, in CycloneDX."""

INSTALLER: Final = "install.sh"
"""Shell script that finds Python and hands over to :mod:`cxr_edge.models.bundle.install`."""

GUIDE: Final = "README.md"
"""How to install it."""

UNIT: Final = "systemd/cxr-edge-watch.service"
"""systemd unit of ``cxr watch``, in which :data:`FOLDER` stands for the folder installed to."""

RECEIVER: Final = "systemd/cxr-edge-receive.service"
"""systemd unit of ``cxr receive``, likewise; in a bundle with ``pacs`` alone."""

SYSTEM_USER: Final = "systemd/cxr-edge.conf"
"""User that the units run as, for systemd-sysusers."""

FOLDER: Final = "@FOLDER@"
"""Word in a unit that stands for the folder of the installation."""
