"""Local servers that do what a FHIR server should, or what none should do."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

T = TypeVar("T")

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Server:
    """A running server: its base address, and the requests it saw as (path, headers)."""

    base: str
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, with their queries, in order."""
        return [path for path, _ in self.seen]


def answer(value: object, status: int = 200, **headers: str) -> Answer:
    """An answer with a JSON body."""
    return status, headers, json.dumps(value).encode()


def bundle(*ids: str, resource_type: str = "Condition", next_url: str = "", **more: object) -> dict[str, object]:
    """A search set of resources with these ids."""
    entries = [{"resource": {"resourceType": resource_type, "id": each}} for each in ids]
    links = [{"relation": "next", "url": next_url}] if next_url else []
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, "link": links, **more}


@contextmanager
def http_server(reply: Callable[[Server, str], Answer]) -> Iterator[Server]:
    """A server on 127.0.0.1 that answers each GET with what `reply` makes of its path."""

    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            server.seen.append((self.path, dict(self.headers)))
            status, headers, body = reply(server, self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    with Quiet(("127.0.0.1", 0), Request) as listening:
        server = Server(f"http://127.0.0.1:{listening.server_port}/fhir")
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()


@contextmanager
def raw_server(talk: Callable[[socket.socket, threading.Event], None], scheme: str = "http") -> Iterator[Server]:
    """A server that gives each connection to `talk`, with an event that tells it to end."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(f"{scheme}://127.0.0.1:{listening.getsockname()[1]}/fhir")

        def converse(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                talk(connection, over)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                server.seen.append(("", {}))
                threading.Thread(target=converse, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server
        finally:
            over.set()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)


def drip(connection: socket.socket, text: bytes, over: threading.Event) -> None:
    """Sends a text over and over, a byte every 20 ms, until told to end or cut off (OSError)."""
    while True:
        for byte in text:
            if over.wait(0.02):
                return
            connection.sendall(bytes([byte]))


def returns(call: Callable[[], T]) -> T:
    """The result of a call that must come back although its server never does; a generous watchdog guards it."""
    with ThreadPoolExecutor(1) as watched:
        return watched.submit(call).result(timeout=30)
