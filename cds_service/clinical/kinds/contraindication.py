"""What forbids a drug, or asks for care with it."""

from __future__ import annotations

from collections.abc import Iterator

from ..chart import Chart
from ..facts import ask
from ..facts_disease import unseen
from ..remedy import Remedy
from ..rule import Tier, Verdict
from ..subjects import Subject
from ..tiers import fitting_tier
from .indication import Indication, Sign


class Contraindication(Indication, frozen=True, kw_only=True):
    """As its base; it fires where the facts of a tier hold, and names every sign that is as severe. A list that could
    not be had is named where it could have shown something more severe. The order is taken back only where the finding
    is critical."""

    def longest_names(self) -> dict[str, str]:
        told = (
            "/".join(sign.name for sign in named_once([s for s in self.signs if s.fact in self.alike(tier)]))
            for tier in self.row.tiers
        )
        return {"drug": self.drugs.longest_name, "signs": max(told, key=len)}

    def alike(self, tier: Tier) -> frozenset[str]:
        """The facts of all tiers of the same severity."""
        return frozenset(fact for each in self.row.tiers if each.severity == tier.severity for fact in each.when)

    def judge(self, chart: Chart, subject: Subject) -> Iterator[Verdict]:
        tier, because = fitting_tier(self.row, chart, subject.situation)
        graver = self.row.tiers if tier is None else self.row.tiers[: self.row.tiers.index(tier)]
        if tier is not None:
            alike, situation = self.alike(tier), subject.situation
            held = [s for s in self.signs if s.fact in alike and ask(chart, s.fact, situation).answer == "yes"]
            about = (evidence for sign in held for evidence in ask(chart, sign.fact, situation).evidence)
            evidence = tuple(dict.fromkeys((*because, *about)))
            yield self.tell(chart, subject, tier, signs=named_once(held), evidence=evidence)
        if tier is None or tier.severity != "critical":
            yield from unseen(self.row, chart, [fact for each in graver for fact in each.when])

    def remedies(self, subject: Subject, tier: Tier) -> tuple[Remedy, ...]:
        return super().remedies(subject, tier) if tier.severity == "critical" else ()


def named_once(signs: list[Sign]) -> list[Sign]:
    """The signs, of those with the same name the first."""
    return list({sign.name: sign for sign in reversed(signs)}.values())[::-1]
