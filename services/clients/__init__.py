"""The registered callers: who may exchange a secret for a token, and what that token is good for."""

from services.clients.registered import ClientBounds, RegisteredClient
from services.clients.registry import ClientExists, ClientRegistry, ListedClient, TooManyClients, UnknownClient
from services.clients.roster import ClientRoster

__all__ = [
    "ClientBounds",
    "ClientExists",
    "ClientRegistry",
    "ClientRoster",
    "ListedClient",
    "RegisteredClient",
    "TooManyClients",
    "UnknownClient",
]
