"""The store itself: feedback written whole or not at all, counts added up, and whether all is well."""

from __future__ import annotations

import datetime as dt
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import Table

from . import reading, schema
from .errors import Busy, StoreError, Unusable, read_error
from .place import CONNECTIONS, READING, create_file, file_of, open_engine, read_address
from .tables import FEEDBACK, REASON, SHOWN
from .values import Outcomes, Reported, Shown

PATIENCE_S = 1.0
"""Seconds in which a piece of work is tried again while others hold the database."""
PATIENCE_AT_START_S = 10.0
"""The same while the tables are brought up to date at the start."""
_PAUSE_S = 0.05
_QUERY_S = 5
_REPORT_S = 300
_RETRY_S = 5.0

_T = TypeVar("_T")


class Store:
    """Feedback and counts in one database. Making one opens nothing; threads may share it, and processes after a fork.

    Every method raises a StoreError: Busy after `PATIENCE_S`, Full, or Unusable with the reason.
    """

    def __init__(self, address: str) -> None:
        self._url = read_address(address)
        self._engine = open_engine(self._url)
        # SQLite lets one write at a time: threads of one process wait here, in order, and not for its lock, by luck.
        self._turns = threading.BoundedSemaphore(CONNECTIONS if file_of(self._url) is None else 1)
        self._prepared = False
        self._preparing = threading.Lock()
        self._failed: tuple[float, StoreError] | None = None

    @property
    def address(self) -> str:
        """Where it is, without a password."""
        return self._url.render_as_string(hide_password=True)

    def prepare(self, patience_s: float = PATIENCE_AT_START_S) -> None:
        """Makes the file where there is none, and brings the tables up to date. Nothing that is there is taken away."""
        if not self._preparing.acquire(timeout=patience_s):
            raise Busy
        try:
            if not self._prepared:
                self._prepare(patience_s)
                self._prepared = True
        except StoreError as error:
            self._failed = time.monotonic(), error
            raise
        finally:
            self._preparing.release()

    def _prepare(self, patience_s: float) -> None:
        file = file_of(self._url)
        try:
            if file is not None:
                create_file(file)
                self._patiently(self._prepare_file, patience_s)
            self._write(schema.migrate, patience_s)
            self._read(schema.check)
        except OSError:
            raise Unusable("missing") from None
        finally:
            # Connections do not survive the fork that may follow.
            self._engine.dispose()

    def _prepare_file(self) -> None:
        """Readers and a writer side by side; where the file system cannot do that, the usual journal is as safe."""
        with self._errors(), self._engine.connect() as connection:
            cursor = connection.connection.cursor()
            cursor.execute("PRAGMA quick_check(1)")
            if cursor.fetchone() != ("ok",):
                raise Unusable("corrupt")
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.close()

    def keep(self, reported: Sequence[Reported], *, now: dt.datetime) -> int:
        """Keeps all of them or none, and says how many were new: the same outcome sent again is kept once."""
        by_digest = {each.digest: each for each in reported}
        # In one order, so that two calls with the same cards cannot wait for each other.
        rows = [_row(digest, by_digest[digest], now) for digest in sorted(by_digest)]
        reasons = [
            {"digest": digest, "place": place, "system": reason.system, "code": reason.code, "display": reason.display}
            for digest in sorted(by_digest)
            for place, reason in enumerate(sorted(by_digest[digest].reasons))
        ]
        if not rows:
            return 0

        def insert(connection: Connection) -> int:
            into = _insert(connection, FEEDBACK).on_conflict_do_nothing().returning(FEEDBACK.c.digest)
            kept = len(connection.execute(into, rows).all())
            if reasons:
                connection.execute(_insert(connection, REASON).on_conflict_do_nothing(), reasons)
            return kept

        self._ensure()
        return self._write(insert)

    def add_shown(self, counts: Mapping[Shown, int]) -> None:
        """Adds to how often cards were shown."""
        rows = [{**_columns(shown), "count": counts[shown]} for shown in sorted(counts)]
        if not rows:
            return

        def add(connection: Connection) -> None:
            into = _insert(connection, SHOWN)
            total = SHOWN.c.count + into.excluded.count
            connection.execute(
                into.on_conflict_do_update(index_elements=list(SHOWN.primary_key), set_={"count": total}), rows
            )

        self._ensure()
        self._write(add)

    def check(self) -> None:
        """Raises a StoreError where feedback could not be kept now; a lock that others hold for a moment is no fault."""
        if not self._prepared:
            self.prepare(PATIENCE_S)
        try:
            self._read(schema.check)
            with self._errors(), self._engine.begin() as connection:
                _check_writable(connection)
                connection.rollback()
        except Busy:
            return

    def shown(self, since: dt.date | None = None, until: dt.date | None = None) -> dict[Shown, int]:
        """How often cards were shown, from one day to another, both included."""
        return self._read(lambda connection: reading.shown(connection, since, until), _REPORT_S)

    def outcomes(self, since: dt.date | None = None, until: dt.date | None = None) -> list[Outcomes]:
        """What became of the cards of these days, both included. See `Reported.day`."""
        return self._read(lambda connection: reading.outcomes(connection, since, until), _REPORT_S)

    def reasons(self, since: dt.date | None = None, until: dt.date | None = None) -> list[Outcomes]:
        """Why cards of these days were overridden."""
        return self._read(lambda connection: reading.reasons(connection, since, until), _REPORT_S)

    def _ensure(self) -> None:
        """What could not be prepared a moment ago is not tried again for each caller: they would all wait."""
        if self._prepared:
            return
        if self._failed is not None and time.monotonic() - self._failed[0] < _RETRY_S:
            raise type(self._failed[1])(self._failed[1].problem)
        self.prepare(PATIENCE_S)

    def _write(self, work: Callable[[Connection], _T], patience_s: float = PATIENCE_S) -> _T:
        def attempt() -> _T:
            with self._errors(), self._engine.begin() as connection:
                return work(connection)

        return self._patiently(attempt, patience_s)

    def _patiently(self, attempt: Callable[[], _T], patience_s: float) -> _T:
        """Tries again while others hold the database; those who wait do so for different times, or they would meet."""
        until = time.monotonic() + patience_s
        if not self._turns.acquire(timeout=patience_s):
            raise Busy
        try:
            while True:
                try:
                    return attempt()
                except Busy:
                    pause = random.uniform(_PAUSE_S / 5, _PAUSE_S)
                    if time.monotonic() + pause >= until:
                        raise
                    time.sleep(pause)
        finally:
            self._turns.release()

    def _read(self, work: Callable[[Connection], _T], seconds: int = _QUERY_S) -> _T:
        with self._errors(), self._engine.connect() as connection:
            return work(connection.execution_options(**{READING: seconds}))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise read_error(error) from None


def _check_writable(connection: Connection) -> None:
    """SQLite's write lock is taken already; a standby of PostgreSQL takes none."""
    if connection.dialect.name != "postgresql":
        return
    if connection.exec_driver_sql("SHOW transaction_read_only").scalar_one() == "on":
        raise Unusable("read-only")


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _columns(shown: Shown) -> dict[str, object]:
    return {name: getattr(shown, name) for name in shown.__struct_fields__}


def _row(digest: str, reported: Reported, now: dt.datetime) -> dict[str, object]:
    return {
        "digest": digest,
        "service": reported.service,
        "card": reported.card,
        "rule": reported.rule,
        "severity": reported.severity,
        "hook": reported.hook,
        "knowledge": reported.knowledge,
        "day": reported.day,
        "outcome": reported.outcome,
        "outcome_at": reported.at,
        "suggestions": len(reported.suggestions),
        "received_at": now,
        "comment": reported.comment,
    }
