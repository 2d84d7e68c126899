"""Facts about the disease: its subtypes and antibodies, how severe it is, and what else is recorded of the patient.

Each is sought in lists of the chart: yes with the evidence found there, no where the lists are complete and hold none,
unknown where one of them could not be had (CLINICAL 0.4 and 0.7).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from . import results
from .chart import Chart, Condition, Fact, Result, Source
from .exposure import list_gaps
from .facts import FACTS, IIM, NO, Situation, ask, conditions, known
from .findings import Evidence, NotChecked
from .rule import Row


class Question(msgspec.Struct, frozen=True):
    """A fact that is sought in lists of the chart."""

    def find(self, chart: Chart) -> tuple[Evidence, ...]:
        """What shows that it is so."""
        raise TypeError(f"{type(self).__name__} finds nothing")

    def missing(self, chart: Chart) -> tuple[Source, ...]:
        """The lists that could not be had, or not wholly, and could still show it; none where the answer is sure."""
        raise TypeError(f"{type(self).__name__} looks nowhere")

    def __call__(self, chart: Chart, situation: Situation) -> Fact:
        """Yes with what was found; else no, or unknown where one of the lists could not be had."""
        evidence = self.find(chart)
        if evidence:
            return Fact("yes", evidence)
        missing = self.missing(chart)
        return known(chart, missing[0], ()) if missing else NO


class Sought(Question, frozen=True):
    """One look into `lists`."""

    look: Callable[[Chart], tuple[Evidence, ...]]
    lists: tuple[Source, ...]

    def find(self, chart: Chart) -> tuple[Evidence, ...]:
        """What the look finds."""
        return self.look(chart)

    def missing(self, chart: Chart) -> tuple[Source, ...]:
        """The lists that could not be had, where the look finds nothing."""
        if chart.whole or self.look(chart):
            return ()
        return tuple(source for source in self.lists if known(chart, source, ()).answer == "unknown")


class Either(Question, frozen=True):
    """So where any of the parts is so."""

    parts: tuple[Question, ...]

    def find(self, chart: Chart) -> tuple[Evidence, ...]:
        """What all parts find together."""
        return tuple(evidence for part in self.parts for evidence in part.find(chart))

    def missing(self, chart: Chart) -> tuple[Source, ...]:
        """What the parts miss, where none finds anything."""
        if chart.whole or self.find(chart):
            return ()
        return tuple(dict.fromkeys(source for part in self.parts for source in part.missing(chart)))


class Both(Question, frozen=True):
    """So where all of the parts are so."""

    parts: tuple[Question, ...]

    def find(self, chart: Chart) -> tuple[Evidence, ...]:
        """What the parts find, where each finds something."""
        found = [part.find(chart) for part in self.parts]
        return tuple(evidence for part in found for evidence in part) if all(found) else ()

    def missing(self, chart: Chart) -> tuple[Source, ...]:
        """What the parts miss that find nothing; none where one of them is surely not so."""
        if chart.whole:
            return ()
        open_parts = [part.missing(chart) for part in self.parts if not part.find(chart)]
        if not all(open_parts):
            return ()
        return tuple(dict.fromkeys(source for missing in open_parts for source in missing))


def unseen(row: Row, chart: Chart, names: Iterable[str]) -> tuple[NotChecked, ...]:
    """What is missing of the lists in which facts are sought that are unknown here."""
    if chart.whole:
        return ()
    lists: list[Source] = []
    for name in names:
        fact = FACTS[name]
        if isinstance(fact, Question):
            lists += fact.missing(chart)
    return tuple(list_gaps(chart, row.id, tuple(dict.fromkeys(lists)))) if lists else ()


def gate_unseen(row: Row, chart: Chart, situation: Situation) -> tuple[NotChecked, ...]:
    """What is missing of the conditions, where they do not show whether a guideline rule's gate is open."""
    if row.group == "G" and ask(chart, "iim", situation).answer == "unknown":
        return tuple(list_gaps(chart, row.id, ("conditions",)))
    return ()


