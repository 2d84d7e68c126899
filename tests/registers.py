"""The registers: each line of a list that binds the service, with the tests that show it or the reason why none can."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

ROOT = Path(__file__).parent.parent
CONFORMANCE = ROOT / "tests" / "conformance" / "register.toml"
FAULTS = ROOT / "tests" / "faults" / "register.toml"

Level = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "tolerance"]
Part = Literal["trust", "profiles", "outbound", "feedback", "verify"]


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line: what it asks of us in our own words, and the tests (`file::name`) that fail where it is broken.

    A "tolerance" is what a client may send and what must be borne. `note` says what was decided, or why there is no
    test. `awaits` names the part of the project that is still to bring the tests.
    """

    id: str
    level: Level = "MUST"
    what: str
    tests: tuple[str, ...] = ()
    note: str = ""
    awaits: Part | None = None


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lines that belong together, under one heading."""

    title: str
    line: tuple[Line, ...]


class Register(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One list, in its order; `about` opens its page."""

    title: str
    about: str
    section: tuple[Section, ...]

    def lines(self) -> Iterator[Line]:
        """All lines."""
        for section in self.section:
            yield from section.line


def load_register(path: Path) -> Register:
    """The register in a file; what is not as it should be is a `msgspec.ValidationError` with its place."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Register)


def register_page(path: Path) -> str:
    """The register as a page of the documentation."""
    register = load_register(path)
    counted = list(register.lines())
    shown = sum(bool(line.tests) and line.awaits is None for line in counted)
    awaiting = sum(line.awaits is not None for line in counted)
    parts = [f"# {register.title}", register.about.strip()]
    sums = f"{len(counted)} lines: {shown} shown by tests, {len(counted) - shown - awaiting} without one for the reason given"
    parts.append(sums + (f", {awaiting} still awaiting theirs." if awaiting else "."))
    for section in register.section:
        rows = "\n".join(_row(line) for line in section.line)
        parts.append(f"## {section.title}\n\n| | | what | shown by |\n| --- | --- | --- | --- |\n{rows}")
    return "\n\n".join(parts) + "\n"


def _row(line: Line) -> str:
    told = [_sentence(test) for test in line.tests]
    if line.note:
        told.append(f"*{line.note}*")
    if line.awaits is not None:
        told.append(f"**awaits {line.awaits}**")
    cells = (line.id, line.level, line.what, "<br>".join(told))
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _sentence(test: str) -> str:
    """A test as the sentence that its name is, with a link to its file."""
    file, _, name = test.partition("::")
    words, _, case = name.removeprefix("test_").partition("[")
    return f"[{words.replace('_', ' ')}{': ' * bool(case)}{case.rstrip(']')}](../{file})"
