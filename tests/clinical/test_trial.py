"""A remedy is offered only where it clears its finding and raises nothing as grave, here and where orders are signed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest

from cds_service.clinical.chart import Chart
from cds_service.clinical.findings import Finding, Hook, Severity
from cds_service.clinical.judge import Rulebook, Unchecked, ask_rules
from cds_service.clinical.remedy import CreateMedication, CreateTests, DeleteDraft, Remedy
from cds_service.clinical.rule import Row, Rule, Silence, Tier, Verdict
from cds_service.clinical.trial import Trial

from .charts import chart, draft

HOOKS: frozenset[Hook] = frozenset(("patient-view", "order-select", "order-sign"))
GEN = Unchecked(id="GEN-03", number=303, summary="Not possible: {list}", why=(), citations=())


class Without(Rule, frozen=True, kw_only=True):
    """Fires for a drafted `drug` without a drafted `companion`; "" stands for none that would help."""

    drug: str
    companion: str
    severity: Severity = "warning"

    @property
    def concerns(self) -> frozenset[str]:
        return frozenset((self.drug,))

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        drafted = {i: d for d in chart.drafts if d.therapy is not None for i in d.therapy.ingredients}
        if self.drug in drafted and self.companion not in drafted:
            orders = (drafted[self.drug].reference,)
            yield Finding(rule=self.row.id, number=1, severity=self.severity, summary=self.row.id, orders=orders)


def without(
    id: str,
    drug: str,
    companion: str = "",
    severity: Severity = "warning",
    *,
    hooks: frozenset[Hook] = HOOKS,
    may_raise: tuple[str, ...] = (),
) -> Without:
    row = Row(
        id=id,
        number=ord(id),
        group="S",
        hooks=hooks,
        tiers=(Tier(severity=severity),),
        summary=id,
        why=(),
        citations=(),
        may_raise=may_raise,
    )
    return Without(row=row, drug=drug, companion=companion, severity=severity)


def trial(before: Chart, *rules: Without) -> Trial:
    concerns: dict[str, tuple[Rule, ...]] = {}
    for rule in rules:
        concerns[rule.drug] = (*concerns.get(rule.drug, ()), rule)
    book = Rulebook(
        rules=rules, by_concern=concerns, unchecked=GEN, mentions={rule.row.id: rule.mentions for rule in rules}
    )
    return Trial(book, before, ask_rules(book.concerned(before), before))


def of(rule: str, severity: Severity = "warning", *orders: str) -> Finding:
    return Finding(rule=rule, number=1, severity=severity, summary=rule, orders=orders or ("MedicationRequest/x",))


def basket(*drugs: str, hook: Hook = "order-sign") -> Chart:
    return chart(hook=hook, drafts=[draft(drug, id=drug) for drug in drugs])


def create(drug: str) -> Remedy:
    order = CreateMedication(ingredient=drug, dose=Decimal(5), unit="mg", times=1, reason="r")
    return Remedy(f"Add {drug}", (order,))


def test_a_remedy_that_clears_its_finding_passes() -> None:
    tried = trial(basket("x"), without("A", "x", "folate"))
    assert tried.passes(of("A"), create("folate"), basket("x", "folate"))


def test_one_that_leaves_its_finding_does_not() -> None:
    tried = trial(basket("x"), without("A", "x", "folate"))
    assert not tried.passes(of("A"), create("iron"), basket("x", "iron"))


def test_one_that_makes_its_finding_less_does() -> None:
    tried = trial(basket("x"), without("A", "x", "folate"))
    assert tried.passes(of("A", "critical"), create("iron"), basket("x", "iron"))


def test_what_only_orders_tests_or_only_eases_may_leave_its_finding() -> None:
    tried = trial(basket("x"), without("A", "x"))
    assert tried.passes(of("A"), Remedy("Order IgG", (CreateTests(("igg",), "r"),)), basket("x"))
    assert tried.passes(of("A"), Remedy("Spread it", (DeleteDraft("y"),), eases=True), basket("x"))


@pytest.mark.parametrize(("severity", "passes"), [("critical", False), ("warning", False), ("info", True)])
def test_nothing_as_grave_may_be_new(severity: Severity, passes: bool) -> None:
    tried = trial(basket("x"), without("A", "x", "folate"), without("B", "folate", severity=severity))
    assert tried.passes(of("A"), create("folate"), basket("x", "folate")) is passes


def test_what_a_rule_is_known_to_raise_is_borne() -> None:
    rules = without("A", "x", "folate", may_raise=("B",)), without("B", "folate")
    assert trial(basket("x"), *rules).passes(of("A"), create("folate"), basket("x", "folate"))


def test_what_was_there_before_is_not_new() -> None:
    tried = trial(basket("x", "y"), without("A", "x", "folate"), without("B", "y"))
    assert tried.passes(of("A"), create("folate"), basket("x", "y", "folate"))


def test_taking_an_order_back_may_bare_another() -> None:
    """The folate that is taken back was the companion of x."""
    before = basket("x", "folate")
    tried = trial(before, without("A", "x", "folate"), without("B", "folate"))
    cancel = Remedy("Cancel it", (DeleteDraft("MedicationRequest/folate"),))
    assert not tried.passes(of("B", "warning", "MedicationRequest/folate"), cancel, basket("x"))


def test_it_is_tried_where_orders_are_signed_as_well() -> None:
    signing: frozenset[Hook] = frozenset(("order-sign",))
    before = basket("x", hook="order-select")
    tried = trial(before, without("A", "x", "folate"), without("B", "folate", hooks=signing))
    assert not tried.passes(of("A"), create("folate"), basket("x", "folate", hook="order-select"))


def test_an_order_that_replaces_another_has_every_rule_asked_again() -> None:
    """What it replaces comes back when it is taken back, and that may be of any drug."""
    renewal = draft("x", id="x", replaces="MedicationRequest/m1")
    before = chart(drafts=[renewal])
    assert trial(before, without("A", "x")).touched(basket()) is None


def test_what_a_remedy_touches_is_what_its_orders_hold() -> None:
    tried = trial(basket("x", "y"), without("A", "x"))
    kept = tried.chart.drafts[1:]
    assert tried.touched(msgspec.structs.replace(tried.chart, drafts=kept)) == frozenset(("x",))


def test_only_what_may_say_something_as_grave_and_new_is_asked_again() -> None:
    """B is less grave, C as grave, D said as much of y before; A is the finding's own rule."""
    rules = (
        without("A", "x", "iron"),
        without("B", "folate", severity="info"),
        without("C", "folate"),
        without("D", "y"),
    )
    after = basket("x", "y", "folate")
    found = trial(basket("x", "y"), *rules).found(of("A"), after, "order-sign", None, leaves=False)
    assert [each.rule for each in found] == ["A", "C"]


def test_what_silences_another_rule_is_asked_again_however_light_it_is() -> None:
    quiet = without("B", "folate", severity="info")
    quiet = msgspec.structs.replace(quiet, row=msgspec.structs.replace(quiet.row, silences=(Silence(rules=("C",)),)))
    found = trial(basket("x"), quiet).found(of("A"), basket("x", "folate"), "order-sign", None, leaves=False)
    assert [each.rule for each in found] == ["B"]


def test_a_row_without_tiers_may_say_the_gravest() -> None:
    row = without("A", "x", severity="info").row
    assert (row.gravest, msgspec.structs.replace(row, tiers=()).gravest) == (2, 0)
