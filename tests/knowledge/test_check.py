"""The knowledge as a whole is held together: what is missing or does not exist is named, with the nearest name."""

from __future__ import annotations

import msgspec
import pytest

from cds_service.clinical.judge import Rulebook
from cds_service.knowledge.cases import Case, Shows, load_cases
from cds_service.knowledge.check import astray, faults, loose_figures, uncased, unfulfilled, unverified
from cds_service.knowledge.entry import Entry
from cds_service.knowledge.loader import Knowledge, Phrase, strangers
from cds_service.knowledge.meanings import load_meanings, unexplained

CASES = load_cases()


def entry(knowledge: Knowledge, rule: str) -> Entry:
    return next(entry for entry in knowledge.entries if entry.id == rule)


def case(rule: str, shows: Shows, *expect: str, unchecked: tuple[str, ...] = ()) -> Case:
    return Case(rule=rule, shows=shows, about="a", hook="order-sign", expect=expect, unchecked=unchecked)


def test_the_shipped_knowledge_passes(knowledge: Knowledge) -> None:
    assert [str(fault) for fault in faults(knowledge, CASES, load_meanings())] == []


def test_every_code_of_the_terminology_says_where_it_was_seen() -> None:
    assert list(unverified()) == []


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ((), ["there are none"]),
        (
            (("silent", ()),),
            ["none in which it fires", "none with something missing", "none at a limit", "none below or above a limit"],
        ),
        (
            (("fires", ("TAC-01 warning",)), ("at", ()), ("missing", ())),
            ["none below or above a limit"],
        ),
        (
            (("above", ("TAC-01 warning",)), ("at", ("TAC-01 info",)), ("missing", ("TAC-01 info",))),
            ["none in which it must keep silent"],
        ),
        ((("above", ("TAC-01 warning",)), ("at", ()), ("missing", ())), []),
    ],
)
def test_what_cases_do_not_show_is_told(
    knowledge: Knowledge, shown: tuple[tuple[Shows, tuple[str, ...]], ...], told: list[str]
) -> None:
    cases = [case("TAC-01", shows, *expect) for shows, expect in shown]
    assert [fault.reason for fault in uncased(entry(knowledge, "TAC-01"), cases)] == told


def test_a_rule_without_figures_owes_no_case_at_a_limit(knowledge: Knowledge) -> None:
    cases = [case("MTX-11", "fires", "MTX-11 info"), case("MTX-11", "silent"), case("MTX-11", "missing")]
    assert list(uncased(entry(knowledge, "MTX-11"), cases)) == []


def test_a_case_in_which_the_rule_cannot_be_checked_is_not_silent(knowledge: Knowledge) -> None:
    cases = [
        case("MTX-11", "fires", "MTX-11 info"),
        case("MTX-11", "missing", unchecked=("MTX-11: the dose",)),
    ]
    assert [fault.reason for fault in uncased(entry(knowledge, "MTX-11"), cases)] == [
        "none in which it must keep silent"
    ]


def test_a_case_of_an_unknown_rule_is_told_with_the_nearest_name(knowledge: Knowledge) -> None:
    assert [str(fault) for fault in unfulfilled(knowledge, [case("TAC-O1", "fires")])] == [
        "cases: TAC-O1: a: unknown rule 'TAC-O1'; did you mean 'TAC-01'?"
    ]


def test_a_case_that_fails_is_told(knowledge: Knowledge) -> None:
    right = next(case for case in CASES if case.expect == ("MTX-09 critical",))
    wrong = msgspec.structs.replace(right, expect=())
    assert [str(fault) for fault in unfulfilled(knowledge, [wrong])] == [
        f"cases: MTX-09: {right.about}: said ['MTX-09 critical'], expected nothing"
    ]


def test_a_silenced_rule_that_does_not_exist_is_told(knowledge: Knowledge) -> None:
    without = [entry for entry in knowledge.entries if entry.id != "MTX-11"]
    assert "treatments/methotrexate.toml: MTX-01: silences.0.rules: unknown rule 'MTX-11'" in {
        str(fault).partition(";")[0] for fault in strangers(without, "GEN-03")
    }


def test_what_a_row_calls_ours_must_be_a_figure(knowledge: Knowledge) -> None:
    wrong = msgspec.structs.replace(entry(knowledge, "TAC-01"), ours=("level_day", "tiers"))
    assert [str(fault) for fault in loose_figures(wrong)] == [
        "treatments/tacrolimus.toml: TAC-01: ours: unknown figure 'level_day'; did you mean 'level_days'?"
    ]


def test_a_phrase_of_the_table_names_rules_that_exist(knowledge: Knowledge) -> None:
    row = msgspec.structs.replace(knowledge.treatments[0], dose=(Phrase(says="60 mg", rules=("GC-001",)),))
    spoiled = msgspec.structs.replace(knowledge, treatments=(row,))
    assert "treatments/prednisolone.toml: dose and duration: '60 mg': unknown rule 'GC-001'; did you mean 'GC-01'?" in {
        str(fault) for fault in astray(spoiled)
    }


def test_a_fact_without_a_meaning_and_a_meaning_without_a_fact_are_told() -> None:
    meanings = dict(load_meanings())
    meanings["imm"] = meanings.pop("iim")
    told = [str(fault) for fault in unexplained(meanings)]
    assert told == [
        "facts.toml: iim: the fact has no meaning",
        "facts.toml: imm: unknown fact 'imm'; did you mean 'imnm'?",
    ]


def test_a_rule_that_is_off_is_asked_for_its_own_cases(knowledge: Knowledge) -> None:
    rule = entry(knowledge, "TAC-04").rule
    off = Rulebook(rules=(), by_concern={}, unchecked=knowledge.book.unchecked, off=(rule,))
    fires = next(case for case in CASES if case.expect == ("TAC-04 critical",))
    assert list(unfulfilled(msgspec.structs.replace(knowledge, book=off), [fires])) == []
