"""Memory of a listing of a bucket with up to a million keys, through the storage of a scan.

A server on loopback answers ``list_objects_v2`` with pages of 1,000 keys that it makes as they are
asked for, in a process of its own: no server with a million objects is needed, and what is measured
is the client. ``--moto N`` lists N real objects of moto's server in addition.

Prints the table of docs/object-storage.md. Run ``python bench/million_keys.py``; needs the extra
``cloud``.
"""

import argparse
import logging
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs, urlsplit

COUNTS = (10_000, 100_000, 1_000_000)
PAGE = 1000


class Lister(BaseHTTPRequestHandler):
    """Lists ``/keys-N``: N keys with names as long as UIDs are, all under one prefix."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with one page."""
        address = urlsplit(self.path)
        asked = parse_qs(address.query)
        count = int(address.path.rpartition("-")[2])
        prefix = asked.get("prefix", [""])[0]
        start = int(asked.get("continuation-token", ["0"])[0])
        stop = min(count, start + int(asked.get("max-keys", [str(PAGE)])[0]))
        keys = "".join(
            f"<Contents><Key>{prefix}1.2.826.0.1.3680043.8.498.{number:012}.dcm</Key>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>8388608</Size></Contents>"
            for number in range(start, stop)
        )
        more = f"<NextContinuationToken>{stop}</NextContinuationToken>" if stop < count else ""
        body = (
            f"<ListBucketResult><IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}{keys}"
            "</ListBucketResult>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def serve(port: Connection) -> None:
    """Serve, and tell the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Lister)
    port.send(server.server_port)
    server.serve_forever()


def serve_moto(port: Connection, count: int) -> None:
    """Serve a bucket of moto with so many objects, and tell the port."""
    from moto.s3.models import s3_backends
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    backend = s3_backends["123456789012"]["aws"]
    backend.create_bucket(f"keys-{count}", "us-east-1")
    for number in range(count):
        backend.put_object(f"keys-{count}", f"films/1.2.826.{number:012}.dcm", b"")
    port.send(server.get_host_and_port()[1])
    time.sleep(1e6)


def list_keys(count: int) -> None:
    """List in this process as a scan does, and print what that took."""
    from cxr_edge.pipeline.discover import candidates

    root = f"s3://keys-{count}/films"
    first = next(candidates([root]))  # what is loaded for one key is not the listing's
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    found = sum(1 for _ in candidates([root]))
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert found == count, (found, first)
    print(
        f"{count:>9,} keys  {seconds:7.1f} s  {count / seconds:8,.0f} keys/s  "
        f"peak {peak / 1024:6.1f} MB  grown by {(peak - before) / 1024:5.1f} MB"
    )


def measure(port: int, count: int) -> None:
    """List in a process of its own."""
    keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    place = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1"}
    subprocess.run(
        [sys.executable, __file__, "--list", str(count)],
        env={**os.environ, **keys, **place},
        check=True,
    )


def main() -> None:
    """Measure, or list for a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--moto", type=int, default=0, help="objects of moto's server")
    options = parser.parse_args()
    if options.list:
        list_keys(options.list)
        return
    runs: list[tuple[Any, tuple[Any, ...], tuple[int, ...]]] = [(serve, (), COUNTS)]
    if options.moto:
        runs.append((serve_moto, (options.moto,), (options.moto,)))
    for target, words, counts in runs:
        here, there = multiprocessing.Pipe()
        server = multiprocessing.Process(target=target, args=(there, *words), daemon=True)
        server.start()
        port = here.recv()
        print(f"{'moto' if words else 'pages made as they are asked for'}:")
        for count in counts:
            measure(port, count)
        server.kill()
        server.join()


if __name__ == "__main__":
    main()
