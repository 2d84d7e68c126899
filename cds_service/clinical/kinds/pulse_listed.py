"""Severe disease in which the table lists a pulse before the order that is being written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from ..chart import Chart
from ..drugs import Drug
from ..earlier import present
from ..evidence import shown
from ..exposure import MEDICATION_SOURCES, list_gaps
from ..facts import ask
from ..facts_disease import gate_unseen, unseen
from ..glucocorticoids import Glucocorticoids, pulse_days
from ..rule import Rule, Verdict
from ..subjects import subjects
from ..tiers import excluded, fitting_tier
from ..timeline import days_given
from .indication import Sign, together, unique

NAMES_LENGTH = 60
"""So many characters of the signs stand on the card; more of them are counted."""


class PulseListed(Rule, frozen=True, kw_only=True):
    """Fires for a first course of `drugs` (none of `courses` active, or ended in the last `naive_days` days) where one of
    `signs` is there, and neither a pulse nor one of `others` was given in the last `recent_days` days or is planned.

    That the record holds no sign proves nothing: then it is silent.
    """

    drugs: Drug
    courses: Drug
    naive_days: int
    pulse: Drug
    others: Drug
    recent_days: int
    signs: tuple[Sign, ...]
    steroids: Glucocorticoids

    PLACEHOLDERS = ("drug", "signs")

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    @property
    def facts(self) -> tuple[str, ...]:
        return tuple(sign.fact for sign in self.signs)

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "signs": "x" * NAMES_LENGTH}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        yield from together(self.each(chart))

    def each(self, chart: Chart) -> Iterator[Verdict]:
        """What the rule says about each order by itself."""
        for subject in subjects(chart, self.drugs):
            situation = subject.situation
            if excluded(self.row, chart, situation) or self.is_treated(chart):
                continue
            signs = [sign for sign in self.signs if ask(chart, sign.fact, situation).answer == "yes"]
            open_facts = () if signs else self.facts
            doubts = unique(
                (
                    *gate_unseen(self.row, chart, situation),
                    *list_gaps(chart, self.row.id, MEDICATION_SOURCES if signs else ()),
                    *unseen(self.row, chart, (*self.row.unless, *open_facts)),
                )
            )
            tier, because = fitting_tier(self.row, chart, situation)
            if doubts:
                yield from doubts
            elif signs and tier is not None:
                evidence = tuple(e for sign in signs for e in ask(chart, sign.fact, situation).evidence)
                yield self.row.finding(
                    tier,
                    names={"drug": self.drugs.name_in(subject.therapy), "signs": listed([sign.name for sign in signs])},
                    orders=(subject.therapy.reference,),
                    evidence=tuple(dict.fromkeys((*evidence, *because))),
                    found=(shown(subject.therapy),),
                )

    def is_treated(self, chart: Chart) -> bool:
        """Whether this is no first course, or a pulse or another fast treatment was given or is planned."""
        drafted = {draft.therapy.reference for draft in chart.drafts if draft.therapy is not None}
        if any(t.reference not in drafted for t in present(chart, self.courses, self.naive_days)):
            return True
        given = pulse_days(chart, self.steroids, self.steroids.pulse_with(self.pulse))[0]
        oldest = chart.as_of - dt.timedelta(days=self.recent_days)
        return any(each.day >= oldest for each in (*given, *days_given(chart, self.others)))


def listed(names: list[str]) -> str:
    """The names with commas between them, as many as a card has room for."""
    for count in range(len(names), 0, -1):
        more = f" and {len(names) - count} more" if count < len(names) else ""
        text = ", ".join(names[:count]) + more
        if len(text) <= NAMES_LENGTH:
            return text
    return names[0][:NAMES_LENGTH]
