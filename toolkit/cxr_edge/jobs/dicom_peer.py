"""Who speaks DICOM with this machine: names, addresses and certificates."""

import ipaddress
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final  # Any: pynetdicom's associations

from cxr_edge.errors import UsageError
from cxr_edge.system.printable import printable
from cxr_edge.system.ranges import PORT

_TITLE: Final = 16
"""Characters that an application entity title may have (DICOM PS3.5, VR AE)."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Caller:
    """An application entity that may send images."""

    title: str
    """Its calling AE title."""
    network: Network | None = None
    """Addresses that it may call from; None for all."""

    @classmethod
    def parse(cls, text: str) -> "Caller":
        """Read ``TITLE`` or ``TITLE@ADDRESS``; the address may be that of a network, with a prefix.

        Raises
        ------
        UsageError
            It is neither.
        """
        title, at, address = text.partition("@")
        if not at:
            return cls(ae_title("--allow", title))
        try:
            network = ipaddress.ip_network(address, strict=False)
        except ValueError:
            raise UsageError(
                "--allow: expected an IP address or a network such as 10.0.8.0/24 behind @, got "
                f"{printable(address) or 'nothing'}"
            ) from None
        return cls(ae_title("--allow", title), network)

    def matches(self, title: str, address: str) -> bool:
        """Tell whether a caller with a title and an IP address is this one."""
        if title != self.title:
            return False
        if self.network is None:
            return True
        found = ipaddress.ip_address(address)
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        return found in self.network


@dataclass(frozen=True)
class Target:
    """An application entity that images are sent to."""

    title: str
    """Its AE title."""
    host: str
    """Name or address of its machine."""
    port: int
    """TCP port."""

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Read ``TITLE@HOST:PORT``.

        Raises
        ------
        UsageError
            It is something else.
        """
        title, _, place = text.partition("@")
        host, _, port = place.rpartition(":")
        if not host or not port.isdecimal() or int(port) not in PORT:
            raise UsageError(
                "--to: expected TITLE@HOST:PORT, such as PACS@10.0.8.2:104, got "
                f"{printable(text) or 'nothing'}"
            )
        return cls(ae_title("--to", title), host.strip("[]"), int(port))

    def __str__(self) -> str:
        return f"{self.title}@{self.host}:{self.port}"


@dataclass(frozen=True)
class Certificates:
    """Certificates of encrypted connections."""

    certificate: Path
    """Certificate of this machine, PEM, with those that it was signed by."""
    key: Path
    """Its private key, PEM without a password."""
    authority: Path
    """Certificates, PEM, one of which must have signed that of the other side."""

    def for_receiver(self) -> ssl.SSLContext:
        """Return the settings of a receiver, which asks each caller for a certificate.

        Raises
        ------
        UsageError
            A file cannot be read or is none of the kind, or key and certificate do not belong
            together.
        """
        context = self._filled(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def for_sender(self) -> ssl.SSLContext:
        """Return the settings of a sender, which compares the certificate with the host's name.

        Raises
        ------
        UsageError
            As :meth:`for_receiver`.
        """
        return self._filled(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    def _filled(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key, password="")
            context.load_verify_locations(self.authority)
        except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
            reason = getattr(exc, "reason", None) or getattr(exc, "strerror", None) or str(exc)
            raise UsageError(
                "--tls-certificate, --tls-key, --tls-authority: expected a certificate, its key "
                f"without a password and an authority's certificate, all PEM, got {reason}"
            ) from exc
        return context


def certificates(
    certificate: Path | None, key: Path | None, authority: Path | None
) -> Certificates | None:
    """Return the certificates of an encrypted connection; None where nobody asked for one.

    Raises
    ------
    UsageError
        Some of the three are given, and some are not.
    """
    if certificate is None and key is None and authority is None:
        return None
    if certificate is None or key is None or authority is None:
        raise UsageError(
            "--tls-certificate, --tls-key and --tls-authority belong together; give all three"
        )
    return Certificates(certificate, key, authority)


@contextmanager
def quiet_library() -> Iterator[None]:
    """Let pynetdicom print nothing: the other side may send anything, patients' names among it.

    Its threads fail without a traceback. Remarks of pydicom quote values of the header; they are
    dropped for the rest of the process.
    """
    warnings.filterwarnings("ignore", module=r"(pydicom|pynetdicom)(\.|$)")
    before = threading.excepthook

    def told(failure: threading.ExceptHookArgs) -> None:
        if not type(failure.thread).__module__.startswith("pynetdicom."):
            before(failure)

    threading.excepthook = told
    try:
        yield
    finally:
        threading.excepthook = before


def close_socket(association: Any) -> None:
    """Close the socket of an association that has ended; pynetdicom leaves some open."""
    connection = association.dul.socket
    if connection and connection.socket:
        connection.socket.close()


def listening_address(text: str) -> str:
    """Return an IP address to listen on.

    Raises
    ------
    UsageError
        It is none.
    """
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise UsageError(
            "--address: expected an IP address of this machine, or 0.0.0.0 for all of them, got "
            f"{printable(text) or 'nothing'}"
        ) from None


def ae_title(option: str, text: str) -> str:
    """Return an application entity title, without the spaces around it.

    Raises
    ------
    UsageError
        It is empty, longer than 16 characters, or has others than ASCII allows it.
    """
    title = text.strip()
    is_plain = title.isascii() and title.isprintable() and "\\" not in title
    if not is_plain or not 0 < len(title) <= _TITLE:
        raise UsageError(
            f"{option}: expected an AE title of 1 to {_TITLE} ASCII characters, no backslash, got "
            f"{printable(text) or 'nothing'}"
        )
    return title
