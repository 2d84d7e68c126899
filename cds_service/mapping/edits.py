"""Edits a draft order where it stands: our elements replaced, every other byte as it came."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from ..clinical.remedy import StepBefore, StepChange
from .dates import read_day

UCUM = "http://unitsofmeasure.org"
Members = dict[str, msgspec.Raw]
_members = msgspec.json.Decoder(Members)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)
_integer = msgspec.json.Decoder(int)


class Uneditable(Exception):
    """The order is not of a shape in which the edit can be made; nothing is offered then."""


class _Days(msgspec.Struct):
    value: float
    unit: str = ""
    code: str = ""


_days = msgspec.json.Decoder(_Days)


def move(original: bytes, days: int, from_day: dt.date) -> bytes | None:
    """The order with every date of giving moved by so many days.

    An order that names no date is given one: it began on `from_day`, and now begins so many days later. None where it
    cannot be edited (a date that is no whole day).
    """
    try:
        order = _members.decode(original)
        kind = _text.decode(order.get("resourceType", msgspec.Raw(b'""')))
        if kind == "ServiceRequest":
            return _encode(_move_service(order, days, from_day))
        return _encode(_move_medication(order, days, from_day))
    except (msgspec.DecodeError, Uneditable):
        return None


def change_dosage(original: bytes, changes: Sequence[StepChange], before: StepBefore | None = None) -> bytes | None:
    """The order with these of its dosage instructions changed, or None where it cannot be edited.

    A changed instruction gets our dose, timing and text; every other element of it, and every other instruction, stays.
    With `before` the only instruction becomes the second of a sequence, and begins when the first one ends.
    """
    try:
        order = _members.decode(original)
        raw = order.get("dosageInstruction", msgspec.Raw(b"[]"))
        alone = bytes(raw).lstrip().startswith(b"{")
        dosages = [_members.decode(item) for item in ([raw] if alone else _list.decode(raw))]
        for change in changes:
            if change.index >= len(dosages):
                raise Uneditable
            _change(dosages[change.index], change)
        if before is not None:
            dosages, alone = _step_up(dosages, before), False
        order["dosageInstruction"] = _raw(dosages[0]) if alone else _raw(dosages)
        return _encode(order)
    except (msgspec.DecodeError, Uneditable):
        return None


def change_route(
    original: bytes, changes: Sequence[StepChange], route: msgspec.Raw, medication: msgspec.Raw
) -> bytes | None:
    """The order with another route and the doses of `changes`, or None where it cannot be edited.

    A medication that it names itself becomes `medication`, for a tablet has one route only; one that it refers to stays.
    What the instructions say to the patient, and of the way of giving, goes.
    """
    try:
        order = _members.decode(original)
        raw = order.get("dosageInstruction", msgspec.Raw(b"[]"))
        alone = bytes(raw).lstrip().startswith(b"{")
        dosages = [_members.decode(item) for item in ([raw] if alone else _list.decode(raw))]
        if sorted(change.index for change in changes) != list(range(len(dosages))):
            raise Uneditable
        for change in changes:
            dosage = dosages[change.index]
            _change(dosage, change)
            for member in ("patientInstruction", "_patientInstruction", "method", "site"):
                dosage.pop(member, None)
            dosage["route"] = route
        order["dosageInstruction"] = _raw(dosages[0]) if alone else _raw(dosages)
        if "medicationCodeableConcept" in order:
            order["medicationCodeableConcept"] = medication
        return _encode(order)
    except (msgspec.DecodeError, Uneditable):
        return None


OF_ITS_OWN_DOSE = ("id", "patientInstruction", "maxDosePerPeriod", "maxDosePerAdministration", "maxDosePerLifetime")
"""What an instruction says of its own dose, and a copy with another dose must not."""


def _step_up(dosages: list[Members], before: StepBefore) -> list[Members]:
    """The only instruction, with one of the given dose before it that has all else in common."""
    if len(dosages) != 1:
        raise Uneditable
    then = dosages[0]
    first = {key: value for key, value in then.items() if key not in OF_ITS_OWN_DOSE}
    _change(first, StepChange(index=0, dose=before.dose, times=1, days=before.days, text=before.text))
    timing = _members.decode(then.get("timing", msgspec.Raw(b"{}")))
    repeat = _members.decode(timing.get("repeat", msgspec.Raw(b"{}")))
    if "event" in timing:
        raise Uneditable
    if "boundsPeriod" in repeat:
        period = _members.decode(repeat["boundsPeriod"])
        if _shift_members(period, ("start",), before.days):
            starts, ends = (read_day(_text.decode(period[key])) if key in period else None for key in ("start", "end"))
            if starts is None or ("end" in period and (ends is None or ends < starts)):
                raise Uneditable
        timing["repeat"] = _raw(repeat | {"boundsPeriod": _raw(period)})
        then["timing"] = _raw(timing)
    first["sequence"], then["sequence"] = _raw(1), _raw(2)
    return [first, then]


def _change(dosage: Members, change: StepChange) -> None:
    dosage["text"] = _raw(change.text)
    if change.dose is not None:
        for member in ("doseQuantity", "doseRange", "rateQuantity", "rateRatio", "_text"):
            dosage.pop(member, None)
        amount = msgspec.Raw(f"{change.dose.normalize():f}".encode())
        quantity = {"value": amount, "unit": change.unit, "system": UCUM, "code": change.unit}
        dosage["doseAndRate"] = _raw([{"doseQuantity": quantity}])
    timing = _members.decode(dosage["timing"]) if "timing" in dosage else {}
    repeat = _members.decode(timing["repeat"]) if "repeat" in timing else {}
    if change.dates:
        timing["event"] = _raw([day.isoformat() for day in change.dates])
    if change.times is not None:
        for member in ("frequencyMax", "periodMax", "timeOfDay", "when", "dayOfWeek"):
            repeat.pop(member, None)
        timing.pop("code", None)
        repeat |= {"frequency": _raw(change.times), "period": _raw(1), "periodUnit": _raw(change.period_unit)}
        if change.weekdays:
            repeat["dayOfWeek"] = _raw(change.weekdays)
    if change.days is not None:
        _bound(repeat, change.days)
    if repeat:
        timing["repeat"] = _raw(repeat)
    if timing:
        dosage["timing"] = _raw(timing)


def _bound(repeat: Members, days: int) -> None:
    """Bounds a course to so many days from its first day on."""
    period = _members.decode(repeat["boundsPeriod"]) if "boundsPeriod" in repeat else {}
    for member in ("count", "countMax", "boundsRange", "boundsDuration"):
        repeat.pop(member, None)
    if "start" in period:
        first = read_day(_text.decode(period["start"]))
        if first is None:
            raise Uneditable
        period["end"] = _raw((first + dt.timedelta(days=days - 1)).isoformat())
        repeat["boundsPeriod"] = _raw(period)
        return
    repeat.pop("boundsPeriod", None)
    repeat["boundsDuration"] = _raw({"value": days, "unit": "d", "system": UCUM, "code": "d"})


def _encode(value: object) -> bytes:
    return msgspec.json.encode(value)


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))


def _shifted(raw: msgspec.Raw, days: int) -> msgspec.Raw:
    """A date or dateTime moved by days, its time and offset kept."""
    text = _text.decode(raw)
    day = read_day(text) if len(text) >= 10 else None
    if day is None:
        raise Uneditable
    return _raw((day + dt.timedelta(days=days)).isoformat() + text[10:])


def _shift_members(members: Members, keys: tuple[str, ...], days: int) -> bool:
    """Moves those of the members that are there; whether there was one."""
    present = [key for key in keys if key in members]
    for key in present:
        members[key] = _shifted(members[key], days)
    return bool(present)


def _move_service(order: Members, days: int, from_day: dt.date) -> Members:
    moved = _shift_members(order, ("occurrenceDateTime",), days)
    if "occurrencePeriod" in order:
        period = _members.decode(order["occurrencePeriod"])
        moved |= _shift_members(period, ("start", "end"), days)
        order["occurrencePeriod"] = _raw(period)
    if "occurrenceTiming" in order:
        timing = _members.decode(order["occurrenceTiming"])
        moved |= _shift_timing(timing, days)
        order["occurrenceTiming"] = _raw(timing)
    if not moved:
        order["occurrenceDateTime"] = _raw((from_day + dt.timedelta(days=days)).isoformat())
    return order


def _move_medication(order: Members, days: int, from_day: dt.date) -> Members:
    raw = order.get("dosageInstruction", msgspec.Raw(b"[]"))
    alone = bytes(raw).lstrip().startswith(b"{")
    dosages = [_members.decode(item) for item in ([raw] if alone else _list.decode(raw))]
    moved = False
    for dosage in dosages:
        if "timing" in dosage:
            timing = _members.decode(dosage["timing"])
            moved |= _shift_timing(timing, days)
            dosage["timing"] = _raw(timing)
    if "dispenseRequest" in order:
        dispense = _members.decode(order["dispenseRequest"])
        if "validityPeriod" in dispense:
            period = _members.decode(dispense["validityPeriod"])
            moved |= _shift_members(period, ("start", "end"), days)
            dispense["validityPeriod"] = _raw(period)
            order["dispenseRequest"] = _raw(dispense)
    if not moved:
        dosages = dosages or [{}]
        for dosage in _first(dosages):
            _begin(dosage, from_day + dt.timedelta(days=days))
    order["dosageInstruction"] = _raw(dosages[0]) if alone else _raw(dosages)
    return order


def _shift_timing(timing: Members, days: int) -> bool:
    """Moves a timing's events and period; whether it had any."""
    moved = False
    if "event" in timing:
        events = _list.decode(timing["event"])
        timing["event"] = _raw([_shifted(event, days) for event in events])
        moved = bool(events)
    if "repeat" in timing:
        repeat = _members.decode(timing["repeat"])
        if "boundsPeriod" in repeat:
            period = _members.decode(repeat["boundsPeriod"])
            moved |= _shift_members(period, ("start", "end"), days)
            repeat["boundsPeriod"] = _raw(period)
            timing["repeat"] = _raw(repeat)
    return moved


