"""What the facts that rows name mean, in words for people: facts.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from ..clinical.facts import FACTS
from .faults import BadKnowledge, unknown_name
from .loader import FOLDER
from .shape import read_toml

FILE = "facts.toml"


class Meaning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a yes means, and in which resources it is sought."""

    yes: str
    evidence: str


NO_MEANING = Meaning(yes="", evidence="")


def load_meanings(folder: Path = FOLDER) -> dict[str, Meaning]:
    """The meaning of each fact by its name. Raises `BadKnowledge` for a file that cannot be read."""
    try:
        return msgspec.convert(read_toml(folder / FILE, folder).get("fact", {}), dict[str, Meaning])
    except msgspec.ValidationError as error:
        raise BadKnowledge(FILE, "", "", str(error)) from None


def unexplained(meanings: Mapping[str, Meaning]) -> Iterator[BadKnowledge]:
    """Facts without a meaning, and meanings of facts that do not exist."""
    for name in sorted(FACTS.keys() - meanings.keys()):
        yield BadKnowledge(FILE, "", name, "the fact has no meaning")
    for name in sorted(meanings.keys() - FACTS.keys()):
        yield BadKnowledge(FILE, "", name, unknown_name("fact", name, FACTS))
