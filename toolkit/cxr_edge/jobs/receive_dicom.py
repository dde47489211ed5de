"""DICOM images as a modality sends them: C-STORE into a folder, C-ECHO."""

import math
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from errno import EDQUOT, EMSGSIZE, ENOSPC
from pathlib import Path
from typing import Any, Final  # Any: an event has its fields by its kind

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from cxr_edge.errors import MachineError, UsageError
from cxr_edge.imaging.dicom.file_meta import is_uid
from cxr_edge.jobs.dicom_peer import Caller, close_socket, quiet_library
from cxr_edge.jobs.object_folder import ObjectFolder, Put
from cxr_edge.system.printable import printable

_SUCCESS: Final = 0x0000
_OUT_OF_RESOURCES: Final = 0xA700
_CANNOT_UNDERSTAND: Final = 0xC000
"""Status codes of the storage service (DICOM PS3.4, B.2.3); senders try the second one again."""

_NOT_RECOGNIZED: Final = (0x01, 0x01, 0x03)
_TITLE_NOT_OURS: Final = (0x01, 0x01, 0x07)
"""Rejections of an association: for good, by the user, of the calling and of the called AE title
(DICOM PS3.8, 9.3.4)."""

_LONGEST_PDU: Final = 1 << 20
"""Bytes of one PDU. Senders are told of 16 kB; a request for an association may be longer."""

_CUT: Final = math.inf
"""Time of an association that was cut off, and is about to end."""

_END: Final = 2.0
"""Seconds for the associations to end, once they are cut off."""

_MEGABYTE: Final = 1_000_000


@dataclass(frozen=True)
class ReceiveConfig:
    """Settings of a receiver."""

    inbox: Path
    """Folder that complete files are put into."""
    title: str
    """AE title of this machine."""
    callers: Sequence[Caller]
    """Application entities that may send."""
    address: str = "0.0.0.0"  # noqa: S104  (modalities are other machines; who may call is listed)
    """Address that the receiver listens on."""
    port: int = 11112
    """TCP port; 0 for any that is free."""
    tls: ssl.SSLContext | None = None
    """Settings of encrypted connections; None for none."""
    associations: int = 8
    """Associations at once."""
    most: int = 256
    """Megabytes of one object."""
    timeout: float = 30
    """Seconds that a caller may keep silent."""
    reserve: int = 1000
    """Megabytes of the disk that stay free."""


@dataclass
class Received:
    """Counts of a receiver, which several threads add to."""

    stored: int = 0
    """Objects that are in the inbox."""
    again: int = 0
    """Objects that were there already, byte for byte."""
    refused: Counter[str] = field(default_factory=Counter)
    """Objects and associations that were refused, by why."""


