"""The clients' file: TOML with an entry for each CDS Client that may call, read once at the start (docs/operating.md).

What is wrong with it stops the start, with file, entry and key and without the value.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from .access.address import BadAddress, NotAllowedServer, Servers
from .access.client import ALGORITHMS, TOKEN_LIFE_S, Client
from .access.keys import MAX_SET, Algorithm, BadKeys, VerifyingKey, read_keys
from .clinical.dialect import Dialect
from .profiles import dialect_named
from .settings import SettingsError

PUBLIC_SANDBOX = "sandbox.cds-hooks.org"
"""The host of the public sandbox, whose private key is published: anybody can sign as it."""

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class ClientsError(SettingsError):
    """A clients' file that cannot be used: one line with the file, the entry and the key."""


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry as it is written: see `Client` for what the keys mean."""

    issuer: _Text
    jwks_url: str = ""
    jwks_file: str = ""
    jku: str = ""
    algorithms: Annotated[tuple[Algorithm, ...], msgspec.Meta(min_length=1)] = ALGORITHMS
    audiences: tuple[_Text, ...] = ()
    tenants: tuple[_Text, ...] = ()
    token_life_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = TOKEN_LIFE_S
    fhir_servers: tuple[_Text, ...] = ()
    subject: str = ""
    profile: _Text = "generic"
    dialect: dict[str, object] = {}


def read_clients(file: Path, *, production: bool) -> tuple[Client, ...]:
    """The clients in `file`, in its order, at least one. A `jwks_file` is looked for beside it.

    In production every address must be https, and the public sandbox is no client. Raises ClientsError.
    """
    entries = _entries(file)
    clients = tuple(_read_client(file, name, entry, production=production) for name, entry in entries.items())
    _check_issuers(file.name, clients)
    _check_servers(file.name, clients)
    return clients


def _entries(file: Path) -> dict[str, dict[str, object]]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise ClientsError(f"{file.name}: cannot be read") from None
    except UnicodeDecodeError:
        raise ClientsError(f"{file.name}: is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        # The parser's own words may quote what stands there; only the place is repeated.
        place = str(error).partition("(at ")[2].rstrip(")")
        raise ClientsError(f"{file.name}: is no TOML" + (f" (at {place})" if place else "")) from None
    for key in table.keys() - {"client"}:
        raise ClientsError(f"{file.name}: {key}: there is no such key; an entry is [client.NAME]")
    try:
        entries = msgspec.convert(table.get("client", {}), dict[str, dict[str, object]])
    except msgspec.ValidationError:
        raise ClientsError(f"{file.name}: client: an entry is [client.NAME]") from None
    if not entries:
        raise ClientsError(f"{file.name}: no client is in it")
    return entries


def _read_client(file: Path, name: str, table: dict[str, object], *, production: bool) -> Client:
    where = f"{file.name}: {name}"
    try:
        entry = msgspec.convert(table, _Entry)
    except msgspec.ValidationError as error:
        raise ClientsError(f"{where}: {_fault(error)}") from None
    if entry.jwks_url and not _is_safe(entry.jwks_url, plain_http=frozenset() if production else _LOOPBACK):
        raise ClientsError(f"{where}: jwks_url: not an https address")
    if production and not all(_is_safe(server) for server in entry.fhir_servers):
        raise ClientsError(f"{where}: fhir_servers: not https addresses")
    if production and PUBLIC_SANDBOX in (_host(entry.issuer), _host(entry.jwks_url), _host(entry.jku)):
        raise ClientsError(f"{where}: issuer: the public sandbox, whose private key everybody knows, for development")
    if bool(entry.jwks_url) == bool(entry.jwks_file):
        raise ClientsError(f"{where}: jwks_url: either this or jwks_file is needed")
    if entry.jku and entry.jwks_url:
        raise ClientsError(f"{where}: jku: beside jwks_url it is that address; leave it out")
    try:
        Servers(entry.fhir_servers)
    except (BadAddress, NotAllowedServer) as error:
        raise ClientsError(f"{where}: fhir_servers: {error}") from None
    return Client(
        id=name,
        issuer=entry.issuer,
        keys=_pinned(where, file.parent / entry.jwks_file) if entry.jwks_file else (),
        jwks_url=entry.jwks_url,
        jku=entry.jku or entry.jwks_url,
        algorithms=entry.algorithms,
        audiences=entry.audiences,
        tenants=entry.tenants,
        token_life_s=entry.token_life_s,
        fhir_servers=entry.fhir_servers,
        subject=entry.subject,
        dialect=_dialect(where, entry),
    )


def _fault(error: msgspec.ValidationError) -> str:
    """What is wrong with an entry, by its key; msgspec repeats the value where there is a closed list."""
    message, _, place = str(error).partition(" - at `$")
    message = "not one of the values that it may have" if message.startswith("Invalid enum value") else message
    key = place.strip(".`")
    return f"{key}: {message}" if key else message


def _pinned(where: str, file: Path) -> tuple[VerifyingKey, ...]:
    try:
        with file.open("rb") as opened:
            return read_keys(opened.read(MAX_SET + 1))
    except OSError:
        raise ClientsError(f"{where}: jwks_file: cannot be read") from None
    except BadKeys as error:
        raise ClientsError(f"{where}: jwks_file: {error}") from None


def _dialect(where: str, entry: _Entry) -> Dialect:
    """The profile's dialect with what this client wants otherwise still."""
    try:
        dialect = dialect_named(entry.profile)
    except (KeyError, ValueError):
        raise ClientsError(f"{where}: profile: there is no such profile") from None
    for key in entry.dialect:
        if key not in Dialect.__struct_fields__:
            raise ClientsError(f"{where}: dialect.{key}: there is no such key")
    if not entry.dialect:
        return dialect
    try:
        return msgspec.convert({**msgspec.structs.asdict(dialect), **entry.dialect}, Dialect)
    except msgspec.ValidationError as error:
        raise ClientsError(f"{where}: dialect.{_fault(error)}") from None


