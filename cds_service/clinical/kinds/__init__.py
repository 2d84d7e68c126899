"""The kinds of rule, one file each: how a row decides. None of them names a drug."""

from ..rule import Rule
from .combination import AvoidCombination
from .companion import CompanionDose, CompanionRequired
from .limit import DoseLimit
from .sequence import InfusionOrder, UndatedInfusions, WashoutProcedure

KINDS: dict[str, type[Rule]] = {
    "avoid-combination": AvoidCombination,
    "dose-limit": DoseLimit,
    "companion-required": CompanionRequired,
    "companion-dose": CompanionDose,
    "infusion-order": InfusionOrder,
    "undated-infusions": UndatedInfusions,
    "washout-procedure": WashoutProcedure,
}
"""The kind that a row names."""
