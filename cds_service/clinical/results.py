"""What results say: the newest that can be read, whether it is below a figure, whether it is positive, and how old it is.

An old abnormal result still counts; an old normal one never reassures (CLINICAL 0.4).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from . import body, dose
from .chart import Answer, Chart, Result
from .exposure import gaps_in
from .findings import Evidence, NotChecked

POSITIVE = frozenset(
    (
        "positive pos detected reactive present positief reactief aangetoond positiv reaktiv nachweisbar nachgewiesen "
        "positif réactif détecté + ++ +++"
    ).split()
)
NEGATIVE = frozenset(
    "negative neg undetected undetectable nonreactive non-reactive absent negatief negativ négatif - "
    "unauffällig".split()
) | {
    "not detected",
    "none detected",
    "non reactive",
    "not reactive",
    "not present",
    "niet aangetoond",
    "niet reactief",
    "nicht nachweisbar",
    "nicht nachgewiesen",
    "nicht reaktiv",
    "non détecté",
    "non réactif",
}
"""Words that settle a result, in English, Dutch, German and French."""
UNSETTLED = frozenset(
    ("indeterminate", "equivocal", "borderline", "invalid", "inconclusive", "grenzwertig", "onbepaald")
)
"""Words that say that the test was made and gave no answer."""


class Newest(msgspec.Struct, frozen=True, kw_only=True):
    """The newest of some results: `found` the one that can be read, `days` how many days ago, `unreadable` a newer one
    whose number cannot be used."""

    found: Result | None = None
    days: int = 0
    unreadable: Result | None = None

    def within(self, days: int) -> bool:
        """Whether it is at most so many days old, and no newer one could not be read."""
        return self.found is not None and self.days <= days and self.unreadable is None


def dated(chart: Chart, concepts: Iterable[str]) -> list[tuple[dt.date, Result]]:
    """Results of these concepts, of today or before, the newest first; of one day in the order of the concepts."""
    rows = [
        (result.day, result)
        for concept in concepts
        if concept in chart.results
        for result in chart.results[concept]()
        if result.day is not None and result.day <= chart.as_of
    ]
    return sorted(rows, key=lambda row: row[0], reverse=True)


def newest_number(chart: Chart, concepts: Iterable[str]) -> Newest:
    """The newest number, or bound of a number."""
    unreadable: Result | None = None
    for day, result in dated(chart, concepts):
        if (result.value is not None and not result.problem) or result.limit is not None:
            return Newest(found=result, days=(chart.as_of - day).days, unreadable=unreadable)
        unreadable = unreadable or result
    return Newest(unreadable=unreadable)


def below(result: Result, figure: Decimal) -> Answer:
    """Whether a number is strictly below a figure; a bound answers only where it leaves no doubt."""
    if result.value is not None:
        return "yes" if result.value < figure else "no"
    if result.limit is None:
        return "unknown"
    if result.comparator == "<":
        return "yes" if result.limit <= figure else "unknown"
    if result.comparator == "<=":
        return "yes" if result.limit < figure else "unknown"
    return "no" if result.limit >= figure else "unknown"


def above(result: Result, figure: Decimal) -> Answer:
    """Whether a number is strictly above a figure; a bound answers only where it leaves no doubt."""
    if result.value is not None:
        return "yes" if result.value > figure else "no"
    if result.limit is None:
        return "unknown"
    if result.comparator == ">":
        return "yes" if result.limit >= figure else "unknown"
    if result.comparator == ">=":
        return "yes" if result.limit > figure else "unknown"
    return "no" if result.limit <= figure else "unknown"


def positive(result: Result) -> Answer:
    """Whether a result is positive: by its word, else by its number against the laboratory's upper limit.

    A bound from above ("<0.05") is below what can be measured, and so negative.
    """
    if result.word in POSITIVE:
        return "yes"
    if result.word in NEGATIVE:
        return "no"
    if result.high is not None and result.high > 0:
        return above(result, result.high)
    return "no" if result.comparator in ("<", "<=") else "unknown"


def newest_answer(chart: Chart, concepts: Iterable[str]) -> tuple[Answer, Result | None]:
    """Whether the newest result of a test is positive, with that result; without any result unknown and None.

    One that says that the test gave no answer counts as none.
    """
    for _, result in dated(chart, concepts):
        if result.word not in UNSETTLED:
            return positive(result), result
    return "unknown", None


def number(value: Decimal) -> str:
    """A number as a card prints it: as it is, one that was converted with at most three decimals."""
    exponent = value.as_tuple().exponent
    return dose.plain(value if isinstance(exponent, int) and exponent >= -3 else round(value, 3))


def shown(result: Result) -> str:
    """What a result says, for the text of a card: "25", "<10", or its words."""
    if result.value is not None:
        return number(result.value)
    if result.limit is not None:
        return f"{result.comparator}{number(result.limit)}"
    return result.word or result.text


def as_evidence(result: Result, name: str, unit: str = "") -> Evidence:
    """A result as evidence."""
    return Evidence(result.reference, f"{name} {shown(result)}{' ' + unit if unit else ''}", result.day)


def result_gaps(chart: Chart, rule: str) -> Iterator[NotChecked]:
    """What is missing of the list of results: the list itself, or entries that could not be read."""
    yield from gaps_in(chart, rule, ("observations",), ("observations",))


def unweighed(chart: Chart, rule: str) -> Iterator[NotChecked]:
    """What is missing of the list of results, where no body weight is found in it."""
    if isinstance(body.weight(chart), dose.Unknown):
        yield from result_gaps(chart, rule)


def ordered_tests(chart: Chart) -> frozenset[str]:
    """The results that tests in the basket will give."""
    return frozenset().union(*(draft.procedure.concepts for draft in chart.drafts if draft.procedure is not None))
