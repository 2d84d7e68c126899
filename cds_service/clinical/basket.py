"""What is offered for a whole basket: a remedy that answers two findings once, and none that undoes another's work."""

from __future__ import annotations

from collections.abc import Iterable

from .remedy import Action, ChangeDosage, ChangeRoute, CreateTests, DeleteDraft, MoveDraft, Remedy


class Basket:
    """The remedies that are offered already, on the cards before."""

    def __init__(self) -> None:
        self._offered: set[tuple[Action | tuple[str, ...], ...]] = set()
        self._deleted: set[str] = set()
        self._changed: set[str] = set()

    def takes(self, remedy: Remedy) -> bool:
        """Whether a remedy may stand beside them: it is not among them, and no other changes or takes back an order that it
        changes, or changes one that it takes back. An update is the whole order: the second would undo the first."""
        if meaning(remedy) in self._offered:
            return False
        return (self._deleted | self._changed).isdisjoint(changed(remedy)) and self._changed.isdisjoint(deleted(remedy))

    def add(self, remedies: Iterable[Remedy]) -> None:
        """Takes in the remedies of one card: alternatives to each other."""
        for remedy in remedies:
            self._offered.add(meaning(remedy))
            self._deleted.update(deleted(remedy))
            self._changed.update(changed(remedy))


def meaning(remedy: Remedy) -> tuple[Action | tuple[str, ...], ...]:
    """What a remedy does, whatever it is called: of tests which they are, not what for."""
    return tuple(action.tests if isinstance(action, CreateTests) else action for action in remedy.actions)


def deleted(remedy: Remedy) -> set[str]:
    """The drafts that a remedy takes back."""
    return {action.order for action in remedy.actions if isinstance(action, DeleteDraft)}


def changed(remedy: Remedy) -> set[str]:
    """The drafts that a remedy changes."""
    return {action.order for action in remedy.actions if isinstance(action, ChangeDosage | ChangeRoute | MoveDraft)}
