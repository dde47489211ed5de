"""Certificates of this machine that have signed themselves, made with the tool that sites use."""

import shutil
import subprocess
from pathlib import Path

import pytest


def made_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate of loopback and its key; skips where nothing makes them."""
    found = shutil.which("openssl")
    if not found:
        pytest.skip("openssl is not installed: nothing makes certificates")
    words = f"{found} req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=here -addext"
    names = ["subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([*words.split(), *names], cwd=folder, check=True, capture_output=True)
    return folder / "certificate.pem", folder / "key.pem"
