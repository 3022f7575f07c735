"""`python -m sandbox`: serve until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from sandbox.options import Options
from sandbox.server import Sandbox

DEFAULT_PORT = 8075
NOT_LISTENING = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after a signal, 1 when the address cannot be had."""
    try:
        return asyncio.run(_serve(_options(arguments)))
    except OSError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return NOT_LISTENING
    except KeyboardInterrupt:
        return 0


def _options(arguments: Sequence[str] | None) -> Options:
    defaults = Options()
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A stand-in for Discord's REST API v10.")
    parser.add_argument("--host", default=defaults.host)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one")
    parser.add_argument("--token", default=defaults.token, help="the bot token it accepts")
    parser.add_argument("--module-url", default=defaults.module_url, metavar="URL", help="for the page's example")
    parser.add_argument("--no-limits", action="store_true", help="no rate limits and no rate limit headers")
    parser.add_argument("--limit-factor", type=float, default=1.0, help="multiplies every limit")
    parser.add_argument("--global-limit", type=int, default=defaults.global_limit, help="requests a second")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="before every answer")
    parser.add_argument("--latency-jitter", type=float, default=0.0, metavar="SECONDS", help="added at random")
    chosen = parser.parse_args(arguments)
    return Options(
        host=chosen.host,
        port=chosen.port,
        token=chosen.token,
        module_url=chosen.module_url,
        limits_enabled=not chosen.no_limits,
        limit_factor=chosen.limit_factor,
        global_limit=chosen.global_limit,
        latency_seconds=chosen.latency,
        latency_jitter_seconds=chosen.latency_jitter,
    )


async def _serve(options: Options) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with Sandbox.serving(options) as sandbox:
        print(
            f"sandbox: page at {sandbox.origin}/, Discord API at {sandbox.base_url}, "
            f"its own at {sandbox.origin}/_sandbox/state",
            flush=True,
        )
        await stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
