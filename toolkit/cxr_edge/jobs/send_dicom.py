"""DICOM objects of a folder to a PACS: C-STORE, with what was not taken left for the next time."""

import csv
import os
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self  # Any: pynetdicom's associations

from pynetdicom import AE, _config

from cxr_edge.errors import ImageError, MachineError
from cxr_edge.imaging.dicom.file_meta import NO_FILE, FileMeta, read_file_meta
from cxr_edge.jobs.dicom_peer import Target, close_socket, quiet_library
from cxr_edge.reports.append_log import parsed
from cxr_edge.storage.open_regular import open_regular
from cxr_edge.storage.read_file import read_file
from cxr_edge.system.plural import counted
from cxr_edge.system.printable import printable

SENT: Final = ".sent.csv"
"""File in the folder that lists what a PACS has taken; hidden, so that no scan takes it."""

_config.STORE_SEND_CHUNKED_DATASET = True  # files go as they are, neither read nor written anew

_COLUMNS: Final = ("path", "sha256", "to")
_SUCCESS: Final = 0x0000
_WARNING: Final = 0xB000
_CONTEXTS: Final = 128
"""Presentation contexts that one association may have."""


@dataclass(frozen=True)
class SendJob:
    """Objects of a folder that a PACS is to get."""

    folder: Path
    """Folder with DICOM files, and folders of them."""
    target: Target
    """Application entity that they are sent to."""
    title: str
    """AE title of this machine."""
    tls: ssl.SSLContext | None = None
    """Settings of encrypted connections; None for none."""
    timeout: float = 30
    """Seconds that the other side may keep silent."""
    is_stopped: Callable[[], bool] = lambda: False
    """Function that says whether to end before the next object."""


@dataclass
class Sent:
    """Counts of one try."""

    sent: int = 0
    """Objects that the PACS took."""
    before: int = 0
    """Objects that it had taken before."""
    failed: Counter[str] = field(default_factory=Counter)
    """Objects that it did not take, by why; they are sent again the next time."""


def send(job: SendJob) -> Sent:
    """Send what the PACS has not taken yet, once.

    Each object that it takes is noted beside the objects at once. A file that changes is sent
    again, and each PACS gets its own.

    Parameters
    ----------
    job
        Folder and PACS.

    Returns
    -------
    Sent
        Counts; what failed is tried again by the next call.

    Raises
    ------
    MachineError
        The PACS cannot be reached, refuses the association or breaks it off, or the folder cannot
        be read.
    """
    found = Sent()
    try:
        with quiet_library():
            waiting = list(_waiting(job, found))
            kinds = sorted({(meta.sop_class, meta.transfer_syntax) for _, meta in waiting})
            for start in range(0, len(kinds), _CONTEXTS):
                some = kinds[start : start + _CONTEXTS]
                among = frozenset(some)
                wanted = [
                    item
                    for item, meta in waiting
                    if (meta.sop_class, meta.transfer_syntax) in among
                ]
                _send(job, some, wanted, found)
    except OSError as exc:
        raise MachineError(
            f"{exc.filename or job.folder} cannot be read or written: {exc.strerror}; "
            "mend that, and start again"
        ) from exc
    return found


@dataclass(frozen=True)
class _Item:
    """One object that waits."""

    path: Path
    """Its file."""
    name: str
    """Its path in the folder."""
    sha256: str
    """Digest of its bytes."""


def _waiting(job: SendJob, found: Sent) -> Iterator[tuple[_Item, FileMeta]]:
    """Yield the objects that the PACS has not taken."""
    taken = _taken(job.folder)
    for path in sorted(job.folder.rglob("*")):
        name = path.relative_to(job.folder).as_posix()
        if any(part.startswith(".") for part in Path(name).parts) or not path.is_file():
            continue
        try:
            data = read_file(path)
        except ImageError:
            found.failed["cannot be read"] += 1
            continue
        item = _Item(path, name, sha256(data).hexdigest())
        if _row(name, item.sha256, job.target) in taken:
            found.before += 1
            continue
        try:
            yield item, read_file_meta(data)
        except ImageError:
            found.failed["no DICOM file"] += 1


