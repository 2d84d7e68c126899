"""Words: a text as folded whole words, and a list of phrases that is found in it, longest first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")

_WORD = re.compile(r"[a-z0-9]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
LONGEST: Final = 500
"""Characters of a text that are looked at: a name stands at its beginning, and a note is no name."""


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, without accents and punctuation; digits stay with the letters they touch."""
    text = text[:LONGEST]
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(c for c in text if not unicodedata.combining(c))
    return tuple(_WORD.findall(text.lower()))


class Phrases(Generic[_T]):
    """Phrases of one or more words, each with a value; a match is always of whole words."""

    __slots__ = ("_by_first", "_leading")

    def __init__(self, phrases: Iterable[tuple[str, _T, bool]]) -> None:
        """Takes (phrase, value, whether only the start of a text counts); the first of two equal phrases stays."""
        self._by_first: dict[str, list[tuple[tuple[str, ...], _T]]] = {}
        self._leading: dict[str, list[tuple[tuple[str, ...], _T]]] = {}
        known: set[tuple[tuple[str, ...], bool]] = set()
        for phrase, value, leading in phrases:
            for spelling in {phrase, phrase.translate(_UMLAUTS)}:
                words = words_of(spelling)
                if not words or (words, leading) in known:
                    continue
                known.add((words, leading))
                index = self._leading if leading else self._by_first
                index.setdefault(words[0], []).append((words, value))
        for index in (self._by_first, self._leading):
            for entries in index.values():
                entries.sort(key=lambda entry: -len(entry[0]))

    def find(self, words: tuple[str, ...]) -> Iterator[_T]:
        """The value of every phrase in a text, in order; a word belongs to one phrase, the longest that it begins."""
        at = 0
        while at < len(words):
            length = 1
            entries = self._by_first.get(words[at], [])
            if at == 0:
                # The longest wins, whichever list it is in.
                entries = sorted(entries + self._leading.get(words[0], []), key=lambda entry: -len(entry[0]))
            for phrase, value in entries:
                if words[at : at + len(phrase)] == phrase:
                    yield value
                    length = len(phrase)
                    break
            at += length
