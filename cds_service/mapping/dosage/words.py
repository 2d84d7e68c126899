"""What may be taken from free text (CLINICAL 0.4): daily or weekly, taper, maintenance, pulse, "4 days", why it is given
orally; never an amount.

In English, Dutch, German and French, by whole words. A word that is denied ("NOT daily"), or that speaks of something
else (a reduction by week, a maximum by day, a blood test), does not count; "biweekly" may mean two things and is none.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from ...clinical.dose import Word

LONGEST_TEXT = 2000
WITHIN = 80
"""How far before and after a word, in characters, it is looked for what denies it or turns it to something else."""

_EACH = r"(?:every|each|elke|iedere|chaque|jed(?:e|en|er|es))"
_TIMES = (
    r"(?:once|twice|thrice|one|two|three|four|times?|time\(s\)|\d+\s*(?:x|mal|maal|keer|fois)?|x|eens|keer|maal"
    r"|mal|einmal|zweimal|dreimal|fois)"
)

_NUMBER = r"(?:[2-9]|\d\d+|two|three|four|six|eight|twee|drie|vier|zwei|drei|deux|trois)"
_WEEKDAY = (
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag"
    r"|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)"
)

_PATTERNS: dict[Word, tuple[str, ...]] = {
    "daily": (
        r"(?:once-|twice-)?daily|dagelijks|daags|täglich|taeglich|tgl|tägl|quotidien(?:ne|nement)?|nightly",
        rf"(?:{_TIMES}|tablets?|capsules?|puffs?|mg|mcg|g|ml|units?)\s+a\s+day|{_TIMES}\s+(?:in\s+the\s+day|am\s+tag)",
        r"per\s+(?:day|dag)|pro\s+tag|par\s+jour|/\s*(?:day|dag|d|tag|jour|j)",
        rf"{_EACH}\s+(?:day|dag|tag|jour|morning|evening|night|ochtend|avond|morgen|abend|matin|soir)",
        r"tous\s+les\s+(?:jours|matins|soirs)|toutes\s+les\s+nuits",
        r"\d+\s*dd(?:\s*\d+)?|q\.?d|qday|b\.?i\.?d|t\.?i\.?d|q\.?i\.?d|bd|tds|qds|q24h",
    ),
    "weekly": (
        r"(?:once-|twice-)?weekly|wekelijks|wöchentlich|woechentlich|wöchentl|hebdomadaire|hebdo",
        rf"(?:{_TIMES}|days?)\s+(?:a|in\s+der|in\s+de|la)\s+(?:week|woche|semaine)",
        r"per\s+(?:week|wk)|pro\s+woche|par\s+semaine|/\s*(?:week|wk|woche|sem|semaine)",
        rf"{_EACH}\s+(?:week|woche|semaine)|toutes\s+les\s+semaines",
        rf"{_EACH}\s+{_WEEKDAY}s?|on\s+(?:mon|tues|wednes|thurs|fri|satur|sun)days",
    ),
    "taper": (
        r"taper(?:ing|ed)?|wean(?:ing)?|afbouw\w*|uitsluip\w*|ausschleich\w*|ausgeschlichen|abdosier\w*",
        r"reduce\s+by|decrease\s+by|verlag(?:en)?\s+met|schrittweise\s+reduzier\w*|reduzieren\s+um",
        r"dégressi(?:f|ve|on)|degressi(?:f|ve|on)|décroissance|diminu(?:er|tion)\s+(?:de|progressive)",
    ),
    "maintenance": (r"maintenance|onderhoud\w*|erhaltung\w*|d['\u2019]entretien",),
    "fourdays": (
        r"(?:4|four|vier|quatre)\s*(?:(?:consecutive|opeenvolgende|aufeinanderfolgende)\s+)?(?:days?|dagen|tage|jours|d)"
        r"(?!\s+(?:a|per|in\s+de|in\s+der|pro|par|la)\s+(?:week|woche|semaine))",
        r"(?:days?|dag(?:en)?|tag(?:e)?|jours?)\s*1\s*(?:-|\u2013|to|through|t/m|tot|bis|à)\s*4",
    ),
    "pulse": (r"puls(?:e|es|ed)|stoot|stootkuur|stootkuren|pulstherapie|puls|sto(?:ß|ss)\w*therapie",),
    "oralchoice": (
        r"by\s+choice|(?:patients?|patient['\u2019]s)\s+(?:choice|preference|wish)",
        r"(?:no|poor|difficult|bad|limited|without|lack\s+of)\s+(?:venous|vascular|intravenous|iv)\s+access",
        r"(?:refus|declin)(?:es|ed|ing)\s+(?:an?\s+|the\s+)?(?:iv|intravenous|infusions?|drips?)",
        r"geen\s+veneuze\s+toegang|(?:slechte|moeilijke)\s+(?:venen|veneuze\s+toegang)|op\s+(?:eigen\s+)?verzoek",
        r"kein\s+venöser\s+zugang|schlechte\s+venen\w*|(?:auf\s+(?:eigenen\s+)?wunsch|patientenwunsch)",
        r"(?:pas|sans)\s+d['\u2019]?\s*(?:accès|abord)\s+veineux|sans\s+(?:accès|abord)\s+veineux|par\s+choix",
    ),
}
_DENIED = re.compile(
    r"\b(?:not|never|no|niet|nooit|geen|nicht|nie|kein\w*|ne|pas|jamais|non|don['\u2019]t)\W+(?:\w+\W+){0,3}$"
)
_ELSEWHERE: dict[Word, str] = {
    "daily": r"max\w*|höchst\w*|hoogst\w*|not\s+(?:exceed|more)|no\s+more|exceed|overschrij\w*|monitor\w*|check",
    "weekly": r"reduc\w*|decreas\w*|increas\w*|taper\w*|wean\w*|titrat\w*|max\w*|monitor\w*|check\w*|blood"
    r"|verlag\w*|afbouw\w*|verhog\w*|ophog\w*|bloed\w*|controle\w*"
    r"|reduzier\w*|steiger\w*|erhöh\w*|ausschleich\w*|blut\w*|labor\w*|kontroll\w*"
    r"|diminu\w*|augment\w*|contrôle\w*|bilan",
    "fourdays": rf"(?:{_EACH}|alle|tous\s+les|after|na|nach|après)(?=\s*$)",
    "pulse": r"check|heart",
}
"""What, before a word in the same clause, makes it speak of something else than how often the drug is given."""

_FOLLOWED: dict[Word, str] = {
    "weekly": r"blood|labs?|cbc|fbc|monitor\w*|check\w*|inr|levels?"
    r"|bloed\w*|controles?|kontroll\w*|blut\w*|labor\w*",
    "pulse": r"rate|oximet\w*",
}
"""What, right after a word, makes it speak of something else ("weekly blood count")."""

_SPACED = {
    "daily": re.compile(r"\b14\s+$"),
    "weekly": re.compile(rf"\b{_NUMBER}[\s-]+$"),
}
"""A number right before the word means every so many weeks ("4 weekly", "14 täglich")."""

_CLAUSES = re.compile(r"[;\n]|[.,](?=\s)|\b(?:then|dan|dann|puis)\b")


_CLOSE: dict[Word, str] = {
    "daily": r"/\s*(?:day|dag|d|tag|jour|j)",
    "weekly": r"/\s*(?:week|wk|woche|sem|semaine)",
}
"""Forms that stand close after a figure or a unit: 15mg/week, 1x/dag."""


@cache
def _compiled() -> re.Pattern[str]:
    """All words at once, each in a group of its name."""
    words = "|".join(rf"(?P<{word}>(?:{'|'.join(forms)})(?!\w))" for word, forms in _PATTERNS.items())
    close = "|".join(rf"(?P<{word}_close>(?:{form})(?!\w))" for word, form in _CLOSE.items())
    return re.compile(rf"(?<![\w\-])(?:{words})|(?<=\w)(?:{close})")


@cache
def _elsewhere() -> dict[Word, re.Pattern[str]]:
    return {word: re.compile(rf"(?<!\w)(?:{pattern})(?!\w)") for word, pattern in _ELSEWHERE.items()}


@cache
def _followed() -> dict[Word, re.Pattern[str]]:
    return {word: re.compile(rf"(?:{pattern})(?!\w)") for word, pattern in _FOLLOWED.items()}


def read_words(text: str) -> frozenset[Word]:
    """The words of a text, of which the first 2000 characters are read; empty where it has none."""
    plain = unicodedata.normalize("NFC", text[:LONGEST_TEXT]).casefold()
    found: set[Word] = set()
    words, named = _compiled(), _named()
    for clause in _CLAUSES.split(plain):
        for match in words.finditer(clause):
            word = named[match.lastgroup or ""]
            if word not in found and _counts(clause, word, match):
                found.add(word)
    return frozenset(found)


@cache
def _named() -> dict[str, Word]:
    """The word that each group stands for."""
    return {name: word for word in _PATTERNS for name in (word, f"{word}_close")}


def _counts(clause: str, word: Word, match: re.Match[str]) -> bool:
    before = clause[max(0, match.start() - WITHIN) : match.start()]
    after = clause[match.end() : match.end() + WITHIN].lstrip()
    elsewhere, followed = _elsewhere().get(word), _followed().get(word)
    if _DENIED.search(before) or (elsewhere is not None and elsewhere.search(before)):
        return False
    if followed is not None and followed.match(after):
        return False
    spaced = _SPACED.get(word)
    return spaced is None or not match[0].endswith(("ly", "ks", "ich", "tgl")) or not spaced.search(before)
