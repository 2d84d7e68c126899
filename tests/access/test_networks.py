"""A name may lead to public addresses and to listed networks; what a record of a name server says is not believed."""

from __future__ import annotations

import socket

import pytest

from cds_service.access.address import NotAllowedServer
from cds_service.access.networks import PRIVATE, Networks

NAME = "ehr.example.org"


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_a_public_address_may_be_read(address: str) -> None:
    assert Networks().allow(NAME, address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # where clouds keep keys
        "100.64.0.1",
        "100.100.100.200",  # where another cloud does
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:169.254.169.254",  # IPv4 in IPv6, in its three forms
        "2002:a9fe:a9fe::1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "2001:0:a9fe:a9fe::1",
        "::169.254.169.254",  # and in two that are no longer used
        "::ffff:0:169.254.169.254",
        "fec0::1",  # a site's own, before there was fc00::/7
    ],
)
def test_an_address_inside_may_not(address: str) -> None:
    assert not Networks().allow(NAME, address)


def test_a_listed_network_may_be_read_to_its_last_address() -> None:
    networks = Networks(["10.20.0.0/16", "fd00::/8"])
    assert networks.allow(NAME, "10.20.255.255")
    assert networks.allow(NAME, "::ffff:10.20.0.1")
    assert networks.allow(NAME, "fd12::1")
    assert not networks.allow(NAME, "10.21.0.0")
    assert not networks.allow(NAME, "fc00::1")


def test_private_networks_hold_no_metadata_service() -> None:
    networks = Networks(PRIVATE)
    assert networks.allow(NAME, "10.0.0.1")
    assert networks.allow(NAME, "127.0.0.1")
    assert not networks.allow(NAME, "169.254.169.254")
    assert not networks.allow(NAME, "fe80::1")


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "127.0.0.1", "[::1]"])
def test_an_address_that_was_listed_itself_stands_for_itself(host: str) -> None:
    assert [each.address[:2] for each in Networks().resolve(host, 443)] == [(host.strip("[]"), 443)]


def test_this_machine_by_its_name_is_this_machine() -> None:
    assert Networks().allow("localhost", "127.0.0.1")
    assert not Networks().allow("localhost", "10.0.0.1")
    assert not Networks().allow("localhost.example.org", "127.0.0.1")


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)


def test_of_several_addresses_those_inside_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(monkeypatch, "10.0.0.1", "93.184.216.34", "93.184.216.34", "169.254.169.254")
    assert [each.address for each in Networks().resolve(NAME, 443)] == [("93.184.216.34", 443)]


def test_a_name_that_leads_inside_alone_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(monkeypatch, "10.0.0.1", "169.254.169.254")
    with pytest.raises(NotAllowedServer, match=r"^the FHIR server's name leads to a network that is not listed$"):
        Networks().resolve(NAME, 443)


@pytest.mark.parametrize("network", ["10.0.0.1/8", "inside", ""])
def test_what_is_no_network_cannot_be_listed(network: str) -> None:
    with pytest.raises(ValueError):
        Networks([network])
