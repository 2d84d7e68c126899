"""Combinations to avoid: how many are told of one draft, and on what evidence."""

from __future__ import annotations

from cds_service.clinical.findings import Finding
from cds_service.clinical.kinds.combination import AvoidCombination
from cds_service.clinical.rule import Row, Tier

from .charts import chart, draft, drug, therapy

RULE = AvoidCombination(
    row=Row(
        id="A",
        number=1,
        group="S",
        hooks=frozenset({"order-sign"}),
        tiers=(Tier(severity="critical"),),
        summary="{drug} + {partner}",
        why=(),
        citations=(),
    ),
    drugs=drug("x"),
    partners=drug("y", "z"),
)


def found(*therapies: str) -> list[Finding]:
    """What is told of a draft of x, beside orders of these ingredients with the ids m1, m2 ..."""
    orders = [therapy(name, reference=f"MedicationRequest/m{n}") for n, name in enumerate(therapies, 1)]
    return [each for each in RULE.verdicts(chart(*orders, drafts=[draft("x")])) if isinstance(each, Finding)]


def test_two_orders_of_one_partner_are_one_finding_with_both_as_evidence() -> None:
    (told,) = found("y", "y")
    assert told.summary == "X + y"
    assert [each.reference for each in told.evidence] == ["MedicationRequest/m1", "MedicationRequest/m2"]


def test_two_partners_are_two_findings() -> None:
    assert [each.summary for each in found("y", "z")] == ["X + y", "X + z"]


def test_two_drafts_of_one_partner_are_two_findings_since_each_can_be_cancelled() -> None:
    drafts = [draft("x"), draft("y", id="d2"), draft("y", id="d3")]
    told = [each for each in RULE.verdicts(chart(drafts=drafts)) if isinstance(each, Finding)]
    assert [each.orders for each in told] == [
        ("MedicationRequest/d1", "MedicationRequest/d2"),
        ("MedicationRequest/d1", "MedicationRequest/d3"),
    ]
