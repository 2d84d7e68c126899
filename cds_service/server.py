"""The server: gunicorn with threads, told to cut senders that do not come to an end.

Written against the thread worker of gunicorn 27. `serve` must run before anything imports `metrics`, or each worker
counts for itself.
"""

from __future__ import annotations

import gc
import os
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from gunicorn.app.base import BaseApplication
from gunicorn.http import errors as http
from gunicorn.http.message import Request
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import TConn, ThreadWorker

from .hooks.errors import BadRequest, IssueCode, RequestError, write_outcome
from .settings import Settings

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from _typeshed.wsgi import WSGIApplication

RECEIVE_S = 15.0
"""Seconds in which a request must have come whole, counted from when a thread begins to read it."""
DRAIN_S = 20
"""Seconds that requests in flight have after SIGTERM."""
_LINGER_S = 2.0
_LINGER_BYTES = 65_536
_COLLECT_AFTER = 20_000

_Create = Callable[[Settings], "WSGIApplication"]


def serve(settings: Settings, create: _Create | None = None, *, receive_s: float = RECEIVE_S) -> None:
    """Serves until SIGTERM or SIGINT, then ends the process with status 0. `create` makes the application.

    The application is made once and then forked into the workers, so a fault in it stops the start.
    """
    folder = tempfile.mkdtemp(prefix="cds-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    Worker.receive_s = receive_s
    here = os.getpid()
    try:
        _Server(settings, create or _create).run()
    finally:
        if os.getpid() == here:  # Workers leave by this way too.
            shutil.rmtree(folder, ignore_errors=True)


def _create(settings: Settings) -> WSGIApplication:
    from .app import create_app

    application = create_app(settings)
    # What was loaded stays for good: no collection need walk it again, and the workers go on sharing its memory.
    gc.collect()
    gc.freeze()
    # A request makes thousands of values and hardly a cycle: with the usual 700 it is walked over and over.
    gc.set_threshold(_COLLECT_AFTER, 10, 10)
    return application


class LateHead(Exception):
    """The head of a request did not arrive in time. Not an OSError, since the worker would swallow that."""


class Incoming(socket.socket):
    """A client's connection that gives up reading at `deadline` (of `time.monotonic()`) with the error `late`."""

    deadline: float | None = None
    late: type[Exception] = LateHead

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """As ever, but no longer than the deadline allows."""
        if self.deadline is None:
            return super().recv(size, flags)
        before = self.gettimeout()
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise self.late
        self.settimeout(left if before is None else min(left, before))
        try:
            return super().recv(size, flags)
        except TimeoutError:
            raise self.late from None
        finally:
            self.settimeout(before)

    def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None:
        """As ever, but a client that does not read its answer holds its thread no longer than it may send."""
        before = self.gettimeout()
        self.settimeout(RECEIVE_S if before is None else before)
        try:
            super().sendall(data, flags)
        finally:
            self.settimeout(before)


class Worker(ThreadWorker):
    """Gunicorn's thread worker, that lets no client keep a thread by sending slowly or by not hanging up."""

    receive_s: ClassVar[float] = RECEIVE_S

    def handle(self, conn: TConn) -> Any:
        """One request of a connection; the result tells the worker's loop what becomes of the connection."""
        incoming = conn.sock if isinstance(conn.sock, Incoming) else Incoming(fileno=conn.sock.detach())
        conn.sock = incoming
        incoming.deadline = time.monotonic() + self.receive_s
        incoming.late = LateHead
        result = super().handle(conn)
        incoming.deadline = None
        if result is False:
            _part(incoming)
        return result

    def handle_request(self, req: Request, conn: TConn) -> bool:
        """The application's part; what it reads of the body is late with an error that it knows."""
        if isinstance(conn.sock, Incoming):
            conn.sock.late = TimeoutError
        return bool(super().handle_request(req, conn))

    def handle_error(self, req: Request | None, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answers what is no HTTP request, or a fault of the server, with an OperationOutcome; logs no content."""
        status, reason, code = _judge(exc)
        outcome = str(uuid.uuid4())
        self.log.warning("Refused at the door: %s (outcome %s)", type(exc).__name__, outcome)
        text = "The HTTP request is not valid" if status != 500 else "The service failed; the request was not checked"
        error = BadRequest(text, code=code) if status < 500 else RequestError(text, code=code)
        body = write_outcome(error, outcome)
        head = (
            f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        with suppress(OSError):
            write_nonblock(client, head.encode("ascii") + body)


def _judge(error: BaseException) -> tuple[int, str, IssueCode]:
    if isinstance(error, LateHead):
        return 408, "Request Timeout", "timeout"
    if isinstance(error, http.LimitRequestLine):
        return 414, "URI Too Long", "too-long"
    if isinstance(error, http.LimitRequestHeaders):
        return 431, "Request Header Fields Too Large", "too-long"
    if isinstance(error, http.ExpectationFailed):
        return 417, "Expectation Failed", "not-supported"
    if isinstance(error, http.UnsupportedTransferCoding):
        return 501, "Not Implemented", "not-supported"
    if isinstance(error, http.ParseException):
        return 400, "Bad Request", "structure"
    return 500, "Internal Server Error", "exception"


def _part(connection: socket.socket) -> None:
    """Ends a connection so that the last answer arrives; done here, lest the loop that accepts others wait for it."""
    deadline = time.monotonic() + _LINGER_S
    left = _LINGER_BYTES
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while left > 0 and (wait := deadline - time.monotonic()) > 0:
            connection.settimeout(wait)
            received = connection.recv(4096)
            if not received:
                break
            left -= len(received)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RD)


class _Server(BaseApplication):
    def __init__(self, settings: Settings, create: _Create) -> None:
        self._settings = settings
        self._create = create
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        options: dict[str, object] = {
            "bind": f"{settings.host}:{settings.port}",
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": Worker,
            "worker_connections": 1000,
            "preload_app": True,
            "keepalive": 15,
            "graceful_timeout": DRAIN_S,
            "limit_request_line": 8190,
            # Gunicorn's debug lines repeat the address that a client asked for, whatever it holds.
            "loglevel": "info" if settings.log_level == "debug" else settings.log_level,
            "proc_name": "cds-service",
            "control_socket_disable": True,
            # A proxy on this machine may hand on what its clients send: none of it changes path or scheme.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "secure_scheme_headers": {},
            "child_exit": _forget_worker,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:  # type: ignore[override]
        return self._create(self._settings)


def _forget_worker(_: object, worker: ThreadWorker) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
