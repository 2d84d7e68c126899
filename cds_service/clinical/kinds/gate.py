"""What the table is not for: said once for a basket, where other rules would judge its orders otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from ..chart import Chart, DraftOrder
from ..drugs import Drug
from ..evidence import shown
from ..exposure import judged_drafts
from ..facts import Situation
from ..rule import Rule, Verdict
from ..tiers import excluded, fitting_tier

JUDGED = ("drugs", "first", "second", "daily", "slow")
"""The parameters by which kinds name the drugs that they judge."""


class OutsideTable(Rule, frozen=True, kw_only=True):
    """Fires once, where its tier's facts hold, for the drafts that a guideline rule of this hook is about; of the rules
    on doses alone where `only_doses` is true."""

    only_doses: bool = False
    drugs: tuple[Drug, ...] = ()
    procedures: frozenset[str] = frozenset()

    PLACEHOLDERS = ()

    @property
    def concerns(self) -> frozenset[str]:
        return self.procedures.union(*(drug.concerns for drug in self.drugs))

    def knowing(self, rules: Sequence[Rule]) -> Rule:
        """The rule with all drugs and procedures that the guideline rules at its hooks judge."""
        judging = [
            rule
            for rule in rules
            if rule.row.group == "G" and (rule.row.adult or not self.only_doses) and rule.row.hooks & self.row.hooks
            if not isinstance(rule, OutsideTable)
        ]
        drugs = [drug for rule in judging for name in JUDGED if isinstance(drug := getattr(rule, name, None), Drug)]
        procedures: list[frozenset[str]] = [getattr(rule, "procedures", frozenset()) for rule in judging]
        return msgspec.structs.replace(
            self, drugs=tuple(dict.fromkeys(drugs)), procedures=frozenset[str]().union(*procedures)
        )

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        judged = [
            draft
            for draft in judged_drafts(chart)
            if self.is_judged(draft) and not excluded(self.row, chart, Situation(draft=draft, therapy=draft.therapy))
        ]
        if not judged:
            return
        situation = Situation(draft=judged[0], therapy=judged[0].therapy)
        tier, because = fitting_tier(self.row, chart, situation)
        if tier is not None:
            yield self.row.finding(
                tier,
                names={},
                orders=tuple(draft.reference for draft in judged),
                evidence=because,
                found=tuple(shown(draft.therapy) for draft in judged if draft.therapy is not None),
            )

    def is_judged(self, draft: DraftOrder) -> bool:
        """Whether a guideline rule is about a draft."""
        if draft.procedure is not None:
            return not self.procedures.isdisjoint(draft.procedure.concepts)
        therapy = draft.therapy
        return therapy is not None and any(drug.covers(therapy) for drug in self.drugs)
