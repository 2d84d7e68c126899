"""The store of feedback: what became of cards and how often they were shown, without any patient data.

SQLite in a file, or PostgreSQL by its address. The tables are made and changed by `migrations` alone.
"""

from .errors import BadAddress, Busy, Full, Problem, StoreError, Unusable
from .place import default_address
from .store import Store
from .tally import Tally
from .values import Outcome, Outcomes, Reason, Reported, Shown

__all__ = [
    "BadAddress",
    "Busy",
    "Full",
    "Outcome",
    "Outcomes",
    "Problem",
    "Reason",
    "Reported",
    "Shown",
    "Store",
    "StoreError",
    "Tally",
    "Unusable",
    "default_address",
]
