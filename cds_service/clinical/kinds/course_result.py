"""A drug given in courses, and a result that is wanted before each of them and that another infusion can falsify."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import msgspec

from ..chart import Chart
from ..drugs import Drug
from ..exposure import MEDICATION_SOURCES, first_day, list_gaps
from ..results import newest_number
from ..rule import Verdict
from ..subjects import Subject, subjects
from ..timeline import days_given, undated
from .result import ResultLimit, is_clear


class ResultBeforeCourse(ResultLimit, frozen=True, kw_only=True):
    """As a result limit, once for all orders; at patient-view for a drug given in the last `after_days` days.

    A normal result reassures for a course that begins at most `start_days` after it. Within `course_days` of a day of
    the drug the course goes on: that there is no result is not said. A sample of a day of `masked_by`, or of the
    `masked_days` after it, says nothing of the patient: while it is new enough to count the rule is silent, and so soon
    after such a day no test is offered.
    """

    course_days: int
    after_days: int
    masked_by: Drug
    masked_days: int

    def verdicts(self, chart: Chart) -> Iterator[Verdict]:
        subject = self.subject(chart)
        if subject is None:
            return
        sample = newest_number(chart, self.results).found
        if sample is not None and sample.day is not None and self.masks(chart, sample.day):
            if (self.begin(chart, subject) - sample.day).days <= self.start_days:
                return
            chart = msgspec.structs.replace(
                chart, results={name: told for name, told in chart.results.items() if name not in self.results}
            )
        told = tuple(self.judge(chart, subject))
        yield from told
        if told:
            yield from list_gaps(chart, self.row.id, MEDICATION_SOURCES)
            yield from undated(chart, self.masked_by, self.row.id)

    def subject(self, chart: Chart) -> Subject | None:
        """The first order that is asked about; when a chart is opened the last giving that is recent enough."""
        if chart.hook != "patient-view":
            return next(subjects(chart, self.drugs), None)
        recent = [
            given
            for given in days_given(chart, self.drugs)
            if given.draft is None and 0 <= (chart.as_of - given.day).days <= self.after_days
        ]
        return Subject(recent[-1].therapy) if recent else None

    def begin(self, chart: Chart, subject: Subject) -> dt.date:
        """The first day of the order; today for what was given."""
        return first_day(subject.therapy, chart.as_of) if subject.draft is not None else chart.as_of

    def reassured(self, chart: Chart, subject: Subject) -> bool:
        begin = self.begin(chart, subject)
        given = (each.day for each in days_given(chart, self.drugs) if each.draft is None)
        if any(0 <= (begin - day).days <= self.course_days for day in given):
            return True
        newest = newest_number(chart, self.results)
        figures = [tier.below for tier in self.row.tiers if tier.below is not None]
        return is_clear(newest, self.start_days - (begin - chart.as_of).days, figures)

    def wanted_tests(self, chart: Chart) -> tuple[str, ...]:
        return () if self.masks(chart, chart.as_of) else super().wanted_tests(chart)

    def caveats(self, chart: Chart) -> tuple[str, ...]:
        told = super().caveats(chart)
        if not self.masks(chart, chart.as_of):
            return told
        return (*told, f"{self.measure} says nothing within {self.masked_days} days of {self.masked_by.longest_name}")

    def masks(self, chart: Chart, day: dt.date) -> bool:
        """Whether a sample of a day says nothing."""
        given = (each.day for each in days_given(chart, self.masked_by) if each.draft is None)
        return any(0 <= (day - each).days <= self.masked_days for each in given)
