"""Which addresses may be read, and every trick by which another one tries to pass for them."""

from __future__ import annotations

import pytest

from cds_service.access.address import BadAddress, NotAllowedServer, Servers, next_page

LISTED = Servers(["https://ehr.example.org/fhir/r4", "http://10.1.2.3:8080/fhir", "https://[2001:db8::1]/fhir"])
LOOPBACK = Servers(loopback=True)

NOT_LISTED = "this FHIR server is not among those that may be read"


@pytest.mark.parametrize(
    ("server", "base"),
    [
        ("https://ehr.example.org/fhir/r4", "https://ehr.example.org/fhir/r4"),
        ("https://ehr.example.org/fhir/r4/", "https://ehr.example.org/fhir/r4"),
        ("HTTPS://EHR.Example.org:443/fhir/r4", "https://ehr.example.org/fhir/r4"),
        ("https://ehr.example.org/fhir/r4/tenant-1", "https://ehr.example.org/fhir/r4/tenant-1"),
        ("http://10.1.2.3:8080/fhir", "http://10.1.2.3:8080/fhir"),
        ("https://[2001:DB8:0:0:0:0:0:1]:443/fhir", "https://[2001:db8::1]/fhir"),
    ],
)
def test_a_listed_server_may_be_read_under_its_plain_address(server: str, base: str) -> None:
    assert LISTED.may_read(server) == base


@pytest.mark.parametrize(
    "server",
    [
        "https://ehr.example.org.evil/fhir/r4",
        "https://ehr.example.org-evil/fhir/r4",
        "https://evil-ehr.example.org/fhir/r4",
        "https://sub.ehr.example.org/fhir/r4",
        "https://ehr.example.org./fhir/r4",
        "https://example.org/fhir/r4",
        "http://ehr.example.org/fhir/r4",
        "http://ehr.example.org:443/fhir/r4",
        "https://ehr.example.org:444/fhir/r4",
        "https://ehr.example.org:80/fhir/r4",
        "https://ehr.example.org",
        "https://ehr.example.org/",
        "https://ehr.example.org/fhir",
        "https://ehr.example.org/fhir/r4evil",
        "https://ehr.example.org/fhir/R4",
        "https://ehr.example.org/other/fhir/r4",
        "https://xn--hr-ehr.example.org/fhir/r4",
        "https://еhr.example.org/fhir/r4",  # noqa: RUF001 (a Cyrillic letter)
        "https://ｅhr.example.org/fhir/r4",  # noqa: RUF001 (a full-width letter)
        "https://ehr。example。org/fhir/r4",
        "https://ehr%2eexample%2eorg/fhir/r4",
        "https://ehr.example.org\u200b/fhir/r4",
        "http://10.1.2.3/fhir",
        "http://10.1.2.4:8080/fhir",
        "https://10.1.2.3:8080/fhir",
        "http://167838211:8080/fhir",
        "http://012.1.2.3:8080/fhir",
        "http://0xa.1.2.3:8080/fhir",
        "http://10.66051:8080/fhir",
        "http://[::ffff:10.1.2.3]:8080/fhir",
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00:ec2::254]/fhir",
        "http://metadata.google.internal/fhir",
        "http://127.0.0.1:8080/fhir",
        "http://localhost:8080/fhir",
        "http://[::1]:8080/fhir",
        "http://0.0.0.0:8080/fhir",
    ],
)
def test_what_only_resembles_a_listed_server_may_not(server: str) -> None:
    with pytest.raises(NotAllowedServer, match=f"^{NOT_LISTED}$"):
        LISTED.may_read(server)


@pytest.mark.parametrize(
    "server",
    [
        "https://ehr.example.org@evil/fhir/r4",
        "https://ehr.example.org:443@evil/fhir/r4",
        "https://user:word@ehr.example.org/fhir/r4",
        "https://@ehr.example.org/fhir/r4",
    ],
)
def test_a_user_name_is_never_read_and_never_repeated(server: str) -> None:
    with pytest.raises(NotAllowedServer, match=r"^an address with a user name in it is not read$"):
        LISTED.may_read(server)


@pytest.mark.parametrize(
    "server",
    [
        "",
        "ehr.example.org",
        "//ehr.example.org/fhir/r4",
        "file:///etc/passwd",
        "ftp://ehr.example.org/fhir/r4",
        "gopher://ehr.example.org/",
        "data:application/json,{}",
        "javascript:alert(1)",
        "https:ehr.example.org/fhir/r4",
        "https:///fhir/r4",
        "https://",
        "https://:443/fhir/r4",
        "https://ehr.example.org:/fhir/r4",
        "https://ehr.example.org:0/fhir/r4",
        "https://ehr.example.org:65536/fhir/r4",
        "https://ehr.example.org:443:443/fhir/r4",
        "https://ehr.example.org:٤٤٣/fhir/r4",
        "https://ehr.example.org/fhir/r4#",
        "https://ehr.example.org#@evil/fhir/r4",
        "https://ehr.example.org/fhir/r4?",
        "https://ehr.example.org?@evil/fhir/r4",
        "https://ehr.example.org\\@evil/fhir/r4",
        "https://ehr.example.org\\evil/fhir/r4",
        " https://ehr.example.org/fhir/r4",
        "https://ehr.example.org/fhir/r4\n",
        "https://ehr.example.org\r\nHost: evil/fhir/r4",
        "https://ehr.example.org\t/fhir/r4",
        "https://ehr.example.org/fhir/r4/../../admin",
        "https://ehr.example.org/fhir/r4/./x",
        "https://ehr.example.org/fhir/r4/..;/admin",
        "https://ehr.example.org/fhir/r4/%2e%2e/admin",
        "https://ehr.example.org/fhir/r4/..%2fadmin",
        "https://ehr.example.org/fhir//r4",
        "https://[::1/fhir",
        "https://[2001:db8::1%25eth0]/fhir",
        "https://[::zz]/fhir",
        "https://[1:2]/fhir",
        "httpſ://ehr.example.org/fhir/r4",  # noqa: RUF001 (a long s)
        "https://ehr.example.org/" + "a" * 9000,
    ],
)
def test_what_is_no_plain_address_is_said_to_be_none(server: str) -> None:
    with pytest.raises(BadAddress):
        LISTED.may_read(server)


