"""Real databases for tests: an SQLite file, and a PostgreSQL cluster of its own in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text


def engine_of(address: str) -> Engine:
    """A way into a database beside the store's own."""
    return create_engine(address.replace("postgresql://", "postgresql+psycopg://"))


def rows(address: str, query: str) -> list[tuple[object, ...]]:
    """What a query finds there."""
    engine = engine_of(address)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def postgresql_programs() -> Path | None:
    """The folder with initdb and pg_ctl, which many systems keep out of the PATH; None where there is none."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Postgresql:
    """A running cluster that this test run started, reachable over a socket in its own folder."""

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self._programs = programs
        self._folder = folder
        self._user = user
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self.run("initdb", "--auth=trust", "--username=cds", "--no-sync", "--encoding=UTF8", "--locale=C")
        self.start()

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's programs on the cluster, as a user who may run it."""
        done = subprocess.run(
            [self._programs / program, "-D", self._folder / "data", *arguments],
            user=self._user,
            group=self._user and pwd.getpwnam(self._user).pw_gid,
            extra_groups=[] if self._user else None,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Starts the server; it answers when this returns."""
        options = f"-c port={self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        self.run("pg_ctl", "-l", str(self._folder / "log"), "-w", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stops the server, by default as if it had lost its power."""
        self.run("pg_ctl", "-w", "-m", mode, "stop")

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Its processes get no time, as on a machine that hangs: what is sent arrives, and nothing comes back."""
        with self.connect() as connection:
            found = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname IS NOT NULL").fetchall()
            pids = [int(pid) for (pid,) in found if pid != connection.info.backend_pid]
        pids.append(int((self._folder / "data" / "postmaster.pid").read_text().split()[0]))
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def address(self, database: str) -> str:
        """The address of a database of this cluster."""
        return f"postgresql://cds@127.0.0.1:{self._port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection beside the store's own; each statement stands for itself."""
        return psycopg.connect(self.address(database), autocommit=True)

    def new_database(self) -> str:
        """A new empty database, and its address."""
        name = f"t{uuid.uuid4().hex}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.address(name)


@contextmanager
def postgresql() -> Iterator[Postgresql]:
    """A cluster for as long as it is wanted. Without PostgreSQL the test is skipped."""
    programs = postgresql_programs()
    # PostgreSQL refuses to run as root; its own user is there where its package is.
    user = "postgres" if os.geteuid() == 0 else None
    if programs is None or (user and user not in {entry.pw_name for entry in pwd.getpwall()}):
        reason = "because PostgreSQL is not installed (initdb, pg_ctl)"
        if os.environ.get("CDS_REQUIRE_REAL_PARTS"):
            pytest.fail(f"failed, {reason}")
        pytest.skip(f"skipped, {reason}")
    folder = Path(tempfile.mkdtemp(prefix="cds-pg-"))
    if user:
        shutil.chown(folder, user)
    server = None
    try:
        server = Postgresql(programs, folder, user)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
