"""Every forged, odd and stale token is refused for the reason that it should be; a good one is taken once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.access.client import Client
from cds_service.access.keys import Keys, NoKeys, PinnedKeys, read_keys
from cds_service.access.replay import ReplayStore
from cds_service.access.tokens import LEEWAY_S, MAX_TOKEN, CannotVerify, NotTrusted, Verifier

from ..callers import EHR, PUBLIC, VIEW, Signer, claims_of, elliptic, header_of
from ..forgeries import JKU, SIGNERS, STRANGER, forgeries

NOW = 1_772_600_000.0
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
Changes = dict[str, Any]


class Desk:
    """A verifier with a clock of its own."""

    def __init__(self, folder: Path, *clients: Client) -> None:
        pinned = PinnedKeys(read_keys(json.dumps({"keys": [signer.jwk for signer in SIGNERS]}).encode()))
        self.now = NOW
        self.keys: dict[str, Keys] = {client.id: pinned for client in clients}
        self.file = folder / "used.sqlite3"
        self.verifier = Verifier(clients, self.keys, ReplayStore(self.file), public_url=PUBLIC, clock=lambda: self.now)

    def ask(self, token: str, *paths: str) -> Client:
        """The client of a token that is addressed to one of these paths."""
        return self.verifier.verify(f"Bearer {token}", *(paths or (VIEW,)))

    def refusal(self, token: str) -> str:
        """Why a token is not taken."""
        with pytest.raises(NotTrusted) as caught:
            self.ask(token)
        return str(caught.value)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Knows one client, with the usual algorithms."""
    return Desk(tmp_path, Client(id="ehr", issuer=EHR, jku=JKU))


def token(signer: Signer = SIGNERS[0], header: Changes | None = None, **claims: Any) -> str:
    """A good token, but for the changes."""
    return signer.sign(header_of(signer, **(header or {})), claims_of(now=NOW, **claims))


@pytest.mark.parametrize("signer", SIGNERS[:2], ids=lambda signer: signer.algorithm)
def test_a_good_token_shows_its_client(desk: Desk, signer: Signer) -> None:
    assert desk.ask(token(signer)).id == "ehr"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [PUBLIC + VIEW]},
        {"aud": ["https://elsewhere.example.org", PUBLIC + VIEW]},
        {"nbf": NOW - 300, "sub": EHR, "whatever": {"more": [1, 2]}},
        {"exp": NOW + 299.5},
        {"jti": "x" * 256},
        {"tenant": "ward-7"},
    ],
)
def test_what_the_standard_leaves_open_is_taken(desk: Desk, changes: Changes) -> None:
    assert desk.ask(token(**changes)).id == "ehr"


@pytest.mark.parametrize("header", [{"jku": JKU}, {"cty": "JWT"}, {"whatever": "x" * 600}])
def test_what_a_header_may_hold_besides_is_taken(desk: Desk, header: Changes) -> None:
    assert desk.ask(token(header=header)).id == "ehr"


def test_the_scheme_is_compared_without_case(desk: Desk) -> None:
    assert desk.verifier.verify(f"BEARER {token()}", VIEW).id == "ehr"


def test_the_id_of_a_key_is_compared_as_an_opaque_text(desk: Desk) -> None:
    """Epic's are base64 with all its characters."""
    odd = elliptic("a+b/c0==")
    desk.keys["ehr"] = PinnedKeys(read_keys(json.dumps({"keys": [odd.jwk]}).encode()))
    assert desk.ask(token(odd)).id == "ehr"
    assert desk.refusal(token(odd, {"kid": "a-b_c0"})) == "key"


FORGERIES = forgeries(NOW)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_token_that_is_not_good_is_refused(desk: Desk, name: str) -> None:
    reason, forged = FORGERIES[name]
    assert desk.refusal(forged) == reason
    # It was not used up either: a good token is taken after it.
    assert desk.ask(token()).id == "ehr"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "no-token"),
        ("", "no-token"),
        ("Bearer", "malformed"),
        ("Bearer ", "malformed"),
        ("Basic dXNlcjpwYXNz", "malformed"),
        (token(), "malformed"),
        (f"Bearer {token()},Bearer {token()}", "malformed"),
        (f"Bearer  {token()} ", "malformed"),
        ("Bearer 00D5w000004I-opaque-access-token", "malformed"),
    ],
)
def test_a_header_without_one_token_is_refused(desk: Desk, header: str | None, reason: str) -> None:
    with pytest.raises(NotTrusted) as caught:
        desk.verifier.verify(header, VIEW)
    assert str(caught.value) == reason


