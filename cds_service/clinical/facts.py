"""Facts: named three-valued questions about the chart, always answered with their evidence.

A row combines them only as lists (`when`, `unless`); what a complete record does not hold is "no" (CLINICAL 0.4), what
a list that could not be had might hold is "unknown".
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from . import body, dose
from .chart import Chart, DraftOrder, Source
from .exposure import SOURCE_NAMES, Answer, active
from .findings import Evidence
from .therapy import Therapy


class Fact(msgspec.Struct, frozen=True):
    """An answer, the evidence it rests on, and what was missing where it is unknown."""

    answer: Answer
    evidence: tuple[Evidence, ...] = ()
    missing: str = ""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What a fact may be asked about beside the chart: the draft being judged, its therapy, and the other drug's."""

    draft: DraftOrder | None = None
    therapy: Therapy | None = None
    partner: Therapy | None = None


NOWHERE = Situation()
NO = Fact("no")


def known(chart: Chart, source: Source, evidence: tuple[Evidence, ...]) -> Fact:
    """Yes with evidence; without it no, or unknown where the list, or an entry of it, could not be had."""
    if evidence:
        return Fact("yes", evidence)
    if source in chart.missing_sources or any(entry.source == source for entry in chart.unread):
        return Fact("unknown", missing=SOURCE_NAMES[source])
    return NO


def conditions(chart: Chart, concepts: frozenset[str], *, current: bool = True) -> tuple[Evidence, ...]:
    """Evidence of the patient's conditions of these concepts; with `current` False the resolved ones count too."""
    return tuple(
        Evidence(condition.reference, condition.label, condition.onset or condition.recorded)
        for condition in chart.conditions
        if not concepts.isdisjoint(condition.concepts) and (condition.current or not current)
    )


IIM = frozenset(
    (
        "dermatomyositis",
        "polymyositis",
        "antisynthetase-syndrome",
        "immune-mediated-necrotising-myopathy",
        "inclusion-body-myositis",
        "overlap-myositis",
        "idiopathic-inflammatory-myopathy",
    )
)
SEVERE = frozenset(("dysphagia", "aspiration-pneumonia", "respiratory-failure", "myocarditis"))
INTENSIVE_CARE = frozenset(("ICU",))
ONCOLOGY = frozenset(
    (
        "cancer",
        "acute-lymphoblastic-leukaemia",
        "leukaemia",
        "lymphoma",
        "methotrexate-oncology-other",
        "chemotherapy-encounter",
    )
)
OTHER_INDICATION = ONCOLOGY | frozenset(
    (
        "solid-organ-transplant",
        "rheumatoid-arthritis",
        "psoriasis",
        "psoriatic-arthritis",
        "systemic-lupus-erythematosus",
        "systemic-sclerosis",
        "sjogren-syndrome",
        "vasculitis",
        "iga-vasculitis",
        "sarcoidosis",
        "crohn-disease",
        "ulcerative-colitis",
        "hypogammaglobulinaemia",
        "immunodeficiency",
        "selective-iga-deficiency",
        "thrombocytopenia",
        "multiple-sclerosis",
    )
)


def iim(chart: Chart, situation: Situation) -> Fact:
    """Idiopathic inflammatory myopathy: a current or remitted condition, or the draft's own reason (CLINICAL 0.2)."""
    draft = situation.draft
    if draft is not None and not IIM.isdisjoint(draft.reasons):
        return Fact("yes", (Evidence(draft.reference, draft.reason_text),))
    return known(chart, "conditions", conditions(chart, IIM))


def other_indication(chart: Chart, situation: Situation) -> Fact:
    """The draft's reason is explicitly something else than myositis (CLINICAL 0.2); no reason is no other reason."""
    draft = situation.draft
    if draft is None or not IIM.isdisjoint(draft.reasons) or OTHER_INDICATION.isdisjoint(draft.reasons):
        return NO
    return Fact("yes", (Evidence(draft.reference, draft.reason_text),))


def severe_disease(chart: Chart, situation: Situation) -> Fact:
    """Severe or rapidly progressive disease (SEV, CLINICAL 0.7). Its absence in the record proves nothing."""
    evidence = conditions(chart, SEVERE)
    evidence += tuple(
        Evidence(condition.reference, condition.label, condition.onset)
        for condition in chart.conditions
        if condition.current and condition.severe and not IIM.isdisjoint(condition.concepts)
    )
    return known(chart, "conditions", evidence)


def methotrexate_oncology(chart: Chart, situation: Situation) -> Fact:
    """Methotrexate as cancer treatment or for ectopic pregnancy (MTX-ONC, CLINICAL A.5): by reason, route, unit or size.

    More than 100 mg in one dose, a dose per m2, the intrathecal route, or an oncological reason.
    """
    therapy = situation.therapy
    if therapy is None:
        return NO
    evidence = (Evidence(therapy.reference, therapy.label, therapy.start),)
    if therapy.route == "intrathecal" or not ONCOLOGY.isdisjoint(therapy.reasons):
        return Fact("yes", evidence)
    single = dose.single_dose(therapy.regimen())
    if isinstance(single, dose.Unknown):
        return NO
    oncological = single.unit == "mg/m2" or (single.unit == "mg" and single.high > 100)
    return Fact("yes", evidence) if oncological else NO


LOW_DOSE_THIOPURINE = Decimal("0.75")
ESTABLISHED_DAYS = 28


def established_low_dose_thiopurine(chart: Chart, situation: Situation) -> Fact:
    """Azathioprine of at most 0.75 mg/kg/day that has run beside its partner for more than 28 days (CLINICAL AZA-04).

    Needs both on the chart, and a weight of at most 180 days: an older one does not lower a severity.
    """
    pair = [t for t in (situation.therapy, situation.partner) if t is not None]
    evidence: list[Evidence] = []
    for therapy in pair:
        running = [
            chart_therapy
            for ingredient in sorted(therapy.ingredients)
            for chart_therapy in chart.therapies.get(ingredient, ())
            if active(chart_therapy, chart.as_of) == "yes"
            and chart_therapy.start is not None
            and (chart.as_of - chart_therapy.start).days > ESTABLISHED_DAYS
        ]
        if not running:
            return NO
        evidence += [Evidence(t.reference, t.label, t.start) for t in running]
    weight = body.weight(chart)
    for therapy in pair:
        if "azathioprine" not in therapy.ingredients:
            continue
        daily = dose.daily_amount(therapy.regimen())
        if isinstance(daily, dose.Unknown) or isinstance(weight, dose.Unknown):
            return Fact("unknown", missing="azathioprine dose per kg")
        per_kg = dose.per_kg(daily, weight.value) if weight.fresh else dose.Unknown(reason="weight too old")
        if isinstance(per_kg, dose.Unknown) or per_kg.high > LOW_DOSE_THIOPURINE:
            return NO
        return Fact("yes", tuple(evidence))
    return NO


FACTS: dict[str, Callable[[Chart, Situation], Fact]] = {
    "iim": iim,
    "other-indication": other_indication,
    "severe-disease": severe_disease,
    "methotrexate-oncology": methotrexate_oncology,
    "established-low-dose-thiopurine": established_low_dose_thiopurine,
}
"""Every fact that a row may name."""


def ask(chart: Chart, name: str, situation: Situation = NOWHERE) -> Fact:
    """The answer to a named fact; the names were checked when the knowledge was loaded."""
    return FACTS[name](chart, situation)



