"""Makes the pages of `docs/` that show what the program says, so that they cannot differ from it.

`python tools/docs.py` writes them, `python tools/docs.py --check` fails where one is not up to date.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from cds_service.cli.reading import read
from cds_service.cli.show_reading import show_reading
from cds_service.knowledge.book import facts_page, treatments_page
from cds_service.knowledge.cases import load_cases
from cds_service.knowledge.loader import Knowledge, load
from cds_service.knowledge.meanings import load_meanings
from cds_service.mapping.terminology import Terminology
from cds_service.verify.catalogue import CHECKS
from tests.registers import CONFORMANCE, FAULTS, register_page

ROOT = Path(__file__).parent.parent


def dose_page() -> str:
    """`cds-service dose` on every fixture."""
    terminology = Terminology.load()
    return "\n".join(_dose_lines(terminology)) + "\n"


def _dose_lines(terminology: Terminology) -> Iterator[str]:
    yield from (
        "# `cds-service dose`",
        "",
        "Shows how a dosage is understood: every figure with the element that it was read from, or with the reason",
        "why it is unknown. It reads a MedicationRequest, MedicationStatement, MedicationAdministration or a bare",
        "Dosage from a file or, with `-`, from standard input; `--json` prints the same for programs. It is the tool",
        "for the question *why did this card (not) come?*",
        "",
        "Amounts of a mass are in mg. *on a day* is the amount on a day on which the drug is given, *in a cycle* that",
        "of days of giving at most 3 days apart and within 7 days. Nothing is rounded, nothing is guessed.",
    )
    for path in sorted((ROOT / "fixtures" / "dosage").glob("*.json")):
        yield from ("", f"## {path.stem[3:].replace('-', ' ')}", "", "```console")
        yield f"$ cds-service dose {path.relative_to(ROOT).as_posix()}"
        for reading in read(path.read_bytes(), terminology):
            shown = io.StringIO()
            show_reading(Console(file=shown, width=100, color_system=None), reading)
            yield from (line.rstrip() for line in shown.getvalue().rstrip().splitlines())
        yield "```"


def _knowledge() -> Knowledge:
    terminology = Terminology.load()
    return load(terminology.name_of, terminology.ingredients, terminology.procedures)


def checks_page() -> str:
    """Every check of `cds-service verify`."""
    return "\n".join(_check_lines()) + "\n"


def _check_lines() -> Iterator[str]:
    yield from (
        "# The checks of `cds-service verify`",
        "",
        "What it looks at ([how](verify.md)), how binding each is, and the section of CDS Hooks and the lines of the",
        "[register](conformance.md) that it rests on. Lines `SB-` are needs of the public sandbox.",
    )
    for group in dict.fromkeys(check.group for check in CHECKS):
        yield from ("", f"## {group.capitalize()}", "")
        yield from ("| check | level | what | section | lines |", "| --- | --- | --- | --- | --- |")
        for check in CHECKS:
            if check.group == group:
                lines = ", ".join(check.lines)
                yield f"| `{check.id}` | {check.level} | {check.title} | {check.section} | {lines} |"


PAGES: dict[str, Callable[[], str]] = {
    "docs/dose.md": dose_page,
    "docs/treatments.md": lambda: treatments_page(_knowledge(), load_cases()),
    "docs/verify-checks.md": checks_page,
    "docs/facts.md": lambda: facts_page(_knowledge(), load_meanings()),
    "docs/conformance.md": lambda: register_page(CONFORMANCE),
    "docs/faults.md": lambda: register_page(FAULTS),
}


def main(arguments: list[str]) -> int:
    """Writes the pages, or says which are not up to date."""
    stale: list[str] = []
    for name, make in PAGES.items():
        path, text = ROOT / name, make()
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    for name in stale:
        print(f"{name} is not up to date: make docs")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
