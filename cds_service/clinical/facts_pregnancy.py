"""Pregnancy and what is near to it, as facts: pregnant, breastfeeding, an ectopic one, able to conceive and not tested."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

from .chart import Chart, Fact, Result
from .exposure import SOURCE_NAMES
from .facts import ECTOPIC, FACTS, NO, Situation, conditions, known
from .findings import Evidence
from .results import positive

PREGNANCY = frozenset(("pregnancy",))
NOT_PREGNANT = frozenset(("not-pregnant",))
ENDED = frozenset(("pregnancy-ended",))
NOT_FERTILE = frozenset(("not-fertile",))
STATUS_DAYS = 280
"""A pregnancy status says so for the length of a pregnancy (CLINICAL 0.7)."""
TEST_DAYS = 42
NEW_TEST_DAYS = 14
FERTILE_YEARS = (12, 50)
YES_WORDS = frozenset(("pregnant", "patient currently pregnant", "currently pregnant", "yes"))
NO_WORDS = frozenset(("not pregnant", "patient not currently pregnant", "no"))
YES_CODES = frozenset(("77386006", "LA15173-0"))
NO_CODES = frozenset(("60001007",))
TESTS = ("pregnancy-test", "hcg-quantitative")
CONTRACEPTION_WORDS = ("contracepti", "anticonceptie", "empfängnisverhütung", "intrauterine device")
"""How problems and procedures that are a record of contraception are called; no code of it is among those verified."""


def pregnant(chart: Chart, situation: Situation) -> Fact:
    """Pregnant (PREG, CLINICAL 0.7); a man is not.

    By a current condition, a status of the last 280 days, a positive test of the last 42 days (these days included), or a
    date of delivery still to come; unless a delivery, an abortion, or a test, status or condition that says that she is
    not, is of a later day. Its absence from a complete record is "no".
    """
    if chart.patient.sex == "male":
        return NO
    signs = list(_signs(chart))
    ended = max(_ends(chart), default=None)
    left = [evidence for evidence, day in signs if ended is None or day is None or day >= ended]
    if left:
        return Fact("yes", tuple(left))
    if "observations" in chart.missing_sources:
        return Fact("unknown", missing=SOURCE_NAMES["observations"])
    return known(chart, "conditions", ())


def _signs(chart: Chart) -> Iterator[tuple[Evidence, dt.date | None]]:
    """What says that she is pregnant, with the day since when."""
    for condition in chart.conditions:
        if condition.current and not PREGNANCY.isdisjoint(condition.concepts):
            since = condition.onset or condition.recorded
            yield Evidence(condition.reference, condition.label, since), since
    for result, age in _results(chart, ("pregnancy-status",)):
        if age <= STATUS_DAYS and says(result):
            yield Evidence(result.reference, "pregnancy status: pregnant", result.day), result.day
    for result, age in _results(chart, TESTS):
        if age <= TEST_DAYS and says(result):
            yield Evidence(result.reference, "positive pregnancy test", result.day), result.day
    for result, _ in _results(chart, ("estimated-delivery-date",)):
        if result.date is not None and result.date > chart.as_of:
            yield Evidence(result.reference, "expected day of delivery", result.date), result.day


def _ends(chart: Chart) -> Iterator[dt.date]:
    """The days on which the record says that she is not, or no longer, pregnant."""
    for condition in chart.conditions:
        day = condition.onset or condition.recorded
        over = not ENDED.isdisjoint(condition.concepts)
        if day is not None and (over or (condition.current and not NOT_PREGNANT.isdisjoint(condition.concepts))):
            yield day
    for result, _ in _results(chart, ("pregnancy-status", *TESTS)):
        if result.day is not None and says(result) is False:
            yield result.day


def _results(chart: Chart, concepts: tuple[str, ...]) -> Iterator[tuple[Result, int]]:
    """Results of these concepts up to today, each with its age in days."""
    for concept in concepts:
        if concept in chart.results:
            for result in chart.results[concept]():
                if result.day is not None and result.day <= chart.as_of:
                    yield result, (chart.as_of - result.day).days


def says(result: Result) -> bool | None:
    """Whether a result says pregnant or not, by its word, its code or the laboratory's own limit; None for neither."""
    if result.word in YES_WORDS or result.code in YES_CODES:
        return True
    if result.word in NO_WORDS or result.code in NO_CODES:
        return False
    return {"yes": True, "no": False}.get(positive(result))


def breastfeeding(chart: Chart, situation: Situation) -> Fact:
    """Breastfeeding, by a current condition; a man is not."""
    if chart.patient.sex == "male":
        return NO
    return known(chart, "conditions", conditions(chart, frozenset(("breastfeeding",))))


def ectopic_pregnancy(chart: Chart, situation: Situation) -> Fact:
    """Ectopic pregnancy or trophoblastic disease, as the reason of the order or as a current condition."""
    draft = situation.draft
    if draft is not None and not ECTOPIC.isdisjoint(draft.reasons):
        return Fact("yes", (Evidence(draft.reference, draft.reason_text),))
    return known(chart, "conditions", conditions(chart, ECTOPIC))


def untested_for_pregnancy(chart: Chart, situation: Situation) -> Fact:
    """A woman of 12 to 50 years, both included, without a record of menopause, hysterectomy or sterilisation (FERTILE_F,
    CLINICAL 0.7), of contraception among problems and procedures, and of a pregnancy test in the last 14 days or in the
    basket.

    Unknown where the record does not say whether she is a woman, without a date of birth, or where the results could not
    be had.
    """
    if chart.patient.sex == "male":
        return NO
    age = chart.patient.age(chart.as_of)
    if age is None:
        return Fact("unknown", missing="date of birth")
    if not FERTILE_YEARS[0] <= age <= FERTILE_YEARS[1] or conditions(chart, NOT_FERTILE, current=False):
        return NO
    if chart.patient.sex != "female":
        return Fact("unknown", missing="sex")
    if _contraception(chart):
        return NO
    tested = any(says(result) is not None and days <= NEW_TEST_DAYS for result, days in _results(chart, TESTS))
    ordered = any(
        draft.procedure is not None and "pregnancy-test" in draft.procedure.concepts for draft in chart.drafts
    )
    if tested or ordered:
        return NO
    if "observations" in chart.missing_sources:
        return Fact("unknown", missing=SOURCE_NAMES["observations"])
    return Fact("yes", (Evidence(chart.patient.reference, f"{age} years"),))


def _contraception(chart: Chart) -> bool:
    """Whether a current problem, or a procedure that was done, is one of contraception by its words."""
    labels = [condition.label for condition in chart.conditions if condition.current]
    labels += [procedure.label for procedure in chart.procedures if procedure.done]
    return any(word in label.lower() for label in labels for word in CONTRACEPTION_WORDS)


PREGNANCY_FACTS: dict[str, Callable[[Chart, Situation], Fact]] = {
    "pregnant": pregnant,
    "breastfeeding": breastfeeding,
    "ectopic-pregnancy": ectopic_pregnancy,
    "untested-for-pregnancy": untested_for_pregnancy,
}
"""Every fact of this module that a row may name."""


if clash := FACTS.keys() & PREGNANCY_FACTS.keys():
    raise ValueError(f"facts are defined twice: {sorted(clash)}")
FACTS.update(PREGNANCY_FACTS)
