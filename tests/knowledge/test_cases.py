"""Every rule says what its cases expect, and a case that is wrong is noticed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cds_service.knowledge.cases import Case, load_cases, run
from cds_service.knowledge.faults import BadKnowledge
from cds_service.knowledge.loader import Knowledge

CASES = load_cases()
WITH_LIMITS = (
    "MTX-01 MTX-02 MTX-03 MTX-04 MTX-05 MTX-05b MTX-09 MTX-11 AZA-01 AZA-03 AZA-04 AZA-08 MPA-01 MPA-02 MPA-03 "
    "TAC-01 TAC-02 TAC-04 CYC-01 CYC-02 SEQ-01 SEQ-02 SEQ-07"
).split()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.about}")
def test_the_rules_say_what_the_case_expects(case: Case, knowledge: Knowledge) -> None:
    assert run(case, knowledge.book) == []


def test_a_case_that_expects_another_severity_fails(knowledge: Knowledge) -> None:
    right = next(case for case in CASES if case.expect == ("MTX-09 critical",))
    wrong = msgspec.structs.replace(right, expect=("MTX-09 warning",))
    assert run(wrong, knowledge.book) == ["said ['MTX-09 critical'], expected ['MTX-09 warning']"]


def test_a_case_that_expects_silence_fails_where_a_rule_speaks(knowledge: Knowledge) -> None:
    right = next(case for case in CASES if case.expect == ("MTX-09 critical",))
    assert run(msgspec.structs.replace(right, expect=()), knowledge.book) == [
        "said ['MTX-09 critical'], expected nothing"
    ]


def test_a_case_that_expects_other_remedies_fails(knowledge: Knowledge) -> None:
    right = next(case for case in CASES if case.remedies == ("Cancel this order of allopurinol",))
    assert run(msgspec.structs.replace(right, remedies=()), knowledge.book) == [
        "remedies ['Cancel this order of allopurinol'], expected []"
    ]


@pytest.mark.parametrize("rule_id", WITH_LIMITS)
def test_every_rule_has_a_case_that_fires_one_that_is_silent_and_one_with_something_missing(rule_id: str) -> None:
    shown = {case.shows for case in CASES if case.rule == rule_id}
    silent = {case.shows for case in CASES if case.rule == rule_id and not case.expect and not case.unchecked}
    assert {"fires", "missing"} <= shown
    assert silent


@pytest.mark.parametrize("rule_id", WITH_LIMITS)
def test_every_limit_has_a_case_at_it(rule_id: str) -> None:
    assert any(case.rule == rule_id and case.shows == "at" for case in CASES)


def test_every_rule_of_the_knowledge_has_cases(knowledge: Knowledge) -> None:
    book = knowledge.book
    assert {rule.row.id for rule in (*book.rules, *book.off)} == {case.rule for case in CASES}


def test_a_case_with_an_unknown_key_is_refused(tmp_path: object) -> None:
    import pathlib

    folder = pathlib.Path(str(tmp_path))
    (folder / "x.toml").write_text(
        '[[case]]\nrule = "MTX-05"\nshows = "fires"\nabout = "x"\nhook = "order-sign"\nwrong = 1\n'
    )
    with pytest.raises(BadKnowledge, match=r"^cases/x\.toml: Object contains unknown field `wrong`"):
        load_cases(folder)


def test_a_case_with_each_stands_once_for_every_word(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(
        '[[case]]\neach = ["a", "b"]\nrule = "MTX-05"\nshows = "fires"\nabout = "of {each}"\nhook = "order-sign"\n'
        'drafts = [{ drug = "{each}" }]\n'
    )
    assert [(case.about, case.drafts[0].drug) for case in load_cases(tmp_path)] == [("of a", "a"), ("of b", "b")]


def test_a_case_that_expects_another_number_of_cards_fails(knowledge: Knowledge) -> None:
    right = next(case for case in CASES if case.rule == "MTX-11" and case.cards == 1)
    assert run(right, knowledge.book) == []
    assert run(msgspec.structs.replace(right, cards=2), knowledge.book) == ["on 1 cards, expected 2"]
