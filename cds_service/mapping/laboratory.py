"""The units that laboratories write: each measurement in the one unit that rules count in.

An unknown unit means no number. A unit whose code and words say different things is as good as none.
"""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Final

import msgspec

from .elements import Quantity
from .units import usable

CALCIUM_MG_PER_MMOL = Decimal("40.078")
POTASSIUM_MG_PER_MMOL = Decimal("39.098")
UCUM_SYSTEM = "http://unitsofmeasure.org"
_ALIKE = str.maketrans({"µ": "u", "μ": "u", "\u00d7": "x", ",": ".", "^": "*"} | dict.fromkeys(" {}[]()_"))


class LaboratoryUnit(msgspec.Struct, frozen=True, kw_only=True):
    """The unit that rules count a measurement in, and how much of it one of each other unit is, by bare spelling."""

    unit: str
    factors: dict[str, Decimal]

    def read(self, quantity: Quantity) -> Decimal | None:
        """The number in this unit, whatever its comparator; None where number or unit cannot be used."""
        by_code = self.factors.get(bare(quantity.code)) if quantity.code else None
        by_words = self.factors.get(bare(quantity.unit)) if quantity.unit else None
        if by_code is not None and by_words is not None and by_code != by_words:
            return None
        if by_code is None and quantity.code and quantity.system == UCUM_SYSTEM:
            return None
        factor = by_code if by_code is not None else by_words
        if factor is None or quantity.value is None or not usable(quantity.value):
            return None
        return quantity.value * factor


def bare(unit: str) -> str:
    """A spelling without what does not distinguish it: case, spaces, brackets, how a power or a micro is written."""
    plain = unicodedata.normalize("NFKC", unit).casefold().replace(" per ", "/").translate(_ALIKE)
    return plain.replace("**", "*")


def _unit(unit: str, *spellings: tuple[Decimal | int | str, str]) -> LaboratoryUnit:
    return LaboratoryUnit(
        unit=unit, factors={bare(word): Decimal(factor) for factor, words in spellings for word in words.split()}
    )


_FILTRATION = _unit(
    "mL/min/{1.73_m2}",
    (
        1,
        "mL/min/{1.73_m2} mL/min/1.73m2 mL/min/1.73m*2 mL/min/1.73 mL/min/1.73sqm mL/min/1.73qm mL/min mL/min/m2{1.73}",
    ),
    (60, "mL/s/{1.73_m2} mL/s/1.73m2 mL/s/1.73m*2 mL/s"),
)
_CELLS = _unit(
    "10*9/L",
    (
        1,
        "10*9/L x10*9/L 10e9/L x10e9/L 109/L x109/L e9/L G/L Gpt/L giga/L /nL nL-1 10*3/uL x10*3/uL 10e3/uL x10e3/uL "
        "103/uL x103/uL K/uL thou/uL thousand/uL thousands/uL tsd/uL tys/uL 10*3/mm3 x10*3/mm3 103/mm3 10*3/mm*3 K/mm3 "
        "thou/mm3 10*3/mcL x10*3/mcL x10e3/mcL 10e3/mcL K/mcL thou/mcL 10*6/mL 1000/uL",
    ),
    ("0.001", "/uL {cells}/uL cells/uL #/uL cells/mcL /mcL /mm3 /mm*3 cells/mm3 10*6/L x10*6/L M/L"),
    ("0.000001", "/mL cells/mL"),
)
_ENZYME = _unit(
    "U/L",
    (1, "U/L IU/L [IU]/L units/L unit/L E/L UI/L mU/mL mIU/mL"),
    (60, "ukat/L"),
    ("0.06", "nkat/L"),
    (1000, "U/mL IU/mL"),
)
_IMMUNOGLOBULIN = _unit(
    "g/L", (1, "g/L mg/mL"), ("0.01", "mg/dL mg/100mL mg%"), ("0.001", "mg/L ug/mL mcg/mL"), (10, "g/dL g%")
)
_CALCIUM = _unit(
    "mmol/L",
    (1, "mmol/L mM"),
    (10 / CALCIUM_MG_PER_MMOL, "mg/dL mg/100mL mg%"),
    (1 / CALCIUM_MG_PER_MMOL, "mg/L"),
    ("0.5", "meq/L mval/L"),
)
_POTASSIUM = _unit("mmol/L", (1, "mmol/L mM meq/L mval/L"), (10 / POTASSIUM_MG_PER_MMOL, "mg/dL mg/100mL mg%"))

LABORATORY: Final[dict[str, LaboratoryUnit]] = {
    **dict.fromkeys(
        (
            "egfr-ckd-epi-2021-creatinine",
            "egfr-ckd-epi-2021-creatinine-cystatin",
            "egfr-ckd-epi-2009",
            "egfr-mdrd",
            "egfr-other",
        ),
        _FILTRATION,
    ),
    **dict.fromkeys(("wbc", "neutrophils", "lymphocytes", "platelets"), _CELLS),
    **dict.fromkeys(("alt", "ast", "ck"), _ENZYME),
    **dict.fromkeys(("igg", "iga", "igm"), _IMMUNOGLOBULIN),
    "calcium": _CALCIUM,
    "potassium": _POTASSIUM,
}
"""The unit of each concept whose numbers rules compare."""
