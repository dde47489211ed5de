"""The service manager, told over its socket."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_edge.system.service import ServiceManager


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = str(tmp_path / "notify")
        listening.bind(name)
        listening.settimeout(20)
        yield name, listening


def test_it_is_told_all_that_a_unit_can_ask_for(heard: tuple[str, socket.socket]) -> None:
    """Ready, alive, what it does, and that it ends, in the words of sd_notify(3)."""
    name, listening = heard
    service = ServiceManager({"NOTIFY_SOCKET": name})
    service.ready()
    service.alive()
    service.alive()  # so soon, once is enough
    service.status("watching")
    service.status("watching")  # known already
    service.stopping()
    told = [listening.recv(4096).decode() for _ in range(4)]
    assert told == ["READY=1", "WATCHDOG=1", "STATUS=watching", "STOPPING=1"]


def test_a_socket_without_a_file_is_reached() -> None:
    """Its name starts with @, which stands for a zero byte."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0cxr-edge-test")
        listening.settimeout(20)
        ServiceManager({"NOTIFY_SOCKET": "@cxr-edge-test"}).ready()
        assert listening.recv(4096) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/none/there"}])
def test_nobody_to_be_told_is_no_error(environment: dict[str, str]) -> None:
    """Started by hand, or by a manager that has gone."""
    ServiceManager(environment).ready()
