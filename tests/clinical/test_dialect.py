"""What one client wants otherwise, as far as it decides what is asked and what is offered."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from cds_service.clinical.dialect import GENERIC, Dialect
from cds_service.clinical.findings import Hook, Severity
from cds_service.clinical.remedy import (
    Action,
    ChangeDosage,
    CreateMedication,
    CreateTests,
    DeleteDraft,
    MoveDraft,
    Remedy,
)

CREATE = CreateMedication(ingredient="folic-acid", dose=Decimal(5), unit="mg", times=1, reason="with methotrexate")
DELETE = DeleteDraft("MedicationRequest/1")
MOVE = MoveDraft(order="MedicationRequest/1", days=4, from_day=dt.date(2026, 3, 4))
CHANGE = ChangeDosage(order="MedicationRequest/1", steps=())
ONE_TEST = CreateTests(("igg",), "before the infusion")
TWO_TESTS = CreateTests(("igg", "iga"), "before the infusion")


@pytest.mark.parametrize(
    "actions", [(CREATE,), (DELETE,), (MOVE,), (CHANGE,), (ONE_TEST,), (TWO_TESTS,), (DELETE, CREATE)]
)
def test_a_client_of_which_nothing_is_known_carries_everything_out(actions: tuple[Action, ...]) -> None:
    assert GENERIC.carries_out(Remedy("Do it", actions))


@pytest.mark.parametrize(
    ("actions", "carried_out"),
    [
        ((CREATE,), True),
        ((DELETE,), True),
        ((ONE_TEST,), True),
        ((MOVE,), True),
        ((TWO_TESTS,), False),
        ((DELETE, CREATE), False),
    ],
)
def test_where_one_action_is_the_most_a_remedy_of_two_is_not_split(
    actions: tuple[Action, ...], carried_out: bool
) -> None:
    """Each test is an order of its own, so that two tests are two actions."""
    assert Dialect(one_action=True).carries_out(Remedy("Do it", actions)) is carried_out


@pytest.mark.parametrize(
    ("actions", "carried_out"),
    [
        ((CREATE,), True),
        ((DELETE,), True),
        ((TWO_TESTS,), True),
        ((DELETE, CREATE), True),
        ((MOVE,), False),
        ((CHANGE,), False),
        ((DELETE, MOVE), False),
    ],
)
def test_without_updates_what_changes_an_order_is_not_offered(actions: tuple[Action, ...], carried_out: bool) -> None:
    assert Dialect(updates=False).carries_out(Remedy("Do it", actions)) is carried_out


@pytest.mark.parametrize(
    ("cap", "severity", "shown"),
    [
        ("critical", "critical", "critical"),
        ("critical", "info", "info"),
        ("warning", "critical", "warning"),
        ("warning", "warning", "warning"),
        ("warning", "info", "info"),
        ("info", "critical", "info"),
        ("info", "warning", "info"),
        ("info", "info", "info"),
    ],
)
def test_the_cap_lowers_what_is_above_it_and_raises_nothing(cap: Severity, severity: Severity, shown: Severity) -> None:
    assert Dialect(severity_cap=cap).shown(severity) == shown


@pytest.mark.parametrize(
    ("hooks", "signs"),
    [
        (("patient-view", "order-select", "order-sign"), False),
        (("patient-view", "order-select"), True),
        (("order-select",), True),
        (("patient-view", "order-sign"), False),
        (("patient-view",), False),
    ],
)
def test_ordering_is_the_time_of_signing_where_order_select_is_the_last_hook(
    hooks: tuple[Hook, ...], signs: bool
) -> None:
    assert Dialect(hooks=frozenset(hooks)).signs_while_ordering is signs
