"""Judging: who is asked, what silences what, and that no unmade check is forgotten."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cds_service.clinical.chart import Chart
from cds_service.clinical.findings import Finding, Hook, NotChecked, Severity
from cds_service.clinical.judge import Rulebook, Unchecked, judge, listed
from cds_service.clinical.rule import Row, Rule, Silence, Tier, Verdict

from .charts import chart, draft, therapy, unread

ALL: frozenset[Hook] = frozenset(("patient-view", "order-select", "order-sign"))
GEN = Unchecked(id="GEN-03", number=303, summary="Not possible: {list}", why=("Nothing follows.",), citations=())


class Told(Rule, frozen=True, kw_only=True):
    """A rule that says what it was told to."""

    about: frozenset[str]
    says: tuple[Verdict, ...]

    @property
    def concerns(self) -> frozenset[str]:
        return self.about

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        return iter(self.says)


def rule(
    id: str,
    *says: Verdict,
    number: int = 1,
    about: str = "x",
    hooks: frozenset[Hook] = ALL,
    silences: tuple[Silence, ...] = (),
    critical: bool = False,
) -> Told:
    row = Row(
        id=id,
        number=number,
        group="S",
        hooks=hooks,
        tiers=(Tier(severity="info"),),
        summary="s",
        why=(),
        citations=(),
        silences=silences,
        critical_class=critical,
    )
    return Told(row=row, about=frozenset({about}), says=says)


def finding(id: str, severity: Severity = "warning", *orders: str) -> Finding:
    return Finding(rule=id, number=1, severity=severity, summary=id, orders=orders)


def book(*rules: Told) -> Rulebook:
    concerns: dict[str, tuple[Rule, ...]] = {}
    for each in rules:
        for name in each.concerns:
            concerns[name] = (*concerns.get(name, ()), each)
    return Rulebook(rules=rules, by_concern=concerns, unchecked=GEN)


def said(found: tuple[Finding, ...]) -> list[str]:
    return [each.rule for each in found]


def unmade(found: tuple[Finding, ...]) -> list[str]:
    return [f"{check.rule}: {check.missing}" for each in found for check in each.not_checked]


SIGNED = chart(drafts=[draft("x")])


# Who is asked


def test_only_rules_that_the_basket_concerns_are_asked() -> None:
    rules = book(rule("A", finding("A"), number=1), rule("B", finding("B"), number=2, about="y"))
    assert said(judge(rules, SIGNED)) == ["A"]
    assert said(judge(rules, chart(therapy("y"), drafts=[draft("x")]))) == ["A"]
    assert said(judge(rules, chart(therapy("y"), hook="patient-view"))) == ["B"]


def test_a_rule_is_asked_at_its_own_hooks_and_once() -> None:
    once = rule("A", finding("A"), hooks=frozenset({"order-sign"}))
    rules = Rulebook(rules=(once,), by_concern={"x": (once,), "y": (once,)}, unchecked=GEN)
    assert said(judge(rules, chart(drafts=[draft("x", "y"), draft("x", id="d2")]))) == ["A"]
    assert judge(rules, chart(hook="order-select", drafts=[draft("x")])) == ()


def test_nothing_to_say_is_nothing_said() -> None:
    assert judge(book(rule("A")), SIGNED) == ()
    assert judge(book(), chart()) == ()


def test_the_gravest_comes_first_and_equals_keep_the_order_of_the_rules() -> None:
    rules = book(
        rule("A", finding("A", "info"), number=3),
        rule("B", finding("B"), number=2),
        rule("C", finding("C", "critical"), finding("C"), number=1),
    )
    assert said(judge(rules, SIGNED)) == ["C", "C", "B", "A"]


# What silences what


@pytest.mark.parametrize(
    ("silence", "orders", "left"),
    [
        (Silence(rules=("B",)), ("d1", "d1"), ["A"]),
        (Silence(rules=("B",)), ("d1", "d2"), ["A", "B"]),
        (Silence(rules=("B",), scope="basket"), ("d1", "d2"), ["A"]),
        (Silence(rules=("B",), severity="critical"), ("d1", "d1"), ["A", "B"]),
        (Silence(rules=("B",), severity="warning"), ("d1", "d1"), ["A"]),
        (Silence(rules=("C",)), ("d1", "d1"), ["A", "B"]),
    ],
)
def test_a_finding_silences_those_that_its_row_names(
    silence: Silence, orders: tuple[str, str], left: list[str]
) -> None:
    rules = book(
        rule("A", finding("A", "warning", orders[0]), number=1, silences=(silence,)),
        rule("B", finding("B", "warning", orders[1]), number=2),
    )
    assert said(judge(rules, SIGNED)) == left


def test_a_silenced_rule_is_not_named_as_unchecked_either() -> None:
    rules = book(
        rule("A", finding("A", "warning", "d1"), number=1, silences=(Silence(rules=("B",)),)),
        rule("B", NotChecked("B", "weight"), number=2),
        rule("C", NotChecked("C", "height"), number=3),
    )
    assert unmade(judge(rules, SIGNED)) == ["C: height"]


def test_a_rule_that_does_not_fire_silences_nothing() -> None:
    rules = book(rule("A", number=1, silences=(Silence(rules=("B",)),)), rule("B", finding("B"), number=2))
    assert said(judge(rules, SIGNED)) == ["B"]


# What could not be checked


@pytest.mark.parametrize(
    ("hook", "named"),
    [
        ("patient-view", ["A: results"]),
        ("order-select", ["A: results"]),
        ("order-sign", ["A: weight", "A: results"]),
    ],
)
def test_a_missing_list_is_said_at_every_hook_and_a_missing_datum_when_signing(hook: Hook, named: list[str]) -> None:
    rules = book(rule("A", NotChecked("A", "weight"), NotChecked("A", "results", source=True)))
    assert unmade(judge(rules, chart(therapy("x"), hook=hook, drafts=[draft("x")]))) == named


def test_all_of_them_are_one_finding_of_severity_info_after_all_others() -> None:
    rules = book(
        rule("A", NotChecked("A", "weight"), finding("A", "info")), rule("B", NotChecked("B", "height"), number=2)
    )
    fired, told = judge(rules, SIGNED)
    assert fired.rule == "A"
    assert (told.rule, told.number, told.severity, told.outcome) == ("GEN-03", 303, "info", "not-checked")
    assert told.summary == "Not possible: weight, height"
    assert [(check.rule, check.missing) for check in told.not_checked] == [("A", "weight"), ("B", "height")]


def test_each_is_named_once_and_those_of_critical_class_first() -> None:
    rules = book(
        rule("A", NotChecked("A", "weight"), NotChecked("A", "weight"), number=1),
        rule("B", NotChecked("B", "renal function"), number=2, critical=True),
    )
    assert unmade(judge(rules, SIGNED)) == ["B: renal function", "A: weight"]


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_a_draft_that_cannot_be_told_is_always_said(hook: Hook) -> None:
    """No rule is concerned, for nobody knows what it is."""
    lost = [unread("draftOrders.entry[0]", "draftOrders"), unread("draftOrders.entry[3].code", "draftOrders")]
    assert unmade(judge(book(), chart(hook=hook, lost=lost))) == [
        "GEN-03: what is ordered (draftOrders.entry[0])",
        "GEN-03: what is ordered (draftOrders.entry[3].code)",
    ]


@pytest.mark.parametrize(
    ("sources", "named"),
    [
        (["medicationRequests"], ["GEN-03: what is taken (l.entry[0])"]),
        (["medicationStatements", "medicationAdministrations"], ["GEN-03: what is taken (l.entry[0]) and 1 more"]),
        (["conditions", "observations", "medications"], []),
    ],
)
def test_what_is_taken_and_cannot_be_told_is_said_when_the_chart_is_opened(
    sources: list[str], named: list[str]
) -> None:
    lost = [unread(f"l.entry[{number}]", source) for number, source in enumerate(sources)]
    assert unmade(judge(book(), chart(hook="patient-view", lost=lost))) == named
    assert judge(book(), chart(hook="order-sign", lost=lost)) == ()


# The summary


def test_a_summary_names_what_fits_and_counts_the_rest() -> None:
    # "x: ", ten things of ten letters, nine commas and ", 10 more": 3 + 100 + 18 + 9 = 130
    things = [f"thing {number:04}" for number in range(20)]
    text = listed("x: {list}", things)
    assert text == f"x: {', '.join(things[:10])}, 10 more"
    assert len(text) == 130  # with the eleventh thing and "9 more" it would have 141


def test_a_summary_counts_where_nothing_fits() -> None:
    assert listed("x: {list}", ["y" * 200]) == "x: 1 of them"
    assert listed("x" * 139 + "{list}", ["y", "z"]) == "x" * 139 + "several"


def test_a_summary_names_each_thing_once() -> None:
    assert listed("{list}", ["weight", "eGFR", "weight"]) == "weight, eGFR"
