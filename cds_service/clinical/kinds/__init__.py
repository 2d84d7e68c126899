"""The kinds of rule, one file each: how a row decides. None of them names a drug."""

from .. import facts_low_dose as _facts_low_dose  # noqa: F401 - named by rows alone
from .. import facts_pregnancy as _facts_pregnancy  # noqa: F401 - named by rows alone
from .. import facts_prophylaxis as _facts_prophylaxis  # noqa: F401 - named by rows alone
from ..rule import Rule
from .above_normal import ResultAboveNormal
from .abrupt_end import AbruptEnd
from .combination import AvoidCombination
from .comorbidity import HighDoseWithConditions
from .companion import CompanionDose, CompanionRequired
from .condition import BlamedOnDrug, SideEffect
from .contraindication import Contraindication
from .course import CourseDose, CourseGeometry, CourseInterval
from .course_result import ResultBeforeCourse
from .cycle import CycleAmount, CycleDays, CycleInterval
from .escalation import FirstDose
from .fertility import Gonadotoxic
from .filtration import LimitBySlowFiltration
from .follow_on import FollowOnDose, FollowOnRequired
from .gate import OutsideTable
from .glucocorticoid import GlucocorticoidExcess, GlucocorticoidPair, GlucocorticoidPhase, GlucocorticoidStart
from .indication import AfterOthers, DiseaseCaution, Indication, IndicationOfCycles
from .interaction import LevelInteraction
from .latency import CourseLatency, Latency
from .level import LevelGuidedLimit
from .limit import DoseLimit
from .long_course import LongCourse
from .long_term import LongTermAlone, LongTermCompanions
from .metaboliser import SlowMetaboliser
from .other_route import OtherRoute
from .overdue import LevelOverdue
from .passive_antibody import PassiveAntibody
from .pneumocystis import CoverBeside, CoverByDose
from .pregnancy import HarmsChild
from .procedure import ExchangeAfterCycle, ProcedureIndication
from .product import ProductMaximum, ProductUnclear
from .pulse import PulseDays, PulseInterval, PulseNumber, PulseStrength, PulseWithDaily
from .pulse_listed import PulseListed
from .replacement import AvoidOrReplace
from .result import ResultLimit
from .risk import FiltrationOrFactors, RiskFactors
from .route import RouteLimit
from .schedule import DosesPerDay
from .screening import Reactivation, ScreeningAtStart, ScreeningRequired, UntreatedInfection
from .sequence import InfusionOrder, UndatedInfusions, WashoutProcedure
from .setting import FirstSetting
from .vaccine import LiveVaccine, VaccineAfterAntibodies
from .weekly import OftenerThanWeekly, OftenUnclear, WeekdayMissing

KINDS: dict[str, type[Rule]] = {
    "avoid-combination": AvoidCombination,
    "avoid-or-replace": AvoidOrReplace,
    "level-interaction": LevelInteraction,
    "level-overdue": LevelOverdue,
    "risk-factors": RiskFactors,
    "filtration-or-factors": FiltrationOrFactors,
    "contraindication": Contraindication,
    "other-route": OtherRoute,
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
    "abrupt-end": AbruptEnd,
    "dose-limit-by-filtration": LimitBySlowFiltration,
    "pulse-days": PulseDays,
    "pulse-interval": PulseInterval,
    "pulse-number": PulseNumber,
    "pulse-strength": PulseStrength,
    "pulse-with-daily": PulseWithDaily,
    "companion-required": CompanionRequired,
    "companion-dose": CompanionDose,
    "infusion-order": InfusionOrder,
    "indication": Indication,
    "indication-of-cycles": IndicationOfCycles,
    "after-others": AfterOthers,
    "disease-caution": DiseaseCaution,
    "latency": Latency,
    "course-latency": CourseLatency,
    "first-setting": FirstSetting,
    "procedure-indication": ProcedureIndication,
    "exchange-after-cycle": ExchangeAfterCycle,
    "side-effect": SideEffect,
    "blamed-on-drug": BlamedOnDrug,
    "long-course": LongCourse,
    "pulse-listed": PulseListed,
    "gonadotoxic": Gonadotoxic,
    "outside-table": OutsideTable,
    "undated-infusions": UndatedInfusions,
    "washout-procedure": WashoutProcedure,
    "cover-by-dose": CoverByDose,
    "cover-beside": CoverBeside,
    "long-term-companions": LongTermCompanions,
    "long-term-alone": LongTermAlone,
    "high-dose-with-conditions": HighDoseWithConditions,
    "follow-on-required": FollowOnRequired,
    "follow-on-dose": FollowOnDose,
    "harms-child": HarmsChild,
    "live-vaccine": LiveVaccine,
    "vaccine-after-antibodies": VaccineAfterAntibodies,
    "passive-antibody": PassiveAntibody,
    "screening-required": ScreeningRequired,
    "screening-at-start": ScreeningAtStart,
    "reactivation": Reactivation,
    "untreated-infection": UntreatedInfection,
    "result-limit": ResultLimit,
    "result-before-course": ResultBeforeCourse,
    "slow-metaboliser": SlowMetaboliser,
    "result-above-normal": ResultAboveNormal,
}
"""The kind that a row names."""
