"""Every check there is: its id, how binding it is, the lines of the conformance register and the section it rests on."""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["MUST", "SHOULD", "tolerance"]
"""MUST: the specification demands it, or its empty card list would say something false. SHOULD: recommended there or
needed by known clients. Tolerance: what a service meets in the wild and had better take."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is looked at. `lines` are ids of the conformance register, `section` a heading of CDS Hooks 2.0."""

    id: str
    group: str
    level: Level
    lines: tuple[str, ...]
    section: str
    title: str


def _group(group: str, *rows: tuple[str, Level, str, str, str]) -> tuple[Check, ...]:
    return tuple(
        Check(id=id_, group=group, level=level, lines=tuple(lines.split()), section=section, title=title)
        for id_, level, lines, section, title in rows
    )


_CARD = "Card Attributes"
_PREFETCH = "Prefetch Template"
_STATUS = "HTTP Status Codes"
_TRUST = "Trusting CDS Clients"
_SIGNING = "JWT Signing Algorithm"
_CORS = "Cross-Origin Resource Sharing"

CHECKS: tuple[Check, ...] = (
    *_group(
        "discovery",
        ("discovery-status", "MUST", "DISC-1 DISC-14", "Discovery", "GET .../cds-services is answered with 200"),
        ("discovery-shape", "MUST", "DISC-2", "Discovery", "the answer is an object with the array services"),
        ("service-id", "MUST", "DISC-7", "Discovery", "each service has an id that can stand in its address"),
        ("service-hook", "MUST", "DISC-4", "Discovery", "each service names its hook"),
        ("service-description", "MUST", "DISC-6", "Discovery", "each service has a description"),
        ("service-title", "SHOULD", "DISC-5", "Discovery", "each service has a title"),
        ("service-version", "SHOULD", "DISC-10", "Discovery", "a service names the version of CDS Hooks, as 3.0 asks"),
        ("service-members", "SHOULD", "DISC-16", "Extensions", "nothing unknown stands outside of extension"),
        ("distinct-ids", "SHOULD", "DISC-12 DISC-13", "Discovery", "each service has an id of its own"),
        (
            "hook-names",
            "MUST",
            "HOOK-6",
            "Hook name is expressed as noun-verb",
            "other hooks are in reverse-domain form",
        ),
        ("prefetch-templates", "MUST", "DISC-8 PREF-1", _PREFETCH, "prefetch maps keys to reads or searches, relative"),
        ("prefetch-tokens", "MUST", "PREF-2 PREF-3 PREF-4", "Prefetch tokens", "tokens are those that the hook allows"),
        ("prefetch-subset", "SHOULD", "PREF-6 PREF-7", "Prefetch query restrictions", "templates keep to the subset"),
    ),
    *_group(
        "response",
        (
            "call-answered",
            "MUST",
            "REQ-1 RESP-1 RESP-2",
            "HTTP Response",
            "a call with the whole record is answered with 200",
        ),
        (
            "response-shape",
            "MUST",
            "RESP-1 JSON-6",
            "CDS Service Response",
            "the answer is an object with the array cards",
        ),
        ("content-type", "MUST", "JSON-1", "Use of JSON", "answers are of type application/json"),
        ("no-empty-values", "MUST", "JSON-3 JSON-4", "Use of JSON", "no null, no empty text, list or object"),
        ("card-shape", "MUST", "CARD-2 CARD-5 CARD-6 CARD-3", _CARD, "each card has summary, indicator and source"),
        ("summary-length", "MUST", "CARD-2", _CARD, "a summary has fewer than 140 characters"),
        ("indicator", "MUST", "CARD-5", _CARD, "an indicator is info, warning or critical"),
        ("source-label", "MUST", "SRC-1", "Source", "each source has a label"),
        ("source-url", "MUST", "SRC-2 SRC-4", "Source", "url and icon of a source are absolute"),
        ("source-topic", "MUST", "SRC-6 COD-1", "Source", "a topic is a Coding with code and system"),
        ("selection-behavior", "MUST", "CARD-8", _CARD, "suggestions come with a selectionBehavior that is known"),
        ("recommended", "MUST", "SUG-3", "Suggestion", "several are recommended only where any may be chosen"),
        ("suggestion-shape", "MUST", "SUG-1 SUG-4", "Suggestion", "each suggestion has a label, and actions in a list"),
        ("uuid-form", "SHOULD", "JSON-7", _CARD, "uuids are UUIDs in lower case"),
        ("uuid-unique", "MUST", "CARD-1 SUG-2", "Suggestion", "no uuid is given twice in one answer"),
        ("action-type", "MUST", "ACT-1", "Action", "an action creates, updates or deletes"),
        ("action-description", "MUST", "ACT-2", "Action", "each action has a description"),
        ("action-resource", "MUST", "ACT-3 ACT-4", "Action", "create and update bring the whole resource"),
        ("delete-resource-id", "SHOULD", "ACT-5 ACT-6", "Action", "delete names Type/id in resourceId"),
        ("link-shape", "MUST", "LINK-1 LINK-2 LINK-3", "Link", "each link has label, address and a type that is known"),
        ("link-app-context", "MUST", "LINK-5 LINK-4", "Link", "appContext stands only on links of type smart"),
        ("override-reasons", "MUST", "OVR-1 COD-1", _CARD, "override reasons have code, system and display"),
        ("system-actions", "MUST", "SYS-1 SYS-2 ACT-1", "CDS Service Response", "systemActions are actions"),
        ("extension-object", "MUST", "EXT-1", "Extensions", "an extension is an object"),
        ("known-members", "SHOULD", "EXT-1 EXT-2 SUG-7", "Extensions", "nothing unknown stands outside of extension"),
    ),
    *_group(
        "prefetch",
        ("prefetch-missing", "MUST", "PREF-19 PREF-20 ERR-2", _STATUS, "what is missing is told: 412 or a card"),
        ("prefetch-null", "MUST", "PREF-15 PREF-21", _PREFETCH, "null is an answer: no 412"),
        ("prefetch-empty-bundle", "MUST", "PREF-15 PREF-21", _PREFETCH, "an empty Bundle is an answer: no 412"),
        (
            "prefetch-outcome",
            "SHOULD",
            "PREF-16 PREF-17",
            _PREFETCH,
            "an OperationOutcome is not taken for an empty list",
        ),
    ),
    *_group(
        "tolerance",
        ("extra-members", "tolerance", "REQ-8 HOOK-7", "Extensions", "unknown fields and extensions are passed over"),
        ("charset", "tolerance", "REQ-11", "Calling a CDS Service", "a charset in the content type is taken"),
        ("any-accept", "tolerance", "REQ-11", "Calling a CDS Service", "any Accept header is taken"),
        ("role-user", "tolerance", "HOOK-1", "Hook context", "the user may be a PractitionerRole"),
        ("no-encounter", "tolerance", "HOOK-7", "Hook context", "encounterId is optional"),
        ("bundle-without-type", "tolerance", "HOOK-3", "Hook context", "draftOrders may lack the type of the Bundle"),
        ("double-slash", "tolerance", "SB-2", "Calling a CDS Service", "//id is taken for /id"),
    ),
    *_group(
        "errors",
        ("syntax-error", "MUST", "JSON-1 ERR-1", _STATUS, "a body that is no JSON is refused with 4xx"),
        ("missing-context", "MUST", "REQ-6 ERR-1", _STATUS, "a request without context is refused with 4xx"),
        ("wrong-hook", "SHOULD", "REQ-2 ERR-1", _STATUS, "a call for another hook is refused with 4xx"),
        ("unknown-service", "MUST", "REQ-1 ERR-1", _STATUS, "an unknown service is answered with 404"),
        ("no-silent-failure", "MUST", "RESP-2 RESP-4", "HTTP Response", "what cannot be read never gives empty cards"),
        (
            "error-body",
            "SHOULD",
            "RESP-5 ERR-3",
            "Returning OperationOutcome (3.0)",
            "errors carry an OperationOutcome",
        ),
    ),
    *_group(
        "cross-origin",
        ("cors-preflight", "MUST", "CORS-1 SB-5", _CORS, "a preflight without token is answered for all addresses"),
        ("cors-success", "MUST", "CORS-1 SB-5", _CORS, "answers can be read by the page"),
        ("cors-errors", "MUST", "CORS-1 ERR-6 SB-6", _CORS, "errors can be read by the page"),
        ("cors-credentials", "MUST", "CORS-2", _CORS, "never every origin together with credentials"),
    ),
    *_group(
        "feedback",
        ("feedback-accepted", "MUST", "FEED-2 FEED-3 FEED-4", "Feedback", "an accepted suggestion is taken"),
        ("feedback-overridden", "MUST", "FEED-3 FEED-5", "Feedback", "an overridden card with its reason is taken"),
        ("feedback-batch", "MUST", "FEED-2 FEED-6", "Feedback", "several entries, and one again, are taken"),
        ("feedback-unknown-card", "tolerance", "FEED-10", "Feedback", "an unknown card is no error"),
        ("feedback-syntax-error", "MUST", "JSON-1 ERR-1", "Feedback", "a body that is no JSON is refused with 4xx"),
        ("feedback-bad-outcome", "SHOULD", "FEED-3", "Feedback", "an outcome that does not exist is refused with 400"),
    ),
    *_group(
        "tokens",
        ("token-accepted", "MUST", "AUTH-1 AUTH-3 AUTH-4 AUTH-7", _TRUST, "a valid token is accepted"),
        ("token-missing", "SHOULD", "SEC-3", _TRUST, "no token is answered with 401"),
        ("token-expired", "MUST", "AUTH-3", _TRUST, "an expired token is refused with 401"),
        ("token-audience", "MUST", "AUTH-4", _TRUST, "a token for another address is refused with 401"),
        ("token-forged", "MUST", "AUTH-9", _TRUST, "a token signed by another key is refused with 401"),
        ("token-hs256", "MUST", "AUTH-6", _SIGNING, "HS256 with the public key as secret is refused with 401"),
        ("token-none", "MUST", "AUTH-5", _SIGNING, "alg none is refused with 401"),
        ("token-issuer", "SHOULD", "AUTH-8", _TRUST, "an issuer that nobody lists is refused with 401"),
        ("token-replayed", "SHOULD", "AUTH-11", _TRUST, "a token that was used is refused with 401"),
    ),
)
CHECK_OF: dict[str, Check] = {check.id: check for check in CHECKS}
