"""Knowledge files as they are read: TOML with exact numbers, held against a JSON Schema, and the numbers in a row."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import jsonschema
import msgspec

from .faults import BadKnowledge

Table = Mapping[str, object]
BOOKKEEPING = frozenset(("number", "reviewed"))
"""Keys of a row whose numbers decide nothing."""


def read_toml(path: Path, folder: Path) -> dict[str, object]:
    """A TOML file with exact numbers; a fault names it as it stands in the folder."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadKnowledge(path.relative_to(folder).as_posix(), "", "", f"is no TOML: {error}") from None


def schema_of(folder: Path, name: str) -> jsonschema.Draft202012Validator:
    """A schema of the folder, ready to hold files against."""
    return jsonschema.Draft202012Validator(json.loads((folder / "schema" / name).read_text(encoding="utf-8")))


def refuse_shape(validator: jsonschema.Draft202012Validator, table: Table, file: str) -> None:
    """Holds a file against the schema."""
    errors = list(validator.iter_errors(plain_numbers(table)))
    if not errors:
        return
    # A key is also "unevaluated" where its own value is wrong: the wrong value is what to tell.
    error = min(errors, key=lambda e: (e.validator == "unevaluatedProperties", -len(e.absolute_path)))
    path = list(error.absolute_path)
    row = ""
    if len(path) > 1 and path[0] == "rule":
        row = _row_at(table, path[1])
        path = path[2:]
    raise BadKnowledge(file, row, ".".join(map(str, path)), error.message)


def _row_at(table: Table, place: int | str) -> str:
    """The id of a rule: in a list of rows by its number, in a table by its key."""
    if isinstance(place, str):
        return place
    rows = msgspec.convert(table["rule"], list[dict[str, object]])
    return str(rows[place].get("id", f"rule {place + 1}"))


def plain_numbers(value: object) -> object:
    """The same with floats, which is what the schema's validator knows of numbers; only its shape is looked at."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {key: plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_numbers(item) for item in value]
    return value


def numbers(row: Table) -> Iterator[tuple[str, Decimal]]:
    """Every figure of a row with its path ("tiers.0.above"), in the order of the row."""
    for key, value in row.items():
        if key not in BOOKKEEPING:
            yield from _numbers(value, key)


def _numbers(value: object, path: str) -> Iterator[tuple[str, Decimal]]:
    if isinstance(value, bool):
        return
    if isinstance(value, int | Decimal):
        yield path, Decimal(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, f"{path}.{key}")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, item in enumerate(value):
            yield from _numbers(item, f"{path}.{number}")


def replaced(value: object, path: Sequence[str], new: object) -> object:
    """A copy of a row in which what stands at a path is another value; the row itself stays as it is."""
    if not path:
        return new
    if isinstance(value, Mapping):
        return {key: replaced(item, path[1:], new) if key == path[0] else item for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, path[1:], new) if str(at) == path[0] else item for at, item in enumerate(value)]
    return value
