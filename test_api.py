#!/usr/bin/env python3
"""The smoke test of a running instance: real actions over REST and gRPC, a line for each.

    ./test_api.py --secret-key KEY --test health
    ./test_api.py --secret-key KEY --guild-id 1 --channel-id 123 --user-id 42 --role-id 7

REST needs a Python from 3.9 on and nothing else. For gRPC the script goes on in `.venv/bin/python` beside it, which
`./setup.sh` makes, when its own Python has no grpcio.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tools.smoke.answers import Face
from tools.smoke.checks import MODERATION, ORDER, Checks
from tools.smoke.report import Report
from tools.smoke.rest import RestFace
from tools.smoke.signing import HASHES, signed_token

PASSED, FAILED, UNUSABLE = 0, 1, 2
VENV_PYTHON = Path(__file__).resolve().parent / ".venv" / "bin" / "python"
GRPC_PROBE = "import grpc, grpc_status, grpc_health.v1.health"

EPILOG = """\
The default ids are those of the sandbox's seeds; on Discord nobody has them.

Tests act for real. Messages are deleted again and a role is taken again; a webhook, and what is posted through it,
stay. `all` leaves out timeout, kick and ban, and says so: name one of them with --test, or give --really, and the
member --user-id is timed out for a second, kicked and banned, in this order.

Exit code: 0 when every check passed, 1 when one failed or a protocol asked for with --protocol could not be tested,
2 for a bad command line. Without --protocol, a missing grpcio only costs the gRPC half, and is said.
"""


def main(arguments: Sequence[str]) -> int:
    """Runs the tests asked for and returns the exit code."""
    options = _options(arguments)
    if options.protocol != "rest" and not _has_grpc():
        _go_on_in_venv(arguments)
    report = Report()
    faces = _faces(options, report)
    rest = next((face for face in faces if isinstance(face, RestFace)), None)
    checks = [Checks(face, rest, options, report) for face in faces]
    for test in _chosen(options, report):
        for each in checks:
            each.run(test)
    for each in checks:
        each.clean_up()
    for face in faces:
        face.close()
    print(f"\n{report.summary()}")
    lacks_protocol = options.protocol in {"grpc", "both"} and not any(face.name == "grpc" for face in faces)
    return FAILED if report.failed or lacks_protocol else PASSED


def _chosen(options: argparse.Namespace, report: Report) -> list[str]:
    """The tests in their order, without moderation that nobody asked for by name."""
    if "all" not in options.test:
        return [test for test in ORDER if test in options.test]
    left_out = [] if options.really else [test for test in MODERATION if test not in options.test]
    for test in left_out:
        report.skip("-", test, f"acts on a person: give --really or --test {test}")
    return [test for test in ORDER if test not in left_out]


def _faces(options: argparse.Namespace, report: Report) -> list[Face]:
    faces: list[Face] = []
    if options.protocol != "grpc":
        faces.append(RestFace(options.base_url, options.ca_file))
    if options.protocol == "rest":
        return faces
    if not _has_grpc():
        report.skip("grpc", "EVERYTHING", "NOT TESTED: no grpcio, neither here nor in .venv; ./setup.sh makes it")
        return faces
    from tools.smoke.grpc_face import GrpcFace  # noqa: PLC0415 -- needs what a bare Python does not have

    faces.append(GrpcFace(options.grpc, is_tls=options.base_url.startswith("https:"), ca_file=options.ca_file))
    return faces


def _has_grpc() -> bool:
    return all(find_spec(name) for name in ("grpc", "grpc_status", "grpc_health"))


def _go_on_in_venv(arguments: Sequence[str]) -> None:
    """Replaces this process by the same in the module's own environment, where that has what gRPC needs."""
    if Path(sys.prefix) == VENV_PYTHON.parent.parent or not VENV_PYTHON.exists():
        return
    probe = subprocess.run([VENV_PYTHON, "-c", GRPC_PROBE], capture_output=True, check=False, timeout=60)  # noqa: S603 -- our own
    if probe.returncode == 0:
        print(f"(no grpcio in {sys.executable}; going on in {VENV_PYTHON})", flush=True)
        os.execv(VENV_PYTHON, [str(VENV_PYTHON), __file__, *arguments])  # noqa: S606 -- our own


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    options.test = options.test or ["all"]
    options.kicked = set()
    key = options.secret_key or os.environ.get("MODULE_SECRET_KEY", "")
    if not key and options.test != ["health"]:
        parser.error("--secret-key or MODULE_SECRET_KEY is needed: the key the instance signs tokens with")
    names = {"algorithm": options.algorithm, "audience": options.audience, "issuer": options.issuer}
    options.token = signed_token(key, **names) if key else ""
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="test_api.py",
        description="Smoke test of a running instance, over REST and gRPC.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--base-url", default="http://localhost:8070", metavar="URL", help="REST; https means that gRPC is TLS, too")
    add("--grpc", default="localhost:50051", metavar="HOST:PORT", help="gRPC (localhost:50051)")
    add("--ca-file", metavar="FILE", help="the CA of the instance's certificate, PEM")
    add("--secret-key", metavar="KEY", help="its MODULE_SECRET_KEY; default: the variable of that name")
    set_there = os.environ.get
    algorithm = set_there("JWT_ALGORITHM") or "HS256"
    add("--algorithm", choices=tuple(HASHES), default=algorithm, help="its JWT_ALGORITHM; default: that variable")
    add("--audience", default=set_there("JWT_AUDIENCE", ""), metavar="AUD", help="its JWT_AUDIENCE; default: likewise")
    add("--issuer", default=set_there("JWT_ISSUER", ""), metavar="ISS", help="its JWT_ISSUER; default: likewise")
    add("--protocol", choices=("rest", "grpc", "both"), help="default: both, gRPC where grpcio can be had")
    add("--test", action="append", choices=(*ORDER, "all"), metavar="TEST", help=f"{', '.join(ORDER)} or all (default)")
    add("--really", action="store_true", help="with all: time out, kick and ban as well")
    add("--guild-id", default="1", metavar="ID")
    add("--channel-id", default="123", metavar="ID", help="where to post")
    add(
        "--message-id",
        metavar="ID",
        help="react to this message, and edit or delete it where these are named by --test",
    )
    add("--user-id", default="42", metavar="ID", help="the member for role, timeout, kick and ban")
    add("--role-id", default="7", metavar="ID", help="given and taken")
    add("--emoji", default="👍", help="the reaction")
    add("--webhook-url", metavar="URL", help="post through this one instead of creating one")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
