"""The false-alert list, FA-01 to FA-40 of CLINICAL B.4: what the table allows must stay silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.knowledge.cases import Case, load_cases, run
from cds_service.knowledge.loader import Knowledge

CASES = load_cases(Path(__file__).parent / "false_alerts")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.about}")
def test_what_the_table_allows_stays_silent(case: Case, knowledge: Knowledge) -> None:
    assert run(case, knowledge.book) == []


def test_the_list_is_complete() -> None:
    assert {case.rule for case in CASES} == {f"FA-{number:02}" for number in range(1, 41)}
