"""`cds-service knowledge` lists, shows and checks the rules, and judges their mutants."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cds_service.cli import knowledge as cli_knowledge
from cds_service.cli import main
from cds_service.knowledge.book import facts_page, treatments_page
from cds_service.knowledge.cases import load_cases
from cds_service.knowledge.faults import BadKnowledge
from cds_service.knowledge.loader import Knowledge
from cds_service.knowledge.meanings import load_meanings


def called(*words: str, environ: dict[str, str] | None = None) -> Result:
    return CliRunner(env={"COLUMNS": "160", **(environ or {})}).invoke(main, ["knowledge", *words])


@pytest.fixture
def site(tmp_path: Path) -> str:
    path = tmp_path / "hospital.toml"
    path.write_text("[rule.MTX-11]\noff = true\n[rule.IVIG-04.figures]\nleast_days = 21\n", encoding="utf-8")
    return str(path)


def line_of(result: Result, rule: str) -> str:
    return next(line for line in result.output.splitlines() if line.split()[:1] == [rule])


def test_the_list_says_what_each_rule_is() -> None:
    result = called("list")
    assert result.exit_code == 0
    count = sum(case.rule == "TAC-04" for case in load_cases())
    words = line_of(result, "TAC-04").split()
    assert words[:5] == ["TAC-04", "critical", "view", "select", "sign"]
    assert words[-1] == str(count)
    assert "Not clinically reviewed." in result.output


@pytest.mark.parametrize("by", ["option", "environment"])
def test_the_list_shows_what_a_site_has_changed(site: str, by: str) -> None:
    result = called("list", "--site", site) if by == "option" else called("list", environ={"CDS_SITE_FILE": site})
    assert line_of(result, "MTX-11").rstrip().endswith("off; switched off")
    assert line_of(result, "IVIG-04").rstrip().endswith("least_days 24 -> 21")
    assert ", 2 changed by this site." in result.output


def test_one_rule_is_shown_whatever_case_it_is_typed_in(site: str) -> None:
    result = called("show", "ivig-04", "--site", site)
    assert result.exit_code == 0
    assert "Changed by this site: least_days 24 -> 21." in result.output
    assert "figures: above g per kg 0.6 (ours); least days 21 (ours)" in result.output


def test_an_unknown_rule_is_told_with_the_nearest() -> None:
    result = called("show", "MTX-O5")
    assert (result.exit_code, result.output) == (1, "Error: unknown rule 'MTX-O5'; did you mean 'MTX-05'?\n")


def test_a_site_file_that_is_wrong_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "hospital.toml"
    path.write_text("[rule.MTX-03.figures]\ntiers.1.above = 30\n", encoding="utf-8")
    result = called("list", "--site", str(path))
    told = "hospital.toml: MTX-03: figures.tiers.1.above: is the table's or a source's, not ours: it cannot be changed"
    assert (result.exit_code, result.output) == (1, f"Error: {told}\n")


def test_knowledge_without_a_fault_is_said_to_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_knowledge, "faults", lambda knowledge, cases, meanings: ())
    result = called("check")
    assert result.output.endswith("Nothing is wrong.\n")
    assert f"rules, {len(load_cases())} cases.\n" in result.output
    assert result.exit_code == 0


def test_each_fault_is_a_line_and_the_status_is_1(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = BadKnowledge("treatments/x.toml", "X-01", "cases", "there are none")
    monkeypatch.setattr(cli_knowledge, "faults", lambda knowledge, cases, meanings: (fault, fault))
    result = called("check")
    assert result.stdout.startswith("treatments/x.toml: X-01: cases: there are none\n" * 2)
    assert result.stderr == "Error: 2 faults in the knowledge\n"
    assert result.exit_code == 1


@pytest.mark.parametrize("words", [["book"], ["book", "--facts"]])
def test_the_book_is_printed(words: list[str], knowledge: Knowledge) -> None:
    pages = {1: treatments_page(knowledge, load_cases()), 2: facts_page(knowledge, load_meanings())}
    assert called(*words).output == pages[len(words)]


def test_mutants_that_nobody_notices_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = tuple(case for case in load_cases() if case.rule == "TAC-04" and case.hook == "patient-view")
    monkeypatch.setattr(cli_knowledge, "load_cases", lambda: cases)
    result = called("mutate", "tac-04")
    assert "TAC-04: hooks: without order-sign\n" in result.stdout
    assert "TAC-04: hooks: without patient-view\n" not in result.stdout
    assert result.stderr.endswith("Error: 95 % are to be caught\n")
    assert result.exit_code == 1


def test_mutants_that_are_all_caught_are_counted() -> None:
    result = called("mutate", "MTX-02")
    assert result.stdout.splitlines()[-1].endswith("caught (100.0 %)")
    assert result.exit_code == 0


def test_mutants_of_an_unknown_rule_are_none() -> None:
    result = called("mutate", "MTX-O5")
    assert (result.exit_code, result.stderr) == (1, "Error: unknown rule 'MTX-O5'; did you mean 'MTX-05'?\n")
