"""The address of a DICOMweb server, which has no credentials in it."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from cxr_edge.errors import UsageError

TOKEN: Final = "CXR_DICOMWEB_TOKEN"  # noqa: S105  (its name)
"""Environment variable of a bearer token."""


def checked_url(url: str) -> str:
    """Return the root of a DICOMweb service without a slash at its end.

    Raises
    ------
    UsageError
        It is no address of http or https, or has a password or a query in it.
    """
    example = "give the root of the service, such as https://pacs.example/dicom-web"
    try:
        parts = urlsplit(url)
        named = parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        raise UsageError(f"--dicomweb: expected an address; {example}") from None
    if "@" in parts.netloc:  # never shown
        raise UsageError(
            "--dicomweb: expected an address without a user and password in it; write them into "
            f"~/.netrc, or set {TOKEN}"
        )
    if parts.scheme not in ("http", "https") or not named or not url.isprintable():
        raise UsageError(f"--dicomweb: expected an address of http or https; {example}")
    if parts.query or parts.fragment or " " in url:
        raise UsageError(f"--dicomweb: expected no query in the address, but --query; {example}")
    return url.rstrip("/")


def is_in_the_clear(url: str) -> bool:
    """Tell whether images from an address travel over a network without encryption."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        is_here = ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    return parts.scheme == "http" and not is_here
