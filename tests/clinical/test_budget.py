"""How many cards are shown at once, and what becomes of the remarks that are too many."""

from __future__ import annotations

import pytest

from cds_service.clinical.budget import within_budget
from cds_service.clinical.findings import Citation, Finding, Hook, OverrideReason, Severity
from cds_service.clinical.remedy import DeleteDraft, Remedy

REMEDY = (Remedy("Cancel this order", (DeleteDraft("MedicationRequest/d1"),)),)
DONE = OverrideReason("already-managed", "Already dealt with")
KNOWN = OverrideReason("specialist-decision", "Decided with a specialist")


def finding(rule: str, severity: Severity = "info", *, remedies: tuple[Remedy, ...] = ()) -> Finding:
    return Finding(rule=rule, number=1, severity=severity, summary=f"{rule} speaks", remedies=remedies)


def shown(words: str, hook: Hook = "order-sign") -> list[str]:
    """The summaries of cards; `words` are findings in order: "c" critical, "w" warning, "i" remark."""
    severities: dict[str, Severity] = {"c": "critical", "w": "warning", "i": "info"}
    findings = [finding(f"{letter}{number}", severities[letter]) for number, letter in enumerate(words, 1)]
    return [each.summary.removesuffix(" speaks") for each in within_budget(findings, hook)]


@pytest.mark.parametrize(
    ("words", "cards"),
    [
        ("", []),
        ("wiiii", ["w1", "i2", "i3", "i4", "i5"]),  # five are not too many
        ("wiiiii", ["w1", "i2", "i3", "i4", "2 further remarks"]),
        ("iiiiiiii", ["i1", "i2", "i3", "i4", "4 further remarks"]),
        ("cwwwii", ["c1", "w2", "w3", "w4", "2 further remarks"]),
        ("cwwwwi", ["c1", "w2", "w3", "w4", "w5", "i6"]),  # gathering one would save no card
        ("ccwwwwii", ["c1", "c2", "w3", "w4", "w5", "w6", "2 further remarks"]),
        ("cccwwwww", ["c1", "c2", "c3", "w4", "w5", "w6", "w7", "w8"]),  # these are always shown
    ],
)
def test_five_cards_when_something_is_ordered(words: str, cards: list[str]) -> None:
    assert shown(words, "order-select") == cards
    assert shown(words, "order-sign") == cards


@pytest.mark.parametrize(
    ("words", "cards"),
    [
        ("wiii", ["w1", "i2", "i3", "i4"]),
        ("wiiii", ["w1", "i2", "i3", "2 further remarks"]),
        ("wwwwi", ["w1", "w2", "w3", "w4", "i5"]),
    ],
)
def test_four_cards_when_a_chart_is_opened(words: str, cards: list[str]) -> None:
    assert shown(words, "patient-view") == cards


def test_a_remark_with_a_remedy_keeps_its_card() -> None:
    findings = [*(finding(f"i{number}") for number in range(1, 6)), finding("i6", remedies=REMEDY)]
    assert [each.rule for each in within_budget(findings, "order-sign")[:-1]] == ["i1", "i2", "i3", "i6"]


def test_the_gathered_remarks_are_all_told_those_that_share_a_card_as_well() -> None:
    joined = Finding(rule="i6", number=1, severity="info", summary="i6 speaks", joined=(finding("j"),))
    last = within_budget([*(finding(f"i{number}") for number in range(1, 6)), joined], "order-sign")[-1]
    assert last.summary == "3 further remarks"
    assert [told.rule for told in last.told] == ["i5", "i6", "j"]
    assert (last.severity, last.rule, last.remedies) == ("info", "i5", ())


def test_what_is_gathered_is_set_aside_for_reasons_that_all_share() -> None:
    def reasoned(rule: str, *reasons: OverrideReason) -> Finding:
        return Finding(
            rule=rule,
            number=1,
            severity="info",
            summary=rule,
            override_reasons=reasons,
            citations=(Citation(rule),),
        )

    findings = [*(finding(f"i{number}") for number in range(1, 5)), reasoned("a", DONE, KNOWN), reasoned("b", KNOWN)]
    last = within_budget(findings, "order-sign")[-1]
    assert last.override_reasons == (KNOWN,)
    assert last.citations == (Citation("a"),)


def test_a_card_beside_the_findings_takes_its_place() -> None:
    findings = [finding(f"i{number}") for number in range(1, 6)]
    cards = within_budget(findings, "order-sign", beside=1)
    assert [card.summary for card in cards] == ["i1 speaks", "i2 speaks", "i3 speaks", "2 further remarks"]
