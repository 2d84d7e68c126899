"""Knowledge that is wrong stops the start, and is told by file, row and key."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cds_service.knowledge.faults import BadKnowledge
from cds_service.knowledge.loader import FOLDER, Knowledge, load
from cds_service.mapping.terminology import Terminology


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped knowledge, to be spoiled."""
    return Path(shutil.copytree(FOLDER, tmp_path / "knowledge", ignore=shutil.ignore_patterns("*.py", "__pycache__")))


def refusal(folder: Path, terminology: Terminology) -> str:
    with pytest.raises(BadKnowledge) as caught:
        load(terminology.name_of, terminology.ingredients, terminology.procedures, folder)
    return str(caught.value)


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_shipped_knowledge_holds_the_first_rules(knowledge: Knowledge) -> None:
    assert {rule.row.id for rule in knowledge.book.rules} >= {
        "AZA-04", "AZA-08", "MPA-03", "MTX-05", "MTX-05b", "MTX-09", "SEQ-01", "SEQ-02", "SEQ-07", "TAC-04",
    }  # fmt: skip


def test_every_rule_has_a_source(knowledge: Knowledge) -> None:
    assert all(rule.row.citations for rule in knowledge.book.rules)


def test_a_link_is_the_publishers_own_address(knowledge: Knowledge) -> None:
    links = {citation.url for rule in knowledge.book.rules for citation in rule.row.citations if citation.url}
    hosts = {link.split("/")[2] for link in links}
    assert hosts == {
        "www.ema.europa.eu", "doi.org", "www.ntvg.nl", "www.accessdata.fda.gov", "pmc.ncbi.nlm.nih.gov",
        "pubmed.ncbi.nlm.nih.gov", "www.fda.gov", "bfarm.de", "pfizermedicalinformation.ca", "cpicpgx.org",
    }  # fmt: skip


def test_a_rule_is_found_by_each_of_its_drugs(knowledge: Knowledge) -> None:
    found = {name: {rule.row.id for rule in rules} for name, rules in knowledge.book.by_concern.items()}
    assert found["oxipurinol"] == {"AZA-04"}
    assert found["plasma-exchange"] == {"GEN-02", "PEX-01", "SEQ-07", "SEQ-08"}
    assert found["rituximab"] >= {"SEQ-01", "SEQ-02", "SEQ-07"}


