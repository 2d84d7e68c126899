"""Strict reading of JSON objects, held against a slow reading with the standard library."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec import json as fast

from cds_service.hooks.errors import BadRequest, TooLarge
from cds_service.hooks.strict import MAX_DEPTH, MAX_MEMBERS, deeper_than, duplicate_key, read_document

# Keys and strings full of what could lead a walk astray.
_texts = st.text(alphabet='ab"\\,:{}[] \né', max_size=6)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-20, 200) | st.sampled_from([1.5, 12.0]) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)
_space = st.text(alphabet=" \t\r\n", max_size=2)


@st.composite
def _objects(draw: st.DrawFn) -> bytes:
    """An object, written by hand so that a key may stand twice, with space wherever it may be."""
    pairs = draw(st.lists(st.tuples(_texts, _values), max_size=5))
    escaped = draw(st.booleans())
    members = []
    for key, value in pairs:
        written = json.dumps(key, ensure_ascii=escaped), json.dumps(value, ensure_ascii=escaped)
        space = [draw(_space) for _ in range(4)]
        members.append(f"{space[0]}{written[0]}{space[1]}:{space[2]}{written[1]}{space[3]}")
    inside = ",".join(members) if members else draw(_space)
    return f"{draw(_space)}{{{inside}}}{draw(_space)}".encode()


def _slow_duplicate(text: bytes) -> bool:
    top: list[list[str]] = []

    def keep(pairs: list[tuple[str, object]]) -> None:
        top.append([key for key, _ in pairs])

    json.loads(text, object_pairs_hook=keep)
    keys = top[-1]  # The outermost object is finished last.
    return len(keys) != len(set(keys))


@given(_objects())
def test_a_key_that_stands_twice_is_found_just_as_a_slow_reader_finds_it(text: bytes) -> None:
    assert (duplicate_key(text, fast.decode(text, type=dict[str, Raw])) is not None) == _slow_duplicate(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"a":1,"a":12}',
        b'{"a":12,"a":1}',
        b'{"a":"x","a":"y"}',
        b'{"a":{"b":1},"a":{"b":1}}',
        b'{ "a" : 1 , "b" : 2 , "a" : 1 }',
        rb'{"a":1,"\u0061":1}',
        # The kept value has the length of the first one's beginning, which pretends to be another member.
        b'{"a":"1\\",\\"b\\":\\"2","a":"1\\"","b":"2"}',
    ],
)
def test_a_second_value_never_wins(text: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        read_document(text)
    assert caught.value.expression == ("a",)
    assert caught.value.diagnostics == "A key stands twice in one object"
    assert caught.value.code == "duplicate"


def test_a_key_that_could_hold_anything_is_not_repeated() -> None:
    with pytest.raises(BadRequest) as caught:
        read_document(b'{"Jane Doe":1,"Jane Doe":1}')
    assert caught.value.expression == ()


def test_an_object_within_a_member_is_read_with_its_path() -> None:
    document = read_document(b'{"context":{"patientId":"1","patientId":"2"}}')
    with pytest.raises(BadRequest) as caught:
        document.members("context")
    assert caught.value.expression == ("context.patientId",)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1} x',
        b'{"a":1}{"a":1}',
        b'{"a":NaN}',
        b'{"a":{"b":[NaN]}}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":01}',
        b'{"a":[1,]}',
        b"{'a':1}",
        b'{"a":"\n"}',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-32-be"),
        '{"a":"テ"}'.encode("shift-jis"),
        b'{"a":"\xff"}',
        b'{"a":{"b":"\xff"}}',
        b'{"\xff":1}',
        b'{"a":"\xed\xa0\x80"}',
        rb'{"a":"\ud800"}',
        rb'{"a":["\udc00"]}',
        rb'{"a":"\ud800\u0041"}',
        rb'{"\ud800":1}',
        b"[]",
        b"null",
        b"1",
        b'"text"',
    ],
)
def test_what_is_not_one_json_object_in_utf8_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_document(body)


def test_the_top_level_must_be_an_object() -> None:
    with pytest.raises(BadRequest) as caught:
        read_document(b'["secret"]')
    assert caught.value.diagnostics == "Expected `object`, got `array`"


def _nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    """An object with `depth` levels in all."""
    return b'{"a":' + opening * (depth - 1) + closing * (depth - 1) + b"}"


def test_nesting_deeper_than_any_resource_is_read() -> None:
    assert read_document(_nested(500)).raw("a") is not None


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 5000, 100_000])
def test_deeper_nesting_is_refused_whatever_the_decoder_bears(depth: int) -> None:
    with pytest.raises(BadRequest) as caught:
        read_document(_nested(depth))
    assert caught.value.diagnostics == "The body is nested too deeply"


def test_the_limit_is_the_deepest_that_is_not_too_deep() -> None:
    assert not deeper_than(MAX_DEPTH, _nested(MAX_DEPTH))
    assert deeper_than(MAX_DEPTH, _nested(MAX_DEPTH + 1))


def test_deep_nesting_is_refused_in_a_thread_too() -> None:
    refused: list[BadRequest] = []

    def read() -> None:
        try:
            read_document(b'{"a":' + b'{"b":' * 3000 + b"1" + b"}" * 3001)
        except BadRequest as error:
            refused.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert len(refused) == 1


def _slow_depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_slow_depth(inner) for inner in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_slow_depth(inner) for inner in value), default=0)
    return 0


@given(_values, st.integers(0, 40), st.integers(0, 60), st.integers(1, 12))
def test_depth_is_told_exactly_whatever_the_strings_hold(value: object, around: int, limit: int, width: int) -> None:
    nested = value
    for level in range(around):
        nested = [nested] * (width if level < 2 else 1) if level % 2 else {'["{': nested}
    text = json.dumps(nested).encode()
    assert deeper_than(limit, text) == (_slow_depth(nested) > limit)


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"9" * 5000, b"[1e999999]", b'{"deep":[1e400]}'])
def test_a_number_out_of_range_in_an_unread_member_is_refused(number: bytes) -> None:
    document = read_document(b'{"unknown":' + number + b"}")
    with pytest.raises(BadRequest) as caught:
        document.check_rest(frozenset())
    assert caught.value.expression[0].startswith("unknown")


def test_a_member_that_somebody_reads_is_left_to_its_reader() -> None:
    document = read_document(b'{"prefetch":1e400}')
    document.check_rest(frozenset(("prefetch",)))
    assert document.raw("prefetch") == Raw(b"1e400")


def test_null_is_absent() -> None:
    document = read_document(b'{"a":null}')
    assert (document.raw("a"), document.text("a"), document.members("a")) == (None, "", None)
    assert (document.texts("a"), document.number("a")) == ((), None)
    assert document.values() == {"a": None}


def test_a_wrong_type_in_a_list_is_named_by_its_place() -> None:
    with pytest.raises(BadRequest) as caught:
        read_document(b'{"a":["x",2]}').texts("a")
    assert caught.value.expression == ("a[1]",)
    assert caught.value.diagnostics == "Expected `str`, got `int`"


def test_an_object_with_absurdly_many_members_is_refused() -> None:
    def body(count: int) -> bytes:
        return json.dumps({str(number): 1 for number in range(count)}).encode()

    assert len(read_document(body(MAX_MEMBERS)).values()) == MAX_MEMBERS
    with pytest.raises(TooLarge):
        read_document(body(MAX_MEMBERS + 1))
