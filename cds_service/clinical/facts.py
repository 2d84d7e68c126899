"""Facts: named three-valued questions about the chart, always answered with their evidence.

A row combines them only as lists (`when`, `unless`); what a complete record does not hold is "no" (CLINICAL 0.4), what
a list that could not be had might hold is "unknown".
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from . import body, dose
from .chart import Chart, DraftOrder, Fact, Result, Source
from .exposure import SOURCE_NAMES, active
from .findings import Evidence
from .therapy import Therapy


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
    if chart.whole:
        return NO
    if source in chart.missing_sources or any(entry.source == source for entry in chart.unread):
        return Fact("unknown", missing=SOURCE_NAMES[source])
    return NO


def conditions(chart: Chart, concepts: frozenset[str], *, current: bool = True) -> tuple[Evidence, ...]:
    """Evidence of the patient's conditions of these concepts; with `current` False the resolved ones count too."""
    if concepts.isdisjoint(chart.problems):
        return ()
    return tuple(
        Evidence(condition.reference, condition.label, condition.onset or condition.recorded)
        for condition in chart.conditions
        if not concepts.isdisjoint(condition.concepts) and (condition.current or not current)
    )


def latest_result(chart: Chart, concepts: Iterable[str], *, days: int | None = None) -> Result | None:
    """The newest usable number among these concepts, of today or before, at most `days` days old (that day included)."""
    known = [
        (result.day, result)
        for concept in concepts
        if concept in chart.results
        for result in chart.results[concept]()
        if result.value is not None and not result.problem and result.day is not None and result.day <= chart.as_of
    ]
    day, newest = max(known, key=lambda dated: dated[0], default=(None, None))
    if day is None or (days is not None and (chart.as_of - day).days > days):
        return None
    return newest


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
UNSPECIFIED = frozenset(("myositis-unspecified",))
"""Myositis of another or an untold kind, which opens the gate for remarks only (CLINICAL 0.2)."""
IBM = frozenset(("inclusion-body-myositis",))
ANY_IIM = frozenset(("idiopathic-inflammatory-myopathy",))
"""What every kind of myositis implies, so that it says nothing of the kind."""
ONE_COURSE_DAYS = 365
ONCOLOGY = frozenset(
    (
        "cancer",
        "multiple-myeloma",
        "polycythaemia-vera",
        "acute-lymphoblastic-leukaemia",
        "leukaemia",
        "lymphoma",
        "methotrexate-oncology-other",
        "chemotherapy-encounter",
    )
)
ECTOPIC = frozenset(("ectopic-pregnancy", "trophoblastic-disease"))
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
        "immune-thrombocytopenia",
        "haemolytic-anaemia",
        "thrombotic-microangiopathy",
        "multiple-sclerosis",
        "myasthenia-gravis",
        "guillain-barre-syndrome",
        "cerebral-oedema",
        "nausea-vomiting",
        "covid-19",
        "asthma",
        "adrenal-insufficiency",
        "graft-versus-host-disease",
        "atopic-dermatitis",
        "alopecia-areata",
        "ankylosing-spondylitis",
        "juvenile-arthritis",
        "uveitis",
        "gout",
        "ectopic-pregnancy",
        "trophoblastic-disease",
        "placenta-accreta",
        "liver-disease",
        "other-disease",
    )
)
GYNAECOLOGICAL = frozenset(("ectopic-pregnancy", "trophoblastic-disease", "placenta-accreta"))
"""What a single injection of methotrexate is given for (MTX-ONC, CLINICAL A.5)."""
INJECTED = frozenset(("intramuscular", "intravenous", "parenteral"))


def iim(chart: Chart, situation: Situation) -> Fact:
    """Idiopathic inflammatory myopathy: a current or remitted condition, or the draft's own reason (CLINICAL 0.2).

    A myositis that is not specified is one as well, of which guideline rules make remarks only: `for_remarks_only`.
    """
    draft = situation.draft
    if draft is not None and not (IIM | UNSPECIFIED).isdisjoint(draft.reasons):
        return Fact("yes", (Evidence(draft.reference, draft.reason_text),))
    return known(chart, "conditions", conditions(chart, IIM) or conditions(chart, UNSPECIFIED))


def for_remarks_only(chart: Chart, orders: Iterable[str]) -> bool:
    """Whether all that shows a myositis, in the record or as the reason of these drafts, does not specify it."""
    reasons = frozenset[str]().union(*(draft.reasons for draft in chart.drafts))
    if UNSPECIFIED.isdisjoint(chart.problems | reasons) or conditions(chart, IIM):
        return False
    told = set(orders)
    return all(IIM.isdisjoint(draft.reasons) for draft in chart.drafts if draft.reference in told)


