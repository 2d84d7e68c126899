"""Where the feedback is kept: SQLite's file or PostgreSQL's address, and how each is opened so that nothing is lost."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from .errors import BadAddress

if TYPE_CHECKING:
    from .impatient import Impatient

WAIT_S = 0.1
"""Seconds that one attempt waits for a lock of another writer."""
READING = "reading_s"
"""The execution option of a connection that only reads: how many seconds a query may take."""

CONNECTIONS = 5
"""So many connections to a server has each process at most."""

_WRITING_S = 5
_CONNECT_S = 2
_ANSWER_S = 1
"""Seconds beyond the limit of a query after which a server that says nothing is given up."""


def default_address(environ: Mapping[str, str]) -> str:
    """The file of whoever runs the service: `feedback.db` in `$XDG_DATA_HOME/cds-service`, else in ~/.local/share."""
    home = environ.get("XDG_DATA_HOME", "")
    folder = Path(home) if os.path.isabs(home) else Path(os.path.expanduser("~"), ".local", "share")
    return f"sqlite:///{folder / 'cds-service' / 'feedback.db'}"


def file_of(url: URL) -> Path | None:
    """The file of an SQLite address, None for a server."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def read_address(address: str) -> URL:
    """The address with the driver that is used. Raises BadAddress."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise BadAddress("not the address of a database") from None
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database:
        return url
    raise BadAddress("not the address of a database")


def create_file(path: Path) -> None:
    """An empty file for its owner alone, where there is none. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def open_engine(url: URL) -> Engine:
    """The way to the database; nothing is opened yet.

    A commit returns when the rows are on the disk. A file is opened anew for each piece of work and never made, so that
    one that was taken away is noticed. Errors do not repeat what was to be stored.
    """
    file = file_of(url)
    if file is not None:
        engine = create_engine("sqlite://", creator=lambda: _connect(file), poolclass=NullPool, hide_parameters=True)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    engine = create_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=WAIT_S * 5,
        pool_pre_ping=True,
        hide_parameters=True,
        # A pooler between us and the server may not know statements that were prepared elsewhere.
        connect_args={
            "connect_timeout": _CONNECT_S,
            "prepare_threshold": None,
            # A server that vanished would else be waited for as long as TCP sees fit.
            "tcp_user_timeout": _WRITING_S * 1000,
            "keepalives_idle": _WRITING_S,
            "keepalives_interval": 1,
            "keepalives_count": 3,
        },
    )
    event.listen(engine, "do_connect", _connect_postgresql)
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(file.absolute()))}?mode=rw",
        uri=True,
        timeout=WAIT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes its lock at once: one that reads first and writes later could not wait for it."""
    reading = READING in connection.get_execution_options()
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _connect_postgresql(_: object, __: object, arguments: list[str], options: dict[str, Any]) -> Impatient:
    from .impatient import Impatient  # The driver is not everywhere.

    connection = Impatient.connect(*arguments, **options)
    connection.patience_s = _WRITING_S + _ANSWER_S
    return connection


def _begin_postgresql(connection: Connection) -> None:
    seconds = connection.get_execution_options().get(READING, _WRITING_S)
    cast("Impatient", connection.connection.driver_connection).patience_s = seconds + _ANSWER_S
    connection.exec_driver_sql(
        f"SET LOCAL lock_timeout='{round(WAIT_S * 1000)}ms'; SET LOCAL statement_timeout='{seconds}s'; "
        "SET LOCAL synchronous_commit=on"
    )
