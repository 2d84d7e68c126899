"""Feedback bodies, in the shapes that were ever specified and that clients send."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.hooks.errors import BadRequest, RequestError, TooLarge
from cds_service.hooks.feedback import MAX_FEEDBACK, Feedback, Reason, read_feedback

Json = dict[str, Any]

CARD = "4e0a3a1e-3283-4575-ab82-028d55fe2719"
AT = dt.datetime(2026, 3, 4, 9, 30, tzinfo=dt.UTC)
ACCEPTED: Json = {
    "card": CARD,
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": "e56e1945-20b3-4393-8503-a1a20fd73152"}],
    "outcomeTimestamp": "2026-03-04T09:30:00Z",
}
OVERRIDDEN: Json = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": "2026-03-04T09:30:00Z"}


def read(*entries: Json) -> tuple[Feedback, ...]:
    return read_feedback(json.dumps({"feedback": entries}).encode())


def overridden(**members: object) -> Feedback:
    (entry,) = read({**OVERRIDDEN, **members})
    return entry


def fault(body: bytes | Json) -> RequestError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(RequestError) as caught:
        read_feedback(raw)
    return caught.value


def test_an_accepted_card_tells_which_suggestions_were_taken() -> None:
    assert read(ACCEPTED) == (
        Feedback(card=CARD, outcome="accepted", at=AT, suggestions=("e56e1945-20b3-4393-8503-a1a20fd73152",)),
    )


def test_feed_11_the_reason_of_2_0_and_3_0_is_a_coding_under_reason() -> None:
    reason = {"code": "d7ecf885", "system": "https://example.com/override-reasons", "display": "Already dealt with"}
    entry = overridden(overrideReason={"reason": reason, "userComment": "seen at clinic"})
    assert entry.reasons == (
        Reason(code="d7ecf885", system="https://example.com/override-reasons", display="Already dealt with"),
    )
    assert entry.comment == "seen at clinic"


def test_feed_11_the_reason_of_1_1_is_flat() -> None:
    entry = overridden(overrideReason={"code": "d7ecf885", "system": "https://example.com/r", "userComment": "no"})
    assert entry.reasons == (Reason(code="d7ecf885", system="https://example.com/r"),)
    assert entry.comment == "no"


def test_ep_53_epic_puts_one_object_under_a_plural_key() -> None:
    entry = overridden(overrideReasons={"reason": {"code": "7", "system": "urn:oid:1.2.3"}, "userComment": "no"})
    assert entry.reasons == (Reason(code="7", system="urn:oid:1.2.3"),)
    assert entry.comment == "no"


def test_ep_53_epic_may_name_its_reason_in_an_extension_alone() -> None:
    extension = {
        "com.epic.cdshooks.feedback.overrideReason.reasonCategory": "Clinical",
        "com.epic.cdshooks.feedback.overrideReason.reasonDisplay": "Benefit outweighs risk",
        "com.epic.cdshooks.feedback.overrideReason.reasonTitle": "Benefit",
    }
    entry = overridden(overrideReasons={"extension": extension, "userComment": "no"})
    assert entry.reasons == (Reason(display="Benefit outweighs risk"),)


def test_a_plural_key_may_hold_a_list() -> None:
    entry = overridden(
        overrideReasons=[{"reason": {"code": "1"}}, {"reason": {"code": "2"}}, {"reason": {"code": "1"}}]
    )
    assert entry.reasons == (Reason(code="1"), Reason(code="2"))


@pytest.mark.parametrize("nothing", [{}, {"overrideReason": None}, {"overrideReason": {}}, {"overrideReasons": []}])
def test_a_card_may_be_overridden_without_any_reason(nothing: Json) -> None:
    assert overridden(**nothing) == Feedback(card=CARD, outcome="overridden", at=AT)


def test_a_comment_alone_is_enough() -> None:
    assert overridden(overrideReason={"userComment": "not now"}).comment == "not now"


def test_a_client_may_accept_without_saying_what() -> None:
    (entry,) = read({**OVERRIDDEN, "outcome": "accepted"})
    assert (entry.outcome, entry.suggestions) == ("accepted", ())


@pytest.mark.parametrize("card", ["123456", f"urn:uuid:{CARD}", "a card"])
def test_ep_54_a_card_need_not_be_a_uuid(card: str) -> None:
    assert overridden(card=card).card == card


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-04T09:30:00Z", AT),
        ("2026-03-04t09:30:00z", AT),
        ("2026-03-04T09:30:00.000Z", AT),
        ("2026-03-04T09:30:00", AT),
        ("2026-03-04T10:30:00+01:00", AT),
        ("2026-03-04T09:30:00.1234567Z", AT.replace(microsecond=123456)),
        ("2026-03-04T09:30:60Z", AT.replace(second=59)),
        ("2019-03-04T09:30:00Z", AT.replace(year=2019)),
    ],
)
def test_a_timestamp_is_read_in_every_form_of_rfc_3339_and_may_be_old(text: str, at: dt.datetime) -> None:
    assert overridden(outcomeTimestamp=text).at == at


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-03-04",
        "2026-02-30T09:30:00Z",
        "2026-03-04T25:30:00Z",
        "0001-01-01T00:00:00+14:00",
        "1700000000",
    ],
)
def test_121_what_is_no_timestamp_is_refused(text: str) -> None:
    error = fault({"feedback": [{**OVERRIDDEN, "outcomeTimestamp": text}]})
    assert (error.status, error.diagnostics) == (400, "Not a timestamp of RFC 3339")
    assert error.expression == ("feedback[0].outcomeTimestamp",)


@pytest.mark.parametrize("key", ["card", "outcome", "outcomeTimestamp"])
@pytest.mark.parametrize("value", [None, ""])
def test_121_a_required_member_that_is_missing_is_named(key: str, value: str | None) -> None:
    error = fault({"feedback": [ACCEPTED, {**OVERRIDDEN, key: value}]})
    assert (error.status, error.code, error.expression) == (400, "required", (f"feedback[1].{key}",))


@pytest.mark.parametrize("outcome", ["ignored", "Accepted", "rejected"])
def test_121_an_outcome_that_is_none_is_refused(outcome: str) -> None:
    error = fault({"feedback": [{**OVERRIDDEN, "outcome": outcome}]})
    assert (error.status, error.diagnostics) == (400, "Not one of accepted, overridden")
    assert error.expression == ("feedback[0].outcome",)


def test_one_call_may_hold_many_cards_and_one_card_several_times() -> None:
    found = read(ACCEPTED, {**OVERRIDDEN, "card": "123456"}, OVERRIDDEN)
    assert [(entry.card, entry.outcome) for entry in found] == [
        (CARD, "accepted"),
        ("123456", "overridden"),
        (CARD, "overridden"),
    ]


def test_def_14_an_empty_list_is_feedback_on_nothing() -> None:
    assert read() == ()


def test_a_bare_entry_is_borne() -> None:
    assert read_feedback(json.dumps(ACCEPTED).encode()) == read(ACCEPTED)


@pytest.mark.parametrize("entry", [{"surprise": 1}, {"extension": {"com.example.x": {"y": None}}}])
def test_what_nobody_knows_is_ignored(entry: Json) -> None:
    assert read({**ACCEPTED, **entry}) == read(ACCEPTED)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "feedback"),
        ({"feedback": None}, "feedback"),
        ({"feedback": {}}, "feedback"),
        ({"feedback": ["x"]}, "feedback[0]"),
        ({"feedback": [{**OVERRIDDEN, "card": 7}]}, "feedback[0].card"),
        ({"feedback": [{**OVERRIDDEN, "overrideReason": "no"}]}, "feedback[0].overrideReason"),
        ({"feedback": [{**OVERRIDDEN, "overrideReason": {"reason": []}}]}, "feedback[0].overrideReason.reason"),
        ({"feedback": [{**OVERRIDDEN, "overrideReasons": [{"userComment": 1}]}]}, "feedback[0].overrideReasons[0].userComment"),
        ({"feedback": [{**ACCEPTED, "acceptedSuggestions": ["x"]}]}, "feedback[0].acceptedSuggestions[0]"),
        ({"feedback": [{**ACCEPTED, "acceptedSuggestions": {"id": "x"}}]}, "feedback[0].acceptedSuggestions"),
    ],
)  # fmt: skip
def test_another_shape_is_refused_at_its_place(body: Json, place: str) -> None:
    error = fault(body)
    assert isinstance(error, BadRequest)
    assert error.expression == (place,)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"feedback":[]} x', b'{"feedback":[],"feedback":[]}', b"\xff"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    assert fault(body).status == 400


@pytest.mark.parametrize("depth", [1001, 100_000])
def test_what_is_nested_too_deeply_is_refused(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    body = json.dumps({"feedback": [{**OVERRIDDEN, "extension": "deep"}]}).encode().replace(b'"deep"', deep)
    assert fault(body).diagnostics == "The body is nested too deeply"


@pytest.mark.parametrize("number", [b"NaN", b"1e400", b"9" * 5000])
def test_a_number_that_is_none_is_refused_where_nobody_reads_it_too(number: bytes) -> None:
    for where in ({"feedback": [{**OVERRIDDEN, "extension": "here"}]}, {"feedback": [OVERRIDDEN], "extension": "here"}):
        assert fault(json.dumps(where).encode().replace(b'"here"', number)).status == 400


ODD: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 0, -1.5, "", "x", "x" * 300, [], [None], ["x"], [[]], [{}], {}, {"x": 1}, {"id": 1}, [{"id": []}],
     {"reason": None}, {"reason": "x"}, {"reason": {"code": 1}}, {"extension": []}, {"userComment": {}}]
)  # fmt: skip
KEYS = (*OVERRIDDEN, "acceptedSuggestions", "overrideReason", "overrideReasons")


@given(st.dictionaries(st.sampled_from(KEYS), ODD), st.sampled_from(KEYS))
def test_whatever_stands_in_an_entry_is_read_or_refused_at_a_place_without_its_value(
    changed: Json, marked: str
) -> None:
    entry = {**OVERRIDDEN, **changed, marked: {"Ms Weekly": ["Ms Weekly"]}}
    try:
        read_feedback(json.dumps({"feedback": [entry]}).encode())
    except RequestError as error:
        assert error.expression[0].startswith("feedback[0]")
        assert "Weekly" not in str((error.diagnostics, error.expression))


def test_a_key_that_stands_twice_in_an_entry_is_refused() -> None:
    body = json.dumps({"feedback": [OVERRIDDEN]}).replace('"outcome":', '"outcome": "accepted", "outcome":').encode()
    assert fault(body).expression == ("feedback[0].outcome",)


def test_a_call_may_hold_so_many_entries_and_no_more() -> None:
    assert len(read(*[OVERRIDDEN] * MAX_FEEDBACK)) == MAX_FEEDBACK
    error = fault({"feedback": [OVERRIDDEN] * (MAX_FEEDBACK + 1)})
    assert isinstance(error, TooLarge)
    assert (error.status, error.diagnostics) == (413, "More than 10000 entries")


@pytest.mark.parametrize(("length", "taken"), [(256, True), (257, False)])
def test_the_id_of_a_card_may_be_so_long_and_no_longer(length: int, taken: bool) -> None:
    if taken:
        assert overridden(card="x" * length).card == "x" * length
    else:
        assert fault({"feedback": [{**OVERRIDDEN, "card": "x" * length}]}).status == 413


def test_128_free_text_is_cut_and_made_one_line_of_printable_characters() -> None:
    text = "'); DROP TABLE cds_feedback;--\x00\r\n{" + "x" * 1_000_000
    entry = overridden(overrideReason={"reason": {"code": text, "system": text, "display": text}, "userComment": text})
    (reason,) = entry.reasons
    assert entry.comment.startswith("'); DROP TABLE cds_feedback;-- {xxx")
    assert (len(entry.comment), len(reason.code), len(reason.system), len(reason.display)) == (1000, 100, 200, 200)
    assert "\x00" not in entry.comment + reason.code + reason.system + reason.display


def test_feedback_does_not_show_what_a_clinician_wrote() -> None:
    assert repr(overridden(overrideReason={"userComment": "Ms Weekly"})) == "Feedback(outcome='overridden')"