def condition(*concepts: str, current: bool = True) -> Sought:
    """A condition of one of these concepts; with `current` False a past one too."""
    wanted = frozenset(concepts)
    return Sought(lambda chart: conditions(chart, wanted, current=current), ("conditions",))


def of_conditions(matches: Callable[[Condition], bool]) -> Sought:
    """A current condition that matches."""

    def find(chart: Chart) -> tuple[Evidence, ...]:
        return tuple(shown(each) for each in chart.conditions if each.current and matches(each))

    return Sought(find, ("conditions",))


def shown(found: Condition) -> Evidence:
    """A condition as evidence."""
    return Evidence(found.reference, found.label, found.onset or found.recorded)


def either(*parts: Question) -> Either:
    """What any of these facts finds."""
    return Either(parts)


def both(*parts: Question) -> Both:
    """What all of these facts find; nothing where one of them finds nothing."""
    return Both(parts)


# Results: the newest one of a test counts (CLINICAL 0.7).


def newest(chart: Chart, concept: str) -> Result | None:
    """The newest result of a test that says anything, of today or before; one without a date where none has one."""
    deferred = chart.results.get(concept)
    if deferred is None:
        return None
    saying = [
        each
        for each in deferred()
        if (each.day is None or each.day <= chart.as_of)
        and (each.word or each.value is not None or each.limit is not None)
        and each.word not in results.UNSETTLED
    ]
    return max(saying, key=lambda each: each.day or dt.date.min, default=None)


def is_positive(result: Result) -> bool:
    """Whether a result is positive, weakly too: by its interpretation, its words, or above the laboratory's limit."""
    answer = results.positive(result)
    if answer != "unknown":
        return answer == "yes"
    words = set(result.word.split())
    return not words.isdisjoint(results.POSITIVE) and words.isdisjoint(DENIALS)


DENIALS = frozenset("not non no niet nicht pas".split()) | results.NEGATIVE


def positive(*concepts: str) -> Sought:
    """Tests among these whose newest result is positive."""

    def find(chart: Chart) -> tuple[Evidence, ...]:
        found = (newest(chart, concept) for concept in concepts)
        return tuple(
            Evidence(result.reference, f"{name_of(result.concept)} positive", result.day)
            for result in found
            if result is not None and is_positive(result)
        )

    return Sought(find, ("observations",))


def tested(concept: str) -> Sought:
    """A result of a test, whatever it says."""

    def find(chart: Chart) -> tuple[Evidence, ...]:
        result = newest(chart, concept)
        return () if result is None else (Evidence(result.reference, name_of(concept), result.day),)

    return Sought(find, ("observations",))


def saying(word: str, *concepts: str) -> Sought:
    """Tests among these whose newest result holds a word."""

    def find(chart: Chart) -> tuple[Evidence, ...]:
        found = (newest(chart, concept) for concept in concepts)
        return tuple(
            Evidence(result.reference, f"{name_of(result.concept)}: {result.word}", result.day)
            for result in found
            if result is not None and word in result.word.split()
        )

    return Sought(find, ("observations",))


def name_of(concept: str) -> str:
    """How a test is printed as evidence."""
    return TEST_NAMES.get(concept, concept.replace("-", " "))


TEST_NAMES = {
    "anti-jo-1": "anti-Jo-1",
    "anti-pl-7": "anti-PL-7",
    "anti-pl-12": "anti-PL-12",
    "anti-ej": "anti-EJ",
    "anti-oj": "anti-OJ",
    "anti-mi-2": "anti-Mi-2",
    "anti-tif1-gamma": "anti-TIF1-gamma",
    "anti-nxp2": "anti-NXP2",
    "anti-mda5": "anti-MDA5",
    "anti-srp": "anti-SRP",
    "anti-hmgcr": "anti-HMGCR",
    "hbsag": "HBsAg",
    "tpmt-phenotype": "TPMT",
    "nudt15-phenotype": "NUDT15",
}

