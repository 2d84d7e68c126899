"""The whole of an order's dosage: its instructions as steps, put in phases one after another (CLINICAL D.4)."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal
from math import ceil
from typing import Protocol

import msgspec

from ...clinical.dose import Amount, Frequency, Problem, Regimen, Step, Unknown, Word
from ...clinical.therapy import Deferred
from ..elements import CodeableConcept, Dosage, DoseAndRate, Quantity, Ratio, listed, present
from ..products import Strength
from .amount import RatedAmount, Strengths, read_amount, read_caps
from .timing import DAY, WEEK, Schedule, read_schedule, unread_schedule
from .words import read_words

_OF_TIMING = frozenset(("timing", "asNeededBoolean", "asNeededCodeableConcept", "sequence", ""))
_OF_DOSE = frozenset(("", "doseAndRate", "doseQuantity", "doseRange", "rateQuantity", "rateRatio"))


class Given(Protocol):
    """An element of MedicationAdministration.dosage."""

    @property
    def dose(self) -> Quantity | None:
        """What was given."""

    @property
    def rate_ratio(self) -> Ratio | None:
        """How fast it was given."""

    @property
    def rate_quantity(self) -> Quantity | None:
        """How fast it was given, as one number."""


class _Read(msgspec.Struct, frozen=True):
    step: Step
    problems: tuple[Problem, ...]
    code: str
    zero: bool


def read_regimen(
    dosages: Sequence[Dosage],
    *,
    strengths: Sequence[Strength] | Callable[[], Sequence[Strength]] = (),
    ingredient: str = "",
    where: str,
    order_start: dt.date | None = None,
) -> Regimen:
    """The regimen of an order or a statement; without phases where there is no dosage.

    `strengths` are those of the wanted ingredient, the most trusted first (`read_strengths`); they alone turn counts
    and volumes into mass, and a function that gives them is asked only then. `order_start` is the first day of the
    order, for a first step that states none. `where` is the path of the dosages ("dosageInstruction"). Never raises:
    what cannot be read is unknown, with a reason.
    """
    wanted = _wanted(strengths, ingredient)
    read = [_read_step(dosage, wanted, f"{where}[{index}]") for index, dosage in enumerate(dosages)]
    if len(read) > 1 and any(not item.zero for item in read):
        sequences = {item.step.sequence for item in read}
        if len(sequences) == 1:
            read = [item for item in read if not item.zero]
    problems = [problem for item in read for problem in item.problems]
    phases = _dated(_phases([item.step for item in read], where, problems), order_start)
    words: frozenset[Word] = frozenset().union(*(item.step.words for item in read)) if read else frozenset()
    return Regimen(
        phases=phases,
        problems=tuple(dict.fromkeys(problems)),
        words=words,
        timing_code=next((item.code for item in read if item.code), ""),
    )


def read_administration(
    dosage: Given,
    *,
    strengths: Sequence[Strength] | Callable[[], Sequence[Strength]] = (),
    ingredient: str = "",
    where: str,
    day: dt.date | None = None,
) -> Regimen:
    """The regimen of what was given once, on a day: one step, its amount unknown where the record does not state it."""
    modified = getattr(dosage, "modifier_extension", None)
    entry = DoseAndRate(dose_quantity=dosage.dose, rate_ratio=dosage.rate_ratio, rate_quantity=dosage.rate_quantity)
    problems: list[Problem] = []
    wanted = _wanted(strengths, ingredient)
    amount = read_amount(Dosage(dose_and_rate=entry), wanted, where, problems)
    if isinstance(amount, RatedAmount):
        amount = Unknown(reason="the record states a rate, but not for how long", where=where)
    if isinstance(amount, Unknown):
        amount = Unknown(reason=amount.reason, where=where)
    else:
        amount = msgspec.structs.replace(amount, where=f"{where}.dose")
    if isinstance(modified, msgspec.Raw) and present(modified):
        amount = Unknown(reason="the dosage carries an extension that changes its meaning", where=where)
    one = Decimal(1)
    step = Step(
        dose=amount,
        frequency=Frequency(per_day_low=one, per_day_high=one, per_week_low=one, per_week_high=one, where=where),
        start=day,
        end=day,
        days=one,
        days_low=one,
        open_ended=False,
        count=1,
        dates=(day,) if day is not None else (),
        period_days=one,
        where=where,
    )
    return Regimen(phases=((step,),), problems=tuple(problems))


def _wanted(strengths: Sequence[Strength] | Callable[[], Sequence[Strength]], ingredient: str) -> Strengths:
    def wanted() -> tuple[Strength, ...]:
        known = strengths() if callable(strengths) else strengths
        return tuple(strength for strength in known if not ingredient or strength.ingredient in ("", ingredient))

    return Deferred(wanted)


def _read_step(dosage: Dosage, strengths: Strengths, at: str) -> _Read:
    unreadable = frozenset(dosage.unreadable)
    problems = [
        Problem(kind="unreadable", text="a part of the dosage cannot be read", where=f"{at}.{name}" if name else at)
        for name in dosage.unreadable
    ]
    texts = _texts(dosage)
    words: frozenset[Word] = read_words(" ; ".join(texts)) if texts else frozenset()
    if present(dosage.modifier_extension) or "modifierExtension" in unreadable:
        reason = "the dosage carries an extension that changes its meaning"
        amount: Amount | RatedAmount | Unknown = Unknown(reason=reason, where=at)
        schedule = unread_schedule(reason, at)
    else:
        amount = (
            Unknown(reason="the dose cannot be read", where=at)
            if unreadable & _OF_DOSE
            else read_amount(dosage, strengths, at, problems)
        )
        schedule = (
            unread_schedule("the timing cannot be read", f"{at}.timing")
            if unreadable & _OF_TIMING
            else read_schedule(dosage.timing, at, problems)
        )
    if isinstance(amount, RatedAmount):
        amount, schedule = _by_period(amount, schedule, at)
    cap = read_caps(dosage, strengths, at, problems)
    if cap is not None and not _as_needed(dosage):
        _compare_cap(cap, amount, schedule, problems)
    if words:
        _compare_words(words, schedule, at, problems)
    sequence = dosage.sequence
    if sequence is not None and (not sequence.is_finite() or abs(sequence) > 10**6 or sequence != int(sequence)):
        sequence = None
        problems.append(
            Problem(kind="unreadable", text="the place in the sequence cannot be read", where=f"{at}.sequence")
        )
    step = Step(
        sequence=int(sequence) if sequence is not None else None,
        dose=amount,
        frequency=schedule.frequency,
        start=schedule.start,
        end=schedule.end,
        days=schedule.days,
        days_low=schedule.days_low,
        open_ended=schedule.open_ended,
        count=schedule.count,
        dates=schedule.dates,
        weekdays=schedule.weekdays,
        times=schedule.times,
        period_days=schedule.period_days,
        days_per_cycle=schedule.days_per_cycle,
        cycle_days=schedule.cycle_days,
        cap=cap.amount if cap is not None else None,
        cap_days=cap.seconds / DAY if cap is not None else None,
        prn=_as_needed(dosage),
        route=_name(dosage.route),
        words=words,
        where=at,
    )
    zero = isinstance(amount, Unknown) and amount.reason == "the dose is zero"
    return _Read(step, tuple(problems), schedule.code, zero)


def _by_period(rated: RatedAmount, schedule: Schedule, at: str) -> tuple[Amount | Unknown, Schedule]:
    """A mass per day or week: divided over the administrations of that period, or as one where no frequency is said."""
    amount, frequency = rated.amount, schedule.frequency
    if isinstance(frequency, Unknown):
        if frequency.reason != "the order does not say how often":
            return Unknown(reason="the order states a rate, but not how often", where=amount.where), schedule
        a_day, a_week = Decimal(max(1, ceil(DAY / rated.seconds))), WEEK / rated.seconds
        stated = Frequency(
            per_day_low=a_day, per_day_high=a_day, per_week_low=a_week, per_week_high=a_week, where=amount.where
        )
        return amount, msgspec.structs.replace(
            schedule, frequency=stated, every_day=rated.seconds <= DAY, period_days=rated.seconds / DAY
        )
    if frequency.per_week_low != frequency.per_week_high:
        return Unknown(reason="the order states a rate, but not how often", where=amount.where), schedule
    each = amount.high * WEEK / (rated.seconds * frequency.per_week_high)
    return msgspec.structs.replace(amount, low=each, high=each), schedule


def _compare_cap(cap: RatedAmount, amount: Amount | Unknown, schedule: Schedule, problems: list[Problem]) -> None:
    """A dose that its own schedule takes above the stated maximum; as needed, a maximum is there for that."""
    if isinstance(amount, Unknown) or isinstance(schedule.frequency, Unknown) or amount.unit != cap.amount.unit:
        return
    times = schedule.frequency.per_week_high * cap.seconds / WEEK
    if amount.high * max(Decimal(1), times) > cap.amount.high:
        problems.append(
            Problem(
                kind="contradiction",
                text="the doses as scheduled are above the stated maximum: the maximum counts",
                where=cap.amount.where.removesuffix(".numerator"),
            )
        )


def _compare_words(words: frozenset[Word], schedule: Schedule, at: str, problems: list[Problem]) -> None:
    """Text that says daily where the structure does not, or weekly where it does: a finding, not a choice."""
    if isinstance(schedule.frequency, Unknown) or ("daily" in words) == ("weekly" in words):
        return
    text = ""
    if "weekly" in words and schedule.every_day:
        text = "the text says weekly, the structured timing daily"
    if "daily" in words and not schedule.every_day and _never_daily(schedule):
        text = "the text says daily, the structured timing does not"
    if text:
        problems.append(Problem(kind="text-contradicts-structure", text=text, where=f"{at}.text"))


def _never_daily(schedule: Schedule) -> bool:
    """Whether "daily" cannot be meant for the days of a course, a pulse or a working week."""
    return not schedule.dates and schedule.days_per_cycle is None and len(schedule.weekdays) < 5


def _phases(steps: list[Step], where: str, problems: list[Problem]) -> tuple[tuple[Step, ...], ...]:
    """Steps that are given at the same time together, the others one after another.

    Dates decide where every step has them; else a different `sequence` means later; else the steps are concurrent.
    """
    if len(steps) < 2:
        return tuple((step,) for step in steps)
    if all(step.start is not None and step.end is not None for step in steps[:-1]) and _disjoint(steps):
        return tuple((step,) for step in sorted(steps, key=lambda step: step.start or dt.date.max))
    sequences = {step.sequence for step in steps}
    if len(sequences) == 1:
        return (tuple(steps),)
    if None in sequences:
        problems.append(
            Problem(kind="assumed", text="only some instructions have a sequence: all are counted", where=where)
        )
        return (tuple(steps),)
    ordered = sorted(steps, key=lambda step: step.sequence or 0)
    phases: list[tuple[Step, ...]] = []
    for step in ordered:
        if phases and phases[-1][-1].sequence == step.sequence:
            phases[-1] = (*phases[-1], step)
        else:
            phases.append((step,))
    return _merged(phases, where, problems)


def _disjoint(steps: Sequence[Step]) -> bool:
    """Whether every step states its first day, and ends before the next one begins."""
    if any(step.start is None for step in steps):
        return False
    ordered = sorted(steps, key=lambda step: step.start or dt.date.max)
    return all(
        earlier.end is not None and later.start is not None and earlier.end < later.start
        for earlier, later in itertools.pairwise(ordered)
    )


def _merged(phases: list[tuple[Step, ...]], where: str, problems: list[Problem]) -> tuple[tuple[Step, ...], ...]:
    """Phases whose own dates overlap by more than a day are concurrent, whatever their sequence says."""
    merged: list[tuple[Step, ...]] = []
    for phase in phases:
        if merged and _overlap(merged[-1], phase):
            problems.append(
                Problem(
                    kind="contradiction",
                    text="instructions of a sequence overlap in time: all are counted",
                    where=where,
                )
            )
            merged[-1] = (*merged[-1], *phase)
        else:
            merged.append(phase)
    for phase in merged[:-1]:
        if any(step.days is None and step.end is None for step in phase):
            problems.append(
                Problem(kind="assumed", text="how long a step lasts before the next is not said", where=phase[0].where)
            )
    return tuple(merged)


def _overlap(earlier: Sequence[Step], later: Sequence[Step]) -> bool:
    return any(
        one.start is not None
        and one.end is not None
        and two.start is not None
        and two.end is not None
        and (min(one.end, two.end) - max(one.start, two.start)).days >= 1
        for one in earlier
        for two in later
    )


def _dated(phases: tuple[tuple[Step, ...], ...], order_start: dt.date | None) -> tuple[tuple[Step, ...], ...]:
    """First and last days that follow: a step starts when the one before it ends, and ends with its length."""
    dated: list[tuple[Step, ...]] = []
    for phase in phases:
        begin = _day_after(dated[-1]) if dated else order_start
        dated.append(tuple([_with_dates(step, begin) for step in phase]))
    return tuple(dated)


def _day_after(phase: Sequence[Step]) -> dt.date | None:
    ends = [step.end for step in phase if step.end is not None]
    return max(ends) + dt.timedelta(1) if ends and len(ends) == len(phase) else None


def _with_dates(step: Step, begin: dt.date | None) -> Step:
    start, end = step.start or begin, step.end
    if end is None and start is not None and step.days is not None and step.days < 100_000:
        end = start + dt.timedelta(max(0, ceil(step.days) - 1))
    if start is not None and end is not None and end < start:
        start = step.start
    if start == step.start and end == step.end:
        return step
    return msgspec.structs.replace(step, start=start, end=end)


def _texts(dosage: Dosage) -> list[str]:
    concepts = [*listed(dosage.additional_instruction)]
    if dosage.timing is not None and dosage.timing.code is not None:
        concepts.append(dosage.timing.code)
    texts = [dosage.text, dosage.patient_instruction, *(_name(concept) for concept in concepts)]
    return [text for text in texts if text]


def _name(concept: CodeableConcept | None) -> str:
    if concept is None:
        return ""
    return concept.text or next((coding.display for coding in concept.coding or () if coding.display), "")


def _as_needed(dosage: Dosage) -> bool:
    return bool(
        dosage.as_needed_boolean
        or dosage.as_needed
        or dosage.as_needed_codeable_concept is not None
        or present(dosage.as_needed_for)
    )
