"""What an order is for: the place that the table gives a drug, after other treatment or in a certain disease."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import ClassVar

import msgspec

from ..chart import Chart
from ..drugs import Drug
from ..earlier import Line, course_start, distinct, harmed, is_taken, present, told
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, history, list_gaps
from ..facts import ask
from ..facts_disease import gate_unseen, unseen
from ..findings import Evidence, Finding, NotChecked
from ..remedy import DeleteDraft, Remedy
from ..rule import Rule, Tier, Verdict
from ..subjects import Subject, subjects
from ..tiers import excluded, fitting_tier
from ..timeline import Cycle, cycles, days_given, grams_per_kg


class Sign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fact that a remark is about, and its name on the card."""

    fact: str
    name: str


class Indication(Rule, frozen=True, kw_only=True):
    """Fires for an order of a drug, unless a fact of `unless` or one of `lines` of treatment shows what the table asks
    for; a line with a case gives the tier. Where `first` is true only an order of a drug never given before is judged.

    With `signs` it fires only where one of these facts is yes, and names them. A list that could not be had, and that
    could have silenced or caused the finding, makes the check unmade.
    The remedy takes the order back; it is not offered for a mere remark.
    """

    drugs: Drug
    first: bool = False
    dmards: Drug | None = None
    lines: tuple[Line, ...] = ()
    signs: tuple[Sign, ...] = ()

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("drug", "signs")
    CASES: ClassVar[tuple[str, ...]] = ("", "partly", "refractory", "refill")
    REMEDIES: ClassVar[tuple[str, ...]] = ("delete-draft",)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    @property
    def facts(self) -> tuple[str, ...]:
        return (*(fact for line in self.lines for fact in line.facts), *(sign.fact for sign in self.signs))

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "signs": "/".join(sign.name for sign in self.signs)}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        yield from together(self.each(chart))

    def each(self, chart: Chart) -> Iterator[Verdict]:
        """What the rule says about each order by itself."""
        for subject in subjects(chart, self.drugs):
            if not excluded(self.row, chart, subject.situation) and self.judges(chart, subject):
                yield from self.judge(chart, subject)

    def judges(self, chart: Chart, subject: Subject) -> bool:
        """Whether an order is one that the rule is about."""
        return not (self.first and history(chart, self.drugs))

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        """What the rule says about one order, nothing else excluding it."""
        situation = subject.situation
        case = self.case_of(chart, subject)
        if case is None:
            return
        signs = [sign for sign in self.signs if ask(chart, sign.fact, situation).answer == "yes"]
        if self.signs and not signs:
            yield from unseen(self.row, chart, [sign.fact for sign in self.signs])
            return
        tier, because = fitting_tier(self.row, chart, situation, case=case)
        doubts = self.doubts(chart, subject, tier)
        if doubts:
            yield from doubts
            return
        if tier is None:
            return
        named = [sign for sign in signs if not tier.when or sign.fact in tier.when] or signs
        about = tuple(e for sign in named for e in ask(chart, sign.fact, situation).evidence)
        yield self.tell(chart, subject, tier, signs=named, evidence=tuple(dict.fromkeys((*because, *about))))

    def case_of(self, chart: Chart, subject: Subject) -> str | None:
        """The case of the tier that speaks, or None where earlier treatment settles the remark.

        A line that silences is stronger than one that only gives a case.
        """
        held = [line.case for line in self.lines if line.evidence(chart, subject.situation, self.dmards)]
        if "" in held:
            return None
        if held:
            return held[0]
        refills = any(tier.case == "refill" for tier in self.row.tiers)
        return "refill" if refills and is_taken(chart, self.drugs) else ""

    def doubts(self, chart: Chart, subject: Subject, tier: Tier | None) -> tuple[NotChecked, ...]:
        """What could not be seen and could have told otherwise."""
        situation = subject.situation
        asked = [*self.row.unless, *(fact for line in self.lines for fact in line.facts)]
        asked += [fact for each in self.row.tiers for fact in each.when] if tier is None else tier.unless
        medications = MEDICATION_SOURCES if self.first or self.lines else ()
        allergies = ("allergies",) if any(line.not_tolerated is not None for line in self.lines) else ()
        lists = (*medications, *allergies)
        return unique(
            (
                *gate_unseen(self.row, chart, situation),
                *(list_gaps(chart, self.row.id, lists) if lists else ()),
                *(gap for line in self.lines for gap in line.undated(chart, self.row.id)),
                *unseen(self.row, chart, asked),
            )
        )

    def tell(
        self, chart: Chart, subject: Subject, tier: Tier, *, signs: Iterable[Sign], evidence: tuple[Evidence, ...]
    ) -> Finding:
        """The finding about one order."""
        therapy = subject.therapy
        earlier = distinct_evidence(chart, self.dmards)
        return self.row.finding(
            tier,
            names={"drug": self.drugs.name_in(therapy), "signs": "/".join(sign.name for sign in signs)},
            orders=(therapy.reference,),
            evidence=(*(() if subject.draft else (evidence_of(therapy),)), *evidence, *earlier),
            found=(shown(therapy),),
            remedies=self.remedies(subject, tier),
        )

    def remedies(self, subject: Subject, tier: Tier) -> tuple[Remedy, ...]:
        """Taking the order back."""
        draft = subject.draft
        if draft is None or tier.severity == "info" or "delete-draft" not in self.row.remedies:
            return ()
        name = self.drugs.name_in(subject.therapy)
        return (Remedy(f"Cancel this order of {name}", (DeleteDraft(draft.reference),)),)


