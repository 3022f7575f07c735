"""The registered callers: who may exchange a secret for a token, and what that token is good for."""

from services.clients.registry import ClientExists, ClientRegistry, RegisteredClient, UnknownClient

__all__ = ["ClientExists", "ClientRegistry", "RegisteredClient", "UnknownClient"]
