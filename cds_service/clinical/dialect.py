"""What one client wants otherwise than the specification: a frozen plain value, the same for all its requests."""

from __future__ import annotations

from typing import Literal

import msgspec

from .findings import SEVERITY_ORDER, Hook, Severity
from .remedy import Action, ChangeDosage, ChangeRoute, CreateTests, MoveDraft, Remedy

Sparable = Literal[
    "medicationStatements",
    "medicationAdministrations",
    "observations",
    "allergies",
    "procedures",
    "immunizations",
    "encounter",
]
"""The optional prefetch keys: a client without one of the others can have no answer at all."""
ALL_HOOKS: frozenset[Hook] = frozenset(("patient-view", "order-select", "order-sign"))


class Dialect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one client is to be answered; the defaults are plain CDS Hooks 2.0.

    What cards look like: `selection` forces one `selectionBehavior` ("" leaves the card's own); `full_description` puts
    the label of a suggestion into the description of its actions, for clients that show only that; `plain_topics` writes
    topic codes with letters and digits alone; `old_delete` names the order that a delete takes back in `resource` too, as
    text, which CDS Hooks 2.0 does not know; `severity_cap` is the highest indicator that the client is shown, told in
    the detail where it hides a higher one; `override_reasons` says whether reasons are offered for setting a card aside.

    Which suggestions there are: `updates` and `one_action` say whether an update of an order, or more than one action in
    a suggestion, may be offered at all. `keeps_dose` is false where of an order that we suggest only the drug is taken
    over, which the card then says. `vocabularies` are those in which what we order is coded; without them those that the
    patient's own record uses. `rxnorm_oid` writes a RxNorm code of a created order under its OID as well.

    What is looked at: `never_offers` names prefetch keys that this client cannot have, and `hooks` the hooks that it
    calls. Where it calls `order-select` and not `order-sign`, the rules of signing are asked while ordering, about
    selected drafts with a dose (CLINICAL 0.1).
    """

    name: str = "generic"
    selection: Literal["", "any"] = ""
    updates: bool = True
    one_action: bool = False
    keeps_dose: bool = True
    full_description: bool = False
    vocabularies: frozenset[Literal["rxnorm", "atc", "snomed"]] = frozenset()
    rxnorm_oid: bool = False
    plain_topics: bool = False
    old_delete: bool = False
    severity_cap: Severity = "critical"
    override_reasons: bool = True
    never_offers: frozenset[Sparable] = frozenset()
    hooks: frozenset[Hook] = ALL_HOOKS

    @property
    def signs_while_ordering(self) -> bool:
        """Whether order-select is the last time that this client asks about an order."""
        return "order-select" in self.hooks and "order-sign" not in self.hooks

    def carries_out(self, remedy: Remedy) -> bool:
        """Whether the client can carry a remedy out whole. One of two actions is never split."""
        if self.one_action and sum(map(_changes, remedy.actions)) > 1:
            return False
        return self.updates or not any(
            isinstance(action, MoveDraft | ChangeDosage | ChangeRoute) for action in remedy.actions
        )

    def shown(self, severity: Severity) -> Severity:
        """The indicator of a finding of this severity: its own, or the cap where that is lower."""
        return max(severity, self.severity_cap, key=SEVERITY_ORDER.__getitem__)


def _changes(action: Action) -> int:
    """How many actions of CDS Hooks an action becomes: each test is an order of its own."""
    return len(action.tests) if isinstance(action, CreateTests) else 1


GENERIC = Dialect()
