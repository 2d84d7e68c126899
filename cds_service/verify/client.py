"""The client: few requests, each with time-outs and a size that it stops at, no redirect followed, no proxy, no cookie."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

import msgspec
import requests

from .json_values import Json, NotJson, read_json

CONNECT_S = 5.0
WAIT_S = 15.0
"""Seconds for connecting, and for each wait for a part of an answer."""
ANSWER_S = 30.0
"""Seconds in which an answer must have come whole."""
ANSWER_BYTES = 4 * 1024 * 1024
REQUESTS = 150
"""Requests of one run; those beyond it are not made."""


class Unreachable(Exception):
    """No answer, or none that could be used: the text says why, without what was sent or came."""


class Exhausted(Exception):
    """As many requests were made as one run may make."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Json:
        """The body as JSON. Raises NotJson."""
        return read_json(self.body)

    def cards(self) -> list[Json] | None:
        """The cards of an answer with status 200; None where there is no list of cards."""
        if self.status != 200:
            return None
        try:
            value = self.json()
        except NotJson:
            return None
        cards = value.get("cards") if isinstance(value, dict) else None
        return cards if isinstance(cards, list) else None


class Client:
    """One service at its base address. `authorization` makes the header for an address, "" for none."""

    def __init__(
        self,
        base: str,
        *,
        origin: str,
        authorization: Callable[[str], str] = lambda path: "",
        answer_s: float = ANSWER_S,
    ) -> None:
        self.base = base
        self.origin = origin
        self.requests = 0
        self._authorization = authorization
        self._answer_s = answer_s

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        token: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """The reply to a request of a path below the base. `headers` win over the usual ones.

        Raises Unreachable, and Exhausted when too many requests were made.
        """
        if self.requests >= REQUESTS:
            raise Exhausted(f"{REQUESTS} requests have been made, and no more are")
        self.requests += 1
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", "Origin": self.origin}
        sent["User-Agent"] = "cds-service-verify"
        if body is not None:
            sent["Content-Type"] = "application/json"
        if token and (authorization := self._authorization(path)):
            sent["Authorization"] = authorization
        sent |= headers or {}
        box: SimpleQueue[Reply | Unreachable] = SimpleQueue()
        exchange = (method, self.base + path, body, sent, box)
        threading.Thread(target=_exchange, args=exchange, daemon=True).start()
        try:
            answer = box.get(timeout=self._answer_s)
        except Empty:
            raise Unreachable(f"no whole answer within {self._answer_s:g} seconds") from None
        if isinstance(answer, Unreachable):
            raise answer
        return answer


def _exchange(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], box: SimpleQueue[Reply | Unreachable]
) -> None:
    """In a thread of its own, which is left to itself where an answer drips: no time-out ends that."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            with session.request(
                method,
                url,
                data=body,
                headers=headers,
                timeout=(CONNECT_S, WAIT_S),
                allow_redirects=False,
                stream=True,
            ) as response:
                names = {name.lower(): value for name, value in response.headers.items()}
                box.put(Reply(status=response.status_code, headers=names, body=_receive(response)))
    except Unreachable as error:
        box.put(error)
    except Exception as error:  # Whatever it is, somebody waits for it.
        box.put(Unreachable(f"no answer ({type(error).__name__})"))


def _receive(response: requests.Response) -> bytes:
    parts: list[bytes] = []
    left = ANSWER_BYTES
    for part in response.iter_content(65_536):
        left -= len(part)
        if left < 0:
            raise Unreachable(f"the answer is larger than {ANSWER_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


def base_of(address: str) -> str:
    """The base of a service given with or without its `/cds-services`. Raises ValueError for no http(s) address."""
    parts = urlsplit(address)
    _ = parts.port
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("no http or https address")
    if parts.query or parts.fragment:
        raise ValueError("an address without query or fragment is needed")
    return address.rstrip("/").removesuffix("/cds-services").rstrip("/")