def _check_issuers(file: str, clients: Iterable[Client]) -> None:
    """A token must belong to one client alone."""
    clients = tuple(clients)
    shared = {issuer for issuer, count in Counter(client.issuer for client in clients).items() if count > 1}
    seen: set[tuple[str, str]] = set()
    for client in clients:
        if client.issuer in shared and not client.tenants:
            raise ClientsError(f"{file}: {client.id}: tenants: needed where another entry has the same issuer")
        for tenant in client.tenants:
            if (client.issuer, tenant) in seen:
                raise ClientsError(f"{file}: {client.id}: tenants: another entry has the same issuer and tenant")
            seen.add((client.issuer, tenant))


def _check_servers(file: str, clients: Iterable[Client]) -> None:
    """A server of one client may be another's as well, but must not lie within another's."""
    clients = tuple(clients)
    for outer in clients:
        for inner in clients:
            if outer is not inner and any(_lies_within(base, outer) for base in inner.fhir_servers):
                raise ClientsError(f"{file}: {inner.id}: fhir_servers: one lies within a server of {outer.id}")


def _lies_within(base: str, outer: Client) -> bool:
    for listed in outer.fhir_servers:
        try:
            Servers((listed,)).may_read(base)
        except NotAllowedServer:
            continue
        try:
            Servers((base,)).may_read(listed)
        except NotAllowedServer:
            return True
    return False


def _is_safe(address: str, *, plain_http: frozenset[str] = frozenset()) -> bool:
    """An https address, or one in plain http on one of these hosts."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    clean = address.isascii() and address.isprintable() and " " not in address and "@" not in parts.netloc
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in plain_http)
    return clean and secure and bool(parts.hostname) and not parts.fragment


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""
