"""Cases: what a rule must say about a patient told in clinical words. Read here into charts, without any FHIR.

Tests, `knowledge check` and the book read the same cases. A case is run with `judge`, so every rule speaks, not its own
alone: what it expects is all that is said.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ..clinical.chart import (
    Allergy,
    Chart,
    Condition,
    DraftOrder,
    Immunization,
    Patient,
    Procedure,
    Result,
    Source,
    Unread,
    VaccineOrder,
)
from ..clinical.dose import Amount, DoseUnit, Frequency, Problem, Regimen, Step, Unknown, Weekday, Word
from ..clinical.findings import Finding, Hook
from ..clinical.judge import Rulebook, judge
from ..clinical.therapy import Deferred, Regimens, RouteClass, Status, Therapy
from .faults import BadKnowledge

FOLDER = Path(__file__).parent / "cases"
TODAY = dt.date(2026, 3, 4)
"""The day of every case, a Wednesday."""
Shows = Literal["fires", "silent", "below", "at", "above", "missing"]


class Taken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A medication: on the chart (`since`, `until` in days ago) or drafted.

    `drug` is an ingredient, or several joined with " + "; `dose` like "15 mg", "0.4 g/kg"; `take` like "weekly on mon",
    "2 times daily", "daily for 5 days from day 3", "every 14 days from day 0, 2 in all", "once on day 0", "as needed",
    "unknown". Days are counted from today.
    `steps` are consecutive pairs of dose and take in place of both; `words` is what the text of the order says, and
    `contradicts` whether that is another frequency than `take`. `code` is the abbreviation of the timing ("QD").
    `inpatient` is by the order's own category, not said where left out.
    """

    drug: str
    dose: str = ""
    take: str = "daily"
    steps: tuple[tuple[str, str], ...] = ()
    words: tuple[Word, ...] = ()
    contradicts: bool = False
    code: str = ""
    as_needed: bool = False
    inpatient: bool | None = None
    route: RouteClass = "oral"
    since: int = 180
    until: int | None = None
    stopped: bool = False
    stopped_for: str = ""
    on_hold: bool = False
    statement: bool = False
    reason: str = ""
    replaces: str = ""
    selected: bool = True
    only_ordered: bool = False
    undated: bool = False


class Infusion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Doses given on days ago."""

    drug: str
    dose: str = ""
    days_ago: tuple[int, ...]
    route: RouteClass = "intravenous"
    reason: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition, a procedure or an allergy by its concept, and when; a condition that words say is `due_to` a drug."""

    concept: str
    days_ago: int = 300
    resolved: bool = False
    remission: bool = False
    severe: bool = False
    refractory: bool = False
    due_to: str = ""


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A result: a number in the concept's own unit, a bound of one ("<30"), a word, or a date `in_days` from today."""

    concept: str
    value: Decimal | None = None
    bound: str = ""
    word: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    in_days: int | None = None
    problem: str = ""
    days_ago: int = 14


def _all(days_ago: int, word: str, concepts: str) -> tuple[Measured, ...]:
    return tuple(Measured(concept=concept, word=word, days_ago=days_ago) for concept in concepts.split())


def _number(concept: str, value: str, days_ago: int = 14) -> Measured:
    return Measured(concept=concept, value=Decimal(value), days_ago=days_ago)


USUAL_RESULTS = (
    _number("body-weight", "70", 30),
    _number("body-height", "170", 30),
    _number("egfr-ckd-epi-2021-creatinine", "90"),
    _number("potassium", "4.2"),
    _number("alt", "30"),
    _number("ck", "300"),
    _number("wbc", "6.5"),
    _number("neutrophils", "4.0"),
    _number("lymphocytes", "1.5"),
    _number("igg", "10", 60),
    _number("iga", "2", 60),
    *_all(60, "negative", "hbsag anti-hbc-total igra-tb"),
    *_all(280, "normal metabolizer", "tpmt-phenotype nudt15-phenotype"),
    *_all(
        280,
        "negative",
        "anti-jo-1 anti-pl-7 anti-pl-12 anti-ej anti-oj anti-mda5 anti-hmgcr anti-srp anti-mi-2 anti-tif1-gamma anti-nxp2",
    ),
)
"""What is known of the patient where a case does not say otherwise: nothing that any rule remarks on."""
USUAL_DRUGS = (
    Taken(drug="calcium-carbonate", dose="1250 mg", since=300),
    Taken(drug="cholecalciferol", dose="0.02 mg", since=300),
)
"""What she takes beside what a case tells: 500 mg of calcium and 800 IU (0.02 mg) of colecalciferol daily."""


