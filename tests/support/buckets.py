"""A server of S3 on loopback, by moto, which can be made to fail as servers do."""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

BUSY = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate."
    b"</Message></Error>"
)

GONE = (
    b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist."
    b"</Message></Error>"
)


@dataclass
class Faults:
    """Application in front of a server's, which answers some requests itself."""

    real: Callable[..., Iterable[bytes]]
    busy: int = 0
    """Requests that are answered by 503."""
    resets: int = 0
    """Files whose connection is reset in the middle."""
    refusal: tuple[str, int] | None = None
    """Code and state that every request gets."""
    slow: float = 0.0
    """Seconds before each file."""
    vanished: set[str] = field(default_factory=set)
    """Paths that are gone when they are read."""
    before: Callable[[str], None] | None = None
    """Function that is called with the path of each file that is asked for."""
    asked: list[str] = field(default_factory=list)
    """Method and path of the requests, in their order."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"].encode("latin-1").decode()
        is_file = environ["REQUEST_METHOD"] == "GET" and "list-type" not in environ["QUERY_STRING"]
        with self.lock:
            self.asked.append(f"{environ['REQUEST_METHOD']} {path}" if is_file else "LIST")
            if busy := self.busy > 0:
                self.busy -= 1
            if reset := is_file and not busy and self.resets > 0:
                self.resets -= 1
        if busy:
            start("503 Slow Down", [("Content-Type", "application/xml")])
            return [BUSY]
        if self.refusal:
            code, state = self.refusal
            start(f"{state} No", [("Content-Type", "application/xml")])
            body = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [body.encode()]
        if is_file and path in self.vanished:
            start("404 Not Found", [("Content-Type", "application/xml")])
            return [GONE]
        if is_file and self.before:
            self.before(path)
        if is_file and self.slow:
            time.sleep(self.slow)
        answer = self.real(environ, start)
        return self._cut(answer, environ) if reset else answer

    @staticmethod
    def _cut(answer: Iterable[bytes], environ: Mapping[str, Any]) -> Iterator[bytes]:
        yield next(iter(answer))[:100]
        line = environ["werkzeug.socket"]
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()

    def calm(self) -> None:
        """Answer as the real server does."""
        self.busy, self.resets, self.slow, self.before, self.refusal = 0, 0, 0.0, None, None
        self.vanished.clear()
        self.asked.clear()


@dataclass
class Server:
    """A server that runs, and what its clients need to know."""

    url: str
    faults: Faults
    client: Any

    def bucket(self, name: str, files: Mapping[str, bytes]) -> str:
        """Make a bucket with files, and return its address."""
        self.client.create_bucket(Bucket=name)
        for key, content in files.items():
            self.client.put_object(Bucket=name, Key=key, Body=content)
        return f"s3://{name}"


KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "s3cret-of-the-tests",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server on a free port, and let this process and its children use it."""
    moto_server = pytest.importorskip("moto.server", reason="needs moto[server]")
    pytest.importorskip("s3fs", reason="needs the extra 'cloud'")
    import botocore.session
    from moto.backends import get_backend
    from werkzeug.serving import make_server

    from cxr_edge.storage import fsspec

    real = moto_server.DomainDispatcherApplication(moto_server.create_backend_app)
    faults = Faults(real)
    server = make_server("127.0.0.1", 0, faults, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    fsspec._filesystem.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": url}.items():
            patch.setenv(name, value)
        client = botocore.session.get_session().create_client("s3")
        try:
            yield Server(url, faults, client)
        finally:
            client.close()
            fsspec._filesystem.cache_clear()
            server.shutdown()
            server.server_close()
            thread.join()
            get_backend("s3").reset()
