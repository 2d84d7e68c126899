"""A real HAPI FHIR server, as an EHR beside it uses it: stores records, and fills in prefetch templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import requests

Json = dict[str, Any]


class Hapi:
    """The server at `base`. Nothing that it says is taken without its status being looked at."""

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")
        self._session = requests.Session()
        # An identical search answers from an earlier result for a minute; what a test looks at is never that old.
        self._session.headers["Cache-Control"] = "no-cache"

    def store(self, resources: Iterable[Json]) -> None:
        """Puts the resources in one transaction, each under its own id."""
        entries = [
            {"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}}
            for each in resources
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        answer = self._session.post(f"{self.base}/", json=bundle, timeout=60)
        assert answer.status_code == 200, answer.text

    def delete(self, resource: Json) -> None:
        """Deletes a resource to which no other refers."""
        url = f"{self.base}/{resource['resourceType']}/{resource['id']}"
        assert self._session.delete(url, timeout=60).status_code == 200

    def get(self, url: str) -> Json:
        """The resource or Bundle at an address, absolute or below the base."""
        answer = self._session.get(url if "://" in url else f"{self.base}/{url}", timeout=60)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def status(self, url: str) -> int:
        """The status with which an address is answered."""
        return self._session.get(url if "://" in url else f"{self.base}/{url}", timeout=60).status_code

    def pages(self, query: str) -> list[Json]:
        """All pages of a search."""
        pages = [self.get(query)]
        while link := next_link(pages[-1]):
            pages.append(self.get(link))
        return pages

    def prefetch(self, templates: Mapping[str, str], context: Mapping[str, Any]) -> Json:
        """What a client sends that fills in the templates and hands on the first page of each answer."""
        filled: dict[str, str] = {}
        for key, template in templates.items():
            for name, value in context.items():
                template = template.replace("{{context." + name + "}}", str(value))
            filled[key] = template
        return {key: self.get(query) for key, query in filled.items()}


def next_link(bundle: Json) -> str:
    """The link to the next page, "" on the last one."""
    return next((str(link["url"]) for link in bundle.get("link", ()) if link["relation"] == "next"), "")


def ids_of(bundle: Json) -> list[str]:
    """The ids of the resources on a page, in their order."""
    return [entry["resource"]["id"] for entry in bundle.get("entry", ())]
