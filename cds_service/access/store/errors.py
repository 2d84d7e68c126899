"""Why the store cannot be used, told apart by the database's own codes and without a word of what was to be stored."""

from __future__ import annotations

import sqlite3
from typing import Literal

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, TimeoutError

Problem = Literal["busy", "full", "read-only", "missing", "corrupt", "schema", "forbidden", "unreachable"]
"""`missing` also stands for a file that may not be opened, `schema` for tables that are older than this program."""


class BadAddress(Exception):
    """What is no address of a database that could be used; the text does not repeat it."""


class StoreError(Exception):
    """The store could not do what it was asked for, and did nothing of it."""

    problem: Problem = "unreachable"

    def __init__(self, problem: Problem | None = None) -> None:
        self.problem = problem or self.problem
        super().__init__(f"the feedback store: {self.problem}")


class Busy(StoreError):
    """Others held it for longer than one may wait."""

    problem: Problem = "busy"


class Full(StoreError):
    """There is no room left."""

    problem: Problem = "full"


class Unusable(StoreError):
    """It is not there, may not be written, or holds something other than it should: somebody must look at it."""


# SQLite's result codes: whole ones first, then primary ones (the lowest byte).
_SQLITE: dict[int, StoreError] = {
    sqlite3.SQLITE_IOERR_SHMSIZE: Full(),  # The file that its processes share finds no room.
    sqlite3.SQLITE_BUSY: Busy(),
    sqlite3.SQLITE_LOCKED: Busy(),
    sqlite3.SQLITE_FULL: Full(),
    sqlite3.SQLITE_READONLY: Unusable("read-only"),
    sqlite3.SQLITE_CANTOPEN: Unusable("missing"),
    sqlite3.SQLITE_CORRUPT: Unusable("corrupt"),
    sqlite3.SQLITE_NOTADB: Unusable("corrupt"),
    sqlite3.SQLITE_ERROR: Unusable("schema"),
    sqlite3.SQLITE_PERM: Unusable("forbidden"),
}
_POSTGRESQL: dict[str, StoreError] = {
    # PostgreSQL 15, appendix A: whole codes first, then classes.
    "53100": Full(),
    "55P03": Busy(),
    "57014": Busy(),
    "53300": Busy(),
    "25006": Unusable("read-only"),
    "42501": Unusable("forbidden"),
    "3D000": Unusable("missing"),
    "28": Unusable("forbidden"),
    "40": Busy(),
    "42": Unusable("schema"),
    "XX": Unusable("corrupt"),
}


def read_error(error: SQLAlchemyError) -> StoreError:
    """What an error of the database means."""
    if isinstance(error, TimeoutError):  # No connection of the pool came free.
        return Busy()
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_CANTOPEN)
        return _anew(_SQLITE.get(code) or _SQLITE.get(code & 0xFF))
    state = str(getattr(cause, "sqlstate", None) or "")
    return _anew(_POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2]))


def _anew(known: StoreError | None) -> StoreError:
    """An error to raise: one that was raised before would gather tracebacks."""
    return Unusable("unreachable") if known is None else type(known)(known.problem)
