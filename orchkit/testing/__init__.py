"""A loopback server that both vendors' clients can be pointed at, and that keeps the truth.

It is the judge of the rest of the library and so uses none of it. A test or a benchmark asks its
`Book` what was requested, what was billed and which client did not wait as it was told; `FAULTS`
lists all that it can do wrong on purpose.
"""

from .book import Book, Entry
from .faults import FAULTS, Fault, Faults
from .loopback import LoopbackServer

__all__ = ["FAULTS", "Book", "Entry", "Fault", "Faults", "LoopbackServer"]
