"""Two drugs that must not be taken together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import ClassVar

import msgspec

from .. import exposure
from ..chart import Answer, Chart, DraftOrder
from ..drugs import Drug
from ..evidence import evidence_of, shown
from ..exposure import MEDICATION_SOURCES, active, judged_drafts, list_gaps, therapies_of
from ..facts import Situation
from ..findings import SEVERITY_ORDER, Evidence, Finding, NotChecked
from ..remedy import DeleteDraft, Remedy
from ..rule import Rule, Tier, Verdict
from ..therapy import Deferred, Therapy
from ..tiers import excluded, fitting_tier


class AvoidCombination(Rule, frozen=True, kw_only=True):
    """Fires where a drug and a partner are taken within `recent_days` of each other.

    At the order hooks one of the two is a draft that the hook asks about, the other on the chart or in the basket; at
    patient-view both are being taken today. With `switch_days` an overlap of at most so many days, in which the one that
    was begun first ends, is a switch and silent. The remedy takes the drafted one back, whichever that is.
    """

    drugs: Drug
    partners: Drug
    recent_days: int = 0
    switch_days: int | None = None

    PLACEHOLDERS = ("drug", "partner")
    REMEDIES: ClassVar[tuple[str, ...]] = ("delete-draft",)

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns | self.partners.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name, "partner": self.partners.longest_name}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        if chart.hook == "patient-view":
            yield from self.on_the_chart(chart)
            return
        told: set[tuple[str, str]] = set()
        for draft in judged_drafts(chart):
            therapy = draft.therapy
            if therapy is None:
                continue
            for mine, theirs in ((self.drugs, self.partners), (self.partners, self.drugs)):
                if mine.covers(therapy):
                    yield from self.against(chart, draft, therapy, theirs, told)
                elif mine.may_cover(therapy) and self.others(chart, draft, theirs):
                    what = f"which product of {mine.name_in(therapy)}"
                    yield NotChecked(self.row.id, what, order=draft.reference)

    def others(self, chart: Chart, draft: DraftOrder, theirs: Drug) -> list[tuple[Therapy, DraftOrder | None]]:
        """Therapies with the other drug: the chart's, and the other drafts of the basket."""
        chart_side: list[tuple[Therapy, DraftOrder | None]] = [(t, None) for t in therapies_of(chart, theirs)]
        return chart_side + [
            (other.therapy, other)
            for other in chart.drafts
            if other.therapy is not None
            and other.reference != draft.reference
            and (theirs.covers(other.therapy) or theirs.may_cover(other.therapy))
        ]

    def against(
        self, chart: Chart, draft: DraftOrder, therapy: Therapy, theirs: Drug, told: set[tuple[str, str]]
    ) -> Iterator[Verdict]:
        """One draft against every therapy with the other drug: the pair that is most severe, told once."""
        unsure: list[NotChecked] = []
        fired = False
        told_of: dict[str, Finding] = {}
        refill = Deferred(lambda: self.is_refill(chart, therapy))
        ordered = Deferred(lambda: shown(therapy))
        for partner, other in self.others(chart, draft, theirs):
            met = self.meet(chart, therapy, partner)
            if met == "no":
                continue
            name = theirs.name_in(partner)
            if met == "unknown" or not theirs.covers(partner):
                what = f"when {name} was stopped" if theirs.covers(partner) else f"which product of {name}"
                # The order whose product is not told is the one that lacks a datum, whichever of the two is judged.
                lacking = draft if other is None or theirs.covers(partner) else other
                unsure.append(NotChecked(self.row.id, what, order=lacking.reference))
                continue
            key = (min(draft.reference, partner.reference), max(draft.reference, partner.reference))
            fired = True
            if key in told:
                continue
            told.add(key)
            situation = Situation(draft=draft, therapy=therapy, partner=partner)
            if excluded(self.row, chart, situation):
                continue
            tier, because = self.tier(chart, situation, refill=refill())
            if tier is None:
                continue
            earlier = told_of.get(name) if other is None else None
            if earlier is not None and SEVERITY_ORDER[earlier.severity] <= SEVERITY_ORDER[tier.severity]:
                told_of[name] = msgspec.structs.replace(earlier, evidence=(*earlier.evidence, evidence_of(partner)))
                continue
            pair = (therapy, partner) if self.drugs.covers(therapy) and theirs is self.partners else (partner, therapy)
            drafts = (draft,) if other is None else (draft, other)
            finding = self.row.finding(
                tier,
                names={"drug": self.drugs.name_in(pair[0]), "partner": self.partners.name_in(pair[1])},
                orders=tuple(d.reference for d in drafts),
                evidence=(() if other else (evidence_of(partner),)) + because,
                found=(ordered(), shown(partner)),
                remedies=self.remedies(chart, drafts, tier),
            )
            if other is not None:
                yield finding
            else:
                seen = earlier.evidence if earlier is not None else ()
                told_of[name] = msgspec.structs.replace(finding, evidence=(*finding.evidence, *seen))
        yield from told_of.values()
        if not fired:
            yield from unsure
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)

    def on_the_chart(self, chart: Chart) -> Iterator[Verdict]:
        """Both drugs being taken today: one finding for the pair that is most severe."""
        mine = [t for t in therapies_of(chart, self.drugs) if active(t, chart.as_of) == "yes"]
        theirs = [t for t in therapies_of(chart, self.partners) if active(t, chart.as_of) == "yes"]
        pairs = [
            (a, b)
            for a in mine
            for b in theirs
            if self.drugs.covers(a) and self.partners.covers(b) and self.meet(chart, a, b, both_active=True) == "yes"
        ]
        told: list[Finding] = []
        for therapy, partner in pairs:
            situation = Situation(therapy=therapy, partner=partner)
            tier, because = self.tier(chart, situation)
            if tier is None or excluded(self.row, chart, situation):
                continue
            finding = self.row.finding(
                tier,
                names={"drug": self.drugs.name_in(therapy), "partner": self.partners.name_in(partner)},
                orders=tuple(t.reference for t in (therapy, partner) if t.source == "request"),
                evidence=(evidence_of(therapy), evidence_of(partner), *because),
                found=(shown(therapy), shown(partner)),
                remedies=self.remedies(chart, (), tier),
            )
            told.append(finding)
        yield from sorted(told, key=lambda finding: SEVERITY_ORDER[finding.severity])[:1]
        if not pairs and (mine or theirs):
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)

    def tier(
        self, chart: Chart, situation: Situation, *, refill: bool = False
    ) -> tuple[Tier | None, tuple[Evidence, ...]]:
        """The tier that holds for a pair, with its evidence."""
        return fitting_tier(self.row, chart, situation, refill=refill)

    def meet(self, chart: Chart, therapy: Therapy, partner: Therapy, *, both_active: bool = False) -> Answer:
        """Whether the two are taken within `recent_days` of each other, from today on."""
        if therapy is partner:
            return "no"
        mine, theirs = interval(chart, therapy), interval(chart, partner)
        if mine is None or theirs is None:
            return "no"
        if theirs.unknown_end:
            return exposure.recent(partner, mine.start, self.recent_days)
        if self.switches(chart, partner, therapy) or self.switches(chart, therapy, partner):
            return "no"
        apart = 0 if both_active else self.recent_days
        if theirs.end is not None and (mine.start - theirs.end).days > apart:
            return "no"
        if mine.end is not None and (theirs.start - mine.end).days > apart:
            return "no"
        return "yes"

    def switches(self, chart: Chart, old: Therapy, new: Therapy) -> bool:
        """Whether a drug takes the place of one that was begun before it, or with it, and that ends in `switch_days`.

        Of a draft only one that goes on with a drug of the chart was begun before; what both begin today is no switch.
        """
        after = interval(chart, new)
        end = exposure.last_day(old, as_of=chart.as_of)
        if self.switch_days is None or after is None or end is None:
            return False
        begun = self.going_on(chart, old) if old.source == "draft" else (exposure.first_day(old, chart.as_of),)
        return any(day <= after.start for day in begun) and (end - after.start).days <= self.switch_days

    def going_on(self, chart: Chart, draft: Therapy) -> tuple[dt.date, ...]:
        """The first days of what is being taken of a drafted drug."""
        return tuple(
            existing.start
            for ingredient in sorted(draft.ingredients & self.concerns)
            for existing in chart.therapies.get(ingredient, ())
            if existing.start is not None and active(existing, chart.as_of) == "yes"
        )

    def is_refill(self, chart: Chart, therapy: Therapy) -> bool:
        """Whether the draft goes on with something that the chart already holds as active."""
        return any(
            active(existing, chart.as_of) == "yes" and existing.source != "draft"
            for ingredient in therapy.ingredients & self.concerns
            for existing in chart.therapies.get(ingredient, ())
        )

    def remedies(self, chart: Chart, drafts: tuple[DraftOrder, ...], tier: Tier) -> tuple[Remedy, ...]:
        """Taking back one of the drafts; with two of them the clinician chooses one."""
        if "delete-draft" not in self.row.remedies:
            return ()
        drugs = (self.drugs, self.partners)
        named = [(d, next(k.name_in(d.therapy) for k in drugs if k.covers(d.therapy))) for d in drafts if d.therapy]
        return tuple(Remedy(f"Cancel this order of {name}", (DeleteDraft(d.reference),)) for d, name in named)


class Interval(msgspec.Struct, frozen=True):
    """The days of a therapy: from `start` to `end`, None for open; `unknown_end` where it ended on a day not stated."""

    start: dt.date
    end: dt.date | None
    unknown_end: bool = False


def interval(chart: Chart, therapy: Therapy) -> Interval | None:
    """The days on which a therapy is taken, or None for one that is not taken (on hold, ended before it began)."""
    if therapy.status == "on-hold":
        return None
    start = exposure.first_day(therapy, chart.as_of)
    end = exposure.last_day(therapy)
    ended = therapy.status in ("ended", "unknown")
    if ended and (end is None or end > chart.as_of):
        return Interval(start, None, unknown_end=True)
    return Interval(start, end)