# The disease and its subtypes

OTHER_ANTISYNTHETASES = ("anti-pl-7", "anti-pl-12", "anti-ej", "anti-oj")
ANTISYNTHETASES = ("anti-jo-1", *OTHER_ANTISYNTHETASES)
MYOSITIS_SPECIFIC = (
    *ANTISYNTHETASES,
    "anti-mi-2",
    "anti-tif1-gamma",
    "anti-nxp2",
    "anti-mda5",
    "anti-srp",
    "anti-hmgcr",
)
"""The myositis-specific antibodies whose tests have a verified code; KS, Zo, Ha and SAE have none."""

JO_1 = positive("anti-jo-1")
OTHER_ANTISYNTHETASE = either(condition("antisynthetase-syndrome"), positive(*OTHER_ANTISYNTHETASES))
ANTISYNTHETASE = either(condition("antisynthetase-syndrome"), positive(*ANTISYNTHETASES))
MDA5 = positive("anti-mda5")
HMGCR = positive("anti-hmgcr")
NECROTISING = condition("immune-mediated-necrotising-myopathy")
LUNG = condition("interstitial-lung-disease")

# How severe it is (SEV)

DYSPHAGIA = condition("dysphagia")
ASPIRATION = condition("aspiration-pneumonia")
VENTILATION = (
    "mechanical ventilation",
    "mechanically ventilated",
    "on a ventilator",
    "dependence on respirator",
    "dependence on ventilator",
)
VENTILATED = of_conditions(lambda found: any(words in found.label.lower() for words in VENTILATION))
"""Ventilation is known by the words of a problem: no code of it is among those that were verified."""
RESPIRATORY_FAILURE = either(condition("respiratory-failure"), VENTILATED)
MYOCARDITIS = condition("myocarditis")
SEVERE_MYOSITIS = of_conditions(lambda found: found.severe and not IIM.isdisjoint(found.concepts))
SEVERE_LUNG = of_conditions(
    lambda found: "interstitial-lung-disease" in found.concepts and (found.severe or acute(found))
)


def acute(found: Condition) -> bool:
    """Whether a condition is called acute in words."""
    return "acute" in found.label.lower().split()


INTENSIVE_CARE_CLASSES = frozenset(("ICU", "PICU", "NICU"))


def _intensive_care(chart: Chart) -> tuple[Evidence, ...]:
    if chart.encounter_class not in INTENSIVE_CARE_CLASSES:
        return ()
    return (Evidence(chart.patient.reference, "intensive care"),)


INTENSIVE_CARE = Sought(_intensive_care, ("encounter",))
SEVERE = either(DYSPHAGIA, ASPIRATION, RESPIRATORY_FAILURE, MYOCARDITIS, SEVERE_LUNG, SEVERE_MYOSITIS, INTENSIVE_CARE)

# What else is recorded

TRANSPLANTS = frozenset(("kidney-transplant", "liver-transplant", "heart-transplant", "lung-transplant"))


def _transplanted(chart: Chart) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(each.reference, each.label, each.day)
        for each in chart.procedures
        if each.done and not TRANSPLANTS.isdisjoint(each.concepts)
    )


TRANSPLANT = either(condition("solid-organ-transplant", current=False), Sought(_transplanted, ("procedures",)))
THROMBOSIS = condition(
    "venous-thromboembolism", "arterial-thrombosis", "stroke", "myocardial-infarction", current=False
)
IMMUNOGLOBULINS = frozenset(("immunoglobulin", "immunoglobulin-normal-human"))
NO_IGA_BELOW_G_PER_L = Decimal("0.07")


def _immunoglobulin_reaction(chart: Chart, *, severe: bool) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(each.reference, each.label, each.recorded)
        for each in chart.allergies
        if not IMMUNOGLOBULINS.isdisjoint(each.substances) and (each.severe or not severe)
    )