def test_a_header_as_long_as_may_be_is_read_and_a_longer_one_is_not(desk: Desk) -> None:
    good = token()
    spaces = MAX_TOKEN - len(good) - len("Bearer")
    assert desk.verifier.verify("Bearer" + " " * spaces + good, VIEW).id == "ehr"
    with pytest.raises(NotTrusted, match="too-long"):
        desk.verifier.verify("Bearer" + " " * (spaces + 1) + good, VIEW)


@pytest.mark.parametrize("wrong_by", [-LEEWAY_S, LEEWAY_S])
def test_a_clock_that_is_wrong_by_a_minute_does_no_harm(desk: Desk, wrong_by: int) -> None:
    assert desk.ask(token(iat=NOW + wrong_by, nbf=NOW + wrong_by, exp=NOW + wrong_by + 300)).id == "ehr"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iat": NOW - 359, "exp": NOW - 59}, ""),
        ({"iat": NOW - 360, "exp": NOW - 60}, "expired"),
        ({"iat": NOW - 420, "exp": NOW - 120}, "expired"),
        ({"iat": NOW + 60, "exp": NOW + 360}, ""),
        ({"iat": NOW + 61, "exp": NOW + 361}, "not-yet-valid"),
        ({"iat": NOW + 120, "exp": NOW + 420}, "not-yet-valid"),
        ({"nbf": NOW + 60}, ""),
        ({"nbf": NOW + 61}, "not-yet-valid"),
    ],
)
def test_the_leeway_is_a_minute_and_not_more(desk: Desk, claims: Changes, reason: str) -> None:
    if reason:
        assert desk.refusal(token(**claims)) == reason
    else:
        assert desk.ask(token(**claims)).id == "ehr"


def test_a_token_counts_once(desk: Desk) -> None:
    good = token()
    assert desk.ask(good).id == "ehr"
    assert desk.refusal(good) == "replayed"


def test_another_token_with_the_same_jti_is_a_replay(desk: Desk) -> None:
    assert desk.ask(token(jti="same")).id == "ehr"
    assert desk.refusal(token(jti="same", exp=NOW + 200)) == "replayed"


def test_a_token_is_remembered_as_long_as_it_could_be_used(desk: Desk) -> None:
    good = token()
    desk.ask(good)
    desk.now = NOW + 300 + LEEWAY_S - 1
    for _ in range(300):  # So many that expired ones are swept out meanwhile.
        desk.ask(token(iat=desk.now, exp=desk.now + 300))
    assert desk.refusal(good) == "replayed"
    desk.now += 1
    assert desk.refusal(good) == "expired"


def test_a_forged_token_does_not_use_up_the_jti_of_a_good_one(desk: Desk) -> None:
    assert desk.refusal(token(STRANGER, jti="guessed")) == "signature"
    assert desk.ask(token(jti="guessed")).id == "ehr"


def test_a_token_for_one_of_the_paths_is_taken(desk: Desk) -> None:
    feedback = f"{VIEW}/feedback"
    assert desk.ask(token(), feedback, VIEW).id == "ehr"
    assert desk.ask(token(aud=PUBLIC + feedback), feedback, VIEW).id == "ehr"
    with pytest.raises(NotTrusted, match="audience"):
        desk.ask(token(aud=PUBLIC + feedback), VIEW)


def test_what_was_agreed_with_a_client_holds_for_it_alone(tmp_path: Path) -> None:
    epic = Client(
        id="epic",
        issuer="https://epic.example.org",
        algorithms=("RS256",),
        audiences=("urn:our-service",),
        token_life_s=900,
    )
    desk = Desk(tmp_path, epic, Client(id="ehr", issuer=EHR))
    agreed: Changes = {"aud": "urn:our-service", "exp": NOW + 900}
    assert desk.ask(token(SIGNERS[3], iss=epic.issuer, **agreed)).id == "epic"
    assert desk.refusal(token(iss=epic.issuer)) == "algorithm"
    assert desk.refusal(token(SIGNERS[3], iss=epic.issuer, exp=NOW + 901)) == "life"
    assert desk.refusal(token(aud="urn:our-service")) == "audience"
    assert desk.refusal(token(exp=NOW + 900)) == "life"


