"""The DICOMweb server: searches and retrievals, with retries, and every trouble in words."""

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar  # Any: JSON, which may be anything

import requests
from dicomweb_client.web import DICOMwebClient
from requests.auth import AuthBase

from cxr_edge.errors import UsageError
from cxr_edge.storage.base import too_large
from cxr_edge.storage.dicomweb.address import TOKEN
from cxr_edge.storage.dicomweb.multipart import DICOM, is_another, object_in
from cxr_edge.storage.dicomweb.query import Terms
from cxr_edge.storage.dicomweb.trouble import Trouble, refused
from cxr_edge.storage.retry import ASK, with_back_off

T = TypeVar("T")

Search = Callable[[int, int], list[Mapping[str, Any]]]
"""A search by the greatest number of results and how many to pass over."""

_TIMES: Final = (10.0, 30.0)
"""Seconds to wait for a connection, and for the next bytes of an answer."""

_PING: Final = 3.0
"""Seconds within which a server is asked again whether it is there: its address may be wrong."""

_CHUNK: Final = 1 << 20

_ANSWER: Final = 60.0
"""Seconds that the results of a search may take, however slowly their bytes come."""

_RESULTS: Final = 1 << 28
"""Bytes of the results of one search, at most."""

_SIP: Final = 64
"""Bytes that are waited for before the clock is looked at."""

_PLAIN: Final = {"%2A": "*", "%2C": ",", "%3F": "?", "+": "%20"}
"""Characters of queries that may stand for themselves; Orthanc decodes none."""

