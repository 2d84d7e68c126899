"""Which version of FHIR a client says that it sends, where it says so by an extension of its request.

CDS Hooks itself has no place for it. Epic names it in `com.epic.cdshooks.request.fhir-version`; other clients' names
that end alike are understood too.
"""

from __future__ import annotations

import re

import msgspec

from .errors import BadRequest

_NAMED = re.compile(r"(?:^|[._/-])fhir-?version$", re.IGNORECASE)
# A release by its name, or by the number of its publication.
_OTHERS = (
    ("DSTU1", re.compile(r"dstu1|0\.\d.*", re.IGNORECASE)),
    ("DSTU2", re.compile(r"r2|dstu-?2|1\.\d.*", re.IGNORECASE)),
    ("STU3", re.compile(r"r3|d?stu-?3|[23]\.\d.*", re.IGNORECASE)),
    ("R5", re.compile(r"r5|5(?:\.\d.*)?", re.IGNORECASE)),
    ("R6", re.compile(r"r6|6(?:\.\d.*)?", re.IGNORECASE)),
)
_members: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text: msgspec.json.Decoder[str] = msgspec.json.Decoder(str)


def check_fhir_version(extension: msgspec.Raw | None) -> None:
    """Nothing where the client sends R4, or does not say what; a BadRequest that names any other version.

    What cannot be understood says nothing: the resources are told by their shape too.
    """
    if extension is None:
        return
    try:
        members = _members.decode(extension)
    except (msgspec.DecodeError, RecursionError):
        return
    for key, raw in members.items():
        if _NAMED.search(key):
            version = _other_version(raw)
            if version:
                raise BadRequest(
                    f"The client says that it sends FHIR {version}; this service reads FHIR R4",
                    "extension",
                    code="not-supported",
                )


def _other_version(raw: msgspec.Raw) -> str:
    try:
        stated = _text.decode(raw).strip()
    except (msgspec.DecodeError, RecursionError):
        return ""
    return next((version for version, pattern in _OTHERS if pattern.fullmatch(stated)), "")
