"""The clients' file: what it says becomes clients, and what is wrong with it is told by entry and key, never by value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest

from cds_service.access.tokens import Reason
from cds_service.clients import ClientsError, read_clients
from cds_service.clinical.dialect import GENERIC

from .callers import EHR, elliptic, write_clients, write_keys

Entry = Mapping[str, object]
PLAIN: Entry = {"issuer": EHR}


def fault(file: Path, *, production: bool = True) -> str:
    """What is wrong with a file."""
    with pytest.raises(ClientsError) as caught:
        read_clients(file, production=production)
    return str(caught.value)


def written(folder: Path, text: str) -> Path:
    """A file with this text, beside a set of keys."""
    write_keys(folder / "keys.json")
    file = folder / "clients.toml"
    file.write_text(text)
    return file


def test_an_entry_with_an_issuer_and_keys_is_enough(tmp_path: Path) -> None:
    (client,) = read_clients(write_clients(tmp_path, ehr=PLAIN), production=True)
    assert (client.id, client.issuer, client.jwks_url, client.jku) == ("ehr", EHR, "", "")
    assert [key.kid for key in client.keys] == ["ec-1", "rsa-1"]
    assert (client.algorithms, client.token_life_s) == (("ES384", "RS384"), 300)
    assert (client.audiences, client.tenants, client.fhir_servers, client.subject) == ((), (), (), "")
    assert client.dialect == GENERIC


def test_everything_that_may_be_said_is_read(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        f"""
        [client.epic-main]
        issuer = "{EHR}"
        jwks_url = "https://ehr.example.org/keys"
        algorithms = ["RS384", "RS256"]
        audiences = ["urn:our-service"]
        tenants = ["north"]
        token_life_s = 900
        fhir_servers = ["https://ehr.example.org/fhir"]
        subject = "cds-service-at-the-hospital"
        profile = "generic"
        dialect = {{ selection = "any", updates = false, never_offers = ["medicationStatements"] }}
        """,
    )
    (client,) = read_clients(file, production=True)
    assert (client.id, client.keys) == ("epic-main", ())
    assert client.jwks_url == client.jku == "https://ehr.example.org/keys"
    assert (client.algorithms, client.audiences, client.tenants) == (
        ("RS384", "RS256"),
        ("urn:our-service",),
        ("north",),
    )
    assert (client.token_life_s, client.subject) == (900, "cds-service-at-the-hospital")
    assert client.fhir_servers == ("https://ehr.example.org/fhir",)
    assert (client.dialect.selection, client.dialect.updates) == ("any", False)
    assert client.dialect.never_offers == frozenset({"medicationStatements"})
    assert client.dialect.one_action == GENERIC.one_action


def test_the_page_for_operators_shows_a_file_that_can_be_used(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "operating.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    write_keys(tmp_path / "north.jwks.json")
    epic, oracle = read_clients(written(tmp_path, example), production=True)
    assert (epic.id, epic.token_life_s, epic.dialect.updates) == ("epic-main", 900, False)
    assert (oracle.tenants, oracle.jku) == (("north",), "https://auth.example.com/jwk")
    # Every reason that the log can give is named there.
    assert [reason for reason in get_args(Reason) if f"`{reason}`" not in page] == []


def test_pinned_keys_may_be_named_in_the_token_by_their_address(tmp_path: Path) -> None:
    file = write_clients(tmp_path, ehr={**PLAIN, "jku": "https://ehr.example.org/keys"})
    (client,) = read_clients(file, production=True)
    assert (client.jku, client.jwks_url) == ("https://ehr.example.org/keys", "")


def test_clients_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = write_clients(tmp_path, zebra=PLAIN, ant={"issuer": "https://ant.example.org"})
    assert [client.id for client in read_clients(file, production=True)] == ["zebra", "ant"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"isuer": "x"}, "Object contains unknown field `isuer`"),
        ({"issuer": 1}, "issuer: Expected `str`, got `int`"),
        ({"issuer": ""}, "issuer: Expected `str` of length >= 1"),
        ({"algorithms": []}, "algorithms: Expected `array` of length >= 1"),
        ({"algorithms": ["HS256"]}, "algorithms[0]: not one of the values that it may have"),
        ({"algorithms": ["none"]}, "algorithms[0]: not one of the values that it may have"),
        ({"algorithms": "RS384"}, "algorithms: Expected `array`, got `str`"),
        ({"token_life_s": 0}, "token_life_s: Expected `int` >= 1"),
        ({"token_life_s": 86_401}, "token_life_s: Expected `int` <= 86400"),
        ({"audiences": [""]}, "audiences[0]: Expected `str` of length >= 1"),
        ({"tenants": [""]}, "tenants[0]: Expected `str` of length >= 1"),
        ({"profile": "epik"}, "profile: there is no such profile"),
        ({"dialect": {"update": False}}, "dialect.update: there is no such key"),
        ({"dialect": {"updates": "no"}}, "dialect.updates: Expected `bool`, got `str`"),
        ({"dialect": {"selection": "secret"}}, "dialect.selection: not one of the values that it may have"),
        ({"jwks_url": "http://ehr.example.org/keys"}, "jwks_url: not an https address"),
        ({"jwks_url": "http://127.0.0.1/keys"}, "jwks_url: not an https address"),
        ({"jwks_url": "https://user:secret@ehr.example.org/keys"}, "jwks_url: not an https address"),
        ({"jwks_url": "file:///etc/passwd"}, "jwks_url: not an https address"),
        ({"jwks_url": "https:///keys"}, "jwks_url: not an https address"),
        ({"jwks_url": "https://[::1"}, "jwks_url: not an https address"),
        (
            {"jwks_url": "https://a.example.org", "jwks_file": "keys.json"},
            "jwks_url: either this or jwks_file is needed",
        ),
        ({"jwks_url": "", "jwks_file": ""}, "jwks_url: either this or jwks_file is needed"),
        (
            {"jwks_url": "https://a.example.org", "jku": "https://b.example.org"},
            "jku: beside jwks_url it is that address; leave it out",
        ),
        ({"jwks_file": "nowhere.json"}, "jwks_file: cannot be read"),
        ({"jwks_file": "clients.toml"}, "jwks_file: not a JWK Set"),
        ({"fhir_servers": ["http://ehr.example.org/fhir"]}, "fhir_servers: not https addresses"),
        (
            {"fhir_servers": ["https://ehr.example.org/fhir?a=secret"]},
            "fhir_servers: the address of a FHIR server has no query",
        ),
        ({"fhir_servers": ["https://ehr%2eexample.org/a b"]}, "fhir_servers: not https addresses"),
        (
            {"issuer": "https://sandbox.cds-hooks.org"},
            "issuer: the public sandbox, whose private key everybody knows, for development",
        ),
        (
            {"jwks_url": "https://sandbox.cds-hooks.org/.well-known/jwks.json"},
            "issuer: the public sandbox, whose private key everybody knows, for development",
        ),
    ],
)
def test_what_cannot_be_is_told_by_file_entry_and_key(tmp_path: Path, change: Entry, message: str) -> None:
    entry = {**PLAIN, **change}
    text = "\n".join(f"{key} = {_toml(value)}" for key, value in entry.items())
    keys = "" if change.keys() & {"jwks_url", "jwks_file"} else '\njwks_file = "keys.json"'
    told = fault(written(tmp_path, f"[client.ehr]\n{text}{keys}"))
    assert told == f"clients.toml: ehr: {message}"
    assert "secret" not in told


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {json.dumps(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "clients.toml: no client is in it"),
        ("[client]", "clients.toml: no client is in it"),
        ("[client.a", "clients.toml: is no TOML (at end of document)"),
        ("[client.a]\nsubject = secret", "clients.toml: is no TOML (at line 2, column 11)"),
        ("[clients.a]", "clients.toml: clients: there is no such key; an entry is [client.NAME]"),
        ("[[client]]", "clients.toml: client: an entry is [client.NAME]"),
        ("[client]\na = 1", "clients.toml: client: an entry is [client.NAME]"),
        ("[client.a]", "clients.toml: a: Object missing required field `issuer`"),
    ],
)
def test_a_file_that_is_none_is_told_without_its_content(tmp_path: Path, text: str, message: str) -> None:
    assert fault(written(tmp_path, text)) == message


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert fault(tmp_path / "nowhere.toml") == "nowhere.toml: cannot be read"


def test_a_private_key_in_a_set_is_refused(tmp_path: Path) -> None:
    signer = elliptic()
    file = write_clients(tmp_path, ehr={**PLAIN, "jwks_file": "own.json"})
    (tmp_path / "own.json").write_text(json.dumps({"keys": [{**signer.key.as_dict(private=True), "kid": "x"}]}))
    assert fault(file) == "clients.toml: ehr: jwks_file: a private or symmetric key is in it"


def test_in_development_this_machine_may_publish_keys_and_the_sandbox_may_call(tmp_path: Path) -> None:
    file = write_clients(
        tmp_path,
        sandbox={"issuer": "https://sandbox.cds-hooks.org", "fhir_servers": ["http://hapi:8080/fhir"]},
        here={"issuer": "http://localhost", "jwks_url": "http://127.0.0.1:9000/jwks.json"},
    )
    assert [client.id for client in read_clients(file, production=False)] == ["sandbox", "here"]


def test_even_in_development_keys_come_from_nowhere_else_in_plain_http(tmp_path: Path) -> None:
    file = write_clients(tmp_path, ehr={**PLAIN, "jwks_url": "http://ehr.example.org/keys"})
    assert fault(file, production=False) == "clients.toml: ehr: jwks_url: not an https address"


def test_two_entries_of_one_issuer_need_tenants(tmp_path: Path) -> None:
    file = write_clients(tmp_path, north={**PLAIN, "tenants": ["n"]}, south=PLAIN)
    assert fault(file) == "clients.toml: south: tenants: needed where another entry has the same issuer"


def test_a_tenant_belongs_to_one_entry(tmp_path: Path) -> None:
    file = write_clients(tmp_path, north={**PLAIN, "tenants": ["n", "s"]}, south={**PLAIN, "tenants": ["s"]})
    assert fault(file) == "clients.toml: south: tenants: another entry has the same issuer and tenant"


def test_a_server_may_be_of_two_clients_but_not_lie_within_another(tmp_path: Path) -> None:
    def two(first: str, second: str) -> Path:
        return write_clients(
            tmp_path,
            first={**PLAIN, "fhir_servers": [first]},
            second={"issuer": "https://other.example.org", "fhir_servers": [second]},
        )

    outer = "https://ehr.example.org/fhir"
    assert len(read_clients(two(outer, outer), production=True)) == 2
    assert len(read_clients(two(outer, outer + "-test"), production=True)) == 2
    expected = "clients.toml: second: fhir_servers: one lies within a server of first"
    assert fault(two(outer, outer + "/tenant")) == expected