class Receiver:
    """A storage service that writes what it gets into a folder.

    An object is acknowledged when it is on the disk under its name, ``SOP Instance UID.dcm``, and
    never before: what was not acknowledged, the sender sends again. Nothing in it is looked at.

    Parameters
    ----------
    config
        Settings.
    tell
        Function that is given each line for the log; several threads call it.
    """

    def __init__(self, config: ReceiveConfig, tell: Callable[[str], None]) -> None:
        self.config = config
        self.received = Received()
        self._folder = ObjectFolder(config.inbox, config.reserve)
        self._tell = tell
        self._lock = threading.Lock()
        self._server: ThreadedAssociationServer | None = None
        self._running = ExitStack()
        self._heard: dict[Any, float] = {}  # associations, and when each last sent a whole PDU

    @property
    def port(self) -> int:
        """TCP port that it listens on."""
        assert self._server
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Listen, and answer in threads of its own.

        Raises
        ------
        UsageError
            The inbox cannot be written to, or the port cannot be listened on.
        """
        config = self.config
        self._folder.open()
        entity = AE(config.title)
        entity.maximum_associations = config.associations
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = config.timeout
        entity.add_supported_context(Verification)
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, self._opened),
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_PDU_RECV, self._pdu),
            (evt.EVT_C_STORE, self._store),
        ]
        try:
            self._server = entity.make_server(
                (config.address, config.port),
                evt_handlers=handlers,
                ssl_context=config.tls,
                server_class=_Server,
            )
        except OSError as exc:
            raise UsageError(
                f"--port: {config.address}:{config.port} cannot be listened on: {exc.strerror}; "
                "choose another --port or --address"
            ) from exc
        entity._servers.append(self._server)  # noqa: SLF001  (its shutdown takes it out)
        self._running.enter_context(quiet_library())
        threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True).start()

    def watch(self) -> None:
        """Cut off callers that keep silent in the middle of something; to be called each second.

        Raises
        ------
        MachineError
            The inbox is no longer there.
        """
        now = time.monotonic()
        for association, heard in list(self._heard.items()):
            if association.ident and not association.is_alive():
                self._forget(association)
            elif now - heard > self.config.timeout:
                self._refuse("kept silent", f"{_caller(association)}: silent, cut off")
                self._cut(association)
        if not self.config.inbox.is_dir():
            raise MachineError(
                f"{self.config.inbox}: expected the inbox, it is not there any more; put it back, "
                "and start again"
            )

    def stop(self) -> None:
        """Stop listening; objects that are not complete are not acknowledged."""
        if not self._server:
            return
        for association in list(self._heard):
            self._cut(association)
        self._server.shutdown()
        until = time.monotonic() + _END
        for association in list(self._heard):
            association.join(max(0, until - time.monotonic()))
            self._forget(association)
        self._running.close()

    def _opened(self, event: Any) -> None:
        """Note a connection, and have it ended where a PDU is too long to be held in memory."""
        association = event.assoc
        self._heard[association] = time.monotonic()
        connection = association.dul.socket
        read = connection.recv

        def recv(count: int) -> bytearray:
            if count > _LONGEST_PDU:
                self._refuse(
                    "too large", f"{_caller(association)}: refused, a PDU of {count} bytes"
                )
                raise OSError(EMSGSIZE, "the PDU is too long")
            return bytearray(read(count))

        connection.recv = recv

    def _requested(self, event: Any) -> None:
        """Refuse an association of a caller that is not listed, or that means another service."""
        association = event.assoc
        request = association.requestor.primitive
        title, called = request.calling_ae_title.strip(), request.called_ae_title.strip()
        address = association.requestor.address_info.address
        if not any(caller.matches(title, address) for caller in self.config.callers):
            answer, why = _NOT_RECOGNIZED, "unknown caller"
            line = f"{printable(title)}@{address}: refused, not allowed; see --allow"
        elif called != self.config.title:
            answer, why = _TITLE_NOT_OURS, "other AE title"
            line = (
                f"{printable(title)}@{address}: refused, it calls {printable(called)}, and this is "
                f"{self.config.title}; see --aet"
            )
        else:
            return
        self._refuse(why, line)
        association.acse.send_reject(*answer)
        association.kill()

    def _pdu(self, event: Any) -> None:
        """Note that a caller is alive, and cut it off when an object gets too large."""
        association = event.assoc
        if self._heard.get(association, _CUT) == _CUT:
            return
        self._heard[association] = time.monotonic()
        message = association.dimse.message
        parts = (message.encoded_command_set, message.data_set) if message else ()
        size = sum(part.getbuffer().nbytes for part in parts)
        if size > self.config.most * _MEGABYTE:
            self._refuse(
                "too large",
                f"{_caller(association)}: refused, an object of over {self.config.most} MB; "
                "see --max-size",
            )
            self._cut(association)

    def _store(self, event: Any) -> int:
        """Write one object, and return the status for its sender."""
        caller, uid = _caller(event.assoc), str(event.request.AffectedSOPInstanceUID)
        if not is_uid(uid):
            self._refuse("no UID", f"{caller}: refused, no SOP Instance UID: {printable(uid)}")
            return _CANNOT_UNDERSTAND
        try:
            put = self._folder.put(uid, event.encoded_dataset())
        except OSError as exc:
            why = "disk full" if exc.errno in (ENOSPC, EDQUOT) else "cannot be written"
            self._refuse(why, f"{caller}: refused for now, {exc.strerror}: {uid}")
            return _OUT_OF_RESOURCES
        except MemoryError:
            self._refuse("memory", f"{caller}: refused for now, the memory is full: {uid}")
            return _OUT_OF_RESOURCES
        with self._lock:
            self.received.stored += put is not Put.AGAIN
            self.received.again += put is Put.AGAIN
        self._tell(f"{caller}: {uid} {put}")
        return _SUCCESS

    def _refuse(self, why: str, line: str) -> None:
        with self._lock:
            self.received.refused[why] += 1
        self._tell(line)

    def _cut(self, association: Any) -> None:
        """End an association, even one that is in the middle of a PDU."""
        self._heard[association] = _CUT
        if association.is_established:
            association.abort(block=False)
        connection = association.dul.socket
        if connection and connection.socket:
            with suppress(OSError):  # the caller was faster
                connection.socket.shutdown(socket.SHUT_RDWR)

    def _forget(self, association: Any) -> None:
        """Forget an association that has ended."""
        del self._heard[association]
        close_socket(association)


class _Server(ThreadedAssociationServer):
    """A server that no caller can hold up: it takes the next one before the first has spoken."""

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection; the handshake of TLS is made in the thread that serves it."""
        assert self.socket
        client, address = self.socket.accept()
        client.settimeout(self.ae.network_timeout)
        if self.ssl_context:
            client = self.ssl_context.wrap_socket(
                client, server_side=True, do_handshake_on_connect=False
            )
        return client, address


def _caller(association: Any) -> str:
    requestor = association.requestor
    return f"{printable(requestor.ae_title.strip())}@{requestor.address_info.address}"
