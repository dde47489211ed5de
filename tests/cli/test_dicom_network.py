"""The commands that speak DICOM: what they print and how they end."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import SAMPLES
from interrupts import heed_interrupts

from cxr_edge.errors import ExitCode

pytest.importorskip("pynetdicom", reason="the extra pacs is not installed")

FILM = SAMPLES / "phantom-opacities-monochrome1.dcm"


def test_nobody_may_send_who_is_not_named(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """Without --allow nothing listens."""
    result = cxr("receive", tmp_path / "in")
    assert result.exit_code == ExitCode.USAGE
    assert "--allow XRAY1@10.0.8.5" in result.output


@pytest.mark.parametrize("name", ["receive", "send"])
def test_the_extra_is_named(
    cxr: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Where pynetdicom is missing, with the command that installs it."""
    for module in ("pynetdicom", "cxr_edge.jobs.receive_dicom", "cxr_edge.jobs.send_dicom"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "pynetdicom", None)
    words = {"receive": ["--allow", "XRAY"], "send": ["--to", "PACS@localhost:104"]}[name]
    result = cxr(name, tmp_path, *words)
    assert result.exit_code == ExitCode.ERROR
    assert f"cxr {name} needs the extra 'pacs' (pynetdicom is not installed)" in result.output


def test_certificates_come_in_threes(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """A slip never makes a connection that is not encrypted; what is no certificate is told."""
    words = ["receive", tmp_path, "--allow", "XRAY", "--tls-certificate", FILM]
    result = cxr(*words)
    assert result.exit_code == ExitCode.USAGE
    assert "belong together; give all three" in result.output
    result = cxr(*words, "--tls-key", FILM, "--tls-authority", FILM)
    assert result.exit_code == ExitCode.USAGE
    assert "expected a certificate, its key" in result.output


@pytest.mark.slow
def test_a_film_goes_from_the_modality_to_the_inbox(tmp_path: Path) -> None:
    """Sent by one command, taken by the other; Ctrl-C ends the receiver, which counts."""
    inbox, out = tmp_path / "in", tmp_path / "out"
    out.mkdir()
    inbox.mkdir()
    (out / "film.dcm").write_bytes(FILM.read_bytes())
    cxr = [sys.executable, "-m", "cxr_edge"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    words = ["receive", inbox, "--allow", "XRAY@127.0.0.1", "--port", port, "--keep-free", "0"]
    with subprocess.Popen(
        [*cxr, *map(str, words), "--address", "127.0.0.1"], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        preexec_fn=heed_interrupts,  # noqa: PLW1509  (no thread runs here)
    ) as receiver:  # fmt: skip
        assert receiver.stdout
        assert "listens on" in receiver.stdout.readline()
        target = f"CXR-EDGE@127.0.0.1:{port}"
        sent = subprocess.run(
            [*cxr, "send", str(out), "--to", target, "--aet", "XRAY"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert sent.stdout == "1 object sent\n"
        receiver.send_signal(signal.SIGINT)
        rest = receiver.stdout.read()
    assert receiver.returncode == ExitCode.DONE
    assert "1 image stored; none refused" in rest
    assert len(list(inbox.glob("*.dcm"))) == 1
