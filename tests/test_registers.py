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
def collected(file: str) -> frozenset[str]:
    """The tests that pytest finds in a file, each case by itself and all cases of a test together."""
    if not (ROOT / file).is_file():
        return frozenset()
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", file]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    cases = [line for line in output.splitlines() if line.startswith(f"{file}::")]
    return frozenset([*cases, *(case.partition("[")[0] for case in cases)])


def lost(line: Line) -> list[str]:
    """The tests that a line names and that pytest does not find."""
    return [test for test in line.tests if test not in collected(test.partition("::")[0])]


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
    missing = {line.id: lost(line) for line in load_register(path).lines() if line.awaits is None and lost(line)}
    assert missing == {}


@REGISTERS
def test_no_line_awaits_its_tests(path: Path) -> None:
    awaiting = {line.id: line.awaits for line in load_register(path).lines() if line.awaits is not None}
    assert awaiting == {}


def test_a_test_that_was_renamed_is_missed() -> None:
    here = "tests/test_registers.py"
    for name in ("test_that_is_not_here", "test_every_id_stands_once[elsewhere]", "test_every_id_stands_onc"):
        assert lost(Line(id="x", what="y", tests=(f"{here}::{name}",))) == [f"{here}::{name}"]
    assert lost(Line(id="x", what="y", tests=("tests/test_gone.py::test_every_id_stands_once",))) != []
    for name in ("test_every_id_stands_once", "test_every_id_stands_once[faults]"):
        assert lost(Line(id="x", what="y", tests=(f"{here}::{name}",))) == []


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
