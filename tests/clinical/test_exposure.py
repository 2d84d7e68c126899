"""Whether a patient is on a drug: active, recent, stale, replaced, and what a search could not see."""

from __future__ import annotations

import pytest

from cds_service.clinical.chart import Answer
from cds_service.clinical.exposure import (
    active,
    first_day,
    judged_drafts,
    last_day,
    list_gaps,
    recent,
    replaced,
    search,
    stale,
    therapies_of,
)
from cds_service.clinical.findings import Hook, NotChecked
from cds_service.clinical.therapy import Status

from .charts import AS_OF, chart, daily, day, draft, drug, given, therapy, unread

# Active


@pytest.mark.parametrize(("end", "answer"), [(None, "yes"), (1, "yes"), (0, "yes"), (-1, "no")])
def test_an_active_order_is_taken_to_its_last_day(end: int | None, answer: Answer) -> None:
    assert active(therapy(end=end), AS_OF) == answer
    assert active(therapy(regimen=daily(until=end)), AS_OF) == answer


@pytest.mark.parametrize(
    ("status", "answer"), [("on-hold", "no"), ("ended", "no"), ("unknown", "unknown"), ("draft", "yes")]
)
def test_what_the_status_says(status: Status, answer: Answer) -> None:
    assert active(therapy(status=status), AS_OF) == answer


@pytest.mark.parametrize(("offset", "answer"), [(0, "yes"), (-1, "no"), (1, "no"), (None, "no")])
def test_what_was_given_is_active_on_its_day(offset: int | None, answer: Answer) -> None:
    assert active(given(offset), AS_OF) == answer


# Recent


@pytest.mark.parametrize(("end", "answer"), [(-7, "yes"), (-8, "no"), (-1, "yes")])
@pytest.mark.parametrize("status", ["active", "ended"])
def test_recent_is_to_the_last_day_of_the_window(status: Status, end: int, answer: Answer) -> None:
    assert recent(therapy(status=status, end=end), AS_OF, 7) == answer
    assert recent(therapy(status=status, regimen=daily(until=end)), AS_OF, 7) == answer
    assert recent(given(end), AS_OF, 7) == answer


def test_what_ended_today_is_recent_and_what_goes_on_is_not() -> None:
    assert recent(therapy(status="ended", end=0), AS_OF, 0) == "yes"
    assert recent(therapy(end=0), AS_OF, 7) == "no"  # active today
    assert recent(therapy(), AS_OF, 7) == "no"


def test_a_drug_on_hold_is_history() -> None:
    assert recent(therapy(status="on-hold", end=-1), AS_OF, 7) == "no"


@pytest.mark.parametrize(("ended_by", "answer"), [(None, "unknown"), (-7, "unknown"), (-8, "no"), (0, "unknown")])
def test_an_end_that_is_not_stated_may_be_recent_up_to_its_bound(ended_by: int | None, answer: Answer) -> None:
    assert recent(therapy(status="ended", ended_by=ended_by), AS_OF, 7) == answer


def test_a_stop_before_the_planned_end_is_not_dated_by_the_plan() -> None:
    """Stopped, though its dosage goes on for ten days more: when is not stated."""
    assert recent(therapy(status="ended", regimen=daily(until=10)), AS_OF, 7) == "unknown"
    assert recent(therapy(status="ended", regimen=daily(until=10), ended_by=-8), AS_OF, 7) == "no"


def test_a_status_that_is_unknown_may_have_ended_recently() -> None:
    assert recent(therapy(status="unknown"), AS_OF, 7) == "unknown"
    assert recent(therapy(status="unknown", end=-3), AS_OF, 7) == "yes"
    assert recent(therapy(status="unknown", end=-30), AS_OF, 7) == "no"


# Stale, first and last day


