"""The registers hold what they promise: every line has a test that exists, and no line of the lists is left out."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import msgspec
import pytest

from .registers import CONFORMANCE, FAULTS, ROOT, Line, load_register, register_page

REGISTERS = pytest.mark.parametrize("path", [CONFORMANCE, FAULTS], ids=["conformance", "faults"])


@cache
def collected(files: frozenset[str]) -> frozenset[str]:
    """The tests that pytest finds in these files, each case by itself and all cases of a test together."""
    there = [file for file in sorted(files) if (ROOT / file).is_file()]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *there]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
    return frozenset([*found, *(case.partition("[")[0] for case in found)]) if there else frozenset()


def lost(*lines: Line) -> dict[str, list[str]]:
    """By line, the tests that it names and that pytest does not find."""
    named = {test for line in lines for test in line.tests}
    there = collected(frozenset(test.partition("::")[0] for test in named))
    missing = {line.id: [test for test in line.tests if test not in there] for line in lines}
    return {key: tests for key, tests in missing.items() if tests}


@REGISTERS
def test_every_id_stands_once(path: Path) -> None:
    ids = [line.id for line in load_register(path).lines()]
    assert sorted(ids) == sorted(set(ids))


@REGISTERS
def test_every_line_is_shown_or_says_why_not(path: Path) -> None:
    silent = [line.id for line in load_register(path).lines() if not (line.tests or line.note or line.awaits)]
    assert silent == []


@pytest.mark.slow
@REGISTERS
def test_every_test_that_a_line_names_exists(path: Path) -> None:
    assert lost(*(line for line in load_register(path).lines() if line.awaits is None)) == {}


@REGISTERS
def test_no_line_awaits_its_tests(path: Path) -> None:
    awaiting = {line.id: line.awaits for line in load_register(path).lines() if line.awaits is not None}
    assert awaiting == {}


def test_a_test_that_was_renamed_is_missed() -> None:
    here = "tests/test_registers.py::test_every_id_stands_once"
    good = Line(id="good", what="a test and one of its cases", tests=(here, f"{here}[faults]"))
    bad = {
        "renamed": f"{here}_only",
        "cut": here[:-1],
        "another case": f"{here}[elsewhere]",
        "another file": here.replace("test_registers", "test_gone"),
        "no test": "tests/test_registers.py",
    }
    lines = [Line(id=name, what="", tests=(test,)) for name, test in bad.items()]
    assert lost(good, *lines) == {name: [test] for name, test in bad.items()}


def test_a_line_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "register.toml"
    line = 'title = "t"\nabout = "a"\n[[section]]\ntitle = "s"\n[[section.line]]\nid = "A-1"\nwhat = "w"\n'
    file.write_text(line, encoding="utf-8")
    assert [each.id for each in load_register(file).lines()] == ["A-1"]
    file.write_text(line + 'tets = ["x"]\n', encoding="utf-8")
    with pytest.raises(msgspec.ValidationError, match="unknown field `tets`"):
        load_register(file)


@REGISTERS
def test_the_page_shows_every_line(path: Path) -> None:
    page = register_page(path)
    for line in load_register(path).lines():
        assert page.count(f"\n| {line.id} | ") == 1


def test_every_id_of_the_checklist_is_in_the_register(shared: Path) -> None:
    text = (shared / "CDS-HOOKS.md").read_text(encoding="utf-8")
    asked = re.findall(r"^(?:\| |- )([A-Z]+-\d+)\b", text, re.MULTILINE)
    assert len(asked) > 200
    ids = {line.id for line in load_register(CONFORMANCE).lines()}
    assert sorted(set(asked) - ids) == []


def test_every_number_of_the_list_of_faults_is_in_the_register(shared: Path) -> None:
    text = (shared / "FAULTS.md").read_text(encoding="utf-8")
    _, _, last_group = text.partition("\n### K. ")
    last = re.findall(r"\b(\d{1,3})\. ", last_group.partition("\n## ")[0])[-1]
    ids = [int(line.id) for line in load_register(FAULTS).lines()]
    assert (last, ids) == ("145", list(range(1, 146)))
