"""What an EHR does with an accepted suggestion: carries its actions out on the basket, and calls the hook again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from ..clinical.findings import Hook

Members = dict[str, msgspec.Raw]
_members = msgspec.json.Decoder(Members)
_bundle_entries = msgspec.json.Decoder(list[Members])
_hook: msgspec.json.Decoder[Hook] = msgspec.json.Decoder(Hook)
_names = msgspec.json.Decoder(list[str])


class Acted(msgspec.Struct, frozen=True, rename="camel"):
    """One action of a suggestion, in the names of CDS Hooks 2.0."""

    type: Literal["create", "update", "delete"]
    description: str = ""
    resource: msgspec.Raw = msgspec.Raw(b"null")
    resource_id: str = ""


class Suggested(msgspec.Struct, frozen=True, rename="camel"):
    """One suggestion of a card."""

    label: str
    actions: tuple[Acted, ...] = ()
    is_recommended: bool = False


class _Head(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str
    id: str = ""


class Basket(msgspec.Struct):
    """A request that is being changed: its members, its context, and the draft orders in it as Bundle entries."""

    request: Members
    context: Members
    entries: list[Members]
    selections: list[str]
    taken: list[msgspec.Raw]

    @property
    def hook(self) -> Hook:
        """The hook of the request."""
        return _hook.decode(self.request["hook"])


def read_basket(request: bytes) -> Basket:
    """A request of any of the three hooks. Raises msgspec.DecodeError for one that is none."""
    members = _members.decode(request)
    context = _members.decode(members["context"])
    drafts = _members.decode(context["draftOrders"]) if "draftOrders" in context else {}
    return Basket(
        request=members,
        context=context,
        entries=_bundle_entries.decode(drafts["entry"]) if "entry" in drafts else [],
        selections=_names.decode(context["selections"]) if "selections" in context else [],
        taken=[],
    )


def accept(basket: Basket, suggestions: Sequence[Suggested]) -> Basket:
    """The basket once these were accepted: drafts deleted, then created (each selected), then updated."""
    after = msgspec.structs.replace(
        basket,
        entries=[dict(entry) for entry in basket.entries],
        selections=list(basket.selections),
        taken=list(basket.taken),
    )
    actions = [action for suggestion in suggestions for action in suggestion.actions]
    for action in sorted(actions, key=lambda action: ("delete", "create", "update").index(action.type)):
        if action.type == "delete":
            after.entries = [entry for entry in after.entries if reference(entry["resource"]) != action.resource_id]
            after.selections = [name for name in after.selections if name != action.resource_id]
        elif action.type == "update":
            for entry in after.entries:
                if reference(entry["resource"]) == reference(action.resource):
                    entry["resource"] = action.resource
        elif after.hook == "patient-view":
            after.taken.append(action.resource)
        else:
            after.entries.append({"resource": action.resource})
            after.selections.append(reference(action.resource))
    return after


def write_basket(basket: Basket, hook: Hook) -> bytes | None:
    """The request at a hook; None where nothing is left to ask about.

    What was created when a chart was opened is on the chart at that hook, and a draft where orders are signed.
    """
    context = {key: value for key, value in basket.context.items() if key not in ("draftOrders", "selections")}
    members = basket.request | {"hook": raw(hook)}
    entries = basket.entries
    if basket.hook == "patient-view":
        entries = [{"resource": resource} for resource in basket.taken]
        if hook == "patient-view":
            members["prefetch"] = with_orders(members.get("prefetch", msgspec.Raw(b"{}")), basket.taken)
    if hook != "patient-view":
        if not entries or (hook == "order-select" and not basket.selections):
            return None
        context["draftOrders"] = raw({"resourceType": "Bundle", "type": "collection", "entry": entries})
    if hook == "order-select":
        context["selections"] = raw(basket.selections)
    return msgspec.json.encode(members | {"context": raw(context)})


def with_orders(prefetch: msgspec.Raw, taken: Sequence[msgspec.Raw]) -> msgspec.Raw:
    """The prefetch with signed medication orders beside those that it holds."""
    values = _members.decode(prefetch)
    held = {key: value for key, value in _members.decode(values["medicationRequests"]).items() if key != "total"}
    entries = _bundle_entries.decode(held["entry"]) if "entry" in held else []
    for resource in taken:
        if head(resource).resource_type == "MedicationRequest":
            signed = _members.decode(resource) | {"status": raw("active")}
            entries.append({"resource": raw(signed)})
    return raw(values | {"medicationRequests": raw(held | {"entry": raw(entries)})})


def head(resource: msgspec.Raw) -> _Head:
    """What a resource is."""
    return msgspec.json.decode(resource, type=_Head)


def reference(resource: msgspec.Raw) -> str:
    """`Type/id` of a resource."""
    found = head(resource)
    return f"{found.resource_type}/{found.id}"


def raw(value: object) -> msgspec.Raw:
    """A value as JSON."""
    return msgspec.Raw(msgspec.json.encode(value))
