"""Strict reading of JSON objects: every member once, nothing decoded that is not asked for, faults named by path.

msgspec refuses nearly all that is not JSON even in what it skips; this adds what it lets pass: bad UTF-8 in skipped
values, duplicate keys (it keeps the last), any depth that the Python version happens to bear, and numbers out of range.
"""

from __future__ import annotations

import re
import sys
from itertools import accumulate
from typing import TypeVar

import msgspec

from .errors import BadRequest, TooLarge

MAX_DEPTH = 1000
"""So deep may objects and lists lie in one another at most. On Python 3.11 the decoder gives up a little before."""
TOO_DEEP = "The body is nested too deeply"
MAX_MEMBERS = 10_000
"""So many members may an object have that is walked here (the envelope, the context, prefetch)."""
SMALL = 65_536
"""Unread values up to this size in bytes are checked for numbers out of range."""

_MEMBER = re.compile(rb'[ \t\n\r]*("(?:[^"\\]|\\.)*+")[ \t\n\r]*:[ \t\n\r]*', re.DOTALL)
_AFTER_VALUE = re.compile(rb"[ \t\n\r]*([,}])")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b'"[]{}')
_ROUNDS = 12
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NULL = msgspec.Raw(b"null")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_T = TypeVar("_T")


class Members:
    """The members of one JSON object, still raw; `path` is where the object stands ("" for the whole body).

    Reading a member that is absent or null gives "" or None. A member of the wrong type is a BadRequest at its path.
    """

    __slots__ = ("_raw", "path")

    def __init__(self, raw: dict[str, msgspec.Raw], path: str) -> None:
        self._raw = raw
        self.path = path

    def place(self, key: str) -> str:
        """The path of a member. A key that could hold anything is left out of it."""
        if not _PLAIN_KEY.fullmatch(key):
            return self.path
        return f"{self.path}.{key}" if self.path else key

    def raw(self, key: str) -> msgspec.Raw | None:
        """A member as it came, None where it is absent or null."""
        value = self._raw.get(key)
        return None if value is None or value == _NULL else value

    def text(self, key: str) -> str:
        """A string."""
        return self._read(key, _TEXT) or ""

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings, empty where there is none."""
        return self._read(key, _TEXTS) or ()

    def number(self, key: str) -> float | None:
        """A number."""
        return self._read(key, _NUMBER)

    def members(self, key: str) -> Members | None:
        """An object, read as strictly as this one."""
        value = self.raw(key)
        return None if value is None else read_members(bytes(value), self.place(key))

    def values(self) -> dict[str, msgspec.Raw | None]:
        """All members as they came, null as None."""
        return {key: None if value == _NULL else value for key, value in self._raw.items()}

    def check_rest(self, read: frozenset[str]) -> None:
        """Refuses numbers out of range in the small members that are not in `read`, since nobody else looks there."""
        for key, value in self._raw.items():
            if key not in read and len(memoryview(value)) <= SMALL:
                self._read(key, _ANYTHING)

    def _read(self, key: str, decoder: msgspec.json.Decoder[_T]) -> _T | None:
        value = self.raw(key)
        if value is None:
            return None
        try:
            return decoder.decode(value)
        except msgspec.ValidationError as error:
            message, _, inner = str(error).partition(" - at `$")
            raise BadRequest(message, self.place(key) + inner.rstrip("`"), code="value") from None


_TEXTS = msgspec.json.Decoder(tuple[str, ...])
_NUMBER = msgspec.json.Decoder(float)
_ANYTHING = msgspec.json.Decoder(object)


def read_document(body: bytes) -> Members:
    """The members of a body that is one JSON object in UTF-8 and nothing else; anything other is a BadRequest."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            raise BadRequest("The body is not UTF-8", code="structure") from None
    members = read_members(body, "")
    if sys.version_info >= (3, 12) and deeper_than(MAX_DEPTH, body):
        raise BadRequest(TOO_DEEP, code="structure")
    return members


def read_members(text: bytes, path: str) -> Members:
    """The members of a JSON object. A key that stands twice is a BadRequest that names it, where it is a plain word."""
    try:
        raw = _OBJECT.decode(text)
    except msgspec.ValidationError as error:
        raise BadRequest(str(error), path, code="value") from None
    except RecursionError:
        raise BadRequest(TOO_DEEP, code="structure") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = str(error) if isinstance(error, msgspec.DecodeError) else "a key is not UTF-8"
        raise BadRequest(f"The body is not valid JSON: {reason}", path, code="structure") from None
    if len(raw) > MAX_MEMBERS:
        raise TooLarge(f"An object has more than {MAX_MEMBERS} members", path)
    members = Members(raw, path)
    duplicate = duplicate_key(text, raw)
    if duplicate is not None:
        raise BadRequest("A key stands twice in one object", members.place(duplicate), code="duplicate")
    return members


def duplicate_key(text: bytes, raw: dict[str, msgspec.Raw]) -> str | None:
    """A key that stands twice in the object `text`, of which a decoder kept the last values in `raw`; else None.

    Walks from key to key. A value must stand at its place as it was kept, or another one overwrote it. Since no JSON
    value is the beginning of another one (but for numbers, and after those a comma or brace must follow), the walk
    never leaves the true places, whatever the values hold.
    """
    seen: set[str] = set()
    at = text.index(b"{") + 1
    while (member := _MEMBER.match(text, at)) is not None:
        token = member[1]
        key = _TEXT.decode(token) if b"\\" in token else token[1:-1].decode()
        value = bytes(raw[key])
        after = _AFTER_VALUE.match(text, member.end() + len(value))
        if key in seen or after is None or not text.startswith(value, member.end()):
            return key
        seen.add(key)
        at = after.end()
    return None


def deeper_than(limit: int, text: bytes) -> bool:
    """Whether objects and lists in well-formed JSON lie more than `limit` levels in one another.

    Real documents are flat: taking out innermost pairs a few times (at most two levels each time) leaves too little to
    be deep. Only where that does not settle it, every bracket is counted.
    """
    if b"\\" in text:
        text = re.sub(rb"\\.", b"", text)
    brackets = text.translate(None, _NOT_BRACKETS).replace(b'""', b"")
    if b'"' in brackets:
        brackets = re.sub(rb'"[^"]*"', b"", brackets)
    left = brackets
    for taken in range(_ROUNDS):
        if len(left) <= 2 * (limit - 2 * taken):
            return False
        left = left.replace(b"{}", b"").replace(b"[]", b"")
    # Signed bytes, summed up from bracket to bracket: the highest sum is the depth.
    return max(accumulate(memoryview(brackets.translate(_STEPS)).cast("b"))) > limit
