"""What is offered for a whole basket."""

from __future__ import annotations

import datetime as dt

from cds_service.clinical.basket import Basket
from cds_service.clinical.remedy import ChangeDosage, CreateTests, DeleteDraft, MoveDraft, Remedy, StepChange


def cancel(order: str, label: str = "Cancel it") -> Remedy:
    return Remedy(label, (DeleteDraft(order),))


def lower(order: str) -> Remedy:
    return Remedy("Lower it", (ChangeDosage(order, (StepChange(index=0, text="less"),)),))


def later(order: str) -> Remedy:
    return Remedy("Move it", (MoveDraft(order=order, days=4, from_day=dt.date(2026, 3, 4)),))


def offered(*remedies: Remedy) -> Basket:
    basket = Basket()
    basket.add(remedies)
    return basket


def test_what_answers_two_findings_is_offered_once_whatever_it_is_called() -> None:
    basket = offered(cancel("MedicationRequest/a"))
    assert not basket.takes(cancel("MedicationRequest/a", "Take it back"))
    assert basket.takes(cancel("MedicationRequest/b"))


def test_the_same_tests_for_another_reason_are_the_same() -> None:
    basket = offered(Remedy("Order IgG", (CreateTests(("igg",), "before rituximab"),)))
    assert not basket.takes(Remedy("Order IgG", (CreateTests(("igg",), "before IVIg"),)))
    assert basket.takes(Remedy("Order IgA", (CreateTests(("iga",), "before IVIg"),)))


def test_an_order_that_one_card_takes_back_is_not_changed_by_another() -> None:
    basket = offered(cancel("MedicationRequest/a"))
    assert not basket.takes(lower("MedicationRequest/a"))
    assert not basket.takes(later("MedicationRequest/a"))
    assert basket.takes(lower("MedicationRequest/b"))


def test_an_order_that_one_card_changes_is_not_taken_back_by_another() -> None:
    assert not offered(lower("MedicationRequest/a")).takes(cancel("MedicationRequest/a"))
    assert offered(lower("MedicationRequest/a")).takes(cancel("MedicationRequest/b"))


def test_an_order_is_changed_by_one_card_alone() -> None:
    """Each update is the whole order as it was, with one thing changed: the second would undo the first."""
    basket = offered(lower("MedicationRequest/a"))
    assert not basket.takes(later("MedicationRequest/a"))
    assert basket.takes(later("MedicationRequest/b"))


def test_alternatives_of_one_card_may_change_and_take_back() -> None:
    basket = Basket()
    assert basket.takes(lower("MedicationRequest/a")) and basket.takes(cancel("MedicationRequest/a"))
