"""Starts a server, waits until it is ready, and reads from /proc what it costs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from cds_service.settings import Settings

from .charts import AS_OF

HOST = "127.0.0.1"
START_S = 30.0
"""Seconds in which a server must be ready."""
STOP_S = 30.0
FLOOR = ("-m", "benchmarks.floor")
SERVICE = ("-c", "from cds_service.cli import main; main()", "serve")
"""What `cds-service serve` runs, without the need that the command is on the path."""

_ROOT = Path(__file__).resolve().parent.parent
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_READY = b"GET /health/ready HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"


class CannotMeasure(Exception):
    """Why there can be no measurement, in words."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A server that is ready. `start_s` is the time from the start of the process until then, in seconds.

    `workers` are the process ids of its workers.
    """

    name: str
    port: int
    pid: int
    start_s: float
    workers: tuple[int, ...]

    def cpu_s(self) -> float:
        """Seconds of processor time that the workers have used so far, in the program and in the kernel."""
        return sum(_cpu_s(pid) for pid in self.workers)

    def worker_mb(self) -> float:
        """Resident memory of the largest worker, with what it shares with its parent, in MB."""
        return max(_resident_mb(pid) for pid in self.workers)

    def tree_mb(self) -> float:
        """Resident memory of all its processes, what they share counted once for each, in MB."""
        return sum(_resident_mb(pid) for pid in (self.pid, *self.workers))


@contextmanager
def running(name: str, command: tuple[str, ...]) -> Iterator[Server]:
    """A server in a process of its own on a free loopback port, with the default settings; ended at the exit.

    Raises CannotMeasure where it does not become ready, with what it said, and where there is no `/proc` to measure by.
    """
    if not Path("/proc/self/statm").exists():
        raise CannotMeasure("Memory and processor time are read from /proc: this needs Linux")
    port = _free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CDS_")}
    environment |= {"CDS_HOST": HOST, "CDS_PORT": str(port), "CDS_AS_OF": AS_OF.isoformat()}
    with tempfile.TemporaryFile() as said, tempfile.TemporaryDirectory() as data:
        environment["XDG_DATA_HOME"] = data
        started = time.perf_counter()
        process = subprocess.Popen(
            (sys.executable, *command),
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_ready(name, process, port, said, until=started + START_S)
            start_s = time.perf_counter() - started
            workers = _await_workers(name, process.pid, port, until=started + START_S)
            yield Server(name=name, port=port, pid=process.pid, start_s=start_s, workers=workers)
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _wait_until_ready(name: str, process: subprocess.Popen[bytes], port: int, said: IO[bytes], *, until: float) -> None:
    while not _is_ready(port):
        if process.poll() is not None or time.perf_counter() > until:
            said.seek(0)
            raise CannotMeasure(f"The {name} did not become ready:\n{said.read().decode(errors='replace')}")
        time.sleep(0.01)


def _is_ready(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(_READY)
            return connection.recv(64).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def _await_workers(name: str, pid: int, port: int, *, until: float) -> tuple[int, ...]:
    """The workers, all of them: the first may answer before the next is there."""
    listening = tcp_inode(port, 0)
    while True:
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        children = [int(child) for task in tasks for child in task.read_text().split()]
        # A child that was forked for something else does not hold the socket.
        workers = tuple(child for child in children if listening and holds_socket(child, listening))
        if len(workers) == Settings().workers:
            return workers
        if time.perf_counter() > until:
            raise CannotMeasure(f"The {name} has {len(workers)} workers instead of {Settings().workers}")
        time.sleep(0.01)


def tcp_inode(local: int, remote: int) -> str:
    """The inode of this end of a connection between two ports, "" where there is none. A listener has remote port 0."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{local:04X}") and fields[2].endswith(f":{remote:04X}"):
            return fields[9]
    return ""


def holds_socket(pid: int, inode: str) -> bool:
    """Whether a process has the socket open."""
    try:
        return any(str(link.readlink()) == f"socket:[{inode}]" for link in Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:  # The process has ended, or has closed something since it was listed.
        return False


def _cpu_s(pid: int) -> float:
    # The name of the process, in brackets, may hold spaces: the fields are counted from behind it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1_000_000
