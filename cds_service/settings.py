"""The configuration: read from `CDS_...` variables and command line options into one frozen value.

An unknown name or a value that cannot be is refused with one line that names it.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from .profiles import ProfileError, dialect_named

PREFIX = "CDS_"
DATABASES = ("sqlite:///", "postgresql://", "postgresql+psycopg://")
"""How the address of a database may begin."""
DEVELOPMENT_KEY = "development key of cds-service, known to everybody"
_LISTS = frozenset(("fhir_servers", "fhir_networks", "cors_origins"))
_NOT_SETTINGS = ("CDS_SHARED", "CDS_TEST_", "CDS_REQUIRE_REAL_PARTS")  # Beginnings of what only the tests read.

_Count = Annotated[int, msgspec.Meta(ge=1, le=1024)]


class SettingsError(Exception):
    """A setting that is unknown or cannot be, in one line without its value."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one deployment runs. The variable of a setting is its name in capitals after `CDS_`.

    `fhir_servers` are the addresses that may be read for callers that are not asked who they are; in the development
    profile loopback addresses are allowed beside them. `clients_file` names those that may call, each with its own
    servers; `replay_file` is where used tokens are remembered, "" for the file of whoever runs the service;
    with `open_discovery` discovery needs no token, as some clients want it. `fhir_networks` are the networks (CIDR)
    beside the public ones that names of servers may lead to; in the development profile private ones are allowed beside
    them. `fhir_ca_file` is a PEM file of authorities that are trusted beside the public ones.
    `public_url` is the address under which clients call. `deadline_s` bounds all FHIR reads of one request, in
    seconds; `body_limit` a request body, in bytes; `page_cap` the pages of one search. `timezone` is an IANA name, ""
    for the machine's; `as_of` another day than today, for development alone. `mapping_file` adds a site's own codes,
    `site_file` is what a site wants otherwise of the rules (docs/site-file.md). `dialect` is the profile by which
    everybody is answered (docs/clients.md), for development alone: in production each client has its own.
    `cors_origins` are the web pages that may call. `card_key` is the secret behind the ids of cards, the same for all
    workers. `database_url` is where feedback is kept, "" for the file of whoever runs the service; the comments in it are
    patient data and are kept only where `feedback_comments` is true (docs/feedback.md).
    """

    profile: Literal["development", "production"] = "development"
    fhir_servers: tuple[str, ...] = ()
    fhir_networks: tuple[str, ...] = ()
    fhir_ca_file: str = ""
    public_url: str = ""
    clients_file: str = ""
    replay_file: str = ""
    open_discovery: bool = False
    deadline_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 4.0
    body_limit: Annotated[int, msgspec.Meta(ge=1024, le=256 * 1024 * 1024)] = 16 * 1024 * 1024
    page_cap: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    timezone: str = ""
    as_of: dt.date | None = None
    mapping_file: str = ""
    site_file: str = ""
    dialect: str = "generic"
    cors_origins: tuple[str, ...] = ()
    card_key: str = DEVELOPMENT_KEY
    database_url: str = ""
    feedback_comments: bool = False
    workers: _Count = 2
    threads: _Count = 32
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8000
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def production(self) -> bool:
        """Whether real patients are concerned."""
        return self.profile == "production"

    def __repr__(self) -> str:
        return f"Settings(profile={self.profile!r}, host={self.host!r}, port={self.port})"


def read_settings(environ: Mapping[str, str], options: Mapping[str, str | int | None] | None = None) -> Settings:
    """The settings in `environ`, overridden by `options` (by name of the setting; None counts as not given).

    An empty variable counts as not set. Raises SettingsError.
    """
    given: dict[str, str | int | list[str]] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable.startswith(_NOT_SETTINGS) or not value.strip():
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in Settings.__struct_fields__:
            raise SettingsError(f"{variable}: there is no such setting")
        given[name] = value.strip()
    given.update({name: value for name, value in (options or {}).items() if value is not None})
    for name in _LISTS & given.keys():
        given[name] = [part.strip() for part in str(given[name]).split(",") if part.strip()]
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$.")
        # msgspec repeats the value of a setting that has a closed list.
        message = "not one of the values that it may have" if message.startswith("Invalid enum value") else message
        raise SettingsError(f"{_variable(place.rstrip('`'))}: {message}") from None
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    for name, addresses in (("fhir_servers", settings.fhir_servers), ("public_url", (settings.public_url,))):
        for address in filter(None, addresses):
            if not _is_address(address, https=settings.production):
                wanted = "https" if settings.production else "http or https"
                raise SettingsError(f"{_variable(name)}: not an absolute {wanted} address")
    for network in settings.fhir_networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise SettingsError(f"{_variable('fhir_networks')}: not a network like 10.20.0.0/16") from None
    for origin in settings.cors_origins:
        if not _is_address(origin, https=settings.production) or urlsplit(origin).path:
            raise SettingsError(f"{_variable('cors_origins')}: not an origin like https://ehr.example.org")
    if settings.database_url and not _is_database(settings.database_url):
        raise bad_database()
    if settings.timezone:
        try:
            ZoneInfo(settings.timezone)
        except (KeyError, ValueError, OSError):
            raise SettingsError(f"{_variable('timezone')}: not an IANA time zone") from None
    try:
        dialect_named(settings.dialect)
    except ProfileError as fault:
        raise SettingsError(f"{_variable('dialect')}: {fault}") from None
    if settings.production:
        _check_production(settings)
    if settings.clients_file and not settings.public_url:
        raise SettingsError(f"{_variable('public_url')}: clients address their tokens to it")


def _check_production(settings: Settings) -> None:
    if not settings.public_url:
        raise SettingsError(f"{_variable('public_url')}: the production profile needs it")
    if not settings.clients_file:
        raise SettingsError(f"{_variable('clients_file')}: the production profile needs it")
    if settings.card_key == DEVELOPMENT_KEY or len(settings.card_key) < 16:
        raise SettingsError(f"{_variable('card_key')}: the production profile needs a secret of 16 characters or more")
    if settings.as_of is not None:
        raise SettingsError(f"{_variable('as_of')}: for the development profile alone")
    if settings.dialect != Settings().dialect:
        raise SettingsError(f"{_variable('dialect')}: for the development profile alone")


def _is_address(text: str, *, https: bool) -> bool:
    """An absolute address without user, query or fragment."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    schemes = ("https",) if https else ("http", "https")
    return (
        parts.scheme in schemes
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and not parts.query
        and not parts.fragment
        and text.isprintable()
        and " " not in text
    )


def bad_ca_file() -> SettingsError:
    """The fault of a file of authorities that cannot be used."""
    return SettingsError("CDS_FHIR_CA_FILE: not a readable PEM file of certificates")


def bad_database() -> SettingsError:
    """What is told of an address that is none of a database."""
    examples = "sqlite:////var/lib/cds-service/feedback.db or postgresql://user@host/name"
    return SettingsError(f"{_variable('database_url')}: not an address like {examples}")


def no_driver() -> SettingsError:
    """What is told where the driver of PostgreSQL is not there."""
    return SettingsError(f"{_variable('database_url')}: PostgreSQL needs its driver, cds-service[postgresql]")


def _is_database(text: str) -> bool:
    beginning = next(filter(text.startswith, DATABASES), "")
    return bool(beginning) and len(text) > len(beginning) and text.isprintable() and ":memory:" not in text


def _variable(name: str) -> str:
    return PREFIX + name.upper()
