"""Where the name of a FHIR server may lead: to public addresses, and to those of the networks that are listed.

That a server is listed says whom we trust, not where its name leads today: who can change the answer of a name server
could turn a token to a cloud's metadata service or to a machine inside (DNS rebinding). So every connection is made to
an address that was looked at here, the very one, and the name is not asked again in between.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

import msgspec

from .address import NotAllowedServer

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "127.0.0.0/8", "::1/128")
"""The networks of an organisation and of the machine itself; link-local ones, where clouds keep keys, are not here."""
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # an IPv4 address behind a translator (RFC 6052)
_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that is assigned of IPv6 (IANA). Beside it lie forms of IPv4 addresses that nobody uses any more, addresses of a
site, and translators within one (RFC 4291, 3879, 8215); Python calls some of them global."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One address of a host, as a socket takes it."""

    family: socket.AddressFamily
    address: tuple[str, int] | tuple[str, int, int, int]


class Networks:
    """The networks in which a FHIR server may lie beside the public ones, in CIDR form."""

    def __init__(self, listed: Iterable[str] = ()) -> None:
        """Raises ValueError for what is no network."""
        self._listed: tuple[_Network, ...] = tuple(ipaddress.ip_network(each) for each in listed)

    def allow(self, host: str, address: str) -> bool:
        """Whether a server of this name may be read at this address.

        A host that is an address itself stands for itself, and `localhost` for this machine: they were listed as such.
        """
        ip = _meant(ipaddress.ip_address(address.partition("%")[0]))
        if any(ip in network for network in self._listed if network.version == ip.version):
            return True
        if host.strip("[]") == address or (host == "localhost" and ip.is_loopback):
            return True
        return ip.is_global and not ip.is_multicast and (ip.version == 4 or ip in _UNICAST)

    def resolve(self, host: str, port: int) -> tuple[Endpoint, ...]:
        """The addresses at which the host may be read, in the resolver's order, each once.

        Raises NotAllowedServer where it has none but those that may not be read; `socket.gaierror` where it has none.
        """
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        # The third shape of an address, a number and bytes, is what Python has where it was built without IPv6.
        endpoints = dict.fromkeys(
            Endpoint(family=family, address=address)
            for family, _, _, _, address in found
            if not isinstance(address[0], int)
        )
        allowed = tuple(each for each in endpoints if self.allow(host, each.address[0]))
        if not allowed:
            raise NotAllowedServer("the FHIR server's name leads to a network that is not listed")
        return allowed


def _meant(ip: _Ip) -> _Ip:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if not isinstance(ip, ipaddress.IPv6Address):
        return ip
    if ip in _TRANSLATED:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip
