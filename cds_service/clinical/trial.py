"""Trying a remedy before it is offered: once it was carried out its finding must be gone, or less, and nothing as grave
be new (CLINICAL 0.6 and C.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import msgspec

from .chart import ANY_VACCINE, Chart, DraftOrder
from .findings import SEVERITY_ORDER, Finding, Hook
from .judge import Rulebook, Verdicts, ask_rules, settled
from .remedy import CreateTests, Remedy
from .rule import Rule

ALTERNATIVES = 3
"""So many remedies of a finding are offered at most."""


class Trial:
    """What the rules say of a chart before anything is done, to be held against what they say afterwards.

    They are asked at the hook of the request and where orders are signed: a remedy that an EHR takes over comes there.
    A rule that names nothing of what a remedy changes says what it said.
    """

    def __init__(self, book: Rulebook, chart: Chart, verdicts: Verdicts) -> None:
        """`verdicts` are those of the rules that the chart concerns at its hook."""
        self.chart = chart
        self._book = book
        self._verdicts: dict[Hook, Verdicts] = {chart.hook: verdicts}
        self._fired: dict[Hook, Sequence[Finding]] = {}

    @cached_property
    def hooks(self) -> tuple[Hook, ...]:
        """Where a remedy is tried."""
        return (self.chart.hook,) if self.chart.hook == "order-sign" else (self.chart.hook, "order-sign")

    def passes(self, finding: Finding, remedy: Remedy, after: Chart) -> bool:
        """Whether a remedy of a finding may be offered; `after` is the chart once it was carried out.

        A remedy that only eases, and one that only orders tests, may leave its finding.
        """
        leaves = remedy.eases or all(isinstance(action, CreateTests) for action in remedy.actions)
        touched = self.touched(after)
        for hook in self.hooks:
            found = self.found(finding, after, hook, touched, leaves=leaves)
            if not leaves and any(is_same(finding, other) for other in found):
                return False
            if any(self.is_new(other, hook) for other in self.as_grave(finding, found)):
                return False
        return True

    def touched(self, after: Chart) -> frozenset[str] | None:
        """The ids of what was ordered and is not any more, or not so, or is now; None where that cannot be told."""
        before, now = set(self.chart.drafts), set(after.drafts)
        changed = before ^ now
        if any(draft.therapy is not None and draft.therapy.replaces for draft in changed):
            return None
        return frozenset().union(*map(ordered, changed))

    def found(
        self, finding: Finding, after: Chart, hook: Hook, touched: frozenset[str] | None, *, leaves: bool
    ) -> Sequence[Finding]:
        """What fires at a hook once a remedy was carried out, of the rules whose word can decide about it."""
        chart = after if after.hook == hook else msgspec.structs.replace(after, hook=hook)
        rules, mentions, before = self._book.concerned(chart), self._book.mentions, self.before(hook)
        known = {
            rule.row.id: before[rule.row.id]
            for rule in rules
            if touched is not None and rule.row.id in before and touched.isdisjoint(mentions[rule.row.id])
        }
        deciding = (
            rule
            for rule in rules
            if rule.row.id not in known
            and (
                rule.row.silences
                or (rule.row.id == finding.rule and not leaves)
                or self.may_be_new(rule, finding, hook)
            )
        )
        verdicts = known | ask_rules(deciding, chart)
        return settled([rule for rule in rules if rule.row.id in verdicts], verdicts)[0]

    def may_be_new(self, rule: Rule, finding: Finding, hook: Hook) -> bool:
        """Whether a rule knows anything as grave as a finding, and has not said the gravest of it already."""
        gravest = rule.row.gravest
        return gravest <= rank(finding) and not any(
            was.rule == rule.row.id and rank(was) <= gravest for was in self.fired(hook)
        )

    def before(self, hook: Hook) -> Verdicts:
        """What the rules say at a hook as things are."""
        if hook not in self._verdicts:
            chart = msgspec.structs.replace(self.chart, hook=hook)
            self._verdicts[hook] = ask_rules(self._book.concerned(chart), chart)
        return self._verdicts[hook]

    def fired(self, hook: Hook) -> Sequence[Finding]:
        """What fires at a hook as things are; what is silenced does not."""
        if hook not in self._fired:
            rules = self._book.concerned(msgspec.structs.replace(self.chart, hook=hook))
            self._fired[hook] = settled(rules, self.before(hook))[0]
        return self._fired[hook]

    def as_grave(self, finding: Finding, found: Sequence[Finding]) -> Iterator[Finding]:
        """The findings as grave as this one, but for those that its rule is known to raise."""
        raised = next((rule.row.may_raise for rule in self._book.rules if rule.row.id == finding.rule), ())
        return (other for other in found if rank(other) <= rank(finding) and other.rule not in raised)

    def is_new(self, other: Finding, hook: Hook) -> bool:
        """Whether its rule said nothing before, or nothing so grave."""
        return not any(was.rule == other.rule and rank(was) <= rank(other) for was in self.fired(hook))


def ordered(draft: DraftOrder) -> frozenset[str]:
    """The ids of what a draft orders."""
    found = draft.therapy.ingredients if draft.therapy is not None else frozenset[str]()
    if draft.vaccine is not None:
        found |= {ANY_VACCINE, draft.vaccine.vaccine}
    return found | draft.procedure.concepts if draft.procedure is not None else found


def is_same(finding: Finding, other: Finding) -> bool:
    """Whether another finding is this one, not less than it was."""
    about = not finding.orders or not other.orders or not set(finding.orders).isdisjoint(other.orders)
    return other.rule == finding.rule and about and rank(other) <= rank(finding)


def rank(finding: Finding) -> int:
    """How grave a finding is; 0 is the gravest."""
    return SEVERITY_ORDER[finding.severity]
