"""The troubles with a DICOMweb server, in words that repeat none of a query."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from cxr_edge.storage.dicomweb.address import TOKEN

_BUSY: Final = (429, 502, 503, 504)
_STATUS: Final[Mapping[int, str]] = {
    400: "the server refused the query (400); it may not know a keyword of it",
    401: f"the server wants other credentials (401); set {TOKEN}, or write ~/.netrc",
    403: f"the server wants other credentials (403); set {TOKEN}, or write ~/.netrc",
    404: "the server has no such thing (404)",
    406: "the server cannot answer in the form that was asked for (406)",
    429: "the server asks for fewer requests (429); use fewer --workers",
}

_ROOT: Final = (
    "; check that the address is the root of the service, such as http://HOST:8042/dicom-web"
)
"""Advice where a search for studies is unknown to the server."""


class Trouble(Exception):
    """A request that failed; its text has no word of the query or the answer."""

    def __init__(self, text: str, *, passing: bool = False, rest: float = 0.0) -> None:
        super().__init__(text)
        self.passing, self.rest = passing, rest


def refused(status: int, address: str, rest: str) -> Trouble:
    """Return the trouble of an answer that is none.

    Parameters
    ----------
    status
        State of HTTP.
    address
        Address that was asked for.
    rest
        Header ``Retry-After``; empty where there is none.
    """
    if status in _STATUS:
        text = _STATUS[status]
    elif 300 <= status < 400:
        text = f"the server sends elsewhere ({status}), maybe to log in; set {TOKEN}"
    elif status < 500:
        text = f"the server refused the request ({status})"
    else:
        text = f"the server failed ({status}); look into its log"
    if status in (400, 404) and urlsplit(address).path.endswith("/studies"):
        text += _ROOT
    seconds = float(rest) if rest.isascii() and rest.isdecimal() else 0.0
    return Trouble(text, passing=status in _BUSY, rest=seconds)
