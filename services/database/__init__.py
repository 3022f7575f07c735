"""PyDAL, kept where it works: connections owned by their threads, and the tables.

PyDAL's connections and cursors belong to the thread that opened them, its calls block, and a connection that died
stays installed until it is closed by hand. So there are exactly two threads, the writer's and the reader's. Each owns
one connection, runs one piece of work at a time in one transaction, and replaces the connection when it breaks. The
event loop hands work over and waits for a future, never for PyDAL.
"""

from services.database.address import Address
from services.database.database import Database
from services.database.failures import DatabaseFailure, DatabaseUnavailable, ValuesRefused
from services.database.session import Session
from services.database.thread import DatabaseThread, Urgency

__all__ = [
    "Address",
    "Database",
    "DatabaseFailure",
    "DatabaseThread",
    "DatabaseUnavailable",
    "Session",
    "Urgency",
    "ValuesRefused",
]