class Shot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vaccine that was given days ago, or that is ordered; `live` is left out where the product is not told. `local` is
    true for one by the nose or into the bladder."""

    vaccine: str
    live: bool | None = None
    local: bool = False
    days_ago: int = 0


class Planned(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A procedure ordered for a day counted from today."""

    concept: str
    on_day: int = 0
    reason: str = ""


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A patient, a hook, and all that must be said: `expect` in the form "MTX-05 warning", `unchecked` in the form
    "MTX-09: medication statements".

    She is 58 years old, has dermatomyositis, the results `USUAL_RESULTS` and takes `USUAL_DRUGS`, which stand beside what
    the case tells: `results` replace those of the same concept, `without` names concepts and drugs that she has not.
    `advice` are words that its card must hold, or where `advised` is false must not. Results are not there where
    the list of them is `missing`. `encounter` is the class of the visit. `vaccines` are ordered, `vaccinated` were
    given. `cards` is on how many cards it must be said, that of unmade checks not counted.

    `besides` is what she takes or took beside what the case is about. What a file says of its [patient] holds for each
    of its cases that does not say otherwise.

    `intolerances` are drugs of which she vomits.

    In a file a case may have `each`, a list of words: it then stands for as many cases, with "{each}" replaced in all
    that it says."""

    rule: str
    shows: Shows
    about: str
    hook: Hook
    expect: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    summary: str = ""
    advice: str | None = None
    advised: bool = True
    remedies: tuple[str, ...] | None = None
    cards: int | None = None
    drafts: tuple[Taken, ...] = ()
    planned: tuple[Planned, ...] = ()
    vaccines: tuple[Shot, ...] = ()
    vaccinated: tuple[Shot, ...] = ()
    chart: tuple[Taken, ...] = ()
    besides: tuple[Taken, ...] = ()
    given: tuple[Infusion, ...] = ()
    conditions: tuple[Told, ...] = (Told(concept="dermatomyositis"),)
    procedures: tuple[Told, ...] = ()
    allergies: tuple[str, ...] = ()
    severe_allergies: tuple[str, ...] = ()
    intolerances: tuple[str, ...] = ()
    results: tuple[Measured, ...] = ()
    without: tuple[str, ...] = ()
    missing: tuple[Source, ...] = ()
    unread: tuple[str, ...] = ()
    born: dt.date = dt.date(1968, 1, 1)
    age_known: bool = True
    sex: str = "female"
    encounter: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    case: tuple[Case, ...]


def load_cases(folder: Path = FOLDER) -> tuple[Case, ...]:
    """Every case, in the order of the files. Raises `BadKnowledge` for one that cannot be read."""
    found: list[Case] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
            rows = msgspec.convert(table.get("case", ()), list[dict[str, object]])
            patient = msgspec.convert(table.pop("patient", {}), dict[str, object])
            every = [each for row in rows for each in _each({**patient, **row})]
            found += msgspec.convert({**table, "case": every}, _File).case
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise BadKnowledge(f"cases/{path.name}", "", "", str(error)) from None
    return tuple(found)


def _each(row: dict[str, object]) -> Iterator[object]:
    """The cases of a row: one, or one for every word of its `each` in the place of "{each}"."""
    if "each" not in row:
        yield row
        return
    for word in msgspec.convert(row["each"], tuple[str, ...]):
        yield _filled({key: value for key, value in row.items() if key != "each"}, word)


def _filled(value: object, word: str) -> object:
    if isinstance(value, str):
        return value.replace("{each}", word)
    if isinstance(value, dict):
        return {key: _filled(item, word) for key, item in value.items()}
    return [_filled(item, word) for item in value] if isinstance(value, list) else value


def run(case: Case, book: Rulebook) -> list[str]:
    """What is said otherwise than the case expects; empty where it is fulfilled. A rule that is off is asked for its own
    cases."""
    findings = judge(book.asking(case.rule), chart_of(case))
    told = [each for finding in findings for each in finding.told]
    fired = [finding for finding in told if finding.outcome == "fires"]
    said = sorted(f"{finding.rule} {finding.severity}" for finding in fired)
    expected = sorted(case.expect)
    faults = [] if said == expected else [f"said {said or 'nothing'}, expected {expected or 'nothing'}"]
    unmade = sorted(f"{c.rule}: {c.missing}" for finding in findings for c in finding.not_checked)
    if unmade != sorted(case.unchecked):
        faults.append(f"not checked {unmade or 'nothing'}, expected {sorted(case.unchecked) or 'nothing'}")
    cards = sum(finding.outcome == "fires" for finding in findings)
    if case.cards is not None and cards != case.cards:
        faults.append(f"on {cards} cards, expected {case.cards}")
    return faults + list(_details(case, [finding for finding in fired if finding.rule == case.rule]))


def _details(case: Case, findings: list[Finding]) -> Iterator[str]:
    if case.summary and case.summary not in [finding.summary for finding in findings]:
        yield f"summaries {[finding.summary for finding in findings]}, expected '{case.summary}'"
    if case.remedies is not None:
        labels = tuple(remedy.label for finding in findings for remedy in finding.remedies)
        if labels != case.remedies:
            yield f"remedies {list(labels)}, expected {list(case.remedies)}"
    if case.advice is not None:
        told = any(case.advice in sentence for finding in findings for sentence in (*finding.why, *finding.caveats))
        if told is not case.advised:
            yield f"'{case.advice}' is {'not ' if case.advised else ''}told"


def chart_of(case: Case) -> Chart:
    """The patient of a case as a chart of `TODAY`."""
    therapies: dict[str, list[Therapy]] = {}
    numbered = [_charted(taken, number) for number, taken in enumerate(case.chart, 1)]
    given = [
        _given(infusion, days_ago, f"{number}-{days_ago}")
        for number, infusion in enumerate(case.given, 1)
        for days_ago in infusion.days_ago
    ]
    usual = [_charted(taken, -number) for number, taken in enumerate(USUAL_DRUGS, 1) if taken.drug not in case.without]
    besides = [_charted(taken, number) for number, taken in enumerate(case.besides, 101)]
    for therapy in (*numbered, *given, *besides, *usual):
        for ingredient in therapy.ingredients:
            therapies.setdefault(ingredient, []).append(therapy)
    return Chart(
        as_of=TODAY,
        hook=case.hook,
        patient=Patient(reference="Patient/case", birth_date=case.born if case.age_known else None, sex=case.sex),
        therapies={ingredient: tuple(found) for ingredient, found in therapies.items()},
        drafts=tuple(_drafts(case, numbered)),
        conditions=tuple(_conditions(case.conditions)),
        results=_results(_measured(case)),
        allergies=tuple(
            Allergy(
                reference=f"AllergyIntolerance/{number}",
                substances=frozenset((name,)),
                label=name,
                severe=name in case.severe_allergies,
            )
            for number, name in enumerate((*case.allergies, *case.severe_allergies), 1)
        )
        + tuple(
            Allergy(
                reference=f"AllergyIntolerance/{name}",
                substances=frozenset((name,)),
                label=name,
                intolerance=True,
                reactions=frozenset(("nausea-vomiting",)),
            )
            for name in case.intolerances
        ),
        procedures=tuple(
            Procedure(
                reference=f"Procedure/{number}",
                concepts=frozenset((told.concept,)),
                label=told.concept,
                day=_ago(told.days_ago),
            )
            for number, told in enumerate(case.procedures, 1)
        ),
        immunizations=tuple(
            Immunization(
                reference=f"Immunization/{number}",
                vaccines=frozenset((shot.vaccine,)),
                label=shot.vaccine,
                day=_ago(shot.days_ago),
                live=bool(shot.live),
            )
            for number, shot in enumerate(case.vaccinated, 1)
        ),
        encounter_class=case.encounter,
        unread=tuple(Unread(where=where, reason="cannot be read", source=where.split(".")[0]) for where in case.unread),
        missing_sources=frozenset(case.missing),
    )


def _ago(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days)


def _ingredients(drug: str) -> frozenset[str]:
    return frozenset(part.strip() for part in drug.split("+"))


def _charted(taken: Taken, number: int) -> Therapy:
    status: Status = "on-hold" if taken.on_hold else "active"
    if taken.stopped or (taken.until is not None and taken.until > 0):
        status = "ended"
    regimen = _taken(taken)
    return Therapy(
        reference=f"{'MedicationStatement' if taken.statement else 'MedicationRequest'}/{number}",
        source="statement" if taken.statement else "request",
        status=status,
        ingredients=_ingredients(taken.drug),
        label=taken.drug,
        route=taken.route,
        start=None if taken.undated else _ago(taken.since),
        start_certain=not taken.only_ordered,
        end=_ago(taken.until) if taken.until is not None else None,
        reasons=frozenset((taken.reason,)) if taken.reason else frozenset(),
        stopped_for=frozenset((taken.stopped_for,)) if taken.stopped_for else frozenset(),
        regimen=Regimens(lambda ingredient: regimen),
    )


def _given(infusion: Infusion, days_ago: int, number: str) -> Therapy:
    day = _ago(days_ago)
    regimen = _regimen(infusion.dose, f"once on day {-days_ago}")
    return Therapy(
        reference=f"MedicationAdministration/{number}",
        source="administration",
        status="ended",
        ingredients=_ingredients(infusion.drug),
        label=infusion.drug,
        route=infusion.route,
        start=day,
        start_certain=True,
        end=day,
        reasons=frozenset((infusion.reason,)) if infusion.reason else frozenset(),
        regimen=Regimens(lambda ingredient: regimen),
    )


def _drafts(case: Case, charted: list[Therapy]) -> Iterator[DraftOrder]:
    for number, taken in enumerate(case.drafts, 1):
        regimen = _taken(taken)
        reference = f"MedicationRequest/draft-{number}"
        replaced = next((t.reference for t in charted if taken.replaces and t.label == taken.replaces), "")
        reasons = frozenset((taken.reason,)) if taken.reason else frozenset[str]()
        yield DraftOrder(
            reference=reference,
            selected=taken.selected,
            therapy=Therapy(
                reference=reference,
                source="draft",
                status="draft",
                ingredients=_ingredients(taken.drug),
                label=taken.drug,
                route=taken.route,
                start=_first_day(regimen),
                start_certain=_first_day(regimen) is not None,
                replaces=replaced,
                reasons=reasons,
                community=None if taken.inpatient is None else not taken.inpatient,
                regimen=Regimens(lambda ingredient, regimen=regimen: regimen),  # type: ignore[misc]
            ),
            reasons=reasons,
            reason_text=taken.reason,
        )
    for number, shot in enumerate(case.vaccines, 1):
        reference = f"MedicationRequest/vaccine-{number}"
        order = VaccineOrder(
            reference=reference, vaccine=shot.vaccine, label=shot.vaccine, live=shot.live, local=shot.local, day=TODAY
        )
        yield DraftOrder(reference=reference, vaccine=order)
    for number, planned in enumerate(case.planned, len(case.drafts) + 1):
        reference = f"ServiceRequest/draft-{number}"
        yield DraftOrder(
            reference=reference,
            procedure=Procedure(
                reference=reference,
                concepts=frozenset((planned.concept,)),
                label=planned.concept,
                day=TODAY + dt.timedelta(days=planned.on_day),
                done=False,
            ),
            reasons=frozenset((planned.reason,)) if planned.reason else frozenset(),
            reason_text=planned.reason,
        )


def _conditions(told: Iterable[Told]) -> Iterator[Condition]:
    for number, condition in enumerate(told, 1):
        yield Condition(
            reference=f"Condition/{number}",
            concepts=frozenset((condition.concept,)),
            label=f"{condition.concept} due to {condition.due_to}" if condition.due_to else condition.concept,
            current=not condition.resolved,
            remission=condition.remission,
            severe=condition.severe,
            refractory=condition.refractory,
            onset=_ago(condition.days_ago),
            recorded=_ago(condition.days_ago),
        )


def _measured(case: Case) -> tuple[Measured, ...]:
    """The results of a case: its own, and the usual ones of other concepts."""
    wrong = set(case.without) - {result.concept for result in USUAL_RESULTS} - {taken.drug for taken in USUAL_DRUGS}
    if wrong:
        raise ValueError(f"nothing usual to be without: {', '.join(sorted(wrong))}")
    left_out = {result.concept for result in case.results} | set(case.without)
    usual = () if "observations" in case.missing else USUAL_RESULTS
    return (*case.results, *(result for result in usual if result.concept not in left_out))


def _results(measured: Iterable[Measured]) -> dict[str, Deferred[tuple[Result, ...]]]:
    found: dict[str, list[Result]] = {}
    for number, result in enumerate(measured, 1):
        found.setdefault(result.concept, []).append(
            Result(
                reference=f"Observation/{number}",
                concept=result.concept,
                day=_ago(result.days_ago),
                value=result.value,
                word=result.word,
                comparator=result.bound[:1],
                limit=Decimal(result.bound[1:]) if result.bound else None,
                problem=result.problem,
                low=result.low,
                high=result.high,
                date=_ago(-result.in_days) if result.in_days is not None else None,
            )
        )
    newest_first = {
        name: sorted(rows, key=lambda row: row.day or dt.date.min, reverse=True) for name, rows in found.items()
    }
    return {
        name: Deferred(lambda rows=rows: tuple(rows))  # type: ignore[misc]
        for name, rows in newest_first.items()
    }


_TAKE = re.compile(
    r"(?P<what>unknown|once|as needed|daily|weekly"
    r"|every (?P<every>\d+) days|(?P<times>\d+) times (?P<unit>daily|weekly))"
    r"(?: on (?P<weekdays>[a-z]{3}(?: and [a-z]{3})*))?"
    r"(?: on day (?P<day>-?\d+))?"
    r"(?: for (?P<length>\d+) days)?"
    r"(?: from day (?P<start>-?\d+))?"
    r"(?:, (?P<count>\d+) in all)?"
)
_DOSE = re.compile(r"(?P<value>[\d.]+) (?P<unit>mg|g|mg/kg|g/kg|mg/m2|g/m2)")
_MILLIGRAMS: dict[str, tuple[int, DoseUnit]] = {
    "mg": (1, "mg"),
    "g": (1000, "mg"),
    "mg/kg": (1, "mg/kg"),
    "g/kg": (1000, "mg/kg"),
    "mg/m2": (1, "mg/m2"),
    "g/m2": (1000, "mg/m2"),
}


def _dose(text: str) -> Amount | Unknown:
    if not text:
        return Unknown(reason="the case states no dose")
    match = _DOSE.fullmatch(text)
    if match is None:
        raise ValueError(f"no dose: {text}")
    factor, unit = _MILLIGRAMS[match["unit"]]
    value = Decimal(match["value"]) * factor
    return Amount(low=value, high=value, unit=unit)


def _taken(taken: Taken) -> Regimen:
    pairs = taken.steps or ((taken.dose, taken.take),)
    several = len(pairs) > 1
    steps = (_step(dose, take, number, number + 1 if several else None) for number, (dose, take) in enumerate(pairs))
    phases = tuple((msgspec.structs.replace(step, prn=step.prn or taken.as_needed),) for step in steps)
    said = Problem(kind="text-contradicts-structure", text="the text says otherwise")
    problems = (said,) if taken.contradicts else ()
    return Regimen(phases=phases, words=frozenset(taken.words), problems=problems, timing_code=taken.code)


def _regimen(dose: str, take: str) -> Regimen:
    return Regimen(phases=((_step(dose, take),),))


def _step(dose: str, take: str, index: int = 0, sequence: int | None = None) -> Step:
    match = _TAKE.fullmatch(take)
    if match is None:
        raise ValueError(f"no schedule: {take}")
    weekdays: tuple[Weekday, ...] = tuple(
        day for day in get_args(Weekday) if day in (match["weekdays"] or "").split(" and ")
    )
    start = TODAY + dt.timedelta(days=int(match["start"])) if match["start"] else None
    length = int(match["length"]) if match["length"] else None
    dates: tuple[dt.date, ...] = ()
    if match["day"]:
        start = TODAY + dt.timedelta(days=int(match["day"]))
        dates = (start,)
    once = match["what"] == "once"
    count = int(match["count"]) if match["count"] else None
    return Step(
        sequence=sequence,
        where=f"dosageInstruction[{index}]",
        dose=_dose(dose),
        frequency=_frequency(match, weekdays),
        start=start,
        end=start + dt.timedelta(days=(1 if once else length) - 1) if start and (length or once) else None,  # type: ignore[operator]
        days=Decimal(1) if once else (Decimal(length) if length else None),
        open_ended=not (length or once or count),
        count=1 if once else count,
        dates=dates,
        weekdays=weekdays,
        period_days=Decimal(match["every"] or (7 if "weekly" in match["what"] else 1)),
        prn=match["what"] == "as needed",
    )


def _frequency(match: re.Match[str], weekdays: tuple[Weekday, ...]) -> Frequency | Unknown:
    what = match["what"]
    if what == "unknown":
        return Unknown(reason="the case states no frequency")
    per_day, per_week = Decimal(1), Decimal(7)
    if match["times"]:
        per_day = Decimal(match["times"]) if match["unit"] == "daily" else Decimal(1)
        per_week = Decimal(match["times"]) * (7 if match["unit"] == "daily" else 1)
    elif what in ("weekly", "once"):
        per_week = Decimal(max(1, len(weekdays)))
    elif match["every"]:
        per_week = Decimal(7) / int(match["every"])
    return Frequency(per_day_low=per_day, per_day_high=per_day, per_week_low=per_week, per_week_high=per_week)


def _first_day(regimen: Regimen) -> dt.date | None:
    return next((step.start for phase in regimen.phases for step in phase if step.start is not None), None)
