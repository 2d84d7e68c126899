"""Makes the pages of `docs/` that show what the program says, so that they cannot differ from it.

`python tools/docs.py` writes them, `python tools/docs.py --check` fails where one is not up to date.
"""

from __future__ import annotations

import datetime as dt
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from rich.console import Console

from cds_service.cli.ehr import LocalService
from cds_service.cli.explaining import explained, show_explained
from cds_service.cli.fixtures import load_fixture
from cds_service.cli.reading import read
from cds_service.cli.show_reading import show_reading
from cds_service.knowledge.book import facts_page, treatments_page
from cds_service.knowledge.cases import load_cases
from cds_service.knowledge.loader import Knowledge, load
from cds_service.knowledge.meanings import load_meanings
from cds_service.mapping.terminology import Terminology
from cds_service.settings import Settings
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


EXPLAINED = (
    ("A card that came", "methotrexate-without-folic-acid", "MTX-05", ()),
    ("A rule that was asked and had nothing to say", "methotrexate-without-folic-acid", "MTX-03", ()),
    (
        "A rule that could not be checked: the results did not come",
        "methotrexate-without-folic-acid",
        "MTX-07",
        ("observations",),
    ),
    ("A rule that nothing in the basket concerns", "methotrexate-without-folic-acid", "TAC-04", ()),
)
"""What is shown: a heading, a synthetic patient, a rule, and the prefetch keys that are left out."""


def explain_page() -> str:
    """`cds-service explain` on a synthetic patient."""
    return "\n".join(_explain_lines()) + "\n"


def _explain_lines() -> Iterator[str]:
    yield from (
        "# `cds-service explain`",
        "",
        "Says of each rule why it speaks about a request or does not: *fires*, *silenced* by a graver card about the",
        "same order, *not checked* with what was missing, *clear*, *not concerned*, *not asked at this hook*, *off*.",
        "Beneath stand the figures that were compared, the limits of its tiers, and the facts that it asked for with",
        "their evidence. `REQUEST.json` is what an EHR sends to a hook; `--rule` asks about one rule, `--json` is for",
        "programs. The request never leaves the process. In the development profile, where nobody is asked who calls,",
        "`POST /cds-services/{id}/explain` answers the same as JSON; elsewhere that address does not exist.",
    )
    written = dt.date.fromisoformat("2026-11-23")
    service = LocalService(Settings(as_of=written, log_level="error"))
    for heading, name, rule, left_out in EXPLAINED:
        request = msgspec.json.decode(load_fixture(name, written).request, type=dict[str, msgspec.Raw])
        prefetch = msgspec.json.decode(request["prefetch"], type=dict[str, msgspec.Raw])
        kept = {key: value for key, value in prefetch.items() if key not in left_out}
        body = msgspec.json.encode(request | {"prefetch": msgspec.Raw(msgspec.json.encode(kept))})
        shown = io.StringIO()
        show_explained(
            Console(file=shown, width=110, color_system=None), explained(service, body, rule), everything=True
        )
        yield from ("", f"## {heading}", "", "```console", f"$ cds-service explain request.json --rule {rule}")
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
    "docs/explain.md": explain_page,
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
