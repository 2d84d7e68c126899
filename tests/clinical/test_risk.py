"""Risk factors: on which day one comes to an age that counts, and what has room on a card."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from cds_service.clinical.kinds.risk import Factor, in_short

from .charts import chart

SIXTY_FIVE = Factor(name="age 65 or more", aged=65)


@pytest.mark.parametrize(
    ("born", "day"),
    [
        (dt.date(1961, 3, 4), dt.date(2026, 3, 4)),
        (dt.date(1960, 2, 29), dt.date(2025, 3, 1)),
        (None, None),
    ],
)
def test_an_age_is_reached_on_the_birthday(born: dt.date | None, day: dt.date | None) -> None:
    held = chart()
    held = msgspec.structs.replace(held, patient=msgspec.structs.replace(held.patient, birth_date=born))
    assert SIXTY_FIVE.birthday(held) == day


def test_a_factor_without_an_age_is_reached_on_no_day() -> None:
    assert Factor(name="x").birthday(chart()) is None


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["hypertension", "diabetes"], "hypertension, diabetes"),
        # 31 + 2 + 31 are 64, all the room there is.
        (["x" * 31, "y" * 31], f"{'x' * 31}, {'y' * 31}"),
        (["x" * 31, "y" * 32], f"{'x' * 31}, 1 more"),
        (["x" * 31, "y" * 31, "z"], f"{'x' * 31}, 2 more"),
        (["x" * 65, "y"], "2 risk factors"),
    ],
)
def test_what_has_no_room_is_counted(names: list[str], text: str) -> None:
    assert in_short(names) == text
