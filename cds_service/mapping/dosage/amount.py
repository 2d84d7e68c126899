"""How much is given at once: from the entry that was ordered, in mass where a strength or a concentration is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import msgspec

from ...clinical.dose import Amount, Problem, Unknown
from ..elements import CodeableConcept, Dosage, DoseAndRate, Quantity, Range, Ratio, listed
from ..products import Strength
from ..units import Unit, find_seconds, read_seconds, read_unit, usable

SALT_TOLERANCE = Decimal("1.5")
"""Two strengths of one product may differ by this factor at most, as salt and base do; beyond it they contradict."""

DAY = Decimal(86400)
_TRUST = {"ordered": 0, "": 1, "calculated": 2}
Reading = Amount | Unknown
Strengths = Callable[[], Sequence[Strength]]
"""Asked only where a count or a volume must become a mass."""


class RatedAmount(msgspec.Struct, frozen=True, kw_only=True):
    """An amount for each so many seconds (60 mg / 1 d), as a rate or a cap states it."""

    amount: Amount
    seconds: Decimal


def read_amount(
    dosage: Dosage, strengths: Strengths, where: str, problems: list[Problem]
) -> Amount | RatedAmount | Unknown:
    """The amount of one administration; a `RatedAmount` where only a mass per day or week is stated.

    Several entries are one dose, never added (CLINICAL D.2): the ordered one counts, then an untyped, then a calculated
    one. The first of them that is a mass is taken.
    """
    readings = [
        (entry.type, reading)
        for index, entry in enumerate(listed(dosage.dose_and_rate))
        if (reading := _read_entry(entry, strengths, f"{where}.doseAndRate[{index}]", problems)) is not None
    ]
    if dosage.dose_quantity is not None or dosage.dose_range is not None:
        older = DoseAndRate(dose_quantity=dosage.dose_quantity, dose_range=dosage.dose_range)
        if (reading := _read_entry(older, strengths, where, problems)) is not None:
            readings.append((None, reading))
    if not readings:
        return _read_rates(dosage, strengths, where, problems)
    if len(readings) == 1:
        return readings[0][1]
    trusted = [reading for _, reading in sorted(readings, key=lambda typed: _trust(typed[0]))]
    _compare(trusted, problems)
    return _preferred(trusted)


def read_caps(dosage: Dosage, strengths: Strengths, where: str, problems: list[Problem]) -> RatedAmount | None:
    """The most that may be given in a period (maxDosePerPeriod), or None where none is stated or it cannot be used."""
    if dosage.max_dose_per_period is None and not dosage.unreadable:
        return None
    ratios = listed(dosage.max_dose_per_period)
    if "maxDosePerPeriod" in dosage.unreadable or len(ratios) > 1:
        problems.append(
            Problem(kind="unreadable", text="the maximum dose cannot be read", where=f"{where}.maxDosePerPeriod")
        )
        return None
    if not ratios:
        return None
    cap = _read_ratio(ratios[0], strengths, f"{where}.maxDosePerPeriod", problems)
    if isinstance(cap, Unknown):
        problems.append(
            Problem(kind="unreadable", text=f"the maximum dose cannot be used: {cap.reason}", where=cap.where)
        )
        return None
    return cap


def read_quantity(
    quantity: Quantity, strengths: Strengths, where: str, problems: list[Problem], *, zero: bool = False
) -> Reading:
    """One quantity as an amount: in mass where it is one or a strength makes it one, else as counted or in mL.

    `zero` lets a stated zero pass; a dose is otherwise never zero.
    """
    if quantity.comparator:
        return Unknown(reason="the dose is only bounded, not stated", where=where)
    value = quantity.value
    if value is None:
        return Unknown(reason="the dose has no number", where=where)
    if not usable(value):
        return Unknown(reason="the number of the dose cannot be meant", where=where)
    if value < 0 or (value == 0 and not zero):
        return Unknown(reason="the dose is zero" if value == 0 else "the dose is below zero", where=where)
    unit = read_unit(quantity, where)
    if isinstance(unit, Unknown):
        if unit.reason.startswith("the code"):
            problems.append(Problem(kind="unit", text=unit.reason, where=where))
        return unit
    if unit.measure == "cm":
        return Unknown(reason="the unit is none of a dose", where=where)
    number = value * unit.factor
    if unit.measure in ("1", "mL"):
        return _by_strength(number, unit, strengths, where, problems)
    return Amount(low=number, high=number, unit=unit.measure, where=where)


def _trust(kind: CodeableConcept | None) -> int:
    if kind is None:
        return 1
    names = {(coding.code or "").casefold() for coding in kind.coding or ()} | {(kind.text or "").casefold()}
    return min((_TRUST[name] for name in names if name and name in _TRUST), default=1 if names == {""} else 3)


def _read_entry(entry: DoseAndRate, strengths: Strengths, where: str, problems: list[Problem]) -> Reading | None:
    if entry.dose_quantity is not None:
        return read_quantity(entry.dose_quantity, strengths, f"{where}.doseQuantity", problems)
    if entry.dose_range is not None:
        return _read_range(entry.dose_range, strengths, f"{where}.doseRange", problems)
    return None


def _read_range(span: Range, strengths: Strengths, where: str, problems: list[Problem]) -> Reading:
    if span.low is None or span.high is None:
        return Unknown(
            reason="the dose range has no " + ("lower" if span.low is None else "upper") + " end", where=where
        )
    low_quantity = span.low
    if low_quantity.unit is None and low_quantity.code is None:
        low_quantity = Quantity(
            value=span.low.value,
            comparator=span.low.comparator,
            unit=span.high.unit,
            system=span.high.system,
            code=span.high.code,
        )
    low = read_quantity(low_quantity, strengths, where, problems, zero=True)
    high = read_quantity(span.high, strengths, where, problems)
    if isinstance(low, Unknown):
        return low
    if isinstance(high, Unknown):
        return high
    if low.unit != high.unit:
        return Unknown(reason="the ends of the dose range have different units", where=where)
    if low.high > high.low:
        return Unknown(reason="the dose range ends below its start", where=where)
    return Amount(low=low.low, high=high.high, unit=high.unit, where=where)


def _by_strength(number: Decimal, unit: Unit, strengths: Strengths, where: str, problems: list[Problem]) -> Reading:
    """A count times the strength of a piece, a volume times the concentration; as it stands where neither is known."""
    sizes = [(size, strength) for strength in strengths() if (size := _size(strength, unit)) is not None]
    if not sizes:
        return Amount(low=number, high=number, unit="mL" if unit.measure == "mL" else "1", where=where)
    first, strength = sizes[0]
    for other, second in sizes[1:]:
        if second.unit != strength.unit or other == first:
            continue
        if max(first, other) > SALT_TOLERANCE * min(first, other):
            problems.append(
                Problem(
                    kind="strength", text="two sources of the product's strength contradict each other", where=where
                )
            )
            return Unknown(reason="two sources of the product's strength contradict each other", where=where)
        problems.append(
            Problem(kind="strength", text="two sources of the product's strength differ a little", where=where)
        )
    mass = number * first
    return Amount(low=mass, high=mass, unit=strength.unit, where=where)


def _size(strength: Strength, unit: Unit) -> Decimal | None:
    """How much is in one unit of a dose, or None where this strength does not say."""
    if unit.measure == "mL":
        if strength.per == "mL":
            return strength.amount
        return strength.amount / strength.piece_volume if strength.piece_volume else None
    if not unit.piece:
        return None
    if strength.per == "1":
        return strength.amount
    return strength.amount * strength.piece_volume if strength.piece_volume else None


def _preferred(readings: Iterable[Reading]) -> Reading:
    """The first reading that is a mass, else the first that is known, else the first."""
    kept: Reading | None = None
    for reading in readings:
        if isinstance(reading, Amount) and reading.unit not in ("1", "mL"):
            return reading
        if kept is None or (isinstance(kept, Unknown) and isinstance(reading, Amount)):
            kept = reading
    return kept or Unknown(reason="the order states no dose")


def _compare(readings: Sequence[Reading], problems: list[Problem]) -> None:
    known = [reading for reading in readings if isinstance(reading, Amount)]
    for one in known:
        for other in known:
            if one.unit == other.unit and (one.low, one.high) != (other.low, other.high):
                problems.append(
                    Problem(
                        kind="contradiction",
                        text="the order states its dose more than once, and differently",
                        where=other.where,
                    )
                )
                return


def _read_rates(
    dosage: Dosage, strengths: Strengths, where: str, problems: list[Problem]
) -> Amount | RatedAmount | Unknown:
    """A dose from a rate: with the length of one administration the whole of it; a mass per day or week as such."""
    rates: list[tuple[Quantity | Ratio, str]] = []
    for index, entry in enumerate(listed(dosage.dose_and_rate)):
        at = f"{where}.doseAndRate[{index}]"
        rates += [(entry.rate_ratio, f"{at}.rateRatio")] if entry.rate_ratio is not None else []
        rates += [(entry.rate_quantity, f"{at}.rateQuantity")] if entry.rate_quantity is not None else []
    rates += [(dosage.rate_ratio, f"{where}.rateRatio")] if dosage.rate_ratio is not None else []
    rates += [(dosage.rate_quantity, f"{where}.rateQuantity")] if dosage.rate_quantity is not None else []
    if not rates:
        return Unknown(reason="the order states no dose", where=f"{where}.doseAndRate")
    rate, at = rates[0]
    rated = (
        _read_ratio(rate, strengths, at, problems)
        if isinstance(rate, Ratio)
        else _read_rate_quantity(rate, strengths, at, problems)
    )
    if isinstance(rated, Unknown):
        return rated
    repeat = dosage.timing.repeat if dosage.timing is not None else None
    if repeat is not None and (repeat.duration is not None or repeat.duration_unit is not None):
        lasting = Quantity(value=repeat.duration, code=repeat.duration_unit)
        length = read_seconds(lasting, f"{where}.timing.repeat.duration")
        if isinstance(length, Unknown):
            return length
        total = rated.amount.high * length / rated.seconds
        return Amount(low=total, high=total, unit=rated.amount.unit, where=at)
    if rated.seconds >= DAY and rated.amount.unit in ("mg", "mg/kg", "mg/m2", "[iU]"):
        return rated
    return Unknown(reason="the order states a rate, but not for how long", where=at)


def _read_ratio(ratio: Ratio, strengths: Strengths, where: str, problems: list[Problem]) -> RatedAmount | Unknown:
    if ratio.numerator is None or ratio.denominator is None:
        return Unknown(reason="one side of the ratio is missing", where=where)
    amount = read_quantity(ratio.numerator, strengths, f"{where}.numerator", problems)
    if isinstance(amount, Unknown):
        return amount
    seconds = read_seconds(ratio.denominator, f"{where}.denominator")
    return seconds if isinstance(seconds, Unknown) else RatedAmount(amount=amount, seconds=seconds)


def _read_rate_quantity(
    rate: Quantity, strengths: Strengths, where: str, problems: list[Problem]
) -> RatedAmount | Unknown:
    """A rate in one unit, such as mg/h: its last part is the time."""
    written = rate.code or rate.unit or ""
    over, slash, under = written.rpartition("/")
    seconds = find_seconds(under) if slash else None
    if seconds is None:
        return Unknown(reason="the unit of the rate is not known", where=where)
    amount = read_quantity(
        Quantity(value=rate.value, comparator=rate.comparator, code=over, system=rate.system),
        strengths,
        where,
        problems,
    )
    return amount if isinstance(amount, Unknown) else RatedAmount(amount=amount, seconds=seconds)
