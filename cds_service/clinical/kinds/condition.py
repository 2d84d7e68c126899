"""A condition beside a drug: one that the drug may cause, and one that is blamed on it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import msgspec

from ..chart import Chart, Condition
from ..drugs import Drug
from ..earlier import course_start, is_taken
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, history, list_gaps
from ..facts_disease import shown as as_evidence
from ..facts_disease import unseen
from ..rule import Rule, Verdict
from ..subjects import Subject, subjects
from ..tiers import excluded, fitting_tier


class Effect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition that a drug may cause, as it is printed; only one that is there for more than `over_days` days."""

    condition: str
    name: str
    over_days: int = 0


class SideEffect(Rule, frozen=True, kw_only=True):
    """Fires for a drug that is being taken where a current condition of `effects` began after it, and for the first order
    of it where such a condition is there already. All of them are told in one finding.
    """

    drugs: Drug
    effects: tuple[Effect, ...]

    PLACEHOLDERS = ("drug", "conditions")

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "conditions": ", ".join(effect.name for effect in self.effects)}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        first = next(subjects(chart, self.drugs), None)
        if first is None or excluded(self.row, chart, first.situation):
            return
        found = self.found(chart)
        if found:
            yield from self.tell(chart, first, found)
        elif any(effect.condition in known.concepts for effect in self.effects for known in chart.conditions):
            yield from list_gaps(chart, self.row.id, (*MEDICATION_SOURCES, "conditions"))
        else:
            yield from list_gaps(chart, self.row.id, ("conditions",))

    def found(self, chart: Chart) -> list[tuple[Effect, Condition]]:
        """The conditions, each with the effect that it is."""
        begun = course_start(chart, self.drugs) if is_taken(chart, self.drugs) else None
        after = begun.start if begun is not None else None
        if after is None and history(chart, self.drugs):
            return []
        return [
            (effect, condition)
            for effect in self.effects
            for condition in chart.conditions
            if condition.current
            and effect.condition in condition.concepts
            and self.counts(chart, effect, condition, after)
        ]

    def counts(self, chart: Chart, effect: Effect, condition: Condition, after: dt.date | None) -> bool:
        """Whether a condition began after the drug, and is there long enough; before a first order it is enough that it
        is there so long."""
        since = condition.onset or condition.recorded
        if since is None:
            return after is None and not effect.over_days
        return (after is None or since > after) and (chart.as_of - since).days > effect.over_days - (
            not effect.over_days
        )

    def tell(self, chart: Chart, subject: Subject, found: list[tuple[Effect, Condition]]) -> Iterator[Verdict]:
        """The finding about all conditions."""
        tier, because = fitting_tier(self.row, chart, subject.situation)
        if tier is None:
            return
        begun = course_start(chart, self.drugs)
        yield self.row.finding(
            tier,
            names={
                "drug": self.drugs.name_in(subject.therapy),
                "conditions": ", ".join(dict.fromkeys(effect.name for effect, _ in found)),
            },
            orders=(subject.therapy.reference,),
            evidence=(
                *(as_evidence(condition) for _, condition in found),
                *((evidence_of(begun),) if begun is not None and begun is not subject.therapy else ()),
                *because,
            ),
            found=(shown(subject.therapy),),
        )


class BlamedOnDrug(Rule, frozen=True, kw_only=True):
    """Fires for a drug that is being taken where a current condition that blames it was recorded at most `within_days`
    days ago, that day included."""

    drugs: Drug
    condition: str
    within_days: int

    PLACEHOLDERS = ("drug",)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        first = next(subjects(chart, self.drugs), None)
        if first is None or excluded(self.row, chart, first.situation):
            return
        found = [
            condition
            for condition in chart.conditions
            if condition.current and self.condition in condition.concepts and self.is_new(chart, condition)
        ]
        if not found:
            yield from list_gaps(chart, self.row.id, ("conditions",))
            return
        doubts = unseen(self.row, chart, self.row.unless)
        tier, because = fitting_tier(self.row, chart, first.situation)
        if doubts:
            yield from doubts
        elif tier is not None:
            yield self.row.finding(
                tier,
                names={"drug": self.drugs.name_in(first.therapy)},
                orders=(first.therapy.reference,),
                evidence=(*map(as_evidence, found), *because),
                found=(shown(first.therapy),),
            )

    def is_new(self, chart: Chart, condition: Condition) -> bool:
        """Whether a condition was recorded so recently; one without any date was not."""
        day = condition.recorded or condition.onset
        return day is not None and (chart.as_of - day).days <= self.within_days
