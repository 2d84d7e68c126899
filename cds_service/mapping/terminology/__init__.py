"""What codes and names mean: one data file for each terminology, and the look-up over all of them.

Law: a code enters a table only with its source, a look-up guesses nothing, and each terminology stays in a file of its
own with its licence, so that a distributor can drop one. See `sources.csv` for where each row was seen.
"""

from .combine import UNSPECIFIED, Combined, combine
from .concepts import Vaccine
from .medicines import Coded
from .site import SiteMappingError
from .systems import URI, Vocabulary, vocabulary_of
from .terminology import Terminology

__all__ = [
    "UNSPECIFIED",
    "URI",
    "Coded",
    "Combined",
    "SiteMappingError",
    "Terminology",
    "Vaccine",
    "Vocabulary",
    "combine",
    "vocabulary_of",
]
