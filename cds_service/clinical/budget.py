"""How many cards a clinician is shown at once: remarks beyond the budget are told on one card (CLINICAL C.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .findings import Finding, Hook

MOST_CARDS: Mapping[Hook, int] = {"patient-view": 4, "order-select": 5, "order-sign": 5}


def within_budget(findings: Sequence[Finding], hook: Hook, *, beside: int = 0) -> list[Finding]:
    """The findings, gravest first, the remarks that are too many gathered in the last one. `beside` cards are shown too.

    Critical findings and warnings are always shown, however many. Of the remarks those with a remedy keep their card
    before the others. A single remark is never gathered: that would save no card.
    """
    most = MOST_CARDS[hook] - beside
    if len(findings) <= most:
        return list(findings)
    remarks = sorted((f for f in findings if f.severity == "info"), key=lambda finding: not finding.remedies)
    room = max(0, most - 1 - (len(findings) - len(remarks)))
    beyond = {id(finding) for finding in remarks[room:]}
    if len(beyond) < 2:
        return list(findings)
    gathered = tuple(finding for finding in findings if id(finding) in beyond)
    return [*(finding for finding in findings if id(finding) not in beyond), gathering(gathered)]


def gathering(findings: tuple[Finding, ...]) -> Finding:
    """One finding that stands for several; it can be set aside for the reasons that all of them share."""
    first = findings[0]
    count = sum(len(finding.told) for finding in findings)
    shared = [
        reason for reason in first.override_reasons if all(reason in finding.override_reasons for finding in findings)
    ]
    return Finding(
        rule=first.rule,
        number=first.number,
        severity="info",
        summary=f"{count} further remarks",
        citations=first.citations,
        override_reasons=tuple(shared),
        gathered=findings,
    )