def _send(
    job: SendJob, kinds: Sequence[tuple[str, str]], items: Sequence[_Item], found: Sent
) -> None:
    """Send objects of some kinds over one association."""
    entity = AE(job.title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = job.timeout
    entity.connection_timeout = job.timeout
    for sop_class, transfer_syntax in kinds:
        entity.add_requested_context(sop_class, transfer_syntax)
    target = job.target
    tls = (job.tls, target.host) if job.tls else None
    try:
        association = entity.associate(
            target.host, target.port, ae_title=target.title, tls_args=tls
        )
    except (OSError, UnicodeError) as exc:  # no such host, or no name that one can have
        raise _not_established(job, len(items), is_rejected=False) from exc
    try:
        if not association.is_established:
            raise _not_established(job, len(items), is_rejected=association.is_rejected)
        with _Journal(job.folder) as journal:
            for item in items:
                if job.is_stopped():
                    return
                answer = _answer(association, item.path)
                if answer is None:
                    raise MachineError(
                        f"{target} broke the connection off, or kept silent for {job.timeout:g} "
                        f"seconds; {found.sent} sent, the others wait for the next try"
                    )
                if answer:
                    found.failed[answer] += 1
                else:
                    journal.add(item, target)
                    found.sent += 1
    finally:
        if association.is_established:
            association.release()
        close_socket(association)


def _answer(association: Any, path: Path) -> str | None:
    """Send one object; return why it was not taken, empty where it was, None without an answer."""
    try:
        status = association.send_c_store(path).get("Status")
    except ValueError:  # no context was accepted for its kind
        return "kind not accepted"
    except RuntimeError:  # the other side ended the association in between
        return None
    except NO_FILE:
        return "changed meanwhile"
    if status is None:
        return None
    is_taken = status == _SUCCESS or status & 0xF000 == _WARNING
    return "" if is_taken else f"status 0x{status:04X}"


def _not_established(job: SendJob, waiting: int, *, is_rejected: bool) -> MachineError:
    wait = f"{counted(waiting, 'object waits', 'objects wait')} for the next try"
    if is_rejected:
        return MachineError(
            f"{job.target} refuses this machine; let it accept the AE title {job.title}; {wait}"
        )
    why = "it does not answer as DICOM does, or does not trust the certificate"
    try:  # pynetdicom does not say why
        socket.create_connection((job.target.host, job.target.port), job.timeout).close()
    except OSError as exc:
        why = exc.strerror or str(exc)
    except UnicodeError:
        why = "no host can have such a name"
    return MachineError(
        f"{job.target} cannot be reached: {why}; check host, port and certificates; {wait}"
    )


class _Journal:
    """The list of what was taken, a row at a time on the disk."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / SENT

    def __enter__(self) -> Self:
        whole = _listed(self._path)
        self._file = self._path.open("a", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file, lineterminator="\n")
        if not whole:
            self._rows.writerow(_COLUMNS)
        elif not whole.endswith(b"\n"):  # a kill left a part of a row; the next one starts anew
            self._file.write("\n")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, item: _Item, target: Target) -> None:
        self._rows.writerow(_row(item.name, item.sha256, target))
        self._file.flush()
        os.fsync(self._file.fileno())


def _row(name: str, digest: str, target: Target) -> tuple[str, str, str]:
    """Return a row of the list, which stands on one line whatever the name of the file."""
    return printable(name), digest, str(target)


def _taken(folder: Path) -> set[tuple[str, ...]]:
    """Return path, SHA-256 and PACS of what was taken.

    A row that is none, torn or damaged, spoils no other; its file is sent again.
    """
    found = set()
    for line in _listed(folder / SENT).splitlines():
        with suppress(ValueError):
            found.add(tuple(parsed(line)))
    return found


def _listed(path: Path) -> bytes:
    """Return the bytes of a list, none where there is no list; raises OSError."""
    try:
        with open_regular(path) as file:
            return file.read()
    except FileNotFoundError:
        return b""
