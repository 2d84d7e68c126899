"""The kinds of rule, one file each: how a row decides. None of them names a drug."""

from ..rule import Rule
from .combination import AvoidCombination
from .companion import CompanionDose, CompanionRequired
from .course import CourseDose, CourseGeometry, CourseInterval
from .cycle import CycleAmount, CycleDays, CycleInterval
from .limit import DoseLimit
from .sequence import InfusionOrder, UndatedInfusions, WashoutProcedure

KINDS: dict[str, type[Rule]] = {
    "avoid-combination": AvoidCombination,
    "dose-limit": DoseLimit,
    "cycle-amount": CycleAmount,
    "cycle-days": CycleDays,
    "cycle-interval": CycleInterval,
    "course-dose": CourseDose,
    "course-geometry": CourseGeometry,
    "course-interval": CourseInterval,
    "companion-required": CompanionRequired,
    "companion-dose": CompanionDose,
    "infusion-order": InfusionOrder,
    "undated-infusions": UndatedInfusions,
    "washout-procedure": WashoutProcedure,
}
"""The kind that a row names."""
