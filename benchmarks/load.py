"""The load: a few keep-alive connections that send prebuilt bytes, spread evenly over the server's workers.

Each connection waits for its answer before it sends again. It is light, since it shares the processors with the server.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence

import msgspec

from .servers import HOST, CannotMeasure, Server, holds_socket, tcp_inode

TIMEOUT_S = 30.0
ATTEMPTS = 400
"""So many connections are opened at most until each worker has its share."""

_CHUNK = 65_536
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"
_PING = b"GET /health/ready HTTP/1.1\r\nHost: bench\r\n\r\n"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What one spell of load gave: the latency of each answer, in seconds, and how long the whole took.

    `cpu_s` is the processor time that the server's workers used meanwhile, `own_cpu_s` that of this process.
    """

    latencies: tuple[float, ...]
    seconds: float
    cpu_s: float
    own_cpu_s: float


class Connection:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]

    def call(self, request: bytes) -> bytes:
        """The body of the answer. Raises CannotMeasure for a status other than 200 and for a lost connection."""
        self._socket.sendall(request)
        received = self._socket.recv(_CHUNK)
        while received and (end := received.find(_END_OF_HEAD)) < 0:
            more = self._socket.recv(_CHUNK)
            received = received + more if more else b""
        if not received:
            raise CannotMeasure("The server closed the connection")
        head, body = received[:end], received[end + len(_END_OF_HEAD) :]
        if not head.startswith(b"HTTP/1.1 200 "):
            status = head.partition(b"\r\n")[0].decode(errors="replace")
            raise CannotMeasure(f"The server answered {status}: {body[:500].decode(errors='replace')}")
        missing = _length(head) - len(body)
        if missing <= 0:
            return body
        parts = [body]
        while missing > 0:
            part = self._socket.recv(_CHUNK)
            if not part:
                raise CannotMeasure("The server closed the connection within an answer")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Ends it."""
        self._socket.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(_LENGTH):
            return int(line[len(_LENGTH) :])
    raise CannotMeasure("The answer has no Content-Length")


def write_call(body: bytes) -> bytes:
    """The bytes of the HTTP request that hands in `body`."""
    head = (
        "POST /cds-services/myositis-order-sign HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


def drive(server: Server, calls: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    """Loads the server for so many seconds; every connection has had one answer before the clock starts.

    Each connection begins at another of the calls and takes them in turn.
    """
    opened = _connect_evenly(server, connections)
    try:
        for number, connection in enumerate(opened):
            connection.call(calls[number % len(calls)])
        clients = [_Client(connection, calls, number) for number, connection in enumerate(opened)]
        cpu, own_cpu, started = server.cpu_s(), time.process_time(), time.perf_counter()
        for client in clients:
            client.until = started + seconds
            client.start()
        for client in clients:
            client.join()
        ended = time.perf_counter()
        own_cpu, cpu = time.process_time() - own_cpu, server.cpu_s() - cpu
    finally:
        for connection in opened:
            connection.close()
    for client in clients:
        if client.failure is not None:
            raise client.failure
    latencies = tuple(latency for client in clients for latency in client.latencies)
    return Load(latencies=latencies, seconds=ended - started, cpu_s=cpu, own_cpu_s=own_cpu)


class _Client(threading.Thread):
    def __init__(self, connection: Connection, calls: Sequence[bytes], first: int) -> None:
        super().__init__(daemon=True)
        self._connection = connection
        self._calls = calls
        self._first = first
        self.until = 0.0
        self.latencies: list[float] = []
        self.failure: Exception | None = None

    def run(self) -> None:
        number = self._first
        try:
            while (sent := time.perf_counter()) < self.until or not self.latencies:
                self._connection.call(self._calls[number % len(self._calls)])
                self.latencies.append(time.perf_counter() - sent)
                number += 1
        except (OSError, CannotMeasure) as failure:
            self.failure = failure


def _connect_evenly(server: Server, count: int) -> list[Connection]:
    """Connections of which each worker has its share.

    A worker keeps the connections that it has accepted. Left to chance one worker may get them all, and then a run on
    two processors measures one.
    """
    workers = server.workers
    most = -(-count // len(workers))
    of_worker = dict.fromkeys(workers, 0)
    opened: list[Connection] = []
    for _ in range(ATTEMPTS):
        connection = Connection(server.port)
        connection.call(_PING)
        owner = _owner(server, connection)
        if of_worker[owner] < most:
            of_worker[owner] += 1
            opened.append(connection)
        else:
            connection.close()
        if len(opened) == count:
            return opened
    raise CannotMeasure(f"The workers of the {server.name} do not share their connections evenly")


def _owner(server: Server, connection: Connection) -> int:
    """The worker that accepted a connection: the one that holds the other end's socket."""
    inode = tcp_inode(server.port, connection.port)
    for worker in server.workers:
        # A socket may be closed while a worker's files are listed: then they are listed again.
        if any(holds_socket(worker, inode) for _ in range(3)):
            return worker
    raise CannotMeasure(f"No worker of the {server.name} holds the connection")
