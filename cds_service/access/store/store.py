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
from .errors import Busy, Unusable, read_error
from .place import READING, create_file, file_of, open_engine, read_address
from .tables import FEEDBACK, REASON, SHOWN
from .values import Outcomes, Reported, Shown

PATIENCE_S = 1.0
"""Seconds in which a piece of work is tried again while others hold the database."""
PATIENCE_AT_START_S = 30.0
_PAUSE_S = 0.05

_T = TypeVar("_T")


class Store:
    """Feedback and counts in one database. Making one opens nothing; threads may share it, and processes after a fork.

    Every method raises a StoreError: Busy after `PATIENCE_S`, Full, or Unusable with the reason.
    """

    def __init__(self, address: str) -> None:
        self._url = read_address(address)
        self._engine = open_engine(self._url)
        self._prepared = False
        self._preparing = threading.Lock()

    @property
    def address(self) -> str:
        """Where it is, without a password."""
        return self._url.render_as_string(hide_password=True)

    def prepare(self) -> None:
        """Makes the file where there is none, and brings the tables up to date. Nothing that is there is taken away."""
        with self._preparing:
            if self._prepared:
                return
            file = file_of(self._url)
            try:
                if file is not None:
                    create_file(file)
                    self._patiently(self._prepare_file, PATIENCE_AT_START_S)
                self._write(schema.migrate, PATIENCE_AT_START_S)
                self._read(schema.check)
            except OSError:
                raise Unusable("missing") from None
            finally:
                # Connections do not survive the fork that may follow.
                self._engine.dispose()
            self._prepared = True

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
        self._ensure()
        try:
            self._read(schema.check)
            with self._errors(), self._engine.begin() as connection:
                _check_writable(connection)
                connection.rollback()
        except Busy:
            return

    def shown(self, since: dt.date | None = None, until: dt.date | None = None) -> dict[Shown, int]:
        """How often cards were shown, from one day to another, both included."""
        return self._read(lambda connection: reading.shown(connection, since, until))

    def outcomes(self, since: dt.date | None = None, until: dt.date | None = None) -> list[Outcomes]:
        """What became of the cards of these days, both included. See `Reported.day`."""
        return self._read(lambda connection: reading.outcomes(connection, since, until))

    def reasons(self, since: dt.date | None = None, until: dt.date | None = None) -> list[Outcomes]:
        """Why cards of these days were overridden."""
        return self._read(lambda connection: reading.reasons(connection, since, until))

    def _ensure(self) -> None:
        if not self._prepared:
            self.prepare()

    def _write(self, work: Callable[[Connection], _T], patience_s: float = PATIENCE_S) -> _T:
        def attempt() -> _T:
            with self._errors(), self._engine.begin() as connection:
                return work(connection)

        return self._patiently(attempt, patience_s)

    def _patiently(self, attempt: Callable[[], _T], patience_s: float) -> _T:
        """Tries again while others hold the database; those who wait do so for different times, or they would meet."""
        until = time.monotonic() + patience_s
        while True:
            try:
                return attempt()
            except Busy:
                pause = random.uniform(_PAUSE_S / 5, _PAUSE_S)
                if time.monotonic() + pause >= until:
                    raise
                time.sleep(pause)

    def _read(self, work: Callable[[Connection], _T]) -> _T:
        with self._errors(), self._engine.connect() as connection:
            return work(connection.execution_options(**{READING: True}))

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
