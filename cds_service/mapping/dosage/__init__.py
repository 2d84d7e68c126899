"""Dosages read into regimens: how much, how often, from when to when, each figure known or unknown with a reason.

Law: nothing is guessed (CLINICAL D). What an order leaves open stays unknown, what it says twice and differently is a
problem that is told; text never gives an amount.
"""

from .regimen import read_administration, read_regimen
from .words import read_words

__all__ = ["read_administration", "read_regimen", "read_words"]