@pytest.mark.parametrize(
    "server",
    ["http://127.0.0.1:8090/fhir", "http://localhost:1/fhir", "http://LOCALHOST", "http://[::1]:8090/a/b"],
)
def test_development_reads_this_machine_on_any_port(server: str) -> None:
    assert LOOPBACK.may_read(server) == server.lower()


@pytest.mark.parametrize(
    "server",
    [
        "http://127.0.0.2/fhir",
        "http://127.1/fhir",
        "http://2130706433/fhir",
        "http://0177.0.0.1/fhir",
        "http://0x7f.0.0.1/fhir",
        "http://0/fhir",
        "http://[::]/fhir",
        "http://[::ffff:127.0.0.1]/fhir",
        "http://localhost./fhir",
        "http://localhost.evil/fhir",
        "http://127.0.0.1.nip.io/fhir",
        "http://localtest.me/fhir",
        "http://loca\u017fhost/fhir",
        "https://localhost/fhir",
        "http://10.0.0.1/fhir",
    ],
)
def test_development_reads_nothing_that_only_leads_to_this_machine(server: str) -> None:
    with pytest.raises(NotAllowedServer):
        LOOPBACK.may_read(server)


def test_nothing_may_be_read_where_nothing_is_listed() -> None:
    with pytest.raises(NotAllowedServer):
        Servers().may_read("https://ehr.example.org/fhir")


@pytest.mark.parametrize("base", ["ehr.example.org", "https://ehr.example.org/fhir?x=1", "https://bücher.example/fhir"])
def test_a_bad_configured_base_is_refused_at_the_start(base: str) -> None:
    with pytest.raises(BadAddress):
        Servers([base])


BASE = "https://ehr.example.org/fhir"
SEARCH = f"{BASE}/Condition?patient=p1&_count=200"


@pytest.mark.parametrize(
    ("link", "url"),
    [
        (f"{BASE}/Condition?page=2", f"{BASE}/Condition?page=2"),
        (f"{BASE}?_getpages=a-b&_getpagesoffset=10", f"{BASE}?_getpages=a-b&_getpagesoffset=10"),
        (f"{BASE}/?_getpages=a", f"{BASE}/?_getpages=a"),
        ("https://EHR.example.org:443/fhir/Condition?page=2", "https://EHR.example.org:443/fhir/Condition?page=2"),
        ("?page=2", f"{BASE}/Condition?page=2"),
        ("Condition?page=2", f"{BASE}/Condition?page=2"),
        ("/fhir/Condition?page=2", f"{BASE}/Condition?page=2"),
        ("//ehr.example.org/fhir/Condition?page=2", f"{BASE}/Condition?page=2"),
        (f"{BASE}/Condition?code=http://loinc.org|2160-0", f"{BASE}/Condition?code=http://loinc.org|2160-0"),
    ],
)
def test_a_page_link_at_or_below_the_base_is_followed_as_it_is(link: str, url: str) -> None:
    assert next_page(BASE, SEARCH, link) == url


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/fhir/Condition?page=2",
        "https://ehr.example.org.evil/fhir/Condition?page=2",
        "https://ehr.example.org@evil/fhir/Condition?page=2",
        "https://user@ehr.example.org/fhir/Condition?page=2",
        "http://ehr.example.org/fhir/Condition?page=2",
        "https://ehr.example.org:8443/fhir/Condition?page=2",
        "https://ehr.example.org:443:443/fhir/Condition?page=2",
        "https://ehr.example.org/Condition?page=2",
        "https://ehr.example.org/fhirevil/Condition?page=2",
        "https://ehr.example.org/fhir/../admin?page=2",
        "https://ehr.example.org/fhir/%2e%2e/admin?page=2",
        "../admin?page=2",
        "//evil.example/fhir/Condition?page=2",
        "/other/Condition?page=2",
        "file:///etc/passwd",
        "javascript:alert(1)",
        f"{BASE}/Condition?page=2#fragment",
        f"{BASE}/Condition?name=a b",
        "https://[::1/fhir",
    ],
)
def test_a_page_link_elsewhere_is_not_followed(link: str) -> None:
    with pytest.raises((BadAddress, NotAllowedServer)):
        next_page(BASE, SEARCH, link)