def other_indication(chart: Chart, situation: Situation) -> Fact:
    """The order's reason is explicitly something else than myositis (CLINICAL 0.2); no reason is no other reason.

    When a chart is opened it is the reason of what is taken. Methotrexate without a reason is for something else where only
    oncology doses or gives it so.
    """
    order = situation.draft or situation.therapy
    if order is None or not IIM.isdisjoint(order.reasons):
        return NO
    if not OTHER_INDICATION.isdisjoint(order.reasons):
        return Fact("yes", (Evidence(order.reference, order.reason_text),))
    therapy = situation.therapy or (situation.draft.therapy if situation.draft is not None else None)
    if therapy is None or "methotrexate" not in therapy.ingredients or order.reasons:
        return NO
    return ask(chart, "methotrexate-oncology", Situation(draft=situation.draft, therapy=therapy))


def methotrexate_oncology(chart: Chart, situation: Situation) -> Fact:
    """Methotrexate as cancer treatment or for ectopic pregnancy (MTX-ONC, CLINICAL A.5): by reason, route, unit or size.

    More than 100 mg in one dose, a dose per m2, the intrathecal route, an oncological reason, or an injection for an
    ectopic pregnancy, trophoblastic disease or placenta accreta that is not ordered to be repeated.
    """
    therapy = situation.therapy
    if therapy is None:
        return NO
    evidence = (Evidence(therapy.reference, therapy.label, therapy.start),)
    if therapy.route == "intrathecal" or not ONCOLOGY.isdisjoint(therapy.reasons):
        return Fact("yes", evidence)
    if therapy.route in INJECTED and not GYNAECOLOGICAL.isdisjoint(therapy.reasons):
        days = dose.dates_of_giving(therapy.regimen(), start=therapy.start or chart.as_of, horizon_days=ONE_COURSE_DAYS)
        if isinstance(days, dose.Unknown) or len(days) <= 1:
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
    azathioprine = next((t for t in pair if "azathioprine" in t.ingredients), None)
    if azathioprine is None:
        return NO
    dosed = low_dose_thiopurine(chart, azathioprine)
    if dosed.answer == "no":
        return NO
    evidence: list[Evidence] = []
    for therapy in pair:
        running = [
            chart_therapy
            for ingredient in sorted(therapy.ingredients)
            for chart_therapy in chart.therapies.get(ingredient, ())
            if chart_therapy.start is not None
            and (chart.as_of - chart_therapy.start).days > ESTABLISHED_DAYS
            and active(chart_therapy, chart.as_of) == "yes"
        ]
        if not running:
            return NO
        evidence += [Evidence(t.reference, t.label, t.start) for t in running]
    return Fact("yes", tuple(evidence)) if dosed.answer == "yes" else dosed


def low_dose_thiopurine(chart: Chart, azathioprine: Therapy) -> Fact:
    """Whether an order of azathioprine gives at most 0.75 mg/kg/day; unknown without its dose or a weight."""
    daily, weight = dose.daily_amount(azathioprine.regimen()), body.weight(chart)
    if isinstance(daily, dose.Unknown) or isinstance(weight, dose.Unknown):
        return Fact("unknown", missing="azathioprine dose per kg")
    per_kg = dose.per_kg(daily, weight.value) if weight.fresh else dose.Unknown(reason="weight too old")
    return NO if isinstance(per_kg, dose.Unknown) or per_kg.high > LOW_DOSE_THIOPURINE else Fact("yes")


INPATIENT = frozenset(("IMP", "ACUTE", "NONAC"))


def inpatient(chart: Chart, situation: Situation) -> Fact:
    """Whether the order is for the ward: by its own category, else by the class of the visit (CLINICAL IVIG-05)."""
    therapy = situation.therapy
    own = therapy.community if therapy is not None else None
    if own is not None:
        return NO if own else Fact("yes")
    return Fact("yes") if chart.encounter_class in INPATIENT else NO


OLDER_YEARS = 60


def aged_60(chart: Chart, situation: Situation) -> Fact:
    """60 years or older; unknown without a date of birth."""
    age = chart.patient.age(chart.as_of)
    if age is None:
        return Fact("unknown", missing="date of birth")
    return Fact("yes", (Evidence(chart.patient.reference, f"{age} years"),)) if age >= OLDER_YEARS else NO


EGFR = (
    "egfr-ckd-epi-2021-creatinine",
    "egfr-ckd-epi-2021-creatinine-cystatin",
    "egfr-ckd-epi-2009",
    "egfr-mdrd",
    "egfr-other",
)
SEVERELY_LOW_EGFR = 30


def egfr_below_30(chart: Chart, situation: Situation) -> Fact:
    """The newest estimated filtration rate, of whatever formula, is below 30 mL/min; unknown where there is none."""
    newest = latest_result(chart, EGFR)
    if newest is None or newest.value is None:
        return Fact("unknown", missing="eGFR")
    if newest.value >= SEVERELY_LOW_EGFR:
        return NO
    return Fact("yes", (Evidence(newest.reference, f"eGFR {dose.plain(newest.value)}", newest.day),))


