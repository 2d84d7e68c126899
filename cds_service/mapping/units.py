"""The units that drugs, weights, heights and lengths of time come in: UCUM, and what clients write in its place.

An unknown unit means no arithmetic. A unit whose code and words say different things is as good as none.
"""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Literal

import msgspec

from ..clinical.dose import Unknown
from .elements import Quantity

Measure = Literal["mg", "mg/kg", "mg/m2", "mL", "[iU]", "1", "cm"]

LARGEST_EXPONENT = 8
SMALLEST_EXPONENT = -9
MOST_DIGITS = 18


class Unit(msgspec.Struct, frozen=True):
    """A unit as a multiple of one of our own. `piece` is true for a count of whole products (a tablet, not a drop)."""

    measure: Measure
    factor: Decimal = Decimal(1)
    piece: bool = False


def _table() -> dict[str, Unit]:
    masses = {
        "1": "mg mgs milligram milligrams milligramm milligramme milligrammes milligram(s)",
        "1000": "g gm gms gram grams gramm gramme grammes gram(s)",
        "0.001": "ug mcg μg microg microgram micrograms mikrogramm microgramme microgrammes microgram(s)",
        "0.000001": "ng nanogram nanograms nanogramm nanogramme nanogrammes",
        "1000000": "kg kgs kilo kilos kilogram kilograms kilogramm kilogramme kilogrammes",
        "453592.37": "[lb_av] lb_av lb lbs pound pounds",
    }
    volumes = {
        "1": "ml mls cc cm3 milliliter milliliters millilitre millilitres millilitre(s) milliliter(s)",
        "1000": "l liter liters litre litres",
        "100": "dl deciliter decilitre",
        "10": "cl centiliter centilitre",
        "0.001": "ul μl microliter microlitre",
    }
    lengths = {
        "1": "cm centimeter centimeters centimetre centimetres zentimeter",
        "100": "m meter meters metre metres",
        "0.1": "mm millimeter millimetre",
        "2.54": "[in_i] in_i in inch inches",
        "30.48": "[ft_i] ft_i ft foot feet",
    }
    international = (
        "[iu] iu [u] u i.u. unt unit units unit(s) ie i.e. ui einheit einheiten eenheid eenheden unité unités "
        "int'lunits"
    )
    pieces = (
        "1 tab tabs tbl tbl. tabl tabl. ftbl ftbl. tablet tablets tablet(s) tabletten tablette comprimé comprimés "
        "comprime comprimes cp cpr cap caps capsule capsules capsule(s) kapsel kapseln gélule gélules gelule gelules "
        "filmtablette filmtabletten filmtab brausetablette brausetabletten "
        "pill pills pil pillen stuk stuks stück stk stk. st. pièce piece pieces ea each "
        "vial vials flacon flacons durchstechflasche ampoule ampoules ampul ampullen ampulle ampule ampules amp "
        "pen pens injectiepen fertigpen stylo autoinjector auto-injector injector syringe syringes spuit spuiten "
        "spritze spritzen fertigspritze seringue seringues cartridge cartridges patroon "
        "suppository suppositories supp zetpil zetpillen zäpfchen suppositoire patch patches pleister pflaster "
        "sachet sachets beutel zakje zakjes puff puffs spray sprays inhalation inhalations actuat actuation actuations "
        "orcap eccap ertab erectab ectab chewtab erecap ercap vagtab vagsupp film films lozenge lozenges"
    )
    parts = (
        "drop drops opdrop gtt [drp] druppel druppels tropfen goutte gouttes spoonful spoonfuls teaspoon tablespoon "
        "theelepel eetlepel teelöffel esslöffel cuillère dose doses dosis application applications"
    )
    table: dict[str, Unit] = {}
    for factor, words in masses.items():
        table.update(dict.fromkeys(words.split(), Unit("mg", Decimal(factor))))
    for factor, words in volumes.items():
        table.update(dict.fromkeys(words.split(), Unit("mL", Decimal(factor))))
    for factor, words in lengths.items():
        table.update(dict.fromkeys(words.split(), Unit("cm", Decimal(factor))))
    table.update(dict.fromkeys(international.split(), Unit("[iU]")))
    table.update(dict.fromkeys(pieces.split(), Unit("1", piece=True)))
    table.update(dict.fromkeys(parts.split(), Unit("1")))
    return table


_UNITS = _table()
_PER: dict[str, Measure] = {
    "kg": "mg/kg",
    "kilogram": "mg/kg",
    "kilo": "mg/kg",
    "kg bw": "mg/kg",
    "kg body weight": "mg/kg",
    "kg kg": "mg/kg",
    "m2": "mg/m2",
    "m^2": "mg/m2",
    "sqm": "mg/m2",
    "m2 bsa": "mg/m2",
    "m2 kof": "mg/m2",
}
_SECONDS: dict[str, Decimal] = {
    word: Decimal(seconds)
    for seconds, words in (
        (1, "s sec secs second seconds sekunde sekunden seconde seconden secondes"),
        (60, "min mins minute minutes minuut minuten minute(s)"),
        (3600, "h hr hrs hour hours hour(s) uur uren std stunde stunden heure heures"),
        (86400, "d day days day(s) dag dagen tag tage jour jours"),
        (604800, "wk wks week weeks week(s) weken woche wochen semaine semaines"),
        (2629800, "mo month months month(s) maand maanden monat monate mois"),
        (31557600, "a yr yrs year years year(s) jaar jaren jahr jahre an ans année années"),
    )
    for word in words.split()
}
"""Lengths of time in seconds; a month is 30.4375 days and a year 365.25 (UCUM, CLINICAL D.3)."""