class IndicationOfCycles(Indication, frozen=True, kw_only=True):
    """As its base, for a drug given in cycles: one of at most `above_g_per_kg` is another treatment, neither judged nor
    counted as an earlier one. A cycle whose dose is not known counts."""

    above_g_per_kg: Decimal

    def judges(self, chart: Chart, subject: Subject) -> bool:
        every = cycles(days_given(chart, self.drugs))
        mine = [cycle for cycle in every if any(given.draft is subject.draft for given in cycle.days)]
        if not any(self.counts(chart, cycle) for cycle in mine):
            return False
        sure = [cycle for cycle in self.earlier_cycles(chart) if not self.open_dose(chart, cycle)]
        return not (self.first and any(self.counts(chart, cycle) for cycle in sure))

    def doubts(self, chart: Chart, subject: Subject, tier: Tier | None) -> tuple[NotChecked, ...]:
        unsure = self.first and any(self.open_dose(chart, cycle) for cycle in self.earlier_cycles(chart))
        gaps = list_gaps(chart, self.row.id, ("observations",)) if unsure else ()
        return unique((*super().doubts(chart, subject, tier), *gaps))

    def counts(self, chart: Chart, cycle: Cycle) -> bool:
        """Whether a cycle gives more than the other treatment does, or an unknown dose."""
        amount = grams_per_kg(chart, cycle)
        return amount is None or amount > self.above_g_per_kg

    def earlier_cycles(self, chart: Chart) -> list[Cycle]:
        """The cycles of the chart."""
        return [c for c in cycles(days_given(chart, self.drugs)) if any(given.draft is None for given in c.days)]

    def open_dose(self, chart: Chart, cycle: Cycle) -> bool:
        """Whether the dose of a cycle is unknown for want of the results, in which the weight would be."""
        return "observations" in chart.missing_sources and grams_per_kg(chart, cycle) is None


class Needed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A drug that comes earlier in the table: it was ever given, or harm by it is recorded, or it is ruled out by one
    of `facts` or by a drug `beside` which it must not be given."""

    drugs: Drug
    facts: tuple[str, ...] = ()
    beside: Drug | None = None

    def evidence(self, chart: Chart, subject: Subject) -> tuple[Evidence, ...]:
        """What shows that it was given or is ruled out."""
        ruled_out = tuple(e for name in self.facts for e in ask(chart, name, subject.situation).evidence)
        other = told(present(chart, self.beside, 0)) if self.beside is not None else ()
        return (*told(history(chart, self.drugs)), *harmed(chart, self.drugs), *ruled_out, *other)


class AfterOthers(Indication, frozen=True, kw_only=True):
    """As its base; silent too where every one of `earlier` was given or is ruled out."""

    earlier: tuple[Needed, ...]

    @property
    def facts(self) -> tuple[str, ...]:
        return (*super().facts, *(fact for needed in self.earlier for fact in needed.facts))

    def case_of(self, chart: Chart, subject: Subject) -> str | None:
        if all(needed.evidence(chart, subject) for needed in self.earlier):
            return None
        return super().case_of(chart, subject)

    def doubts(self, chart: Chart, subject: Subject, tier: Tier | None) -> tuple[NotChecked, ...]:
        facts = [fact for needed in self.earlier for fact in needed.facts]
        return unique(
            (
                *super().doubts(chart, subject, tier),
                *list_gaps(chart, self.row.id, (*MEDICATION_SOURCES, "allergies")),
                *unseen(self.row, chart, facts),
            )
        )


class DiseaseCaution(Indication, frozen=True, kw_only=True):
    """As its base; at patient-view it speaks of the case "new" alone: `new_condition` was recorded after the drug that
    is being taken was begun."""

    new_condition: str

    CASES = (*Indication.CASES, "new")

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        if chart.hook != "patient-view":
            yield from super().judge(chart, subject)
            return
        begun = begun_on(chart, self.drugs)
        found = tuple(
            Evidence(known.reference, known.label, since)
            for known in chart.conditions
            if known.current and self.new_condition in known.concepts
            if (since := known.onset or known.recorded) is not None and begun is not None and since > begun
        )
        tier, because = fitting_tier(self.row, chart, subject.situation, case="new")
        if found and tier is not None:
            yield self.tell(chart, subject, tier, signs=self.signs[:1], evidence=(*found, *because))


def begun_on(chart: Chart, drug: Drug) -> dt.date | None:
    """The first day of the course of a drug that is being taken; None where the record names none."""
    first = course_start(chart, drug)
    return first.start if first is not None else None


def distinct_evidence(chart: Chart, dmards: Drug | None) -> tuple[Evidence, ...]:
    """The DMARDs that were prescribed, as evidence."""
    return told(distinct(chart, dmards)) if dmards is not None else ()


def unique(gaps: Iterable[NotChecked]) -> tuple[NotChecked, ...]:
    """Each gap once."""
    return tuple(dict.fromkeys(gaps))


def together(verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """The verdicts, findings that say the same about several orders and offer nothing told once."""
    kept: list[Verdict] = []
    for verdict in verdicts:
        if isinstance(verdict, Finding) and not verdict.remedies:
            for number, other in enumerate(kept):
                if isinstance(other, Finding) and (other.severity, other.summary) == (
                    verdict.severity,
                    verdict.summary,
                ):
                    kept[number] = msgspec.structs.replace(
                        other,
                        orders=tuple(dict.fromkeys((*other.orders, *verdict.orders))),
                        evidence=tuple(dict.fromkeys((*other.evidence, *verdict.evidence))),
                        found=tuple(dict.fromkeys((*other.found, *verdict.found))),
                    )
                    break
            else:
                kept.append(verdict)
        elif isinstance(verdict, Finding) or verdict not in kept:
            kept.append(verdict)
    yield from kept
