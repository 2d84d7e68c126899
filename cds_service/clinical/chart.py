"""The chart: what is known of one patient on one day, as frozen clinical values.

A list that could not be had is named in `missing_sources`, an entry that could not be read in `unread`: neither is
ever taken for "nothing there".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from .findings import Evidence, Hook
from .therapy import Deferred, Therapy

Source = Literal[
    "patient",
    "conditions",
    "medicationRequests",
    "medicationStatements",
    "medicationAdministrations",
    "observations",
    "allergies",
    "procedures",
    "immunizations",
    "encounter",
]


Answer = Literal["yes", "no", "unknown"]


class Fact(msgspec.Struct, frozen=True):
    """The answer to a named question about the chart, the evidence it rests on, and what was missing where it is
    unknown."""

    answer: Answer
    evidence: tuple[Evidence, ...] = ()
    missing: str = ""


class Patient(msgspec.Struct, frozen=True, kw_only=True):
    """Who the rules are about. `sex` is the administrative gender; None and "" where the record does not say."""

    reference: str
    birth_date: dt.date | None = None
    sex: str = ""
    deceased: bool = False

    def age(self, on: dt.date) -> int | None:
        """Completed years on a day, or None without a date of birth."""
        born = self.birth_date
        if born is None:
            return None
        return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A problem or diagnosis. `current` is false for resolved and inactive ones, which history still counts.

    `severe` is one of that severity, or called rapidly progressive; `refractory` one that its words call so.
    """

    reference: str
    concepts: frozenset[str]
    label: str
    current: bool = True
    remission: bool = False
    severe: bool = False
    refractory: bool = False
    onset: dt.date | None = None
    recorded: dt.date | None = None
    abated: dt.date | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement: a number in the concept's own unit, or a word ("positive", "negative" ...), with its day.

    `text` is what it says in its own words, in lower case. `low` and `high` are the laboratory's limits. A result that
    is only a bound ("<10") has no value but a `comparator` ("<", "<=", ">", ">=") and the `limit`; `problem` says why a
    number cannot be used. `date` is the value of a result that is a date, `code` the
    code of one that is a concept.
    """

    reference: str
    concept: str
    day: dt.date | None
    value: Decimal | None = None
    unit: str = ""
    word: str = ""
    text: str = ""
    comparator: str = ""
    limit: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    problem: str = ""
    date: dt.date | None = None
    code: str = ""


class Allergy(msgspec.Struct, frozen=True, kw_only=True):
    """An allergy or intolerance to a substance; `severe` where a severe or high-risk reaction is recorded. `reactions` are
    the concepts of what happened."""

    reference: str
    substances: frozenset[str]
    label: str
    intolerance: bool = False
    severe: bool = False
    reactions: frozenset[str] = frozenset()
    recorded: dt.date | None = None


class Procedure(msgspec.Struct, frozen=True, kw_only=True):
    """Something done to the patient, or (a draft or chart ServiceRequest) to be done."""

    reference: str
    concepts: frozenset[str]
    label: str
    day: dt.date | None = None
    done: bool = True


class Immunization(msgspec.Struct, frozen=True, kw_only=True):
    """A vaccine given; `live` where it surely is a live one."""

    reference: str
    vaccines: frozenset[str]
    label: str
    day: dt.date | None = None
    live: bool = False


class VaccineOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A vaccine to be given. `live` is None where the order does not tell a live product from others; `local` is true
    where its route is the nose, the bladder or another place whose effect is local."""

    reference: str
    vaccine: str
    label: str
    live: bool | None
    local: bool = False
    day: dt.date | None = None


ANY_VACCINE = "vaccine"
"""The name by which rules on vaccines are found."""


class DraftOrder(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An order not yet signed: a medication (`therapy`), a vaccine, or a procedure or test (`procedure`).

    `selected` is false for a draft that is only background: at order-select one that was not picked.
    """

    reference: str
    selected: bool = True
    therapy: Therapy | None = None
    vaccine: VaccineOrder | None = None
    procedure: Procedure | None = None
    reasons: frozenset[str] = frozenset()
    reason_text: str = ""


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that could not be read, or a medication that could not be told: where it stands, why, and in which list
    (a `Source`, or "draftOrders")."""

    where: str
    reason: str
    source: str


class Chart(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One patient on one day, at one hook.

    `therapies` are by ingredient (a combination product stands under each); `results` by concept, newest first. They and
    the lists of what few rules ask about are read when first looked into. `drafts` are in the order of the request.
    `missing_sources` are lists that could not be had; `not_offered` are lists that this client never has, which is known
    beforehand and no fault of the request.

    The last three are derived, so that a question about what is not there costs next to nothing: the concepts of all
    conditions, the ingredients of all therapies, and the facts that were asked, with their answers.
    """

    as_of: dt.date
    hook: Hook
    patient: Patient
    therapies: Mapping[str, tuple[Therapy, ...]] = msgspec.field(default_factory=dict)
    drafts: tuple[DraftOrder, ...] = ()
    conditions: tuple[Condition, ...] = ()
    results: dict[str, Deferred[tuple[Result, ...]]] = msgspec.field(default_factory=dict)
    allergies: Sequence[Allergy] = ()
    procedures: Sequence[Procedure] = ()
    immunizations: Sequence[Immunization] = ()
    encounter_class: str = ""
    unread: tuple[Unread, ...] = ()
    missing_sources: frozenset[Source] = frozenset()
    not_offered: frozenset[Source] = frozenset()
    problems: frozenset[str] = frozenset()
    recorded: frozenset[str] = frozenset()
    asked: dict[tuple[str, DraftOrder | None, Therapy | None, Therapy | None], Fact] = msgspec.field(
        default_factory=dict
    )

    @property
    def whole(self) -> bool:
        """Whether every list could be had and every entry read: nothing is unknown then for want of what might be there."""
        return not self.missing_sources and not self.unread

    def __post_init__(self) -> None:
        """Derives anew in every copy: a chart with other drafts is another chart."""
        derive = msgspec.structs.force_setattr
        derive(self, "problems", frozenset().union(*[condition.concepts for condition in self.conditions]))
        derive(self, "recorded", frozenset(self.therapies))
        derive(self, "asked", {})
