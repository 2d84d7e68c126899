"""Services with one fault each, and the check that must find it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .services import NOT_JSON, Answer, Fault, GoodService, Request, algorithm_of, faults_of, token_of

FAULTS: list[tuple[str, str, Fault]] = []
"""Check, what is wrong in words, and the fault."""
TOKEN_FAULTS: list[tuple[str, str, Fault]] = []
"""The same in a service that wants tokens."""


def _fault(check: str, words: str) -> Callable[[Fault], Fault]:
    def enter(fault: Fault) -> Fault:
        (TOKEN_FAULTS if check.startswith("token-") else FAULTS).append((check, words, fault))
        return fault

    return enter


# What stands in discovery


def _discovery(check: str, words: str, change: Callable[[dict[str, Any]], object]) -> None:
    """A fault in the first service of discovery."""

    @_fault(check, words)
    def fault(service: GoodService, request: Request, answer: Answer) -> Answer:
        if not request.is_discovery or answer.status != 200:
            return answer
        body = copy.deepcopy(answer.body)
        change(body["services"][0])
        return replace(answer, body=body)


_discovery("service-id", "discovery without id", lambda service: service.pop("id"))
_discovery("service-id", "an id with a slash", lambda service: service.update(id="a/b"))
_discovery("service-hook", "discovery without hook", lambda service: service.pop("hook"))
_discovery("service-description", "discovery without description", lambda service: service.pop("description"))
_discovery("service-description", "a description that is a number", lambda service: service.update(description=1))
_discovery("service-title", "discovery without title", lambda service: service.pop("title"))
_discovery("service-version", "discovery without version", lambda service: service.pop("version"))
_discovery("service-version", "a version that is none", lambda service: service.update(version="two"))
_discovery("service-members", "an unknown member in discovery", lambda service: service.update(colour="red"))
_discovery("hook-names", "a hook of its own with a short name", lambda service: service.update(hook="my-hook"))
_discovery("extension-object", "an extension that is a list", lambda service: service.update(extension=[1]))
_discovery("no-empty-values", "null in discovery", lambda service: service.update(usageRequirements=None))
_discovery("no-empty-values", "an empty list of templates", lambda service: service.update(prefetch={}))
_discovery("prefetch-templates", "an absolute template", lambda s: s.update(prefetch={"a": "https://x.example.org/P"}))
_discovery("prefetch-templates", "a template that is an object", lambda s: s.update(prefetch={"a": {"q": "Patient"}}))
_discovery("prefetch-tokens", "FHIRPath in a token", lambda s: s["prefetch"].update(x="Patient/{{context.a.b()}}"))
_discovery(
    "prefetch-tokens", "a token of draft orders", lambda s: s["prefetch"].update(x="Patient/{{context.draftOrders}}")
)
_discovery(
    "prefetch-subset", "a template with _include", lambda s: s["prefetch"].update(x="Condition?_include=Condition:a")
)


@_fault("discovery-status", "discovery answered with 500")
def discovery_fails(service: GoodService, request: Request, answer: Answer) -> Answer:
    return replace(answer, status=500) if request.is_discovery else answer


@_fault("discovery-status", "discovery answered with a redirect")
def discovery_moved(service: GoodService, request: Request, answer: Answer) -> Answer:
    elsewhere = {**answer.headers, "Location": "/cds-services/"}
    return replace(answer, status=302, headers=elsewhere) if request.is_discovery else answer


@_fault("discovery-shape", "discovery that is a list")
def discovery_as_list(service: GoodService, request: Request, answer: Answer) -> Answer:
    return replace(answer, body=answer.body["services"]) if request.is_discovery else answer


@_fault("discovery-shape", "discovery that is a page")
def discovery_as_page(service: GoodService, request: Request, answer: Answer) -> Answer:
    return replace(answer, body=b"<html>") if request.is_discovery else answer


@_fault("distinct-ids", "one id for two hooks")
def one_id(service: GoodService, request: Request, answer: Answer) -> Answer:
    if not request.is_discovery:
        return answer
    first, second = answer.body["services"]
    return replace(answer, body={"services": [first, {**first, "title": second["title"]}]})


# What stands in a response


def _response(check: str, words: str, change: Callable[[dict[str, Any]], object]) -> None:
    """A fault in the body of each good answer to a call."""

    @_fault(check, words)
    def fault(service: GoodService, request: Request, answer: Answer) -> Answer:
        if not request.is_call or answer.status != 200:
            return answer
        body = copy.deepcopy(answer.body)
        change(body)
        return replace(answer, body=body)


def _card(check: str, words: str, change: Callable[[dict[str, Any]], object]) -> None:
    _response(check, words, lambda body: change(body["cards"][0]))


def _suggestion(check: str, words: str, change: Callable[[dict[str, Any]], object]) -> None:
    _card(check, words, lambda card: change(card["suggestions"][0]))


def _create(check: str, words: str, change: Callable[[dict[str, Any]], object]) -> None:
    _suggestion(check, words, lambda suggestion: change(suggestion["actions"][0]))


def _delete(check: str, words: str, change: Callable[[dict[str, Any]], object]) -> None:
    _suggestion(check, words, lambda suggestion: change(suggestion["actions"][1]))


_response("response-shape", "cards that are an object", lambda body: body.update(cards={"card": 1}))
_response("no-empty-values", "an empty list of system actions", lambda body: body.update(systemActions=[]))
_response(
    "system-actions",
    "a system action without description",
    lambda b: b.update(systemActions=[{"type": "delete", "resourceId": "A/1"}]),
)
_response("extension-object", "an extension of the response that is a text", lambda body: body.update(extension="x"))
_card("no-empty-values", "null in a card", lambda card: card.update(detail=None))
_card("no-empty-values", "an empty detail", lambda card: card.update(detail=""))
_card("no-empty-values", "an empty list of links", lambda card: card.update(links=[]))
_card("no-empty-values", "an empty extension", lambda card: card.update(extension={}))
_card("card-shape", "a card without summary", lambda card: card.pop("summary"))
_card("card-shape", "a card without indicator", lambda card: card.pop("indicator"))
_card("card-shape", "a card without source", lambda card: card.pop("source"))
_card("card-shape", "a detail that is a list", lambda card: card.update(detail=["x"]))
_card("summary-length", "a summary of 140 characters", lambda card: card.update(summary="x" * 140))
_card(
    "summary-length",
    "a summary of 140 characters outside of the first plane",
    lambda c: c.update(summary="\U0001f48a" * 140),
)
_card("indicator", "the indicator hard-stop", lambda card: card.update(indicator="hard-stop"))
_card("source-label", "a source without label", lambda card: card["source"].pop("label"))
_card("source-url", "a relative source.url", lambda card: card["source"].update(url="/guideline"))
_card("source-url", "a relative source.icon", lambda card: card["source"].update(icon="icon.png"))
_card("source-topic", "a topic without system", lambda card: card["source"]["topic"].pop("system"))
_card("source-topic", "a topic that is a text", lambda c: c["source"].update(topic="azathioprine"))
_card("selection-behavior", "suggestions without selectionBehavior", lambda card: card.pop("selectionBehavior"))
_card("selection-behavior", "the selectionBehavior all", lambda card: card.update(selectionBehavior="all"))
_card(
    "recommended",
    "two recommended of which one may be chosen",
    lambda c: c["suggestions"][1].update(isRecommended=True),
)
_card(
    "uuid-unique",
    "one uuid for two suggestions",
    lambda c: c["suggestions"][1].update(uuid=c["suggestions"][0]["uuid"]),
)
_card("uuid-unique", "one uuid for card and suggestion", lambda c: c["suggestions"][0].update(uuid=c["uuid"]))
_card("uuid-form", "a uuid in capitals", lambda card: card.update(uuid="AAAAAAAA-1111-4111-8111-111111111111"))
_card("override-reasons", "an override reason without display", lambda c: c["overrideReasons"][0].pop("display"))
_card("override-reasons", "an override reason without system", lambda c: c["overrideReasons"][0].pop("system"))
_card("link-shape", "a link without label", lambda card: card["links"][0].pop("label"))
_card("link-shape", "a link of an unknown type", lambda card: card["links"][0].update(type="relative"))
_card("link-shape", "a link with an address that is none", lambda card: card["links"][0].update(url="guideline"))
_card("link-app-context", "appContext on an absolute link", lambda card: card["links"][0].update(appContext="{}"))
_card("extension-object", "an extension of a card that is a list", lambda card: card.update(extension=[{"url": "x"}]))
_card("known-members", "an unknown member of a card", lambda card: card.update(colour="red"))
_suggestion("suggestion-shape", "a suggestion without label", lambda suggestion: suggestion.pop("label"))
_suggestion("suggestion-shape", "actions that are an object", lambda s: s.update(actions=s["actions"][0]))
_suggestion("known-members", "actionSelectionBehavior of 3.0", lambda s: s.update(actionSelectionBehavior="any"))
_create("action-type", "an action that merges", lambda action: action.update(type="merge"))
_create("action-description", "an action without description", lambda action: action.pop("description"))
_create("action-resource", "a create without resource", lambda action: action.pop("resource"))
_create("action-resource", "a resource without its type", lambda action: action["resource"].pop("resourceType"))
_create("action-resource", "an update by resourceId alone", lambda a: (a.pop("resource"), a.update(type="update")))
_delete("delete-resource-id", "a delete in the form of 1.0", lambda a: a.update(resource=a.pop("resourceId")))
_delete("delete-resource-id", "a delete that names no type", lambda action: action.update(resourceId="1"))


@_fault("content-type", "cards as text/html")
def cards_as_html(service: GoodService, request: Request, answer: Answer) -> Answer:
    return replace(answer, headers={**answer.headers, "Content-Type": "text/html"}) if request.is_call else answer


@_fault("content-type", "discovery as text/plain")
def discovery_as_text(service: GoodService, request: Request, answer: Answer) -> Answer:
    other = {**answer.headers, "Content-Type": "text/plain"}
    return replace(answer, headers=other) if request.is_discovery else answer


@_fault("call-answered", "nothing to say answered with 204")
def no_content(service: GoodService, request: Request, answer: Answer) -> Answer:
    good = request.path.endswith("/chart") and answer.status == 200
    return replace(answer, status=204, body=None) if good else answer


# Prefetch


def _when(check: str, words: str, holds: Callable[[Request, Answer], bool], status: int, body: Any = None) -> None:
    """Another answer where the condition holds; the cross-origin headers stay."""

    @_fault(check, words)
    def fault(service: GoodService, request: Request, answer: Answer) -> Answer:
        return replace(answer, status=status, body=body or answer.body) if holds(request, answer) else answer


_NO_CARDS: dict[str, Any] = {"cards": []}
_LOGIN = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "login"}]}


def _is(request: Request, value: object) -> bool:
    return request.is_call and "requests" in request.prefetch and request.prefetch["requests"] == value


def _is_empty(request: Request) -> bool:
    bundle = request.prefetch.get("requests")
    return request.is_call and isinstance(bundle, dict) and "entry" not in bundle and bundle["resourceType"] == "Bundle"


def _is_outcome(request: Request) -> bool:
    value = request.prefetch.get("requests")
    return isinstance(value, dict) and value.get("resourceType") == "OperationOutcome"


_when(
    "prefetch-missing",
    "no card and no 412 without prefetch",
    lambda r, a: a.status == 412 and not r.prefetch,
    200,
    _NO_CARDS,
)
_when("prefetch-missing", "500 without prefetch", lambda r, a: a.status == 412 and not r.prefetch, 500)
_when("prefetch-null", "412 on null", lambda r, a: _is(r, None), 412)
_when("prefetch-null", "500 on null", lambda r, a: _is(r, None), 500)
_when("prefetch-empty-bundle", "412 on an empty Bundle", lambda r, a: _is_empty(r), 412)
_when("prefetch-outcome", "an OperationOutcome taken for an empty list", lambda r, a: _is_outcome(r), 200, _NO_CARDS)


# What the wild sends


def _context(request: Request) -> dict[str, Any]:
    context = request.body.get("context") if isinstance(request.body, dict) else None
    return context if isinstance(context, dict) else {}


_when("extra-members", "400 on an unknown field", lambda r, a: "unknown" in _context(r), 400)
_when("charset", "415 on a charset", lambda r, a: "charset" in r.headers["content-type"], 415)
_when("any-accept", "406 on another Accept", lambda r, a: r.headers["accept"] == "text/html", 406)
_when(
    "role-user", "400 on a PractitionerRole", lambda r, a: _context(r).get("userId") == "PractitionerRole/example", 400
)
_when("no-encounter", "400 without encounter", lambda r, a: bool(_context(r)) and "encounterId" not in _context(r), 400)
_when("double-slash", "404 on //", lambda r, a: "//" in r.path, 404)
_when(
    "bundle-without-type",
    "400 on a Bundle without type",
    lambda r, a: isinstance(_context(r).get("draftOrders"), dict) and "type" not in _context(r)["draftOrders"],
    400,
)


# Errors


def _is_crash(request: Request, answer: Answer) -> bool:
    """Requests with hook and context that the good service could not read."""
    patient, drafts = _context(request).get("patientId"), _context(request).get("draftOrders", {})
    return request.is_call and answer.status == 400 and (isinstance(patient, dict) or drafts == 7)


def _is_other_hook(request: Request) -> bool:
    known = {"/cds-services/chart": "patient-view", "/cds-services/orders": "order-sign"}.get(request.path, "")
    return isinstance(request.body, dict) and known not in ("", request.body.get("hook")) and bool(_context(request))


def _is_no_json(request: Request) -> bool:
    return request.is_call and request.body is NOT_JSON


_when("no-silent-failure", "empty cards on a crash", _is_crash, 200, _NO_CARDS)
_when("syntax-error", "200 on a body that is no JSON", lambda r, a: _is_no_json(r), 200, _NO_CARDS)
_when("syntax-error", "500 on a body that is no JSON", lambda r, a: _is_no_json(r), 500)
_when(
    "missing-context",
    "200 without context",
    lambda r, a: r.is_call and isinstance(r.body, dict) and "context" not in r.body,
    200,
    _NO_CARDS,
)
_when("wrong-hook", "200 for another hook", lambda r, a: _is_other_hook(r), 200, _NO_CARDS)
_when("unknown-service", "200 for an unknown service", lambda r, a: a.status == 404, 200, _NO_CARDS)


@_fault("error-body", "errors in words of their own")
def own_errors(service: GoodService, request: Request, answer: Answer) -> Answer:
    return replace(answer, body={"error": "bad"}) if answer.status >= 400 else answer


# Cross-origin


@_fault("cors-errors", "no CORS on errors")
def closed_errors(service: GoodService, request: Request, answer: Answer) -> Answer:
    return replace(answer, headers={}) if answer.status >= 400 else answer


@_fault("cors-success", "CORS on discovery alone")
def closed_calls(service: GoodService, request: Request, answer: Answer) -> Answer:
    return replace(answer, headers={}) if request.is_call and answer.status == 200 else answer


@_fault("cors-preflight", "a preflight that asks for a token")
def guarded_preflight(service: GoodService, request: Request, answer: Answer) -> Answer:
    guarded = request.method == "OPTIONS" and "authorization" not in request.headers
    return replace(answer, status=401) if guarded else answer


@_fault("cors-preflight", "a preflight that allows no Authorization")
def narrow_preflight(service: GoodService, request: Request, answer: Answer) -> Answer:
    narrow = {**answer.headers, "Access-Control-Allow-Headers": "content-type"}
    return replace(answer, headers=narrow) if request.method == "OPTIONS" else answer


@_fault("cors-credentials", "every origin with credentials")
def open_with_credentials(service: GoodService, request: Request, answer: Answer) -> Answer:
    return replace(answer, headers={**answer.headers, "Access-Control-Allow-Credentials": "true"})


# Feedback


def _entries(request: Request) -> list[dict[str, Any]]:
    return request.body["feedback"] if request.is_feedback and isinstance(request.body, dict) else []


_when("feedback-accepted", "feedback answered with 500", lambda r, a: r.is_feedback, 500)
_when(
    "feedback-overridden",
    "500 on a reason",
    lambda r, a: len(_entries(r)) == 1 and "overrideReason" in _entries(r)[0],
    500,
)
_when("feedback-batch", "500 on a card that comes again", lambda r, a: len(_entries(r)) > 1, 500)
_when(
    "feedback-unknown-card",
    "404 on an unknown card",
    lambda r, a: any(entry["card"] != "11111111-1111-4111-8111-111111111111" for entry in _entries(r)),
    404,
)
_when(
    "feedback-syntax-error",
    "200 on feedback that is no JSON",
    lambda r, a: r.is_feedback and r.body is NOT_JSON,
    200,
    {"a": 1},
)
_when(
    "feedback-bad-outcome",
    "200 on an outcome that does not exist",
    lambda r, a: bool(_entries(r)) and a.status == 400,
    200,
    {"a": 1},
)


# Tokens


def _accepts(check: str, words: str, holds: Callable[[GoodService, Request], bool]) -> None:
    """A service that looks away where the condition holds."""

    @_fault(check, words)
    def fault(service: GoodService, request: Request, answer: Answer) -> Answer:
        looks_away = answer.status == 401 and holds(service, request)
        return service.opened(service.judge(request)) if looks_away else answer


def _wrong(service: GoodService, request: Request) -> list[str] | None:
    """The claims that are wrong under a good signature; None without one."""
    claims = service.signed_claims(request)
    return None if claims is None else faults_of(claims, service.base + request.path)


_accepts("token-missing", "no token accepted", lambda s, r: not token_of(r))
_accepts("token-hs256", "HS256 accepted", lambda s, r: algorithm_of(r) == "HS256")
_accepts("token-none", "alg none accepted", lambda s, r: algorithm_of(r) == "none")
_accepts("token-forged", "another key accepted", lambda s, r: algorithm_of(r) == "ES384" and _wrong(s, r) is None)
_accepts("token-audience", "another audience accepted", lambda s, r: _wrong(s, r) == ["aud"])
_accepts("token-issuer", "any issuer accepted", lambda s, r: _wrong(s, r) == ["iss"])
_accepts("token-expired", "an expired token accepted", lambda s, r: _wrong(s, r) == ["exp"])
_accepts("token-replayed", "a token accepted twice", lambda s, r: _wrong(s, r) == [])


@_fault("token-accepted", "every token refused")
def refuses_all(service: GoodService, request: Request, answer: Answer) -> Answer:
    return service.opened(Answer(status=401, body=_LOGIN)) if request.is_call else answer
