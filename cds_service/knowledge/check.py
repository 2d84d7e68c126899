"""What a pharmacist must not have to look for: rules without cases or codes, names that do not exist, cases that fail.

The loader has refused what is wrong in a row by itself (its shape, its names, its source, its wording); here the whole
is held together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..mapping.terminology import Terminology
from ..mapping.terminology.files import rows
from .cases import Case, run
from .entry import Entry, is_ours
from .faults import BadKnowledge, unknown_name
from .loader import Knowledge, strangers
from .meanings import Meaning, unexplained

OF_REMEDIES = frozenset(("orders", "reduce_to", "instead", "first_step", "shorten_to", "move_to_days"))
"""Keys of a row whose figures say what a remedy sets: they are no limits."""
CODED = (
    "atc.csv",
    "cvx.csv",
    "edqm.csv",
    "icd10.csv",
    "icd10cm.csv",
    "loinc.csv",
    "ndc.csv",
    "rxnorm.csv",
    "snomed.csv",
)
"""The tables of codes; the last column of each says where its code was seen."""


def faults(knowledge: Knowledge, cases: Sequence[Case], meanings: Mapping[str, Meaning]) -> Iterator[BadKnowledge]:
    """Everything that is wrong, in the order of the files; nothing where the knowledge may be shipped."""
    yield from strangers(knowledge.entries, knowledge.book.unchecked.id)
    yield from astray(knowledge)
    yield from unexplained(meanings)
    for entry in knowledge.entries:
        yield from loose_figures(entry)
        yield from uncased(entry, [case for case in cases if case.rule == entry.id])
    yield from unverified()
    yield from unfulfilled(knowledge, cases)


def astray(knowledge: Knowledge) -> Iterator[BadKnowledge]:
    """Rules that a phrase of the table names and that do not exist."""
    known = {entry.id for entry in knowledge.entries}
    for treatment in knowledge.treatments:
        for heading, phrases in treatment.cells:
            for phrase in phrases:
                for rule in (*phrase.rules, *phrase.text_of):
                    if rule not in known:
                        place = f"{heading}: '{phrase.says}'"
                        yield BadKnowledge(
                            f"treatments/{treatment.id}.toml", "", place, unknown_name("rule", rule, known)
                        )


def unverified() -> Iterator[BadKnowledge]:
    """Codes of the terminology that name no place where they were seen: rows speak of concepts, which rest on these."""
    seen = {number for number, _ in rows("sources.csv")}
    for file in CODED:
        for *row, sources in rows(file):
            if not sources or not seen.issuperset(sources.split()):
                yield BadKnowledge(
                    f"terminology/{file}", row[0], "source", f"'{sources}' is no source of the terminology"
                )


def by_name_alone(knowledge: Knowledge, terminology: Terminology) -> tuple[str, ...]:
    """The ingredients that rules speak of and that no verified code says: they are found by their names alone."""
    spoken = {name for entry in knowledge.entries for name in entry.rule.concerns} & terminology.ingredients
    return tuple(
        name
        for name in sorted(spoken)
        if not any(terminology.code_of(name, vocabulary) for vocabulary in ("rxnorm", "atc", "snomed"))
    )


def loose_figures(entry: Entry) -> Iterator[BadKnowledge]:
    """Keys that a row calls ours and that hold no figure."""
    for key in entry.ours:
        if not any(is_ours(figure.path, (key,)) for figure in entry.figures):
            known = {figure.path for figure in entry.figures}
            yield BadKnowledge(entry.file, entry.id, "ours", unknown_name("figure", key, known))


def uncased(entry: Entry, cases: Sequence[Case]) -> Iterator[BadKnowledge]:
    """What the cases of a rule do not show: that it fires, keeps silent, and what it does with something missing; with
    limits, what it does at one of them and on one of its sides."""
    shown = {str(case.shows) for case in cases}
    if not cases:
        yield BadKnowledge(entry.file, entry.id, "cases", "there are none")
        return
    if not any(expected.split()[0] == entry.id for case in cases for expected in case.expect):
        yield BadKnowledge(entry.file, entry.id, "cases", "none in which it fires")
    if all(_speaks(case) for case in cases):
        yield BadKnowledge(entry.file, entry.id, "cases", "none in which it must keep silent")
    if "missing" not in shown:
        yield BadKnowledge(entry.file, entry.id, "cases", "none with something missing")
    if any(figure.path.partition(".")[0] not in OF_REMEDIES for figure in entry.figures):
        if "at" not in shown:
            yield BadKnowledge(entry.file, entry.id, "cases", "none at a limit")
        if not shown & {"below", "above"}:
            yield BadKnowledge(entry.file, entry.id, "cases", "none below or above a limit")


def _speaks(case: Case) -> bool:
    """Whether a case expects anything of its own rule."""
    said = {expected.split()[0] for expected in case.expect} | {gap.partition(":")[0] for gap in case.unchecked}
    return case.rule in said


def unfulfilled(knowledge: Knowledge, cases: Iterable[Case]) -> Iterator[BadKnowledge]:
    """Cases of rules that do not exist, and cases that are not as they expect."""
    known = {entry.id: entry for entry in knowledge.entries}
    for case in cases:
        if case.rule not in known:
            yield BadKnowledge("cases", case.rule, case.about, unknown_name("rule", case.rule, known))
            continue
        for said in run(case, knowledge.book):
            yield BadKnowledge("cases", case.rule, case.about, said)
