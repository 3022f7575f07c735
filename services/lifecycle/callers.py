"""Who is let in: the registered clients, the tokens they get, and how often they may come."""

from dataclasses import dataclass

from config import AuthSettings
from services.auth import (
    CertificateCallers,
    ClientQuotas,
    RefusalQuotas,
    RegisteredClientTokens,
    SharedWindows,
    TokenAttempts,
    TokenVerifier,
    Windows,
)
from services.clients import ClientRegistry, ClientRoster
from services.database import Database
from services.lifecycle.observers import ObservedAuthenticator, ObservedCertificates, ObservedTokens
from services.lifecycle.stopping import BoundedStack
from services.ports import Authenticator, CertificateAuthenticator, Clock, Discord, Quotas, TokenIssuer
from services.redis_link import RedisLink
from services.telemetry import Metrics


@dataclass(frozen=True, slots=True)
class Callers:
    """What knows callers. `roster` holds the registered ones in memory; `discord` is the way there, shared fairly."""

    roster: ClientRoster
    authenticator: Authenticator
    certificates: CertificateAuthenticator
    tokens: TokenIssuer
    quotas: Quotas
    discord: Discord


async def open_callers(
    settings: AuthSettings,
    stack: BoundedStack,
    clock: Clock,
    database: Database,
    discord: Discord,
    *,
    link: RedisLink | None,
    metrics: Metrics,
) -> Callers:
    """Raises DatabaseUnavailable when the table of clients cannot be read."""
    roster = await stack.enter_async_context(ClientRoster(database.reader, database.writer))
    registry = ClientRegistry(database.reader)
    tokens = RegisteredClientTokens(settings, registry, clock, TokenAttempts(_windows(clock, link)))
    return Callers(
        roster=roster,
        authenticator=ObservedAuthenticator(TokenVerifier(settings, clock, roster), metrics),
        certificates=ObservedCertificates(CertificateCallers(roster, clock), metrics),
        tokens=ObservedTokens(tokens, metrics),
        quotas=ClientQuotas(_windows(clock, link)),
        discord=await stack.enter_async_context(RefusalQuotas(discord, _windows(clock, link), clock)),
    )


def _windows(clock: Clock, link: RedisLink | None) -> Windows:
    """Counted by all replicas together where there is Redis. Who tries tokens cannot push out who has a quota."""
    return Windows(clock) if link is None else SharedWindows(clock, link)
