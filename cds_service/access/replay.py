"""Tokens that were used: no token counts twice, whichever worker it comes to."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from urllib.parse import quote

BUSY_S = 1.0
"""Seconds that one worker waits for another to have written."""
SWEEP_EACH = 256
"""After so many tokens the expired ones are forgotten, at most four times as many at once."""

_TABLE = "CREATE TABLE IF NOT EXISTS used (token BLOB PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID"
_INDEX = "CREATE INDEX IF NOT EXISTS used_until ON used (until)"
_USE = "INSERT INTO used (token, until) VALUES (?, ?) ON CONFLICT DO NOTHING"
_FORGET = f"DELETE FROM used WHERE token IN (SELECT token FROM used WHERE until <= ? LIMIT {4 * SWEEP_EACH})"


class StoreFailure(Exception):
    """The store cannot be used now: nobody can tell whether a token was used before. Says only what kind of fault."""


class ReplayStore:
    """Used tokens in one SQLite file, for all workers of a machine.

    The file is in WAL mode with `synchronous=OFF`: a token that was used survives the crash of a process, and what a
    crash of the machine can lose is worth no more than the life of a token. It holds digests, never a token.
    """

    def __init__(self, file: Path) -> None:
        """Makes the file where there is none, for its owner alone. Raises StoreFailure."""
        self._file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inherited: sqlite3.Connection | None = None
        self._owner = 0
        self._used = 0
        try:
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
            made = self._connect()
            try:
                made.execute("PRAGMA journal_mode=WAL")
                made.execute(_TABLE)
                made.execute(_INDEX)
            finally:
                made.close()  # The workers are forked from here, and no connection outlives a fork.
        except (OSError, sqlite3.Error) as fault:
            raise StoreFailure(type(fault).__name__) from None

    def use(self, token: bytes, *, until: float, now: float) -> bool:
        """Remembers the digest of a token until it has expired; False where it was used before. Raises StoreFailure.

        `until` and `now` are in seconds of the Unix epoch.
        """
        # The threads of a worker take turns, and none waits longer than for one that waits for another worker.
        if not self._lock.acquire(timeout=BUSY_S):
            raise StoreFailure("Busy")
        try:
            connection = self._own_connection()
            new = connection.execute(_USE, (token, until)).rowcount == 1
            self._used += 1
            if self._used % SWEEP_EACH == 0:
                connection.execute(_FORGET, (now,))
            return new
        except sqlite3.Error as fault:
            raise StoreFailure(type(fault).__name__) from None
        finally:
            self._lock.release()

    def check(self) -> None:
        """Raises StoreFailure where no token could be remembered now."""
        if not self._lock.acquire(timeout=BUSY_S):
            raise StoreFailure("Busy")
        try:
            connection = self._own_connection()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.Error as fault:
            raise StoreFailure(type(fault).__name__) from None
        finally:
            self._lock.release()

    def close(self) -> None:
        """Closes this process's connection; the next use opens another."""
        with self._lock:
            if self._connection is not None and self._owner == os.getpid():
                self._connection.close()
            self._connection = None

    def _own_connection(self) -> sqlite3.Connection:
        if self._connection is None or self._owner != os.getpid():
            self._inherited = self._connection  # The parent's, neither used nor closed here: it may be in use there.
            self._connection = self._connect()
            self._owner = os.getpid()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        # A file that is gone is a fault, and not made anew: an empty one would know no token.
        connection = sqlite3.connect(
            f"file:{quote(str(self._file.absolute()))}?mode=rw",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA synchronous=OFF")
        except sqlite3.Error:
            connection.close()
            raise
        return connection