# They quote addresses, and with them the query, which may name a patient.
for _name in ("dicomweb_client", "retrying", "urllib3", "requests"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class _Token(AuthBase):
    """A bearer token; headers alone would give way to ~/.netrc."""

    def __init__(self, token: str) -> None:
        if not (token.isascii() and token.isprintable()):
            raise UsageError(f"{TOKEN}: expected printable ASCII characters, got others")
        self._header = f"Bearer {token}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class _Session(requests.Session):
    """A session that follows nobody elsewhere and raises nothing but Trouble."""

    def __init__(self, token: str) -> None:
        super().__init__()
        if token:
            self.auth = _Token(token)

    def get_redirect_target(self, _response: requests.Response) -> None:
        """Return None: whoever is sent elsewhere may end at a page to log in."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request, and return the answer if it is a good one."""
        request.headers.pop("Host", None)  # the client's lacks the port
        address, mark, query = (request.url or "").partition("?")
        for quoted, plain in _PLAIN.items():
            query = query.replace(quoted, plain)
        request.url = address + mark + query
        is_whole = not options.get("stream")
        try:
            response = super().send(request, **{**options, "stream": True})
        except requests.RequestException as exc:
            raise _translated(exc) from exc
        except OSError as exc:
            raise Trouble("the file that REQUESTS_CA_BUNDLE names cannot be read") from exc
        if response.status_code not in (200, 204):
            response.close()
            rest = response.headers.get("Retry-After", "")
            raise refused(response.status_code, response.url, rest)
        if is_whole:
            _read(response)
        return response


def _read(response: requests.Response) -> None:
    """Read the results of a search, which may neither take nor grow for ever."""
    until = time.monotonic() + _ANSWER
    body = bytearray()
    with response:
        try:
            for sip in response.iter_content(_SIP):
                body += sip
                if time.monotonic() > until:
                    raise Trouble("the server did not answer in time")
                if len(body) > _RESULTS:
                    raise Trouble("expected the results of a search, got an answer without end")
        except requests.RequestException as exc:
            raise _translated(exc) from exc
    response._content = bytes(body)  # noqa: SLF001  (which requests reads itself otherwise)


class Server:
    """Connection of one thread to a DICOMweb server.

    Parameters
    ----------
    url
        Root of the service, as :func:`checked_url` returns it.
    token
        Bearer token; empty for the credentials of ``~/.netrc``, if it has some.

    Every method raises OSError, whose text says what the server did and what helps.
    """

    def __init__(self, url: str, token: str) -> None:
        self._session = _Session(token)
        self._url = url
        self._client = DICOMwebClient(
            url, session=self._session, permissive_uid=True, timeout=_TIMES
        )
        self._client.set_http_retry_params(retry=False)  # it retries no lost connection

    def searching(
        self,
        within: Sequence[str],
        terms: Terms,
        fields: Sequence[str] = (),
        patience: float | None = None,
    ) -> Search:
        """Return a search for the studies, the series of a study or the instances of a series.

        Parameters
        ----------
        within
            UIDs of study and series.
        terms
            Query.
        fields
            Tags of attributes that the server may leave out unless they are asked for.
        patience
            Seconds within which the server is asked again.

        Returns
        -------
        callable
            Gets the greatest number of results, and how many to pass over; returns results in
            DICOM JSON, PS3.18 F, in the order of the server.
        """
        searches: tuple[Callable[..., Any], ...] = (
            self._client.search_for_studies,
            self._client.search_for_series,
            self._client.search_for_instances,
        )
        search = partial(
            searches[len(within)], *within, fields=fields or None, search_filters=dict(terms)
        )
        seconds = ASK if patience is None else patience
        return lambda limit, offset: self._page(
            partial(search, limit=limit, offset=offset), seconds
        )

    def ping(self, terms: Terms) -> None:
        """Ask for one study, to see that the server answers."""
        self.searching((), terms, patience=_PING)(1, 0)

    def retrieve(self, study: str, series: str, instance: str, at_most: int) -> bytes:
        """Return the bytes of an instance as the server stores them.

        Raises
        ------
        TooLarge
            It has more bytes than ``at_most``.
        """
        path = f"{self._url}/studies/{study}/series/{series}/instances/{instance}"
        return _patiently(lambda: self._retrieved(path, at_most), ASK)

    def _page(self, search: Callable[[], Any], within: float) -> list[Mapping[str, Any]]:
        """Return the results of one search."""

        def call() -> list[Mapping[str, Any]]:
            try:
                found = search()
            except ValueError as exc:  # that of JSON
                raise _no_json() from exc
            if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
                raise _no_json()
            return [*found]

        return _patiently(call, within)

    def _retrieved(self, path: str, at_most: int) -> bytes:
        # The client makes a dataset of an instance, which does not have its bytes any more, and
        # takes one that was cut for whole; so its session alone is used.
        accept = f'multipart/related; type="{DICOM}"; transfer-syntax=*'
        try:
            with self._session.get(
                path, headers={"Accept": accept}, stream=True, timeout=_TIMES
            ) as answer:
                body = bytearray()
                for chunk in answer.iter_content(_CHUNK):
                    body += chunk
                    if len(body) > at_most + _CHUNK:  # which has room for the boundaries
                        raise too_large(len(body), at_most)
                found = object_in(answer.headers.get("Content-Type", ""), bytes(body))
        except requests.RequestException as exc:
            raise _translated(exc) from exc
        except EOFError as exc:
            raise _cut() from exc
        except ValueError as exc:
            raise Trouble(f"{exc}; is there a page to log in before it?") from exc
        if len(found) > at_most:
            raise too_large(len(found), at_most)
        if is_another(found, path.rpartition("/")[2]):
            raise Trouble("the server gave another image than the one that was asked for")
        return found


_OPENED: Final = threading.local()
"""Servers of this thread by their URLs and tokens: a session is not made for several threads."""


def server_at(url: str) -> Server:
    """Return this thread's connection to a server."""
    servers: dict[tuple[str, str], Server] = vars(_OPENED).setdefault("servers", {})
    key = url, os.environ.get(TOKEN, "").strip()
    if key not in servers:
        servers[key] = Server(*key)
    return servers[key]


def _patiently(call: Callable[[], T], within: float) -> T:
    """Call a function, again if waiting can help; raises its trouble as OSError."""
    try:
        return with_back_off(
            call,
            lambda exc: isinstance(exc, Trouble) and exc.passing,
            within,
            asked=lambda exc: exc.rest if isinstance(exc, Trouble) else 0.0,
        )
    except Trouble as trouble:
        raise OSError(errno.EIO, str(trouble)) from trouble


def _translated(exc: requests.RequestException) -> Trouble:
    """Return the trouble behind an error, whose own text may have the query in it."""
    if isinstance(exc, requests.exceptions.SSLError):
        return Trouble(
            "its certificate cannot be verified; name the file of your own authority in "
            "REQUESTS_CA_BUNDLE"
        )
    if isinstance(exc, requests.exceptions.ProxyError):
        return Trouble("the proxy does not answer; check HTTPS_PROXY and NO_PROXY")
    if isinstance(exc, requests.Timeout):
        return Trouble("the server did not answer in time")
    if isinstance(exc, requests.exceptions.ChunkedEncodingError):
        return _cut()
    if isinstance(exc, requests.ConnectionError):
        return Trouble(
            "the server cannot be reached; check that it runs, and its address", passing=True
        )
    return Trouble("the answer cannot be read")


def _cut() -> Trouble:
    return Trouble("the answer ended before it was complete", passing=True)


def _no_json() -> Trouble:
    return Trouble(
        "expected results in JSON, got something else; check the address, and whether there is a "
        "page to log in before it"
    )
