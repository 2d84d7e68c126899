"""Glucocorticoids: their doses in prednisolone-equivalents, and which of them are pulses (CLINICAL 0.7 and C.2).

Pulses are judged by themselves and never counted into a daily dose.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import msgspec

from . import body, dose
from .chart import Chart
from .dose import Amount, Regimen, Unknown
from .drugs import Drug
from .exposure import first_day, history, replaced
from .facts import IIM, OTHER_INDICATION
from .therapy import Therapy
from .timeline import CYCLE_LENGTH_DAYS, Given, reached

Question = Callable[[Regimen], Amount | Unknown]
"""What may be asked of a dosage: the amount of a day, on a day of giving or on average."""
REFERENCE_MG = Decimal(5)
HORIZON_DAYS = 365
"""How far ahead the days of an order are counted; one that gives on the last of them has no end."""


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """A pulse: a drug by a route, from a daily dose on. `every_days` is the length of a cycle, where pulses come in
    cycles."""

    drugs: Drug
    at_least_mg_per_day: Decimal
    every_days: int | None = None


class Glucocorticoids(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of the knowledge: mg of each ingredient that are equal to 5 mg of the reference, and the pulses."""

    reference: str
    equal_to_5_mg: dict[str, Decimal]
    pulses: tuple[Pulse, ...]

    def ingredient_of(self, therapy: Therapy) -> str:
        """The glucocorticoid of a therapy, "" where it holds none."""
        return min(therapy.ingredients & self.equal_to_5_mg.keys(), default="")

    def is_reference(self, ingredient: str) -> bool:
        """Whether an ingredient is worth as much as the reference, mg for mg."""
        return self.equal_to_5_mg.get(ingredient) == REFERENCE_MG

    def own(
        self, chart: Chart, therapy: Therapy, question: Question, regimen: Regimen | None = None
    ) -> Amount | Unknown:
        """What a question answers about the therapy in mg of its own; a dose per kg by the body weight.

        `regimen` is a part of the therapy's dosage where only that is asked about.
        """
        return in_mg(chart, question(regimen if regimen is not None else therapy.regimen(self.ingredient_of(therapy))))

    def equivalent(
        self, chart: Chart, therapy: Therapy, question: Question, regimen: Regimen | None = None
    ) -> Amount | Unknown:
        """The same in mg of the reference."""
        return self.as_reference(therapy, self.own(chart, therapy, question, regimen))

    def as_reference(self, therapy: Therapy, amount: Amount | Unknown) -> Amount | Unknown:
        """An amount of a therapy's own mg in mg of the reference."""
        if isinstance(amount, Unknown):
            return amount
        worth = self.equal_to_5_mg[self.ingredient_of(therapy)]
        return msgspec.structs.replace(
            amount, low=amount.low * REFERENCE_MG / worth, high=amount.high * REFERENCE_MG / worth
        )

    def pulse_of(self, chart: Chart, therapy: Therapy) -> Pulse | Unknown | None:
        """The pulse that a therapy is by its route and its dose on a day of giving, at the figure too; None where it is
        none, unknown where its dose is not known."""
        for pulse in self.pulses:
            if not pulse.drugs.covers(therapy):
                continue
            amount = self.own(chart, therapy, dose.daily_amount)
            if isinstance(amount, Unknown):
                return amount
            if amount.high >= pulse.at_least_mg_per_day:
                return pulse
        return None

    def is_pulse(self, chart: Chart, therapy: Therapy) -> bool:
        """Whether a therapy is surely a pulse by route and dose."""
        return isinstance(self.pulse_of(chart, therapy), Pulse)

    def is_pulse_dose(self, chart: Chart, therapy: Therapy, regimen: Regimen) -> bool:
        """Whether a part of a therapy's dosage is surely a pulse by its dose and the therapy's route."""
        return any(
            isinstance(amount := self.own(chart, therapy, dose.daily_amount, regimen), Amount)
            and amount.high >= pulse.at_least_mg_per_day
            for pulse in self.pulses
            if pulse.drugs.covers(therapy)
        )

    def pulse_with(self, drugs: Drug) -> Pulse:
        """The pulse of a drug. Raises ValueError where the knowledge knows none."""
        for pulse in self.pulses:
            if not pulse.drugs.ingredients.isdisjoint(drugs.ingredients):
                return pulse
        raise ValueError("no pulse of this drug is known")

    def refuse_unknown(self, *drugs: Drug) -> None:
        """Raises ValueError for a drug that holds something without an equivalent."""
        for ingredient in sorted(frozenset().union(*(drug.ingredients for drug in drugs))):
            if ingredient not in self.equal_to_5_mg:
                raise ValueError(f"no equivalent of '{ingredient}' is known")


