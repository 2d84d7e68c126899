"""The kinds of rule, one file each: how a row decides. None of them names a drug."""

from ..rule import Rule
from .combination import AvoidCombination
from .companion import CompanionDose, CompanionRequired
from .course import CourseDose, CourseGeometry, CourseInterval
from .cycle import CycleAmount, CycleDays, CycleInterval
from .escalation import FirstDose
from .glucocorticoid import GlucocorticoidExcess, GlucocorticoidPair, GlucocorticoidPhase, GlucocorticoidStart
from .level import LevelGuidedLimit
from .limit import DoseLimit
from .product import ProductMaximum, ProductUnclear
from .pulse import PulseDays, PulseInterval, PulseNumber, PulseStrength, PulseWithDaily
from .replacement import AvoidOrReplace
from .route import RouteLimit
from .schedule import DosesPerDay
from .sequence import InfusionOrder, UndatedInfusions, WashoutProcedure
from .weekly import OftenerThanWeekly, OftenUnclear, WeekdayMissing

KINDS: dict[str, type[Rule]] = {
    "avoid-combination": AvoidCombination,
    "avoid-or-replace": AvoidOrReplace,
    "dose-limit": DoseLimit,
    "dose-limit-by-route": RouteLimit,
    "level-guided-limit": LevelGuidedLimit,
    "first-dose": FirstDose,
    "doses-per-day": DosesPerDay,
    "product-maximum": ProductMaximum,
    "product-unclear": ProductUnclear,
    "oftener-than-weekly": OftenerThanWeekly,
    "often-unclear": OftenUnclear,
    "weekday-missing": WeekdayMissing,
    "cycle-amount": CycleAmount,
    "cycle-days": CycleDays,
    "cycle-interval": CycleInterval,
    "course-dose": CourseDose,
    "course-geometry": CourseGeometry,
    "course-interval": CourseInterval,
    "glucocorticoid-excess": GlucocorticoidExcess,
    "glucocorticoid-start": GlucocorticoidStart,
    "glucocorticoid-phase": GlucocorticoidPhase,
    "glucocorticoid-pair": GlucocorticoidPair,
    "pulse-days": PulseDays,
    "pulse-interval": PulseInterval,
    "pulse-number": PulseNumber,
    "pulse-strength": PulseStrength,
    "pulse-with-daily": PulseWithDaily,
    "companion-required": CompanionRequired,
    "companion-dose": CompanionDose,
    "infusion-order": InfusionOrder,
    "undated-infusions": UndatedInfusions,
    "washout-procedure": WashoutProcedure,
}
"""The kind that a row names."""
