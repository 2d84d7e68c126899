"""A drug whose very first dose needs a hospital."""

from __future__ import annotations

from collections.abc import Iterator

from ..chart import Chart
from ..drugs import Drug
from ..evidence import shown
from ..exposure import MEDICATION_SOURCES, SOURCE_NAMES, history, list_gaps
from ..facts_disease import gate_unseen
from ..findings import NotChecked
from ..rule import Rule, Verdict
from ..subjects import Subject, subjects
from ..tiers import excluded, fitting_tier
from .indication import together, unique


class FirstSetting(Rule, frozen=True, kw_only=True):
    """Fires for an order of a drug that was never given before: case "outpatient" where it is for outpatients, "unknown"
    where neither the order nor a visit tells.

    The order's own category says it before the class of the visit does; `outpatient` and `inpatient` are such classes.
    A draft of one of the `admissions` is the hospital too. A procedure of `given_as` that was done has given the drug.
    """

    drugs: Drug
    outpatient: frozenset[str]
    inpatient: frozenset[str]
    admissions: frozenset[str]
    given_as: frozenset[str] = frozenset()

    PLACEHOLDERS = ("drug",)
    CASES = ("outpatient", "unknown")

    @property
    def concerns(self) -> frozenset[str]:
        return self.drugs.concerns

    def longest_names(self) -> dict[str, str]:
        return {"drug": self.drugs.longest_name}

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        yield from together(self.each(chart))

    def each(self, chart: Chart) -> Iterator[Verdict]:
        """What the rule says about each order by itself."""
        if history(chart, self.drugs) or self.was_done(chart) or self.is_admitted(chart):
            return
        for subject in subjects(chart, self.drugs):
            if excluded(self.row, chart, subject.situation):
                continue
            case = self.case_of(chart, subject)
            doubts = unique(
                (
                    *gate_unseen(self.row, chart, subject.situation),
                    *(list_gaps(chart, self.row.id, MEDICATION_SOURCES) if case else ()),
                    *(self.visit_unseen(chart) if case == "unknown" else ()),
                )
            )
            if doubts:
                yield from doubts
                continue
            tier, because = fitting_tier(self.row, chart, subject.situation, case=case)
            if case and tier is not None:
                yield self.row.finding(
                    tier,
                    names={"drug": self.drugs.name_in(subject.therapy)},
                    orders=(subject.therapy.reference,),
                    evidence=because,
                    found=(shown(subject.therapy), *self.where(chart, subject)),
                    caveats=(f"no earlier {self.drugs.name_in(subject.therapy)} was found in this record",),
                )
                yield from list_gaps(chart, self.row.id, ("procedures",))

    def was_done(self, chart: Chart) -> bool:
        """Whether the drug was given by what the record holds as a procedure."""
        return any(each.done and not self.given_as.isdisjoint(each.concepts) for each in chart.procedures)

    def is_admitted(self, chart: Chart) -> bool:
        """Whether an admission is being ordered."""
        return any(
            draft.procedure is not None and not self.admissions.isdisjoint(draft.procedure.concepts)
            for draft in chart.drafts
        )

    def case_of(self, chart: Chart, subject: Subject) -> str:
        """Where the order is for; "" for the hospital."""
        if subject.therapy.community is not None:
            return "outpatient" if subject.therapy.community else ""
        if chart.encounter_class in self.inpatient:
            return ""
        return "outpatient" if chart.encounter_class in self.outpatient else "unknown"

    def visit_unseen(self, chart: Chart) -> Iterator[NotChecked]:
        """The visit, where it could not be had."""
        if "encounter" in chart.missing_sources:
            yield NotChecked(self.row.id, SOURCE_NAMES["encounter"], source=True)
        else:
            unread = [entry for entry in chart.unread if entry.source == "encounter"]
            if unread:
                yield NotChecked(self.row.id, f"an entry that could not be read ({unread[0].where})", source=True)

    def where(self, chart: Chart, subject: Subject) -> tuple[str, ...]:
        """What says where the order is for."""
        if subject.therapy.community is not None:
            return ("the order is for outpatients",)
        return (f"class of the visit: {chart.encounter_class}",) if chart.encounter_class else ()
