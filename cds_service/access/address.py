"""Which FHIR servers may be read: addresses are compared part by part, never as beginnings of text."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urljoin

import msgspec


class BadAddress(ValueError):
    """A text that is no http(s) address of a FHIR server. The message does not repeat it: it may hold a password."""


class NotAllowedServer(Exception):
    """An address of a server that may not be read."""


class Address(msgspec.Struct, frozen=True):
    """An http(s) address in parts: host in lower case (IPv6 in brackets and shortest form), port never left out."""

    scheme: str
    host: str
    port: int
    segments: tuple[str, ...] = ()

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what must be equal before a token is sent."""
        return self.scheme, self.host, self.port

    @property
    def base(self) -> str:
        """The address as text, without default port and final slash."""
        port = "" if self.port == _DEFAULT_PORT[self.scheme] else f":{self.port}"
        return "/".join([f"{self.scheme}://{self.host}{port}", *self.segments])

    def covers(self, other: Address) -> bool:
        """True where the other is this address or lies below it, by whole segments of its path."""
        return self.origin == other.origin and other.segments[: len(self.segments)] == self.segments


_DEFAULT_PORT = {"http": 80, "https": 443}
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_LONGEST = 8192

# Only what a FHIR base or a page link needs. Percent signs, backslashes and semicolons in a path, which servers and
# proxies are known to read in different ways, have no place here; nor has anything outside ASCII.
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<user>[^/?#\\\s]*@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]/?#:@\\\s]+)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9/._~!$&'()*+,=:@-]*)?"
    r"(?P<query>\?[!-\"$-~]*)?",
    re.IGNORECASE | re.ASCII,
)


class Servers:
    """The FHIR servers that may be read, by their base addresses.

    A server may be read where its address is a listed one or lies below it. `loopback`, for development, adds plain
    http on any port of this machine, under its three literal names only.
    """

    def __init__(self, bases: Iterable[str] = (), *, loopback: bool = False) -> None:
        """Raises BadAddress or NotAllowedServer (a user name) for a base that can be none.

        Hosts outside ASCII are to be given in their `xn--` form.
        """
        self._listed = tuple(_read_base(base) for base in bases)
        self._loopback = loopback
        if any(not address.host.isascii() for address in self._listed):
            raise BadAddress("a host outside ASCII must be given in its xn-- form")

    def may_read(self, server: str) -> str:
        """The normalised base of a server that may be read.

        Raises BadAddress for what is no address at all, NotAllowedServer for every other one that is not listed:
        with a user name in it, another spelling of a number, a name that only looks alike. Nothing is resolved here.
        """
        address = _read_base(server)
        if self._loopback and address.scheme == "http" and address.host in _LOOPBACK:
            return address.base
        if any(listed.covers(address) for listed in self._listed):
            return address.base
        raise NotAllowedServer("this FHIR server is not among those that may be read")


def origin_of(server: str) -> tuple[str, str, int]:
    """The origin of a server that may be read. Raises BadAddress for what is no address."""
    return _read_base(server).origin


def next_page(base: str, current: str, link: str) -> str:
    """The address of the next page, as the server wrote it; a relative one is completed.

    Raises BadAddress or NotAllowedServer unless it is at or below the base on the same scheme, host and port: page
    links may lie at the base itself, without a resource type, and a token goes to no other place.
    """
    try:
        url = urljoin(current if link.startswith("?") else f"{base}/", link)
    except ValueError:
        raise BadAddress("not a link") from None
    if not _read_base(base).covers(_read_address(url)):
        raise NotAllowedServer("the next page lies outside the FHIR server")
    return url


def _read_base(text: str) -> Address:
    if "?" in text:
        raise BadAddress("the address of a FHIR server has no query")
    return _read_address(text)


def _read_address(text: str) -> Address:
    parts = _URL.fullmatch(text) if len(text) <= _LONGEST else None
    if parts is None:
        raise BadAddress("not an http or https address")
    if parts["user"]:
        raise NotAllowedServer("an address with a user name in it is not read")
    scheme = parts["scheme"].lower()
    port = int(parts["port"] or _DEFAULT_PORT[scheme])
    path = (parts["path"] or "").removeprefix("/").removesuffix("/")
    segments = tuple(path.split("/")) if path else ()
    if not 0 < port < 65536 or not all(segment.strip(".") for segment in segments):
        raise BadAddress("not a plain http or https address")
    return Address(scheme, _read_host(parts["host"]), port, segments)


def _read_host(text: str) -> str:
    if not text.startswith("["):
        return text.lower() if text.isascii() else text
    try:
        return f"[{ipaddress.IPv6Address(text[1:-1]).compressed}]"
    except ValueError:
        raise BadAddress("not an IPv6 address") from None
