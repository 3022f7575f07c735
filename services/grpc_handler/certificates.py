"""The names of a caller's certificate, as gRPC's core read them after it had checked who signed it."""

from typing import Any, Final

import grpc

# The keys of https://grpc.github.io/grpc/core/grpc__security__constants_8h.html.
DNS_NAMES: Final = "peer_dns"
COMMON_NAME: Final = "x509_common_name"


def names_of(context: "grpc.aio.ServicerContext[Any, Any]") -> list[str]:
    """The DNS names, or the common name where there are none; nothing without a certificate."""
    peer = context.auth_context()
    names = peer.get(DNS_NAMES) or peer.get(COMMON_NAME) or ()
    return [name.decode("utf-8", "replace") for name in names]
