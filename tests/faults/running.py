"""The whole service as a process of its own, spoken to over raw sockets, with its log."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from ..ehr import METHOTREXATE, Json, draft, record, request, weekly

LIMIT = 100_000
START = """
import datetime, sys
from cds_service.server import serve
from cds_service.settings import Settings

settings = Settings(
    port=int(sys.argv[1]),
    workers=1,
    body_limit=int(sys.argv[2]),
    log_level="debug",
    as_of=datetime.date(2026, 3, 4),
)
serve(settings, receive_s=5.0)
"""
CALL = "/cds-services/myositis-order-sign"
BODY = json.dumps(request("order-sign", record(), [draft(METHOTREXATE, "draft-1", weekly(15, "mon"))])).encode()
JSON = "Content-Type: application/json"


class Service:
    """The running service, its port and its log."""

    def __init__(self, log: Path, limit: int = LIMIT) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
        environ["PYTHONPATH"] = str(Path(__file__).parents[2])
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, str(self.port), str(limit)], env=environ, stdout=output, stderr=output
            )
        for _ in range(400):
            try:
                self.connect().close()
                return
            except ConnectionRefusedError:
                assert self.process.poll() is None, log.read_text()
                time.sleep(0.05)
        raise AssertionError(log.read_text())

    def stop(self) -> None:
        """Ends it as an operator would."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def say(self, text: bytes, *, hang_up: bool = False) -> bytes:
        """Everything that comes back until the service hangs up; with `hang_up` nothing more is sent after the text."""
        with self.connect() as connection:
            connection.sendall(text)
            if hang_up:
                with suppress(OSError):  # The service may have hung up before.
                    connection.shutdown(socket.SHUT_WR)
            return everything(connection)

    def judged(self) -> int:
        """How many calls were answered with cards."""
        page = self.say(head("GET", "/metrics")).decode()
        return sum(
            int(float(line.rpartition(" ")[2]))
            for line in page.splitlines()
            if line.startswith("cds_requests_total") and 'status="200"' in line
        )


def everything(connection: socket.socket) -> bytes:
    """All that comes until the other side is done; a reset after an answer is how a refused sender is cut."""
    parts: list[bytes] = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def head(method: str, path: str, *lines: str, version: str = "1.1") -> bytes:
    """The head of a request, after which the service is to hang up."""
    told = (f"{method} {path} HTTP/{version}", "Host: 127.0.0.1", "Connection: close", *lines)
    return ("\r\n".join(told) + "\r\n\r\n").encode("latin-1")


def post(*lines: str, body: bytes = BODY, path: str = CALL) -> bytes:
    """A call with its length announced, and more lines in its head."""
    return head("POST", path, JSON, f"Content-Length: {len(body)}", *lines) + body


def chunked(*parts: bytes) -> bytes:
    """A call whose body comes in these chunks."""
    told = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return head("POST", CALL, JSON, "Transfer-Encoding: chunked") + told + b"0\r\n\r\n"


def split(answer: bytes) -> tuple[int, str, bytes]:
    """Status, head and body of an answer."""
    told, _, body = answer.partition(b"\r\n\r\n")
    text = told.decode("latin-1")
    assert text.startswith("HTTP/1."), answer
    return int(text.split(" ", 2)[1]), text, body


def outcome(answer: bytes, status: int) -> Json:
    """The issue of an answer that must be an OperationOutcome of this status, with the id of its line in the log."""
    found, text, body = split(answer)
    assert found == status, answer
    assert "content-type: application/json" in text.lower()
    told = json.loads(body)
    assert told["resourceType"] == "OperationOutcome"
    assert told["id"]
    issue: Json = told["issue"][0]
    return issue


def cards(answer: bytes) -> list[str]:
    """The summaries of an answer with cards."""
    status, _, body = split(answer)
    assert status == 200, answer
    return [card["summary"] for card in json.loads(body)["cards"]]