def _lowest_iga(chart: Chart) -> tuple[Evidence, ...]:
    result = newest(chart, "iga")
    if result is None or results.below(result, NO_IGA_BELOW_G_PER_L) != "yes":
        return ()
    return (Evidence(result.reference, "IgA below 0.07 g/L", result.day),)


SEVERE_REACTION = Sought(lambda chart: _immunoglobulin_reaction(chart, severe=True), ("allergies",))
ANY_REACTION = Sought(lambda chart: _immunoglobulin_reaction(chart, severe=False), ("allergies",))
IGA_DEFICIENCY = either(condition("selective-iga-deficiency"), Sought(_lowest_iga, ("observations",)))
IGA_DEFICIENCY_WITH_REACTION = both(IGA_DEFICIENCY, either(positive("anti-iga-antibody"), ANY_REACTION))


def _low_filtration(chart: Chart) -> tuple[Evidence, ...]:
    return ask(chart, "egfr-below-30").evidence


LOW_FILTRATION = Sought(_low_filtration, ("observations",))
"""The filtration rate is surely below 30: one that was never measured is no contraindication."""

CK_DAYS = 60


def _normal_ck(chart: Chart) -> tuple[Evidence, ...]:
    result = newest(chart, "ck")
    if result is None or result.day is None or (chart.as_of - result.day).days > CK_DAYS:
        return ()
    normal = result.word == "negative" if result.high is None else results.above(result, result.high) == "no"
    return (Evidence(result.reference, "normal CK", result.day),) if normal else ()


REMISSION = Sought(lambda chart: ask(chart, "remission").evidence, ("conditions",))
REMISSION_WITH_NORMAL_CK = both(REMISSION, Sought(_normal_ck, ("observations",)))

LICENSED_ELSEWHERE = (
    "rheumatoid-arthritis psoriatic-arthritis ankylosing-spondylitis psoriasis crohn-disease ulcerative-colitis "
    "atopic-dermatitis alopecia-areata uveitis juvenile-arthritis polycythaemia-vera graft-versus-host-disease "
    "lymphoma leukaemia multiple-myeloma"
).split()
"""What JAK inhibitors, anti-TNF and CAR-T are licensed for (CLINICAL NEW-01)."""
INFECTIONS = (
    "serious-infection-sepsis pneumocystis-pneumonia tuberculosis-active covid-19 herpes-zoster infective-myositis"
).split()
ADULT_YEARS = 18


def child(chart: Chart, situation: Situation) -> Fact:
    """Younger than 18 years; unknown without a date of birth."""
    age = chart.patient.age(chart.as_of)
    if age is None:
        return Fact("unknown", missing="date of birth")
    return Fact("yes", (Evidence(chart.patient.reference, f"{age} years"),)) if age < ADULT_YEARS else NO


class UnlessForMyositis(Question, frozen=True):
    """So where the part is so and the order does not say that it is for myositis."""

    part: Question

    def find(self, chart: Chart) -> tuple[Evidence, ...]:
        """What the part finds."""
        return self.part.find(chart)

    def missing(self, chart: Chart) -> tuple[Source, ...]:
        """What the part misses."""
        return self.part.missing(chart)

    def __call__(self, chart: Chart, situation: Situation) -> Fact:
        """No for an order that says that it is for myositis; else what the part answers."""
        draft = situation.draft
        return NO if draft is not None and not IIM.isdisjoint(draft.reasons) else self.part(chart, situation)


def for_immune_thrombocytopenia(chart: Chart, situation: Situation) -> Fact:
    """The order itself is for immune thrombocytopenia."""
    draft = situation.draft
    if draft is None or "immune-thrombocytopenia" not in draft.reasons:
        return NO
    return Fact("yes", (Evidence(draft.reference, draft.reason_text),))


