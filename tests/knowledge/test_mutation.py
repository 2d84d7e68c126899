"""Mutants of the knowledge: what is changed, and that the cases of a rule notice it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from cds_service.knowledge.cases import load_cases
from cds_service.knowledge.loader import FOLDER, Knowledge, read_catalogue
from cds_service.knowledge.mutation import DRUGS, EQUIVALENTS, Mutation, changes, judged, step
from cds_service.mapping.terminology import Terminology

CASES = load_cases()


@pytest.fixture(scope="module")
def mutation(terminology: Terminology) -> Mutation:
    catalogue = read_catalogue(FOLDER, terminology.name_of, terminology.ingredients, terminology.procedures)
    return Mutation(catalogue, FOLDER)


@pytest.mark.parametrize(
    ("value", "smallest"),
    [("24", "1"), ("1000", "1"), ("0.075", "0.001"), ("1.05", "0.01"), ("2.50", "0.1"), ("0", "1")],
)
def test_the_smallest_step_is_one_in_the_last_place(value: str, smallest: str) -> None:
    assert step(Decimal(value)) == Decimal(smallest)


def test_every_figure_moves_both_ways_and_every_list_loses_each_item() -> None:
    row: dict[str, object] = {
        "id": "X-01",
        "number": 7,
        "drugs": ["a", "b"],
        "within_days": 7,
        "unless": ["c", "d"],
        "tiers": [{"severity": "info", "above": Decimal("0.5"), "when": ["e"]}],
        "why": ["One.", "Two."],
        "source": [{"id": "table-11"}, {"id": "s"}],
        "ours": ["within_days"],
    }
    assert [(path, change) for path, change, _ in changes(row)] == [
        ("within_days", "7 -> 6"),
        ("within_days", "7 -> 8"),
        ("tiers.0.above", "0.5 -> 0.4"),
        ("tiers.0.above", "0.5 -> 0.6"),
        ("drugs", "without a"),
        ("drugs", "without b"),
        ("unless", "without c"),
        ("unless", "without d"),
        ("unless", "dropped"),
        ("tiers", "without item 1"),
        ("tiers.0.when", "without e"),
    ]


def test_a_change_is_made_in_a_copy() -> None:
    row: dict[str, object] = {"tiers": [{"above": 3, "unless": ["x"]}], "unless": ["y", "z"]}
    made = {f"{path}: {change}": changed for path, change, changed in changes(row)}
    assert made["tiers.0.above: 3 -> 4"] == {"tiers": [{"above": 4, "unless": ["x"]}], "unless": ["y", "z"]}
    assert made["tiers.0.unless: without x"] == {"tiers": [{"above": 3}], "unless": ["y", "z"]}
    assert made["unless: dropped"] == {"tiers": [{"above": 3, "unless": ["x"]}]}
    assert row == {"tiers": [{"above": 3, "unless": ["x"]}], "unless": ["y", "z"]}


def test_a_figure_does_not_fall_below_nothing() -> None:
    assert [change for _, change, _ in changes({"recent_days": 0})] == ["0 -> 1"]


def test_what_no_row_may_have_is_no_mutant(mutation: Mutation) -> None:
    # Without its only tier, or its only source of names, TAC-04 would be no rule.
    found = [(mutant.path, mutant.change) for mutant in mutation.mutants(["TAC-04"])]
    assert found == [
        ("recent_days", "1 -> 0"),
        ("recent_days", "1 -> 2"),
        ("hooks", "without order-select"),
        ("hooks", "without order-sign"),
        ("hooks", "without patient-view"),
        ("remedies", "without delete-draft"),
    ]


def test_the_cases_catch_a_moved_limit(mutation: Mutation, knowledge: Knowledge) -> None:
    # 220.5 mg in 70 kg is 3.15 mg/kg, the limit with its tolerance; 225 mg is above it.
    moved = [mutant for mutant in mutation.mutants(["AZA-01"]) if mutant.path == "tiers.1.above"]
    assert [mutant.change for mutant in moved] == ["3 -> 2", "3 -> 4"]
    assert [outcome.caught for outcome in judged(moved, knowledge.book, CASES)] == [True, True]


def test_a_mutant_survives_where_no_case_looks(mutation: Mutation, knowledge: Knowledge) -> None:
    moved = [mutant for mutant in mutation.mutants(["AZA-01"]) if mutant.path == "tiers.1.above"]
    assert [outcome.caught for outcome in judged(moved, knowledge.book, [])] == [False, False]


def test_a_mutant_is_held_against_the_cases_of_its_own_rule_alone(mutation: Mutation, knowledge: Knowledge) -> None:
    others = [case for case in CASES if case.rule != "AZA-01"]
    moved = [mutant for mutant in mutation.mutants(["AZA-01"]) if mutant.path == "tiers.1.above"]
    assert not any(outcome.caught for outcome in judged(moved, knowledge.book, others))


def test_a_mutant_of_a_rule_that_is_off_is_judged_with_the_rule_on(mutation: Mutation, knowledge: Knowledge) -> None:
    rule = next(entry.rule for entry in knowledge.entries if entry.id == "AZA-01")
    off = msgspec.structs.replace(knowledge.book, rules=(), by_concern={}, off=(rule,))
    moved = [mutant for mutant in mutation.mutants(["AZA-01"]) if mutant.path == "tiers.1.above"]
    cases = [case for case in CASES if case.rule == "AZA-01" and set(case.expect) <= {"AZA-01 warning"}]
    assert [outcome.caught for outcome in judged(moved, off, cases)] == [True, True]


def test_a_drug_that_rows_name_loses_each_ingredient_and_each_route_that_it_is_bound_to(mutation: Mutation) -> None:
    drugs = list(mutation.mutants([DRUGS]))
    found = [m for m in drugs if m.path.startswith("thiopurine.")]
    assert [(m.path, m.change) for m in found] == [
        ("thiopurine.ingredients", "without azathioprine"),
        ("thiopurine.ingredients", "without mercaptopurine"),
    ]
    assert all("AZA-04" in {rule.row.id for rule in m.becomes} for m in found)
    routes = [m.change for m in drugs if m.path == "oral-dexamethasone.routes"]
    assert routes == ["without oral", "without unknown"]


def test_what_a_glucocorticoid_is_worth_is_moved_too(mutation: Mutation, knowledge: Knowledge) -> None:
    moved = [m for m in mutation.mutants([EQUIVALENTS]) if m.path == "equal_to_5_mg.methylprednisolone"]
    assert [m.change for m in moved] == ["4 -> 3", "4 -> 5"]
    assert "GC-01" in {rule.row.id for rule in moved[0].becomes}
    assert [outcome.caught for outcome in judged(moved, knowledge.book, CASES)] == [True, True]


def test_a_folder_may_be_another(terminology: Terminology, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(FOLDER, tmp_path / "k", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (folder / "treatments" / "tacrolimus.toml").unlink()
    catalogue = read_catalogue(folder, terminology.name_of, terminology.ingredients, terminology.procedures)
    assert list(Mutation(catalogue, folder).mutants(["TAC-04"])) == []
