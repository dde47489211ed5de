"""Orthanc, a DICOM server, with its DICOMweb plugin; skips where it is not installed."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

PLUGINS = (
    Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so"),
    Path("/usr/lib/orthanc/libOrthancDicomWeb.so"),
)
DIRECT = build_opener(ProxyHandler({}))
"""Opens addresses on this machine, whatever proxy the environment names."""

START = 30.0
"""Seconds that it may take to start."""


@contextmanager
def orthanc(folder: Path) -> Iterator[str]:
    """Run an empty server on loopback; yields its address."""
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/bin")
    plugin = next((path for path in PLUGINS if path.exists()), None)
    if program is None or plugin is None:
        pytest.skip("Orthanc and its DICOMweb plugin are not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "StorageDirectory": str(folder / "objects"),
        "IndexDirectory": str(folder / "objects"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [str(plugin)],
    }
    config = folder / "orthanc.json"
    config.write_text(json.dumps(settings))
    url = f"http://127.0.0.1:{port}"
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([program, str(config)], stdout=log, stderr=log) as process,
    ):
        try:
            _wait(url, process)
            yield url
        finally:
            process.terminate()


def store(url: str, objects: Iterable[bytes]) -> None:
    """Put DICOM objects into it."""
    for data in objects:
        with DIRECT.open(Request(f"{url}/instances", data, method="POST")) as answer:  # noqa: S310
            answer.read()


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START
    while time.monotonic() < until and process.poll() is None:
        try:
            with DIRECT.open(f"{url}/dicom-web/studies") as answer:
                answer.read()
                return
        except URLError:
            time.sleep(0.05)
    pytest.fail("Orthanc does not start")