_UCUM = frozenset(
    ("http://unitsofmeasure.org", "https://unitsofmeasure.org", "$ucum", "ucum", "urn:oid:2.16.840.1.113883.6.8")
)


def usable(number: Decimal | None) -> bool:
    """Whether a number is there and of a size and precision that can be meant; an absurd one counts as unknown."""
    if number is None or not number.is_finite():
        return False
    if not number:
        return True
    if not SMALLEST_EXPONENT <= number.adjusted() <= LARGEST_EXPONENT:
        return False
    # What is short as it is written has few digits: nearly every number, and told faster.
    return len(str(number)) <= MOST_DIGITS or len(number.as_tuple().digits) <= MOST_DIGITS


def find_unit(name: str | None) -> Unit | None:
    """The unit that a code or a word stands for, or None; annotations ("mg{elemental}") are passed over."""
    if not name:
        return None
    known = _UNITS.get(name)
    return known if known is not None else _find(_plain(name))


def find_seconds(name: str | None) -> Decimal | None:
    """The length in seconds of a unit of time ("wk", "Day", "day(s)"), or None."""
    if not name:
        return None
    known = _SECONDS.get(name)
    return known if known is not None else _SECONDS.get(_plain(name))


def read_unit(quantity: Quantity, where: str = "") -> Unit | Unknown:
    """The unit of a quantity, from its code and its words, which must not contradict each other.

    A code of another system than UCUM (a dose form) is read by the words beside it, or as a word itself.
    """
    by_words = find_unit(quantity.unit)
    by_code = find_unit(quantity.code) if _speaks(quantity) else None
    if by_code is None and by_words is None:
        missing = quantity.unit is None and quantity.code is None
        return Unknown(reason="the amount has no unit" if missing else "the unit is not known", where=where)
    if by_code is None or by_words is None:
        return by_code or by_words or Unknown(reason="the unit is not known", where=where)
    if (by_code.measure, by_code.factor) != (by_words.measure, by_words.factor):
        return Unknown(reason="the code and the words of the unit say different things", where=where)
    return by_words if by_code.piece and not by_words.piece else by_code


def read_seconds(quantity: Quantity, where: str = "") -> Decimal | Unknown:
    """A length of time in seconds, above zero."""
    by_words, by_code = find_seconds(quantity.unit), find_seconds(quantity.code)
    if by_words is not None and by_code is not None and by_words != by_code:
        return Unknown(reason="the code and the words of the unit of time say different things", where=where)
    unit = by_code or by_words
    if unit is None:
        return Unknown(reason="the unit of time is not known", where=where)
    if not usable(quantity.value) or quantity.value is None or quantity.value <= 0:
        return Unknown(reason="the length of time has no usable number", where=where)
    return quantity.value * unit


def kilograms(quantity: Quantity) -> Decimal | None:
    """A body weight in kg, or None where its number or unit cannot be used."""
    return _in(quantity, "mg", Decimal(1000000))


def centimetres(quantity: Quantity) -> Decimal | None:
    """A body height in cm, or None where its number or unit cannot be used."""
    return _in(quantity, "cm", Decimal(1))


def nanograms_per_millilitre(quantity: Quantity) -> Decimal | None:
    """A concentration of mass in ng/mL, which is ug/L, or None where its number or unit cannot be used."""
    code = quantity.code if _speaks(quantity) else quantity.unit
    over, slash, under = _plain(code or "").partition("/")
    mass, volume = _UNITS.get(over.strip()), _UNITS.get(under.strip())
    if not slash or mass is None or volume is None or (mass.measure, volume.measure) != ("mg", "mL"):
        return None
    if quantity.comparator or quantity.value is None or not usable(quantity.value):
        return None
    return quantity.value * mass.factor / volume.factor * 1_000_000


def _in(quantity: Quantity, measure: Measure, unit_size: Decimal) -> Decimal | None:
    unit = read_unit(quantity)
    if quantity.comparator or not isinstance(unit, Unit) or unit.measure != measure:
        return None
    if quantity.value is None or not usable(quantity.value):
        return None
    return quantity.value * unit.factor / unit_size


def _speaks(quantity: Quantity) -> bool:
    """Whether the code of a quantity may be read as a unit: of UCUM or of no system, or a word rather than a number."""
    if not quantity.code:
        return False
    system = (quantity.system or "").casefold()
    return not system or system in _UCUM or not quantity.code.isdigit()


def _plain(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).casefold().strip()
    if plain.startswith("{") and plain.endswith("}") and "{" not in plain[1:]:
        return plain[1:-1].strip()
    while "{" in plain and "}" in plain[plain.index("{") :]:
        start = plain.index("{")
        plain = plain[:start] + plain[plain.index("}", start) + 1 :]
    return " ".join(plain.replace(" per ", "/").split())


def _find(plain: str) -> Unit | None:
    known = _UNITS.get(plain)
    if known is not None:
        return known
    over, slash, under = plain.partition("/")
    if not slash:
        return _UNITS.get(plain.rstrip("."))
    numerator, measure = _UNITS.get(over.strip()), _PER.get(under.strip())
    if numerator is None or measure is None or numerator.measure != "mg":
        return None
    return Unit(measure, numerator.factor)