@pytest.mark.parametrize(("end", "is_stale"), [(-30, False), (-31, True), (0, False), (None, False)])
def test_an_order_left_open_more_than_thirty_days_is_stale(end: int | None, is_stale: bool) -> None:
    assert stale(therapy(end=end), AS_OF) is is_stale
    assert stale(therapy(end=end, status="ended"), AS_OF) is False


def test_the_record_says_the_last_day_before_the_dosage_does() -> None:
    assert last_day(therapy(end=-3, regimen=daily(until=5))) == day(-3)
    assert last_day(therapy(regimen=daily(until=5))) == day(5)
    assert last_day(therapy()) is None
    assert last_day(given(-2)) == day(-2)


def test_a_draft_without_a_date_starts_today() -> None:
    assert first_day(therapy(start=None), AS_OF) == AS_OF
    assert first_day(therapy(start=3), AS_OF) == day(3)


# Replaced


def test_a_draft_replaces_the_order_of_its_own_id_and_the_one_before_it() -> None:
    old, older = therapy("x", reference="MedicationRequest/old"), therapy("x", reference="MedicationRequest/d1")
    renewed = chart(old, older, drafts=[draft("x", id="d1", replaces="MedicationRequest/old")])
    assert replaced(renewed) == {"MedicationRequest/d1", "MedicationRequest/old"}
    assert therapies_of(renewed, drug("x")) == ()


def test_without_such_a_draft_nothing_is_replaced() -> None:
    held = therapy("x")
    assert therapies_of(chart(held, drafts=[draft("y")]), drug("x")) == (held,)


# Search


def test_a_combination_is_found_once() -> None:
    both = therapy("x", "y")
    assert search(chart(both), drug("x", "y"), rule="R", recent_days=None).found == (both,)


def test_a_search_finds_what_is_active_or_recent_enough() -> None:
    running, ended, long_ago = (
        therapy("x", reference=f"MedicationRequest/{name}", end=end) for name, end in (("a", 3), ("b", -3), ("c", -4))
    )
    held = chart(running, ended, long_ago)
    assert search(held, drug("x"), rule="R", recent_days=3).found == (running, ended)
    assert search(held, drug("x"), rule="R", recent_days=None).found == (running,)


def test_a_search_says_what_it_could_not_tell() -> None:
    held = chart(
        therapy("x", status="unknown"),
        therapy("z"),
        missing=["medicationStatements"],
        lost=[unread("l.entry[0]", "medicationRequests")],
    )
    found = search(held, drug("x", unspecified=["z"]), rule="R", recent_days=None)
    assert found.found == ()
    assert found.gaps == (
        NotChecked("R", "when x was stopped"),
        NotChecked("R", "which product of z"),
        NotChecked("R", "medication statements", source=True),
        NotChecked("R", "an entry that could not be read (l.entry[0])", source=True),
    )


def test_a_route_that_does_not_count_is_not_found() -> None:
    assert search(chart(therapy("x", route="local")), drug("x"), rule="R", recent_days=None).found == ()


def test_only_the_lists_that_a_rule_needs_are_its_gaps() -> None:
    lost = [
        unread(f"{source}.entry[0]", source) for source in ("conditions", "procedures", "draftOrders", "procedures")
    ]
    held = chart(missing=["procedures", "allergies"], lost=lost)
    assert list(list_gaps(held, "R", ("procedures",))) == [
        NotChecked("R", "procedures", source=True),
        NotChecked("R", "an entry that could not be read (procedures.entry[0]) and 2 more", source=True),
    ]
    assert list(list_gaps(chart(), "R", ("procedures",))) == []


# Drafts


@pytest.mark.parametrize(("hook", "judged"), [("patient-view", []), ("order-select", ["b"]), ("order-sign", ["b"])])
def test_a_hook_about_orders_asks_about_the_selected_drafts(hook: Hook, judged: list[str]) -> None:
    held = chart(hook=hook, drafts=[draft("x", id="a", selected=False), draft("x", id="b")])
    assert [each.reference for each in judged_drafts(held)] == [f"MedicationRequest/{name}" for name in judged]
