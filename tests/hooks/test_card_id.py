"""A card's uuid carries what feedback is attributed by, and nothing of a patient."""

from __future__ import annotations

import datetime as dt
import uuid

from hypothesis import given
from hypothesis import strategies as st

from cds_service.hooks.card_id import CardId, read_card_id, write_card_id

KEY = b"a key of the tests"
CARD = CardId(number=25, severity="warning", hook="order-sign", version="0badcafe", day=dt.date(2026, 3, 4))
cards = st.builds(
    CardId,
    number=st.integers(0, 4095),
    severity=st.sampled_from(["info", "warning", "critical"]),
    hook=st.sampled_from(["patient-view", "order-select", "order-sign"]),
    version=st.integers(0, 2**32 - 1).map(lambda n: f"{n:08x}"),
    day=st.dates(dt.date(2020, 1, 1), dt.date(2199, 6, 5)),
)


@given(cards, st.integers(0, 2**26 - 1))
def test_what_was_written_is_read(card: CardId, entropy: int) -> None:
    assert read_card_id(write_card_id(card, key=KEY, entropy=entropy), key=KEY) == card


@given(cards, st.integers(0, 2**26 - 1))
def test_it_is_a_uuid_of_version_8_in_lower_case(card: CardId, entropy: int) -> None:
    text = write_card_id(card, key=KEY, entropy=entropy)
    assert (uuid.UUID(text).version, uuid.UUID(text).variant, text) == (8, uuid.RFC_4122, text.lower())


def test_two_cards_of_a_day_differ() -> None:
    assert write_card_id(CARD, key=KEY, entropy=1) != write_card_id(CARD, key=KEY, entropy=2)


def test_another_key_knows_it_not() -> None:
    assert read_card_id(write_card_id(CARD, key=KEY, entropy=1), key=b"another") is None


@given(st.integers(0, 127))
def test_one_changed_bit_makes_it_a_stranger(bit: int) -> None:
    changed = uuid.UUID(int=uuid.UUID(write_card_id(CARD, key=KEY, entropy=1)).int ^ 1 << bit)
    assert read_card_id(str(changed), key=KEY) is None


def test_what_is_no_uuid_is_none_of_ours() -> None:
    assert read_card_id("123456", key=KEY) is None
    assert read_card_id(str(uuid.uuid4()), key=KEY) is None
