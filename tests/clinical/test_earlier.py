"""Earlier treatment: how many drugs, for how long, since when, and what was not tolerated."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from cds_service.clinical.chart import Allergy, Chart
from cds_service.clinical.drugs import Drug
from cds_service.clinical.earlier import Line, course_start, distinct, harmed, is_taken, present
from cds_service.clinical.facts import Situation
from cds_service.clinical.therapy import Therapy

from .charts import chart, condition, daily, day, draft, drug, given, therapy

NOW = Situation()
DMARDS = msgspec.structs.replace(drug("a", "b", "b-salt", "c"), alike=(frozenset(("b", "b-salt")),))


def holds(line: Line, held: Chart) -> bool:
    return bool(line.evidence(held, NOW, DMARDS))


def counted(*ingredients: str) -> int:
    orders = [therapy(name, status="ended", end=-300, reference=f"MedicationRequest/{name}") for name in ingredients]
    return len(distinct(chart(*orders), DMARDS))


@pytest.mark.parametrize(
    ("ingredients", "number"),
    [((), 0), (("a",), 1), (("a", "c"), 2), (("b", "b-salt"), 1), (("a", "b", "b-salt", "c"), 3), (("x",), 0)],
)
def test_drugs_that_are_alike_count_as_one(ingredients: Iterable[str], number: int) -> None:
    assert counted(*ingredients) == number


def test_a_draft_does_not_count() -> None:
    assert distinct(chart(drafts=[draft("a")]), DMARDS) == ()


@pytest.mark.parametrize(("least", "expected"), [(1, True), (2, True), (3, False)])
def test_a_line_asks_for_so_many_or_more(least: int, expected: bool) -> None:
    held = chart(therapy("a"), therapy("c", reference="MedicationRequest/m2"))
    assert holds(Line(dmards=least), held) is expected


def test_all_that_a_line_names_must_hold() -> None:
    held = chart(therapy("a"))
    assert holds(Line(dmards=1, ever=(drug("a"),)), held)
    assert not holds(Line(dmards=1, ever=(drug("x"),)), held)
    assert not holds(Line(dmards=1, facts=("interstitial-lung-disease",)), held)


@pytest.mark.parametrize(("first", "expected"), [(-100, True), (-99, False)])
def test_the_span_is_from_the_first_day_to_the_last(first: int, expected: bool) -> None:
    held = chart(given(first, "x", id="a1"), given(-10, "x", id="a2"))
    assert holds(Line(ever=(drug("x"),), span_days=90), held) is expected


def test_days_to_come_do_not_count_for_the_span() -> None:
    order = therapy("x", start=-50, regimen=daily(dates=(-50, 60)))
    assert not holds(Line(ever=(drug("x"),), span_days=90), chart(order))


@pytest.mark.parametrize(("ended", "expected"), [(0, True), (-60, True), (-61, False)])
def test_present_is_active_or_ended_within_the_window(ended: int, expected: bool) -> None:
    held = chart(therapy("x", status="ended", end=ended))
    assert holds(Line(present=drug("x"), within_days=60), held) is expected
    assert bool(present(held, drug("x"), 60)) is expected


def test_what_is_in_the_basket_is_present() -> None:
    assert holds(Line(present=drug("x")), chart(drafts=[draft("x")]))


def test_a_drug_that_was_stopped_on_an_unknown_day_is_named() -> None:
    held = chart(therapy("x", status="ended"))
    gaps = Line(present=drug("x"), within_days=60).undated(held, "SSA-01")
    assert [(gap.rule, gap.missing, gap.source) for gap in gaps] == [("SSA-01", "when x was stopped", False)]


@pytest.mark.parametrize(("since", "expected"), [(-28, False), (-29, True)])
def test_running_is_longer_than_the_figure(since: int, expected: bool) -> None:
    assert holds(Line(running=drug("x"), over_days=28), chart(therapy("x", start=since))) is expected


@pytest.mark.parametrize(("over", "expected"), [(299, True), (300, False)])
def test_a_condition_is_current_since_more_than_the_figure(over: int, expected: bool) -> None:
    held = chart(conditions=[condition("dermatomyositis")])  # since 300 days
    assert holds(Line(condition="dermatomyositis", over_days=over), held) is expected


def test_harm_is_a_stop_for_intolerance_an_allergy_or_a_reaction_that_names_the_drug() -> None:
    stopped = msgspec.structs.replace(therapy("x", status="ended", end=-9), stopped_for=frozenset(("sintol",)))
    allergy = Allergy(reference="AllergyIntolerance/a1", substances=frozenset(("x",)), label="x")
    reaction = msgspec.structs.replace(condition("pancreatitis"), label="X-induced pancreatitis")
    assert harmed(chart(stopped), drug("x"))
    assert harmed(msgspec.structs.replace(chart(), allergies=(allergy,)), drug("x"))
    assert harmed(chart(conditions=[reaction]), drug("x"))
    assert not harmed(chart(therapy("x", status="ended", end=-9)), drug("x"))
    assert not harmed(chart(conditions=[msgspec.structs.replace(reaction, label="pancreatitis")]), drug("x"))


def begun(*therapies: Therapy, of: Drug) -> object:
    first = course_start(chart(*therapies), of)
    return first.start if first is not None else None


@pytest.mark.parametrize(("ended", "expected"), [(-60, -200), (-61, -30)])
def test_renewals_with_at_most_30_days_between_are_one_course(ended: int, expected: int) -> None:
    first = therapy("x", status="ended", start=-200, end=ended)
    renewed = therapy("x", start=-30, reference="MedicationRequest/m2")
    assert begun(first, renewed, of=drug("x")) == day(expected)


def test_a_course_to_come_has_not_begun() -> None:
    assert begun(therapy("x", start=5), of=drug("x")) is None


def test_an_administration_alone_is_not_being_taken() -> None:
    assert is_taken(chart(therapy("x")), drug("x"))
    assert not is_taken(chart(given(0, "x")), drug("x"))
