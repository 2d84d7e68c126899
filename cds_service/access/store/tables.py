"""The tables as this program reads and writes them; what made them stands in `migrations`."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, Column, Date, DateTime, Dialect, ForeignKey, Integer, MetaData, String, Table
from sqlalchemy.types import TypeDecorator

VERSION_TABLE = "cds_schema"


class UtcTime(TypeDecorator[dt.datetime]):
    """A moment in UTC, also where the database knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """In UTC."""
        return None if value is None else value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """With its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


METADATA = MetaData()

FEEDBACK = Table(
    "cds_feedback",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("service", String(64), nullable=False),
    Column("card", String(64), nullable=False),
    Column("rule", Integer),
    Column("severity", String(16)),
    Column("hook", String(32)),
    Column("knowledge", String(8)),
    Column("day", Date, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("outcome_at", UtcTime, nullable=False),
    Column("suggestions", Integer, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("comment", String(1000)),
)
"""One outcome of one card."""

REASON = Table(
    "cds_override_reason",
    METADATA,
    Column("digest", String(64), ForeignKey("cds_feedback.digest"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("system", String(200), nullable=False),
    Column("code", String(100), nullable=False),
    Column("display", String(200), nullable=False),
)
"""Why a card was overridden, mostly one for an outcome."""

SHOWN = Table(
    "cds_shown",
    METADATA,
    Column("day", Date, primary_key=True),
    Column("rule", Integer, primary_key=True, autoincrement=False),
    Column("severity", String(16), primary_key=True),
    Column("hook", String(32), primary_key=True),
    Column("service", String(64), primary_key=True),
    Column("knowledge", String(8), primary_key=True),
    Column("count", BigInteger, nullable=False),
)
"""How many cards were shown."""

TABLES = (FEEDBACK, REASON, SHOWN)
