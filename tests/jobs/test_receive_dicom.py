"""Images over DICOM's network service: who may send, what is acknowledged, and what is kept."""

import errno
import gc
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from certificates import made_certificate
from fakes import SAMPLES

pytest.importorskip("pynetdicom", reason="the extra pacs is not installed")

from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.dul import DULServiceProvider
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from cxr_edge.errors import MachineError, UsageError
from cxr_edge.jobs import object_folder as module
from cxr_edge.jobs import send_dicom as send_module
from cxr_edge.jobs.dicom_peer import Caller, Certificates, Target
from cxr_edge.jobs.receive_dicom import ReceiveConfig, Receiver
from cxr_edge.jobs.send_dicom import SENT, SendJob, send

FILM = SAMPLES / "phantom-opacities-monochrome1.dcm"


@pytest.fixture
def config(tmp_path: Path) -> ReceiveConfig:
    """A receiver that only one modality of this machine may send to."""
    (tmp_path / "in").mkdir()
    return ReceiveConfig(
        tmp_path / "in", "CXR", [Caller.parse("XRAY@127.0.0.1")], "127.0.0.1", port=0, reserve=0
    )


@contextmanager
def running(config: ReceiveConfig) -> Iterator[Receiver]:
    """Let a receiver run."""
    lines: list[str] = []
    receiver = Receiver(config, lines.append)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()