def in_mg(chart: Chart, amount: Amount | Unknown) -> Amount | Unknown:
    """An amount in mg, one per kg by the body weight; unknown where that is not known."""
    if isinstance(amount, Unknown) or amount.unit == "mg":
        return amount
    weight = body.weight(chart)
    return dose.absolute(amount, None if isinstance(weight, Unknown) else weight.value)


def for_other_reason(therapy: Therapy) -> bool:
    """Whether a therapy's own order says that it is for something else than myositis."""
    return IIM.isdisjoint(therapy.reasons) and not OTHER_INDICATION.isdisjoint(therapy.reasons)


def pulse_days(chart: Chart, steroids: Glucocorticoids, pulse: Pulse) -> tuple[tuple[Given, ...], tuple[Therapy, ...]]:
    """Every day on which a pulse dose was given or is planned, in order of time; and the therapies of unknown dose.

    An order that a draft replaces counts for the days before today. What was given for another reason does not count,
    nor what names no day at all.
    """
    known = [therapy for therapy in history(chart, pulse.drugs) if not for_other_reason(therapy)]
    administered = [therapy for therapy in known if therapy.source == "administration"]
    gone = replaced(chart)
    given: list[Given] = []
    unsure: list[Therapy] = []
    for therapy in known:
        if therapy.start is None:
            continue
        high = high_days(chart, steroids, pulse, therapy)
        if isinstance(high, Unknown):
            unsure.append(therapy)
        elif therapy.source == "administration":
            given += [Given(day, therapy, True, True) for day in high]
        elif therapy.status != "on-hold":
            over = therapy.reference in gone
            days = reached(chart, therapy, sorted(high), administered)
            given += [g for g in days if not over or g.day < chart.as_of]
    for draft in chart.drafts:
        drafted = draft.therapy
        if drafted is None or not pulse.drugs.covers(drafted) or for_other_reason(drafted):
            continue
        high = high_days(chart, steroids, pulse, drafted)
        if not isinstance(high, Unknown):
            given += [Given(day, drafted, drafted.start is not None, True, draft) for day in high]
    return tuple(sorted(given, key=lambda g: (g.day, g.draft is not None))), tuple(unsure)


def high_days(chart: Chart, steroids: Glucocorticoids, pulse: Pulse, therapy: Therapy) -> frozenset[dt.date] | Unknown:
    """The days on which a therapy gives at least the pulse's dose, within a year of its first day; unknown where the
    dose of a day, or the days, are not known."""
    regimen = therapy.regimen(steroids.ingredient_of(therapy))
    most = steroids.own(chart, therapy, dose.daily_amount)
    if isinstance(most, Amount) and most.high < pulse.at_least_mg_per_day:
        return frozenset()
    start = first_day(therapy, chart.as_of)
    over = therapy.end or (chart.as_of if therapy.status == "ended" else None)
    horizon = HORIZON_DAYS if over is None else max(1, min(HORIZON_DAYS, (over - start).days + 1))
    days = dose.amounts_by_day(regimen, start=start, horizon_days=horizon)
    if isinstance(days, Unknown):
        return days
    high: set[dt.date] = set()
    weight = body.weight(chart)
    kilograms = None if isinstance(weight, Unknown) else weight.value
    for day, amount in days:
        milligrams = amount if isinstance(amount, Unknown) else dose.absolute(amount, kilograms)
        if isinstance(milligrams, Unknown):
            return milligrams
        if milligrams.high >= pulse.at_least_mg_per_day:
            high.add(day)
    return frozenset(high)


def goes_on(days: frozenset[dt.date], first: dt.date) -> bool:
    """Whether the days of an order from `first` on reach the end of what is counted, day after day for more than the
    length of a cycle: it has no end."""
    last = first + dt.timedelta(days=HORIZON_DAYS - 1)
    return all(last - dt.timedelta(days=back) in days for back in range(CYCLE_LENGTH_DAYS + 1))
