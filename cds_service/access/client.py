"""Who may call: what is agreed with one client, and which FHIR servers are read for whom."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..clinical.dialect import GENERIC, Dialect
from .address import NotAllowedServer, Servers
from .keys import Algorithm, VerifyingKey

ALGORITHMS: tuple[Algorithm, ...] = ("ES384", "RS384")
"""What CDS Hooks recommends to sign with."""
TOKEN_LIFE_S = 300


class Client(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A CDS Client that proves with each call who it is (CDS Hooks 2.0, "Trusting CDS Clients").

    `id` is our own name for it, in logs. Its tokens are issued by `issuer`, for one of `tenants` where some are named,
    signed with one of `algorithms` by one of `keys`, or, where there are none, of the JWK Set at `jwks_url`; a token
    that names a JWK Set (`jku`) must name `jku`. They may be addressed to one of `audiences` in place of the address
    that is called, and live for at most `token_life_s` seconds.

    `fhir_servers` are those that may be read for it; `subject` is the name under which its authorization server knows
    this service ("": not looked at); `dialect` is how its cards are written.
    """

    id: str
    issuer: str
    keys: tuple[VerifyingKey, ...] = ()
    jwks_url: str = ""
    jku: str = ""
    algorithms: tuple[Algorithm, ...] = ALGORITHMS
    audiences: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    token_life_s: int = TOKEN_LIFE_S
    fhir_servers: tuple[str, ...] = ()
    subject: str = ""
    dialect: Dialect = GENERIC


class AnothersServer(NotAllowedServer):
    """The FHIR server of another client."""


class ServersOfClients:
    """Which FHIR servers may be read for which client: its own alone; `unverified` those for callers not asked."""

    def __init__(self, unverified: Servers, clients: Iterable[Client] = ()) -> None:
        """Raises BadAddress or NotAllowedServer for an address of a client that can be no server's."""
        self._unverified = unverified
        self._of = {client.id: Servers(client.fhir_servers) for client in clients}

    def may_read(self, server: str, client: Client | None) -> str:
        """The normalised base of a server that may be read for this client, None being a caller that was not asked.

        Raises BadAddress, NotAllowedServer, or AnothersServer where it is one of another client's.
        """
        own = self._unverified if client is None else self._of[client.id]
        try:
            return own.may_read(server)
        except NotAllowedServer:
            if any(_reads(servers, server) for name, servers in self._of.items() if client and name != client.id):
                raise AnothersServer("this FHIR server is another client's") from None
            raise


def _reads(servers: Servers, server: str) -> bool:
    try:
        servers.may_read(server)
    except NotAllowedServer:
        return False
    return True