def _first(dosages: list[Members]) -> list[Members]:
    """The dosages with which the order begins: those of the lowest sequence, or all where none has one."""
    sequences = [_integer.decode(dosage["sequence"]) if "sequence" in dosage else 0 for dosage in dosages]
    return [dosage for dosage, sequence in zip(dosages, sequences, strict=True) if sequence == min(sequences)]


def _begin(dosage: Members, start: dt.date) -> None:
    """Gives a dosage its first day; a duration that it is bounded by becomes the period from that day on."""
    timing = _members.decode(dosage["timing"]) if "timing" in dosage else {}
    repeat = _members.decode(timing["repeat"]) if "repeat" in timing else {}
    period = {"start": start.isoformat()}
    if "boundsDuration" in repeat:
        bounds = _days.decode(repeat.pop("boundsDuration"))
        length = {"d": 1, "wk": 7}.get(bounds.code or bounds.unit)
        if length is None or not (bounds.value * length).is_integer():
            raise Uneditable
        period["end"] = (start + dt.timedelta(days=int(bounds.value) * length - 1)).isoformat()
    if "boundsRange" in repeat:
        raise Uneditable
    repeat["boundsPeriod"] = _raw(period)
    timing["repeat"] = _raw(repeat)
    dosage["timing"] = _raw(timing)