DISEASE_FACTS: dict[str, Callable[[Chart, Situation], Fact]] = {
    "interstitial-lung-disease": LUNG,
    "anti-jo-1": JO_1,
    "other-antisynthetase": OTHER_ANTISYNTHETASE,
    "antisynthetase": ANTISYNTHETASE,
    "anti-mda5": MDA5,
    "anti-srp": positive("anti-srp"),
    "anti-hmgcr": HMGCR,
    "anti-hmgcr-tested": tested("anti-hmgcr"),
    "myositis-specific-antibody": either(condition("antisynthetase-syndrome"), positive(*MYOSITIS_SPECIFIC)),
    "necrotising-myopathy": NECROTISING,
    "imnm": either(NECROTISING, positive("anti-hmgcr", "anti-srp")),
    "dermatomyositis": condition("dermatomyositis"),
    "refractory-myositis": of_conditions(lambda found: found.refractory and not IIM.isdisjoint(found.concepts)),
    "lung-disease-with-antisynthetase-or-mda5": both(LUNG, either(ANTISYNTHETASE, MDA5)),
    "dysphagia": DYSPHAGIA,
    "aspiration-pneumonia": ASPIRATION,
    "respiratory-failure": RESPIRATORY_FAILURE,
    "myocarditis": MYOCARDITIS,
    "severe-lung-disease": SEVERE_LUNG,
    "severe-myositis": SEVERE_MYOSITIS,
    "intensive-care": INTENSIVE_CARE,
    "severe-disease": SEVERE,
    "systemic-vasculitis": condition("vasculitis"),
    "transplant": TRANSPLANT,
    "overlap-indication": either(condition("systemic-lupus-erythematosus", "systemic-sclerosis"), TRANSPLANT),
    "poor-thiopurine-metaboliser": either(
        condition("tpmt-deficiency"), saying("poor", "tpmt-phenotype", "nudt15-phenotype")
    ),
    "pregnancy-wish": condition("trying-to-conceive"),
    "low-filtration": LOW_FILTRATION,
    "ivig-contraindicated": either(
        SEVERE_REACTION,
        IGA_DEFICIENCY_WITH_REACTION,
        THROMBOSIS,
        LOW_FILTRATION,
    ),
    "immunoglobulin-anaphylaxis": SEVERE_REACTION,
    "iga-deficiency": IGA_DEFICIENCY,
    "iga-deficiency-with-reaction": IGA_DEFICIENCY_WITH_REACTION,
    "haemorrhagic-cystitis": condition("hemorrhagic-cystitis"),
    "haemorrhagic-cystitis-ever": condition("hemorrhagic-cystitis", current=False),
    "urinary-outflow-obstruction": condition("urinary-outflow-obstruction"),
    "urothelial-cancer-ever": condition("urothelial-cancer", "urothelial-cancer-history", current=False),
    "injections-unwanted": condition("bleeding-disorder", "needle-phobia"),
    "urinary-infection": condition("urinary-tract-infection", "cystitis"),
    "not-fertile-ever": condition("not-fertile", current=False),
    "rituximab-contraindicated": either(
        positive("hbsag"), condition("progressive-multifocal-leukoencephalopathy", current=False)
    ),
    "multifocal-leukoencephalopathy-ever": condition("progressive-multifocal-leukoencephalopathy", current=False),
    "immune-thrombocytopenia-ever": condition("immune-thrombocytopenia", current=False),
    "for-immune-thrombocytopenia": for_immune_thrombocytopenia,
    "other-licensed-indication": UnlessForMyositis(condition(*LICENSED_ELSEWHERE)),
    "active-infection": condition(*INFECTIONS),
    "remission-with-normal-ck": REMISSION_WITH_NORMAL_CK,
    "child": child,
}
"""Every fact of this module that a row may name."""


if clash := FACTS.keys() & DISEASE_FACTS.keys():
    raise ValueError(f"facts are defined twice: {sorted(clash)}")
FACTS.update(DISEASE_FACTS)
