"""Settings from variables and options."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from cds_service.settings import Settings, SettingsError, read_settings

PRODUCTION = {
    "CDS_PROFILE": "production",
    "CDS_PUBLIC_URL": "https://cds.example.org",
    "CDS_CLIENTS_FILE": "clients.toml",
    "CDS_CARD_KEY": "sixteen letters.",
}


def test_without_anything_it_is_development_on_this_machine() -> None:
    settings = read_settings({})
    assert settings == Settings()
    assert (settings.profile, settings.production, settings.host, settings.port) == (
        "development",
        False,
        "127.0.0.1",
        8000,
    )
    assert (settings.deadline_s, settings.body_limit, settings.page_cap) == (4.0, 16_777_216, 100)
    assert (settings.workers, settings.threads) == (2, 32)


def test_every_setting_is_read_from_its_variable() -> None:
    settings = read_settings(
        {
            "CDS_FHIR_SERVERS": "https://a.example.org/fhir, https://b.example.org/r4",
            "CDS_FHIR_NETWORKS": "10.20.0.0/16, fd00::/8",
            "CDS_FHIR_CA_FILE": "authorities.pem",
            "CDS_PUBLIC_URL": "https://cds.example.org/base",
            "CDS_CLIENTS_FILE": "clients.toml",
            "CDS_REPLAY_FILE": "used.sqlite3",
            "CDS_OPEN_DISCOVERY": "true",
            "CDS_DEADLINE_S": "2.5",
            "CDS_BODY_LIMIT": "2048",
            "CDS_PAGE_CAP": "7",
            "CDS_TIMEZONE": "Europe/Amsterdam",
            "CDS_AS_OF": "2026-03-01",
            "CDS_MAPPING_FILE": "codes.csv",
            "CDS_SITE_FILE": "hospital.toml",
            "CDS_DIALECT": "epic",
            "CDS_CORS_ORIGINS": "https://ehr.example.org,http://localhost:3000",
            "CDS_CARD_KEY": "k",
            "CDS_DATABASE_URL": "postgresql://cds@db.example.org/cds",
            "CDS_FEEDBACK_COMMENTS": "true",
            "CDS_WORKERS": "3",
            "CDS_THREADS": "4",
            "CDS_HOST": "0.0.0.0",
            "CDS_PORT": "9000",
            "CDS_LOG_LEVEL": "debug",
        }
    )
    assert settings == Settings(
        fhir_servers=("https://a.example.org/fhir", "https://b.example.org/r4"),
        fhir_networks=("10.20.0.0/16", "fd00::/8"),
        fhir_ca_file="authorities.pem",
        public_url="https://cds.example.org/base",
        clients_file="clients.toml",
        replay_file="used.sqlite3",
        open_discovery=True,
        deadline_s=2.5,
        body_limit=2048,
        page_cap=7,
        timezone="Europe/Amsterdam",
        as_of=dt.date(2026, 3, 1),
        mapping_file="codes.csv",
        site_file="hospital.toml",
        dialect="epic",
        cors_origins=("https://ehr.example.org", "http://localhost:3000"),
        card_key="k",
        database_url="postgresql://cds@db.example.org/cds",
        feedback_comments=True,
        workers=3,
        threads=4,
        host="0.0.0.0",
        port=9000,
        log_level="debug",
    )


def test_an_option_wins_over_its_variable_and_none_does_not() -> None:
    environ = {"CDS_PORT": "9000", "CDS_HOST": "::1"}
    settings = read_settings(environ, {"port": 9001, "host": None, "fhir_servers": "http://127.0.0.1:8080/fhir"})
    assert (settings.port, settings.host) == (9001, "::1")
    assert settings.fhir_servers == ("http://127.0.0.1:8080/fhir",)


def test_other_variables_and_empty_ones_are_passed_over() -> None:
    assert read_settings({"PATH": "x", "CDS_PORT": " ", "CDS_SHARED": "x", "CDSX": "y"}) == Settings()


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"CDS_PROT": "1"}, "CDS_PROT: there is no such setting"),
        ({"CDS_PORT": "many"}, "CDS_PORT: Expected `int`, got `str`"),
        ({"CDS_PORT": "65536"}, "CDS_PORT: Expected `int` <= 65535"),
        ({"CDS_WORKERS": "0"}, "CDS_WORKERS: Expected `int` >= 1"),
        ({"CDS_DEADLINE_S": "0"}, "CDS_DEADLINE_S: Expected `float` > 0.0"),
        ({"CDS_DEADLINE_S": "nan"}, "CDS_DEADLINE_S: Expected `float` > 0.0"),
        ({"CDS_PROFILE": "secret"}, "CDS_PROFILE: not one of the values that it may have"),
        ({"CDS_AS_OF": "yesterday"}, "CDS_AS_OF: Invalid RFC3339 encoded date"),
        ({"CDS_TIMEZONE": "Mars/Base"}, "CDS_TIMEZONE: not an IANA time zone"),
        ({"CDS_TIMEZONE": "../etc"}, "CDS_TIMEZONE: not an IANA time zone"),
        ({"CDS_FHIR_SERVERS": "ehr"}, "CDS_FHIR_SERVERS: not an absolute http or https address"),
        ({"CDS_FHIR_SERVERS": "https://a@b"}, "CDS_FHIR_SERVERS: not an absolute http or https address"),
        ({"CDS_FHIR_SERVERS": "https://a:x"}, "CDS_FHIR_SERVERS: not an absolute http or https address"),
        ({"CDS_FHIR_NETWORKS": "10.0.0.1/8"}, "CDS_FHIR_NETWORKS: not a network like 10.20.0.0/16"),
        ({"CDS_FHIR_NETWORKS": "inside"}, "CDS_FHIR_NETWORKS: not a network like 10.20.0.0/16"),
        ({"CDS_PUBLIC_URL": "https://a?b=c"}, "CDS_PUBLIC_URL: not an absolute http or https address"),
        ({"CDS_CORS_ORIGINS": "https://a/b"}, "CDS_CORS_ORIGINS: not an origin like https://ehr.example.org"),
        ({"CDS_CLIENTS_FILE": "clients.toml"}, "CDS_PUBLIC_URL: clients address their tokens to it"),
        ({"CDS_CORS_ORIGINS": "*"}, "CDS_CORS_ORIGINS: not an origin like https://ehr.example.org"),
        ({"CDS_DIALECT": "epik"}, "CDS_DIALECT: there is no such profile; did you mean epic?"),
    ],
)
def test_a_setting_that_cannot_be_is_named_in_one_line(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(environ)
    assert str(caught.value) == message


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(SettingsError):
        read_settings({}, {"prot": 1})


def test_production_starts_with_address_clients_and_secret() -> None:
    assert read_settings(PRODUCTION).production


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"CDS_PUBLIC_URL": ""}, "CDS_PUBLIC_URL: the production profile needs it"),
        ({"CDS_PUBLIC_URL": "http://cds.example.org"}, "CDS_PUBLIC_URL: not an absolute https address"),
        ({"CDS_CLIENTS_FILE": ""}, "CDS_CLIENTS_FILE: the production profile needs it"),
        ({"CDS_FHIR_SERVERS": "http://ehr.example.org"}, "CDS_FHIR_SERVERS: not an absolute https address"),
        ({"CDS_CARD_KEY": ""}, "CDS_CARD_KEY: the production profile needs a secret of 16 characters or more"),
        ({"CDS_CARD_KEY": "x" * 15}, "CDS_CARD_KEY: the production profile needs a secret of 16 characters or more"),
        ({"CDS_AS_OF": "2026-03-01"}, "CDS_AS_OF: for the development profile alone"),
        ({"CDS_DIALECT": "epic"}, "CDS_DIALECT: for the development profile alone"),
    ],
)
def test_production_refuses_to_start_otherwise(change: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(PRODUCTION | change)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "address",
    ["sqlite:////var/lib/cds/feedback.db", "sqlite:///feedback.db", "postgresql://u:p@h/d", "postgresql+psycopg://h/d"],
)
def test_feedback_may_be_kept_in_a_file_or_on_a_server(address: str) -> None:
    assert read_settings({"CDS_DATABASE_URL": address}).database_url == address


@pytest.mark.parametrize(
    "address", ["secret", "mysql://u:secret@h/d", "sqlite://", "sqlite:///", "sqlite:///:memory:", "postgresql://"]
)
def test_what_is_no_database_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"CDS_DATABASE_URL": address})
    assert str(caught.value) == (
        "CDS_DATABASE_URL: not an address like sqlite:////var/lib/cds-service/feedback.db or postgresql://user@host/name"
    )


def test_settings_never_show_their_secret() -> None:
    shown: list[Any] = [repr(read_settings(PRODUCTION)), str(read_settings(PRODUCTION))]
    assert all("sixteen" not in text for text in shown)
