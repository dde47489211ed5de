"""A DICOMweb server that answers as a test wants it to; it holds no patient."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Params = Mapping[str, str]
Tree = Mapping[str, Mapping[str, Mapping[str, bytes]]]
"""Bytes of instances by study, series and instance."""

UID_TAGS = ("0020000D", "0020000E", "00080018")
BOUNDARY = "a boundary"


@dataclass(frozen=True)
class Answer:
    """One answer; a dropped one closes the connection after what it has."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/dicom+json"
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    dropped: bool = False
    rest: float = 0.0
    """Seconds before each further byte, for ever."""


def results(found: Sequence[Mapping[str, Any]]) -> Answer:
    return Answer(body=json.dumps(found).encode())


def named(tag: str, value: str) -> dict[str, Any]:
    return {tag: {"vr": "UI", "Value": [value]}}


def multipart(*objects: bytes, closed: bool = True) -> Answer:
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"\r\n".join(head + one for one in objects)
    end = f"\r\n--{BOUNDARY}--\r\n".encode() if closed else b""
    kind = f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'
    return Answer(body=body + end, kind=kind)


class FakePacs:
    """The server's side: its objects, what it was asked, and answers in place of good ones."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.asked: list[tuple[str, Params]] = []
        self.headers: list[Mapping[str, str]] = []
        self.instead: Callable[[Sequence[str], Params], Answer | None] = lambda _path, _params: None
        self.url = ""

    def answer(self, path: Sequence[str], params: Params) -> Answer:
        return self.instead(path, params) or self.good(path, params)

    def good(self, path: Sequence[str], params: Params) -> Answer:
        uids, below = path[1::2], self._below(path[1::2])
        if isinstance(below, bytes):
            return multipart(below)
        names = list(below) if below else []
        first, most = int(params.get("offset", "0")), int(params.get("limit", "100"))
        page = names[first : first + most]
        return results([named(UID_TAGS[len(uids)], uid) for uid in page])

    def _below(self, uids: Sequence[str]) -> Any:
        here: Any = self.tree
        for uid in uids:
            here = here.get(uid) if here else None
        return here


@contextmanager
def serving(pacs: FakePacs, tls: ssl.SSLContext | None = None) -> Iterator[FakePacs]:
    """Serve on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer is one packet

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            params = {key: values[0] for key, values in parse_qs(parts.query).items()}
            pacs.asked.append((parts.path, params))
            pacs.headers.append(dict(self.headers.items()))
            answer = pacs.answer(parts.path.strip("/").split("/")[1:], params)
            self.close_connection = answer.dropped
            if not answer.status:  # nothing at all
                return
            self.send_response(answer.status)
            length = len(answer.body) if answer.length is None else answer.length
            headers = {"Content-Type": answer.kind, "Content-Length": str(length)}
            for name, value in (headers | dict(answer.headers)).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)
            while answer.rest:
                time.sleep(answer.rest)
                self.wfile.write(b" ")
                self.wfile.flush()

        def log_message(self, *_words: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    scheme = "https" if tls else "http"
    pacs.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/dicom-web"
    try:
        yield pacs
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
