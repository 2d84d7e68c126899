"""The data files of this package, row by row; comment lines hold their licence and origin."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files


def rows(name: str) -> Iterator[list[str]]:
    """The rows of a data file below its heading, each as long as the heading. Raises ValueError with file and line."""
    text = (files(__package__) / name).read_text(encoding="utf-8")
    lines = text.split("\n")
    first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    reader = csv.reader(lines[first:])
    width = len(next(reader))
    for row in reader:
        if not row:
            continue
        if len(row) != width:
            raise ValueError(f"{name}, line {first + reader.line_num}: {len(row)} columns, not {width}")
        yield row