def test_a_key_of_one_client_does_not_sign_for_another(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Client(id="ehr", issuer=EHR), Client(id="other", issuer="https://other.example.org"))
    desk.keys["other"] = PinnedKeys(read_keys(json.dumps({"keys": [elliptic("other-1").jwk]}).encode()))
    assert desk.refusal(token(iss="https://other.example.org")) == "key"
    assert desk.ask(token(elliptic("other-1"), iss="https://other.example.org")).id == "other"


def test_the_tenant_tells_clients_of_one_issuer_apart(tmp_path: Path) -> None:
    desk = Desk(
        tmp_path,
        Client(id="north", issuer=EHR, tenants=("n1", "n2")),
        Client(id="south", issuer=EHR, tenants=("s1",)),
    )
    assert [desk.ask(token(tenant=tenant)).id for tenant in ("n1", "s1", "n2")] == ["north", "south", "north"]
    assert desk.refusal(token(tenant="w1")) == "issuer"
    assert desk.refusal(token()) == "issuer"


def test_without_keys_nobody_is_refused_nor_let_through(desk: Desk) -> None:
    class Nowhere:
        def find(self, kid: str, /) -> None:
            raise NoKeys

    desk.keys["ehr"] = Nowhere()
    with pytest.raises(CannotVerify, match="keys"):
        desk.ask(token())


def test_without_the_store_nobody_is_let_through(desk: Desk) -> None:
    desk.file.unlink()
    with pytest.raises(CannotVerify, match="store"):
        desk.ask(token())


_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["JWT", "ES384", "none", "ec-1", EHR, PUBLIC + VIEW, int(NOW), int(NOW) + 300]),
    st.lists(st.one_of(st.text(max_size=5), st.integers()), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)
_MEMBERS = ("typ", "alg", "kid", "jku", "crit", "b64", "x5t", "cty", "zip", "p2c", "epk")
_CLAIMS = ("iss", "aud", "exp", "iat", "nbf", "jti", "tenant", "sub")


@pytest.fixture(scope="module")
def old_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk that many odd tokens come to."""
    return Desk(tmp_path_factory.mktemp("desk"), Client(id="ehr", issuer=EHR))


@UNHURRIED
@given(st.dictionaries(st.sampled_from(_MEMBERS), _ODD), st.dictionaries(st.sampled_from(_CLAIMS), _ODD))
def test_odd_values_are_refused_and_never_a_failure(old_desk: Desk, header: Changes, claims: Changes) -> None:
    forged = SIGNERS[0].sign({**header_of(SIGNERS[0]), **header}, {**claims_of(now=NOW), **claims})
    try:
        assert old_desk.ask(forged).id == "ehr"
    except NotTrusted:
        assert header or claims


@UNHURRIED
@given(st.text(max_size=200))
def test_no_text_is_a_token_by_chance(old_desk: Desk, text: str) -> None:
    with pytest.raises(NotTrusted):
        old_desk.verifier.verify(text, VIEW)
    with pytest.raises(NotTrusted):
        old_desk.verifier.verify(f"Bearer {text}", VIEW)


@UNHURRIED
@given(st.data())
def test_a_token_that_was_changed_anywhere_is_refused(old_desk: Desk, data: st.DataObject) -> None:
    good = token()
    at = data.draw(st.integers(0, len(good) - 2))  # The last letter of a signature has bits that say nothing.
    other = data.draw(st.sampled_from("ABCDabcd0123-_."))
    if good[at] != other:
        with pytest.raises(NotTrusted):
            old_desk.ask(good[:at] + other + good[at + 1 :])


def test_a_refusal_says_which_client_but_nothing_that_a_stranger_wrote(desk: Desk) -> None:
    with pytest.raises(NotTrusted) as known:
        desk.ask(token(jti=""))
    with pytest.raises(NotTrusted) as late:
        desk.ask(token(exp=NOW + 999))
    with pytest.raises(NotTrusted) as unknown:
        desk.ask(token(iss="https://evil.example.org"))
    assert [(each.value.reason, each.value.client) for each in (known, late, unknown)] == [
        ("claims", ""),
        ("life", "ehr"),
        ("issuer", ""),
    ]
