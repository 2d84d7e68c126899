"""What a finding says, and does not propose, for want of a list that its client never has.

Such a list is known beforehand to be missing, so that no card of its own names it with every order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from .chart import Chart
from .exposure import SOURCE_NAMES
from .findings import Finding, NotChecked
from .remedy import CreateMedication, Remedy
from .rule import Rule


def cautious(rule: Rule, chart: Chart, findings: Sequence[Finding]) -> Iterator[Finding]:
    """The findings of a rule, with a caveat on each list that it would have needed and that this client never has.

    Which lists that are is asked of the rule itself: what it could not check, or could not see, were they missing. A
    medication that it would not propose then is not proposed here: what nobody could see may speak against it.
    """
    if not findings or not chart.not_offered:
        yield from findings
        return
    missing = msgspec.structs.replace(
        chart, missing_sources=chart.missing_sources | chart.not_offered, not_offered=frozenset()
    )
    verdicts = tuple(rule.verdicts(missing))
    unseen = {
        text
        for verdict in verdicts
        for text in ((verdict.missing,) if isinstance(verdict, NotChecked) else verdict.caveats)
    }
    names = [SOURCE_NAMES[source] for source in sorted(chart.not_offered)]
    caveats = tuple(
        f"{name}, which this system does not offer" for name in names if any(name in text for text in unseen)
    )
    proposed = {action for verdict in verdicts if isinstance(verdict, Finding) for action in _new(verdict.remedies)}
    for finding in findings:
        remedies = tuple(remedy for remedy in finding.remedies if proposed.issuperset(_new((remedy,))))
        yield msgspec.structs.replace(finding, caveats=(*finding.caveats, *caveats), remedies=remedies)


def _new(remedies: Iterable[Remedy]) -> Iterator[CreateMedication]:
    return (action for remedy in remedies for action in remedy.actions if isinstance(action, CreateMedication))
