"""What the module costs, each figure beside its floor in the same run.

A rate alone says more about the machine than about the module. So every throughput stands over its floor: the most that
a service built from the same parts could do if it did nothing itself. An action is an inbound call and an outbound one
on one event loop, so the floor is the two in a row:

    1 / (1 / bare server + 1 / bare aiohttp client)

The bare server (`bench.echo_grpc`, `bench.echo_rest`) answers the same message from a constant. The bare client posts
the same JSON to the same upstream. All of them run on uvloop, as the module does; `--floor-loop asyncio` puts Python's
own loop under the floors. The load comes from the same program, `bench.load`, 64 calls in flight. Floor and module take
turns, and medians are compared, because machines are shared.

No service reaches its floor: it runs both libraries in one process, on one core, and answers fewer calls a second than
either alone, so that every wake-up serves fewer of them.

The upstream (`bench.upstream`) only answers: what is measured is not the sandbox. The module's limits are raised as far
as they go and the load is spread over many channels, so the limiter works but never makes anybody wait.

Everything runs on the same cores, the load and the database too. The report says how many cores each side used: a load
program at a full core means that the bare server could have done more, and the floor is too low.
"""