def test_the_version_changes_with_every_byte(folder: Path, terminology: Terminology, knowledge: Knowledge) -> None:
    def version() -> str:
        return load(terminology.name_of, terminology.ingredients, terminology.procedures, folder).version

    assert version() == knowledge.version
    spoil(folder, "treatments/tacrolimus.toml", "Both are", "Both  are")
    assert version() != knowledge.version


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "treatments/methotrexate.toml",
            'partners = ["antifolate-antimicrobial"]',
            'partners = ["trimetoprim"]',
            "treatments/methotrexate.toml: MTX-09: partners: unknown drug 'trimetoprim'; did you mean 'trimethoprim'?",
        ),
        (
            "treatments/methotrexate.toml",
            'unless = ["methotrexate-oncology"]',
            'unless = ["methotrexat-oncology"]',
            "treatments/methotrexate.toml: MTX-01: unless: unknown fact 'methotrexat-oncology'; did you mean 'methotrexate-oncology'?",
        ),
        (
            "treatments/azathioprine.toml",
            "{drug} + {partner}: xanthine",
            "{drug} + {parter}: xanthine",
            "treatments/azathioprine.toml: AZA-04: summary: unknown placeholder 'parter'; did you mean 'partner'?",
        ),
        (
            "treatments/tacrolimus.toml",
            '{ id = "prograf-label"',
            '{ id = "prograf-lable"',
            "treatments/tacrolimus.toml: TAC-04: source.1.id: unknown source 'prograf-lable'; did you mean 'prograf-label'?",
        ),
        (
            "treatments/tacrolimus.toml",
            'remedies = ["delete-draft"]',
            'remedies = ["delete-drafts"]',
            "treatments/tacrolimus.toml: TAC-04: remedies: unknown remedy 'delete-drafts'; did you mean 'delete-draft'?",
        ),
        (
            "treatments/tacrolimus.toml",
            '"already-managed"',
            '"allready-managed"',
            "treatments/tacrolimus.toml: TAC-04: override: unknown override reason 'allready-managed'; did you mean 'already-managed'?",
        ),
        (
            "sequencing.toml",
            'case = "overlap"',
            'case = "overlaps"',
            "sequencing.toml: SEQ-01: tiers.2.case: unknown case 'overlaps'; did you mean 'overlap'?",
        ),
        (
            "sequencing.toml",
            'procedures = ["plasma-exchange"]',
            'procedures = ["plasma-exchanges"]',
            "sequencing.toml: SEQ-07: procedures: unknown procedure 'plasma-exchanges'; did you mean 'plasma-exchange'?",
        ),
        (
            "drugs.toml",
            '"febuxostat"',
            '"febuxostatt"',
            "drugs.toml: xanthine-oxidase-inhibitor: ingredients: unknown ingredient 'febuxostatt'; did you mean 'febuxostat'?",
        ),
        (
            "glucocorticoids.toml",
            "deflazacort = 6",
            "deflazacor = 6",
            "glucocorticoids.toml: equal_to_5_mg: unknown ingredient 'deflazacor'; did you mean 'deflazacort'?",
        ),
        (
            "glucocorticoids.toml",
            "deflazacort = 6",
            "deflazacort = 0",
            "glucocorticoids.toml: equal_to_5_mg.deflazacort: 0 is not above 0",
        ),
        (
            "glucocorticoids.toml",
            "deflazacort = 6\n",
            "",
            "treatments/prednisolone.toml: GC-01: no equivalent of 'deflazacort' is known",
        ),
        (
            "glucocorticoids.toml",
            '["oral-dexamethasone"]',
            '["oral-prednisolone"]',
            "treatments/dexamethasone.toml: DEX-02: no pulse of this drug is known",
        ),
        (
            "treatments/methotrexate.toml",
            "recent_days = 3",
            "recent_days = -1",
            "treatments/methotrexate.toml: MTX-09: recent_days: -1 is less than the minimum of 0",
        ),
        (
            "treatments/azathioprine.toml",
            "number = 48",
            "number = 44",
            "treatments/azathioprine.toml: AZA-08: id: '44' stands in treatments/azathioprine.toml already",
        ),
    ],
)
def test_what_is_wrong_is_told_by_file_row_and_key(
    folder: Path, terminology: Terminology, file: str, old: str, new: str, told: str
) -> None:
    spoil(folder, file, old, new)
    assert refusal(folder, terminology) == told


def test_an_unknown_kind_is_refused(folder: Path, terminology: Terminology) -> None:
    spoil(folder, "treatments/tacrolimus.toml", 'kind = "avoid-combination"', 'kind = "avoid"')
    assert refusal(folder, terminology).startswith("treatments/tacrolimus.toml: TAC-04: kind: 'avoid' is not one of [")


def test_a_misspelt_key_is_refused(folder: Path, terminology: Terminology) -> None:
    spoil(folder, "treatments/tacrolimus.toml", "recent_days = 1", "recentdays = 1")
    told = refusal(folder, terminology)
    assert told.startswith("treatments/tacrolimus.toml: TAC-04: ")
    assert "'recentdays' was unexpected" in told


def test_a_rule_without_a_source_is_refused(folder: Path, terminology: Terminology) -> None:
    path = folder / "treatments" / "tacrolimus.toml"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("source")]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert refusal(folder, terminology) == "treatments/tacrolimus.toml: TAC-01: 'source' is a required property"


def test_a_summary_of_139_characters_is_taken_and_one_of_140_is_refused(folder: Path, terminology: Terminology) -> None:
    # "{drug} + {partner}: " with the longest names of the row: tacrolimus (10), ciclosporin or voclosporin (11): 10 + 3 + 11 + 2 = 26.
    old = "do not combine (nephrotoxicity)"
    spoil(folder, "treatments/tacrolimus.toml", old, "x" * 113)
    load(terminology.name_of, terminology.ingredients, terminology.procedures, folder)
    spoil(folder, "treatments/tacrolimus.toml", "x" * 113, "x" * 114)
    assert refusal(folder, terminology) == (
        "treatments/tacrolimus.toml: TAC-04: summary: can grow to 140 characters; 139 are allowed"
    )


def test_broken_toml_is_refused(folder: Path, terminology: Terminology) -> None:
    (folder / "general.toml").write_text("[unchecked\n", encoding="utf-8")
    assert refusal(folder, terminology).startswith("general.toml: is no TOML: ")
