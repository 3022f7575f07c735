"""From a client certificate to its caller.

The names of a certificate that gRPC has checked against TLS_CLIENT_CA_FILE are its DNS names, or, where it has none,
its common name. The first of them that is the name of a registered client is the caller, with what that client may do.
A name that was revoked or has expired is refused, whatever other names the certificate has. A certificate gives nobody
more than a registration: what the router may do, it may do by its token.
"""

from collections.abc import Sequence

from services.auth.verifier import Registrations
from services.errors import AuthFailure, Unauthenticated
from services.ports import Caller, Clock
from services.telemetry import name_caller


class CertificateCallers:
    """Fulfils `services.ports.CertificateAuthenticator`."""

    def __init__(self, clients: Registrations, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock

    def caller_of(self, names: Sequence[str]) -> Caller:
        """The registered client that a certificate with these names stands for. Raises Unauthenticated."""
        client = next((known for name in names if (known := self._clients.find(name)) is not None), None)
        if client is None:
            raise Unauthenticated(
                "A bearer token is required: no name of the certificate is a registered client.",
                reason=AuthFailure.MISSING,
            )
        if not client.is_live(self._clock.now()):
            raise Unauthenticated("The certificate's client is revoked or has expired.", reason=AuthFailure.REVOKED)
        self._clients.note_use(client)
        name_caller(client.client_id)
        return client.caller
