"""The server itself, started as a process of its own with a tiny application."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# Answers at /slow after a while, elsewhere with the length of the body, which it reads as `web` does.
APP = """
import sys, time
from cds_service.server import serve
from cds_service.settings import Settings

def create(settings):
    from prometheus_client import Counter
    from cds_service.metrics import Metrics
    metrics = Metrics()
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            time.sleep(1)
        if environ["PATH_INFO"] == "/bug":
            raise KeyError("patient-4711")
        if environ["PATH_INFO"] == "/metrics":
            body = metrics.page()
        else:
            metrics.count_call("tiny", 200, 0.01)
            try:
                length = environ.get("CONTENT_LENGTH")
                body = b"%d" % len(environ["wsgi.input"].read(int(length) if length else 100))
            except TimeoutError:
                start_response("408 Request Timeout", [("Content-Length", "0")])
                return []
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    return app

serve(Settings(port=int(sys.argv[1]), workers=int(sys.argv[2]), threads=4), create, receive_s=2.0)
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Running:
    """A server process and the port that it listens on."""

    def __init__(self, workers: int, log: Path) -> None:
        self.port = _free_port()
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
        environ["PYTHONPATH"] = str(Path(__file__).parents[1])
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", APP, str(self.port), str(workers)], env=environ, stdout=output, stderr=output
            )
        for _ in range(200):
            try:
                self.connect().close()
                return
            except ConnectionRefusedError:
                assert self.process.poll() is None, log.read_text()
                time.sleep(0.05)
        raise AssertionError(log.read_text())

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def say(self, text: bytes) -> bytes:
        """Everything that comes back until the server hangs up."""
        with self.connect() as connection:
            connection.sendall(text)
            return _all_of(connection)

    def get(self, path: str = "/") -> bytes:
        """One whole request and its answer."""
        return self.say(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    def stop(self) -> int:
        """Ends it as an operator would, and its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


def _all_of(connection: socket.socket) -> bytes:
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def _heard(connection: socket.socket, end: bytes) -> bytes:
    """What the server says until `end`, or until it closes; head and body may come one after the other."""
    heard = b""
    while not heard.endswith(end) and (part := connection.recv(65536)):
        heard += part
    return heard


def _start(workers: int, folder: Path) -> Iterator[Running]:
    running = Running(workers, folder / "log")
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One worker with four threads that lets nobody send for longer than two seconds."""
    yield from _start(1, tmp_path_factory.mktemp("server"))


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Running]:
    """A server with two workers, to be stopped by the test."""
    yield from _start(2, tmp_path)


def _outcome(answer: bytes, status: int) -> dict[str, object]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), answer
    outcome = json.loads(body)
    assert outcome["resourceType"] == "OperationOutcome"
    issue: dict[str, object] = outcome["issue"][0]
    return issue


def test_a_whole_request_is_answered(server: Running) -> None:
    answer = server.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n3")


def test_a_connection_is_kept_for_the_next_request(server: Running) -> None:
    first = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    last = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabcd"
    with server.connect() as connection:
        connection.sendall(first)
        assert _heard(connection, b"\r\n\r\n3").startswith(b"HTTP/1.1 200 OK\r\n")
        connection.sendall(last)
        assert _all_of(connection).endswith(b"\r\n\r\n4")


def test_an_old_client_and_one_that_waits_for_100_are_served(server: Running) -> None:
    assert server.say(b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc").endswith(b"3")
    expecting = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    with server.connect() as connection:
        connection.sendall(expecting)
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"abc")
        assert _all_of(connection).endswith(b"3")


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 3\r\nTransfer-Encoding: chunked",
        b"Content-Length: 3\r\nContent-Length: 4",
        b"Content-Length: +3",
        b"X-Name: a\x00b",
        b"No colon",
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_refused(server: Running, head: bytes) -> None:
    issue = _outcome(server.say(b"POST / HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n0\r\n\r\n"), 400)
    assert issue["diagnostics"] == "The HTTP request is not valid"


def test_a_head_that_is_too_large_is_refused(server: Running) -> None:
    assert _outcome(server.say(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"), 431)["code"] == "too-long"
    assert _outcome(server.say(b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n"), 414)["code"] == "too-long"


def test_a_bug_of_the_application_shows_and_logs_no_value(server: Running) -> None:
    assert _outcome(server.get("/bug"), 500)["code"] == "exception"
    assert "4711" not in server.log.read_text()
    assert "Refused at the door: KeyError" in server.log.read_text()


def test_a_client_that_never_ends_its_head_is_cut(server: Running) -> None:
    issue = _outcome(server.say(b"GET / HTTP/1.1\r\nHost: x\r\n"), 408)
    assert issue["code"] == "timeout"


def test_a_client_that_never_ends_its_body_is_cut(server: Running) -> None:
    answer = server.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "opening",
    [b"GET / HTTP/1.1\r\nX: ", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"],
    ids=["head", "body"],
)
def test_clients_that_drip_are_cut_and_the_others_are_served(server: Running, opening: bytes) -> None:
    # Twice as many as there are threads: whoever waits behind them is served once the first are cut.
    cut = threading.Semaphore(0)

    def drip() -> None:
        with server.connect() as connection:
            connection.sendall(opening)
            try:
                for _ in range(200):
                    connection.sendall(b"x")
                    time.sleep(0.1)
            except OSError:
                cut.release()

    threads = [threading.Thread(target=drip, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert server.get().endswith(b"\r\n\r\n0")
    for _ in threads:
        assert cut.acquire(timeout=15)


def test_clients_that_do_not_hang_up_keep_nobody_waiting(server: Running) -> None:
    lingering = [server.connect() for _ in range(3)]
    for connection in lingering:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert server.get().endswith(b"\r\n\r\n0")
    for connection in lingering:
        connection.close()


def test_a_stop_lets_a_request_in_flight_finish(own_server: Running) -> None:
    with own_server.connect() as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)
        assert own_server.stop() == 0
        assert _all_of(connection).endswith(b"\r\n\r\n0")


def test_the_numbers_of_all_workers_are_added_up(own_server: Running) -> None:
    for _ in range(20):
        own_server.get()
    page = own_server.get("/metrics").decode()
    assert re.search(r'^cds_requests_total\{service="tiny",status="200"\} 20\.0$', page, re.MULTILINE)


def test_the_folder_of_the_numbers_is_gone_after_a_stop(own_server: Running) -> None:
    own_server.get()
    environ = Path(f"/proc/{own_server.process.pid}/environ")
    if not environ.exists():
        pytest.skip("skipped, because this system shows no environment of a process")
    children = Path(f"/proc/{own_server.process.pid}/task/{own_server.process.pid}/children").read_text().split()
    # Any of the workers may have answered, and only that one has written its numbers.
    opened = [os.readlink(link) for child in children for link in Path(f"/proc/{child}/fd").iterdir() if link.exists()]
    folder = next(Path(path).parent for path in opened if "cds-metrics-" in path)
    assert folder.is_dir()
    assert own_server.stop() == 0
    assert not folder.exists()
