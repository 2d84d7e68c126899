"""Findings: what a rule says about this patient, with all that a card needs to say why.

A rule *fires*, or is *clear* (no finding), or could *not be checked*; an error never looks like clear.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from .remedy import Remedy

Hook = Literal["patient-view", "order-select", "order-sign"]
Severity = Literal["info", "warning", "critical"]
Outcome = Literal["fires", "not-checked"]
SEVERITY_ORDER: dict[str, int] = {"critical": 0, "warning": 1, "info": 2}


class Evidence(msgspec.Struct, frozen=True):
    """A resource that decided a finding: its reference, what it is in words (as the record has them: to be escaped),
    and its date."""

    reference: str
    label: str
    day: dt.date | None = None


class Citation(msgspec.Struct, frozen=True):
    """Where a rule comes from: a short label, the place in it, and its publisher's address ("" where there is none)."""

    label: str
    at: str = ""
    url: str = ""


class OverrideReason(msgspec.Struct, frozen=True):
    """A reason for which a clinician may set a card aside; `system` is the same for all of them."""

    code: str
    display: str


class NotChecked(msgspec.Struct, frozen=True):
    """One check that could not be made: the rule, and what was missing.

    `source` tells a list that could not be had (said at every hook) from a datum that the record does not hold (said
    when orders are signed). `order` is the draft that it was about, "" for the whole basket.
    """

    rule: str
    missing: str
    source: bool = False
    order: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says.

    `summary` is plain text of at most 139 characters with nothing in it that a record wrote freely. `why` holds our own
    sentences; `found` are the figures compared, in words; `caveats` say what was not known. `orders` are the drafts it
    is about (at patient-view the chart orders), `evidence` the chart resources that decided it. `exclusive` is true
    where at most one of the remedies makes sense. `joined` are findings of other rules that are told on the same card.
    `gathered` are the findings for which this one stands where there are too many cards (CLINICAL C.4); it says nothing
    of its own. `therapies` are the therapies of the record in words, on the leading card when a chart is opened.
    """

    rule: str
    number: int
    severity: Severity
    outcome: Outcome = "fires"
    orders: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    summary: str
    why: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    exclusive: bool = True
    override_reasons: tuple[OverrideReason, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()
    joined: tuple[Finding, ...] = ()
    gathered: tuple[Finding, ...] = ()
    therapies: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[Finding, ...]:
        """Every finding that its card tells."""
        if self.gathered:
            return tuple(told for finding in self.gathered for told in finding.told)
        return (self, *self.joined)