FIXED_LOW_DOSE_MG = 500
FORTNIGHT_DAYS = 14


def fixed_500_mg_fortnightly(chart: Chart, situation: Situation) -> Fact:
    """The order gives a fixed 500 mg every two weeks (the Euro-Lupus scheme; CLINICAL CYC-02)."""
    therapy = situation.therapy
    if therapy is None:
        return NO
    regimen = therapy.regimen()
    single, steps = dose.single_dose(regimen), dose.steps(regimen)
    fixed = isinstance(single, dose.Amount) and single.unit == "mg" and single.low == single.high == FIXED_LOW_DOSE_MG
    spaced = bool(steps) and all(
        step.period_days == FORTNIGHT_DAYS
        or {(later - day).days for day, later in itertools.pairwise(step.dates)} == {FORTNIGHT_DAYS}
        for step in steps
    )
    return Fact("yes", (Evidence(therapy.reference, therapy.label),)) if fixed and spaced else NO


def ibm_only(chart: Chart, situation: Situation) -> Fact:
    """Inclusion body myositis is the only myositis (CLINICAL 0.2): of the draft's own reason, else of the conditions."""
    draft = situation.draft
    if draft is not None and (reasons := (IIM & draft.reasons) - ANY_IIM):
        return Fact("yes", (Evidence(draft.reference, draft.reason_text),)) if reasons == IBM else NO
    myositis = [
        condition for condition in chart.conditions if condition.current and not IIM.isdisjoint(condition.concepts)
    ]
    if any(IBM.isdisjoint(condition.concepts) for condition in myositis):
        return NO
    return known(chart, "conditions", conditions(chart, IBM))


def remission(chart: Chart, situation: Situation) -> Fact:
    """Every current myositis of the record is said to be in remission; nothing else counts as remission (CLINICAL F26)."""
    myositis = [
        condition for condition in chart.conditions if condition.current and not IIM.isdisjoint(condition.concepts)
    ]
    if any(not condition.remission for condition in myositis):
        return NO
    return known(chart, "conditions", conditions(chart, IIM))


def adrenal_insufficiency(chart: Chart, situation: Situation) -> Fact:
    """Adrenal insufficiency, in which a glucocorticoid may be replacement."""
    return known(chart, "conditions", conditions(chart, frozenset(("adrenal-insufficiency",))))


def single_dose(chart: Chart, situation: Situation) -> Fact:
    """The order is for one day only and then ends: a premedication, no course."""
    therapy = situation.therapy
    if therapy is None or dose.open_ended(therapy.regimen()):
        return NO
    days = dose.dates_of_giving(therapy.regimen(), start=therapy.start or chart.as_of, horizon_days=ONE_COURSE_DAYS)
    if isinstance(days, dose.Unknown) or len(days) != 1:
        return NO
    return Fact("yes", (Evidence(therapy.reference, therapy.label, days[0]),))


def taper_in_text(chart: Chart, situation: Situation) -> Fact:
    """The order's own text speaks of tapering."""
    return _said(situation, "taper")


def maintenance_in_text(chart: Chart, situation: Situation) -> Fact:
    """The order's own text speaks of maintenance."""
    return _said(situation, "maintenance")


def oral_by_choice(chart: Chart, situation: Situation) -> Fact:
    """The order's own text or a note on it says that it is oral by choice, or that a vein cannot be had."""
    return _said(situation, "oralchoice")


def _said(situation: Situation, word: dose.Word) -> Fact:
    therapy = situation.therapy
    if therapy is None or word not in therapy.regimen().words | therapy.notes:
        return NO
    return Fact("yes", (Evidence(therapy.reference, therapy.label, therapy.start),))


FACTS: dict[str, Callable[[Chart, Situation], Fact]] = {
    "ibm-only": ibm_only,
    "remission": remission,
    "adrenal-insufficiency": adrenal_insufficiency,
    "single-dose": single_dose,
    "taper-in-text": taper_in_text,
    "maintenance-in-text": maintenance_in_text,
    "oral-by-choice": oral_by_choice,
    "inpatient": inpatient,
    "aged-60": aged_60,
    "egfr-below-30": egfr_below_30,
    "fixed-500-mg-fortnightly": fixed_500_mg_fortnightly,
    "iim": iim,
    "other-indication": other_indication,
    "methotrexate-oncology": methotrexate_oncology,
    "established-low-dose-thiopurine": established_low_dose_thiopurine,
}
"""Every fact that a row may name."""


def ask(chart: Chart, name: str, situation: Situation = NOWHERE) -> Fact:
    """The answer to a named fact, found once for each situation; the names were checked when the knowledge was loaded."""
    key = name, situation.draft, situation.therapy, situation.partner
    fact = chart.asked.get(key)
    if fact is None:
        fact = chart.asked[key] = FACTS[name](chart, situation)
    return fact
