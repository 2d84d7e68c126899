"""What the store is asked for reports: counts, never a single card."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import Column, ColumnElement, Connection, Subquery, func, select

from .tables import FEEDBACK, REASON, SHOWN
from .values import Outcomes, Reason, Shown

_KIND = ("day", "rule", "severity", "hook", "service", "knowledge", "outcome")


def shown(connection: Connection, since: dt.date | None, until: dt.date | None) -> dict[Shown, int]:
    """How often cards were shown."""
    query = select(SHOWN).where(*_between(SHOWN.c.day, since, until)).order_by(*SHOWN.primary_key)
    return {
        Shown(
            day=row["day"],
            rule=row["rule"],
            severity=row["severity"],
            hook=row["hook"],
            service=row["service"],
            knowledge=row["knowledge"],
        ): row["count"]
        for row in connection.execute(query).mappings()
    }


def outcomes(connection: Connection, since: dt.date | None, until: dt.date | None) -> list[Outcomes]:
    """How cards ended, each counted once by its latest outcome."""
    latest = _latest(since, until)
    kind = [latest.c[name] for name in _KIND]
    query = select(*kind, func.count().label("cards")).where(latest.c.late == 1).group_by(*kind).order_by(*kind)
    return [
        Outcomes(
            day=row["day"],
            rule=row["rule"],
            severity=row["severity"],
            hook=row["hook"],
            service=row["service"],
            knowledge=row["knowledge"],
            outcome=row["outcome"],
            count=row["cards"],
        )
        for row in connection.execute(query).mappings()
    ]


def reasons(connection: Connection, since: dt.date | None, until: dt.date | None) -> list[Outcomes]:
    """The reasons of the cards that were overridden in the end, those without any as well."""
    latest = _latest(since, until)
    kind = [
        *(latest.c[name] for name in _KIND),
        *(func.coalesce(REASON.c[name], "").label(name) for name in ("system", "code", "display")),
    ]
    query = (
        select(*kind, func.count().label("cards"))
        .join_from(latest, REASON, latest.c.digest == REASON.c.digest, isouter=True)
        .where(latest.c.late == 1, latest.c.outcome == "overridden")
        .group_by(*kind)
        .order_by(*kind)
    )
    return [
        Outcomes(
            day=row["day"],
            rule=row["rule"],
            severity=row["severity"],
            hook=row["hook"],
            service=row["service"],
            knowledge=row["knowledge"],
            outcome=row["outcome"],
            reason=Reason(system=row["system"], code=row["code"], display=row["display"]),
            count=row["cards"],
        )
        for row in connection.execute(query).mappings()
    ]


def _latest(since: dt.date | None, until: dt.date | None) -> Subquery:
    """All outcomes, the latest of each card with 1 as `late`."""
    order = (FEEDBACK.c.outcome_at.desc(), FEEDBACK.c.received_at.desc(), FEEDBACK.c.digest)
    late = func.row_number().over(partition_by=FEEDBACK.c.card, order_by=order).label("late")
    return select(FEEDBACK, late).where(*_between(FEEDBACK.c.day, since, until)).subquery()


def _between(day: Column[dt.date], since: dt.date | None, until: dt.date | None) -> Iterator[ColumnElement[bool]]:
    if since is not None:
        yield day >= since
    if until is not None:
        yield day <= until