@contextmanager
def modality(port: int, title: str = "XRAY", called: str = "CXR") -> Iterator[Any]:
    """Open an association as a modality does."""
    entity = AE(title)
    film = dcmread(FILM)
    entity.add_requested_context(Verification)
    entity.add_requested_context(film.SOPClassUID, film.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", port, ae_title=called)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()
        if association.dul.socket and association.dul.socket.socket:
            association.dul.socket.socket.close()


def film(uid: str = "1.2.3") -> Dataset:
    """Return a drawn film under a UID."""
    found = dcmread(FILM)
    found.SOPInstanceUID = found.file_meta.MediaStorageSOPInstanceUID = uid
    return found


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something holds; fail after a long time."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_an_image_is_stored_as_it_was_sent(config: ReceiveConfig) -> None:
    """Acknowledged and whole, under its UID, with the same pixels; an echo is answered."""
    with running(config) as receiver, modality(receiver.port) as sender:
        assert sender.send_c_echo().Status == 0
        assert sender.send_c_store(film()).Status == 0
        assert [path.name for path in config.inbox.iterdir()] == ["1.2.3.dcm"]
        assert dcmread(config.inbox / "1.2.3.dcm").PixelData == film().PixelData
    assert receiver.received.stored == 1


@pytest.mark.parametrize(
    ("title", "called", "allowed", "why"),
    [
        ("OTHER", "CXR", "XRAY", "unknown caller"),
        ("XRAY", "CXR", "XRAY@10.0.0.0/8", "unknown caller"),
        ("XRAY", "PACS", "XRAY", "other AE title"),
    ],
)
def test_others_are_refused(
    config: ReceiveConfig, title: str, called: str, allowed: str, why: str
) -> None:
    """By their AE title, by their address, and where they mean another service."""
    with running(replace(config, callers=[Caller.parse(allowed)])) as receiver:
        with modality(receiver.port, title, called) as sender:
            assert sender.is_rejected
        assert receiver.received.refused == {why: 1}
        assert not list(config.inbox.iterdir())


def test_nothing_is_stored_twice_or_replaced(config: ReceiveConfig) -> None:
    """The same object again is acknowledged; another one of the same UID gets another name."""
    changed = film()
    changed.PatientName = "Other"
    with running(config) as receiver, modality(receiver.port) as sender:
        for image in (film(), film(), changed, changed):
            assert sender.send_c_store(image).Status == 0
    assert (receiver.received.stored, receiver.received.again) == (2, 2)
    assert len(list(config.inbox.glob("1.2.3.*dcm"))) == 2


def test_a_full_disk_is_told_to_the_sender(
    config: ReceiveConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of resources, so that it sends again; whether seen before or while it is written."""
    with running(config) as receiver, modality(receiver.port) as sender:
        with monkeypatch.context() as patch:
            patch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
            assert sender.send_c_store(film()).Status == 0xA700
        with monkeypatch.context() as patch:
            patch.setattr(module, "atomic_write", _full)
            assert sender.send_c_store(film()).Status == 0xA700
        assert not list(config.inbox.iterdir())
        assert sender.send_c_store(film()).Status == 0
    assert receiver.received.refused == {"disk full": 2}


@contextmanager
def _full(*_: object, **__: object) -> Iterator[Path]:
    raise OSError(errno.ENOSPC, "No space left on device")
    yield


def test_an_object_that_is_too_large_is_cut_off(config: ReceiveConfig) -> None:
    """Before it has been received whole; nothing of it stays."""
    large = film()
    large.PixelData = bytes(3_000_000)
    with running(replace(config, most=1)) as receiver:
        with modality(receiver.port) as sender:
            assert not sender.send_c_store(large)
            wait_for(lambda: not sender.is_established)
        assert receiver.received.refused == {"too large": 1}
        assert not list(config.inbox.iterdir())
        with modality(receiver.port) as sender:
            assert sender.send_c_store(film()).Status == 0


def test_no_caller_fills_the_memory(config: ReceiveConfig) -> None:
    """A PDU of 4 GB is refused when it is announced, by whomever; so is an endless command."""
    with running(replace(config, most=1)) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.port), 10) as anybody:
            anybody.sendall(b"\x01\x00\xff\xff\xff\xff")
            wait_for(lambda: receiver.received.refused == {"too large": 1})
        with modality(receiver.port) as sender:
            fragment = b"\x04\0\0\0\x40\x06\0\0\x40\x02\x01\x01" + bytes(0x4000)
            with suppress(OSError):
                for _ in range(100):
                    sender.dul.socket.socket.sendall(fragment)
            wait_for(lambda: receiver.received.refused == {"too large": 2})
        with modality(receiver.port) as sender:
            assert sender.send_c_store(film()).Status == 0


def test_nonsense_in_the_middle_leaves_no_traceback(
    config: ReceiveConfig, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next caller is served."""
    monkeypatch.setattr("threading.excepthook", threading.__excepthook__)
    acceptance = b"\x02\0\0\0\0\x44" + bytes(68)
    with running(config) as receiver:
        for wrong in (b"\x09\0\0\0\0\x04" + bytes(4), acceptance):
            with modality(receiver.port) as sender:
                for data in (wrong, acceptance, wrong):
                    with suppress(OSError):
                        sender.dul.socket.socket.sendall(data)
        threading.excepthook(failure_of_pynetdicom())
        with modality(receiver.port) as sender:
            assert sender.send_c_store(film()).Status == 0
    assert "Traceback" not in capfd.readouterr().err


def failure_of_pynetdicom() -> threading.ExceptHookArgs:
    """Return the failure of one of its threads."""
    error = ValueError("from the other side")
    thread = DULServiceProvider.__new__(DULServiceProvider)
    return threading.ExceptHookArgs((ValueError, error, None, thread))


def test_a_pipe_in_the_inbox_holds_nobody_up(config: ReceiveConfig) -> None:
    """What stands under the name of an object, and is no file, is refused, and others are taken."""
    with running(config) as receiver, modality(receiver.port) as sender:
        os.mkfifo(config.inbox / "1.2.3.dcm")
        assert sender.send_c_store(film()).Status == 0xA700
        assert sender.send_c_store(film("1.2.4")).Status == 0


@pytest.mark.parametrize("uid", ["../evil", "1.2.x", "1." * 40 + "1"])
def test_a_uid_is_never_a_path(config: ReceiveConfig, uid: str) -> None:
    """An object with something else in place of its UID is refused."""
    receiver = Receiver(config, lambda _: None)
    event = SimpleNamespace(
        assoc=SimpleNamespace(
            requestor=SimpleNamespace(
                ae_title="XRAY", address_info=SimpleNamespace(address="127.0.0.1")
            )
        ),
        request=SimpleNamespace(AffectedSOPInstanceUID=uid),
    )
    assert receiver._store(event) == 0xC000


def test_a_caller_that_falls_silent_is_cut_off(config: ReceiveConfig) -> None:
    """In the middle of a message, and before any; others are served meanwhile."""
    with running(replace(config, timeout=0.5)) as receiver:
        with (
            socket.create_connection(("127.0.0.1", receiver.port)) as dumb,
            modality(receiver.port) as sender,
        ):
            assert sender.send_c_store(film()).Status == 0
            sender.dul.socket.socket.send(b"\x04\x00\x00\x00\xff\xff")  # a PDU that does not go on
            wait_for(lambda: receiver.watch() or receiver.received.refused)
            wait_for(lambda: not sender.is_established)
            dumb.settimeout(30)
            assert dumb.recv(1) == b""
        with modality(receiver.port) as sender:
            assert sender.send_c_echo().Status == 0


def test_an_inbox_that_is_gone_ends_the_receiver(config: ReceiveConfig) -> None:
    """Rather than that images are written beside the disk that was meant."""
    with running(config) as receiver:
        config.inbox.rmdir()
        with pytest.raises(MachineError, match="it is not there any more"):
            receiver.watch()


def test_the_inbox_is_not_made(config: ReceiveConfig) -> None:
    """A slip in its name sends no image to a new place."""
    config.inbox.rmdir()
    with (
        pytest.raises(UsageError, match="expected a folder that can be written to"),
        running(config),
    ):
        pass


def test_a_taken_port_is_told(config: ReceiveConfig) -> None:
    """With the way out."""
    with (
        running(config) as receiver,
        pytest.raises(UsageError, match=r"cannot be listened on: .*choose another --port"),
        running(replace(config, port=receiver.port)),
    ):
        pass


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    """A folder of two objects and a file that is none."""
    folder = tmp_path / "sr"
    (folder / "ward").mkdir(parents=True)
    film("1.2.3").save_as(folder / "a.dcm")
    film("1.2.4").save_as(folder / "ward" / "b.dcm")
    return folder


def job(folder: Path, receiver: Receiver) -> SendJob:
    """Return the job of sending a folder to a receiver of this machine."""
    return SendJob(folder, Target("CXR", "127.0.0.1", receiver.port), "XRAY")


def test_each_object_is_sent_until_it_is_taken(
    config: ReceiveConfig, queue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was refused goes again, what was taken does not, and what has changed does."""
    (queue / "note.txt").write_text("no DICOM")
    with running(config) as receiver:
        with monkeypatch.context() as patch:
            patch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
            first = send(job(queue, receiver))
        assert (first.sent, first.failed) == (0, {"status 0xA700": 2, "no DICOM file": 1})
        assert send(job(queue, receiver)).sent == 2
        again = send(job(queue, receiver))
        assert (again.sent, again.before) == (0, 2)
        film("1.2.5").save_as(queue / "a.dcm")
        assert send(job(queue, receiver)).sent == 1
    assert receiver.received.stored == 3


def test_a_wish_to_stop_is_heeded_between_two_objects(config: ReceiveConfig, queue: Path) -> None:
    """What is not sent yet goes the next time."""
    asked = iter([False, True])
    with running(config) as receiver:
        assert send(replace(job(queue, receiver), is_stopped=lambda: next(asked))).sent == 1
        assert send(job(queue, receiver)).sent == 1


def test_a_torn_row_of_the_list_is_sent_again(config: ReceiveConfig, queue: Path) -> None:
    """A kill between two bytes of the list costs one object sent twice, and no other."""
    with running(config) as receiver:
        send(job(queue, receiver))
        listed = (queue / SENT).read_text()
        (queue / SENT).write_text(listed[:-9])
        assert send(job(queue, receiver)).sent == 1
        assert send(job(queue, receiver)).before == 2


def test_a_damaged_list_costs_no_more_than_its_damaged_rows(
    config: ReceiveConfig, queue: Path
) -> None:
    """A quote that was torn off, bytes of anything and a row of a megabyte hide no other row."""
    rubbish = b'path,sha256,to\n"a,b\n\xff\0\n' + b"x" * 1_000_000 + b'\n"torn'
    (queue / SENT).write_bytes(rubbish)
    (queue / "with\nbreak.dcm").write_bytes(FILM.read_bytes())
    with running(config) as receiver:
        assert send(job(queue, receiver)).sent == 3
        assert send(job(queue, receiver)).before == 3


@pytest.mark.parametrize("change", ["odd", "empty", "vanishes"])
def test_one_bad_file_holds_up_no_other(
    config: ReceiveConfig, queue: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A UID that is none, or a file that goes away while others are sent, is counted."""
    bad = queue / "0.dcm"
    dcmwrite(bad, film())
    instead = {"odd": b"1..23\0", "empty": b"\0" * 6}.get(change, b"1.2.3\0")
    bad.write_bytes(bad.read_bytes().replace(b"1.2.3\0", instead))
    if change == "vanishes":
        real = send_module.read_file_meta
        monkeypatch.setattr(
            send_module, "read_file_meta", lambda data: (bad.unlink(missing_ok=True), real(data))[1]
        )
    with running(config) as receiver:
        sent = send(job(queue, receiver))
    assert (sent.sent, sent.failed.total()) == (2, 1)


def test_an_association_that_ends_between_two_objects_is_told(
    config: ReceiveConfig, queue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object behind it waits for the next try."""

    def ended(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("pynetdicom.association.Association.send_c_store", ended)
    with running(config) as receiver, pytest.raises(MachineError, match="broke the connection off"):
        send(job(queue, receiver))


def test_a_pacs_that_answers_nonsense_is_told(
    queue: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line; no thread leaves a traceback."""
    monkeypatch.setattr("threading.excepthook", threading.__excepthook__)

    def answer(server: socket.socket) -> None:
        client, _ = server.accept()
        with client:
            client.recv(5000)
            client.sendall(b"\x03\0\0\0\0\x04\0\x09\x09\x09")
            client.recv(5000)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        target = Target("PACS", "127.0.0.1", server.getsockname()[1])
        with pytest.raises(MachineError, match="does not answer as DICOM does"):
            send(SendJob(queue, target, "XRAY", timeout=1))
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("host", ["nosuch.invalid", "a..b", "x" * 70])
def test_a_host_that_is_none_is_told(queue: Path, host: str) -> None:
    """The message names the PACS, not the folder."""
    with pytest.raises(MachineError, match=r"^PACS@.* cannot be reached"):
        send(SendJob(queue, Target("PACS", host, 104), "XRAY"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_pacs_that_is_not_there_is_told(queue: Path) -> None:
    """With the reason, and what waits."""
    with pytest.raises(MachineError, match=r"reached: Connection refused; .*2 objects wait"):
        send(SendJob(queue, Target("PACS", "127.0.0.1", 9), "CXR"))
    gc.collect()  # pynetdicom leaves the socket open


def test_a_pacs_that_refuses_is_told(config: ReceiveConfig, queue: Path) -> None:
    """By the AE title that it should accept."""
    with (
        running(config) as receiver,
        pytest.raises(MachineError, match="refuses this machine; let it accept the AE title OTHER"),
    ):
        send(replace(job(queue, receiver), title="OTHER"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate of this machine that has signed itself, with the tool that sites use."""
    own, key = made_certificate(tmp_path_factory.mktemp("tls"))
    return Certificates(own, key, own)


@pytest.mark.slow
def test_an_encrypted_connection_needs_certificates_on_both_sides(
    config: ReceiveConfig, queue: Path, certificates: Certificates
) -> None:
    """One that is not encrypted gets nowhere, and holds nobody up."""
    with running(replace(config, tls=certificates.for_receiver(), timeout=2)) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.port)):  # never shakes hands
            encrypted = replace(job(queue, receiver), tls=certificates.for_sender())
            assert send(encrypted).sent == 2
        (queue / SENT).unlink()
        with pytest.raises(MachineError, match="cannot be reached"):
            send(replace(job(queue, receiver), timeout=2, title="OTHER"))
        bare = ssl.create_default_context(cafile=certificates.authority)  # without its own
        with pytest.raises(MachineError):
            send(replace(job(queue, receiver), tls=bare, timeout=2, title="BARE"))


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("dcmsend"), reason="DCMTK is not installed")
def test_dcmtk_sends_to_it(config: ReceiveConfig, queue: Path) -> None:
    """Its own storage and verification clients are served."""
    with running(config) as receiver:
        place = ["-aet", "XRAY", "-aec", "CXR", "127.0.0.1", str(receiver.port)]
        for command in (["echoscu"], ["storescu", "+sd", "+r"]):
            found = shutil.which(command[0], path="/usr/local/bin:/usr/bin")
            if not found:
                pytest.skip(f"{command[0]} of DCMTK is not installed")
            files = [str(queue)] if len(command) > 1 else []
            subprocess.run([found, *command[1:], *place, *files], check=True, timeout=60)
    assert receiver.received.stored == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected an AE title"),
        ("SEVENTEEN-LETTERS", "1 to 16 ASCII characters"),
        ("X\\Y", "no backslash"),
        ("XRAY@ward", "expected an IP address or a network"),
        ("XRAY@", "got nothing"),
    ],
)
def test_a_caller_is_read_strictly(text: str, message: str) -> None:
    """A slip in the list of who may send is no wider list."""
    with pytest.raises(UsageError, match=message):
        Caller.parse(text)


def test_networks_are_understood() -> None:
    """Of both versions, and an IPv4 address as an IPv6 socket tells it."""
    ward = Caller.parse("XRAY@10.0.8.0/24")
    assert ward.matches("XRAY", "10.0.8.7")
    assert ward.matches("XRAY", "::ffff:10.0.8.7")
    assert not ward.matches("XRAY", "10.0.9.7")
    assert not ward.matches("OTHER", "10.0.8.7")
    assert Caller.parse("XRAY@fd00::/8").matches("XRAY", "fd00::1")


@pytest.mark.parametrize("text", ["PACS", "PACS@host", "PACS@host:0", "PACS@:104", "@host:104"])
def test_a_target_is_read_strictly(text: str) -> None:
    """Title, host and port, all three."""
    with pytest.raises(UsageError, match=r"--to: expected"):
        Target.parse(text)
