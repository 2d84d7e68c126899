"""The command line: roof beside `app`, which nobody below imports. It asks the clock, prints, and ends processes.

Importing it loads nothing heavy and, for `serve`, nothing of the service: each command imports what it needs.
"""

from .commands import main

__all__ = ["main"]
