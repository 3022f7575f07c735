"""The image, run as an operator runs it: hardened, against the sandbox, stopped with calls in flight."""

import asyncio
import json
from datetime import datetime

import aiohttp
import pytest

from tests.container.callers import Callers
from tests.container.conftest import StartModule
from tests.container.container import Container
from tests.container.engine import EngineFailed
from tests.prove.evidence import keep

ROOM_BYTES = 512 * 1024 * 1024
SLOW_SECONDS = 2.0
ARRIVES_WITHIN_SECONDS = 30.0


async def steer(sandbox: Container, **settings: float) -> None:
    """Changes settings of the sandbox."""
    url = f"http://127.0.0.1:{sandbox.published(8075)}/_sandbox/settings"
    async with aiohttp.ClientSession() as session, session.put(url, json={"options": settings}) as answer:
        assert answer.status == 200, await answer.text()


async def received(sandbox: Container) -> int:
    """How many requests the sandbox saw."""
    url = f"http://127.0.0.1:{sandbox.published(8075)}/_sandbox/stats"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return int((await answer.json())["requests"])


async def arrived(sandbox: Container, count: int) -> None:
    """Waits until the sandbox saw so many requests."""
    async with asyncio.timeout(ARRIVES_WITHIN_SECONDS):
        while await received(sandbox) < count:  # noqa: ASYNC110 -- the sandbox tells nobody
            await asyncio.sleep(0.02)


async def test_an_action_on_each_protocol_is_delivered_and_recorded(module: Container, callers: Callers) -> None:
    by_rest, by_grpc = await callers.post("from a container"), await callers.send("and once more")
    for action_id, protocol in ((by_rest["action_id"], "rest"), (by_grpc.action_id, "grpc")):
        row = await callers.row(action_id)
        assert (row["outcome"], row["protocol"]) == ("delivered", protocol)


async def test_health_says_which_release_answers(module: Container, callers: Callers) -> None:
    status, said = await callers.health()
    assert (status, said["status"], said["version"]) == (200, "healthy", "1.0.0")


def test_it_is_an_ordinary_user_without_any_right(module: Container) -> None:
    program = """
import json
fields = dict(line.split(':\\t', 1) for line in open('/proc/1/status').read().splitlines())
names = ('Uid', 'Gid', 'CapEff', 'CapPrm', 'CapBnd', 'NoNewPrivs', 'Seccomp')
print(json.dumps({name: fields[name].split()[0] for name in names}))"""
    said = module.python(program)
    assert (said["Uid"], said["Gid"]) == ("1000", "1000")
    assert {int(said[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")} == {0}
    assert said["NoNewPrivs"] == "1"
    assert said["Seccomp"] == "2"


def test_the_program_is_the_first_process(module: Container) -> None:
    line = module.python("import json; print(json.dumps(open('/proc/1/cmdline').read().split('\\0')))")
    assert line[1:] == ["app.py", "serve", ""]


def test_one_folder_can_be_written_and_the_journal_is_in_it(module: Container) -> None:
    program = """
import json, os
def writes(path):
    try:
        with open(os.path.join(path, 'probe'), 'w'):
            os.unlink(os.path.join(path, 'probe'))
        return True
    except OSError:
        return False
places = ['/', '/app', '/etc', '/opt/venv', '/run', '/tmp', '/usr', '/var', '/var/tmp', '/var/log']
places += ['/var/log/waddlebotlog']
print(json.dumps([[place for place in places if writes(place)], os.listdir('/var/log/waddlebotlog')]))"""
    writable, kept = module.python(program)
    assert writable == ["/var/log/waddlebotlog"]
    assert {"actions.db", "discord_action_module.log", "journal"} <= set(kept)


async def test_it_fits_into_its_memory(module: Container, callers: Callers) -> None:
    for number in range(10):
        await callers.post(f"message {number}")
    program = """
import json
fields = dict(line.split(':', 1) for line in open('/proc/1/status').read().splitlines())
print(json.dumps(int(fields['VmHWM'].split()[0]) * 1024))"""
    most = module.python(program)
    keep("memory of a module at work in its container", "at most 512 MiB", peak_MiB=round(most / 2**20))
    assert module.inspect()["HostConfig"]["Memory"] == ROOM_BYTES
    assert most < ROOM_BYTES
    assert module.inspect()["State"]["OOMKilled"] is False


def test_how_long_it_takes_from_start_to_ready(module: Container) -> None:
    """A figure, not a claim: what else the machine does decides as well."""
    started = datetime.fromisoformat(module.inspect()["State"]["StartedAt"].replace(" +0000 UTC", "+00:00"))
    seconds = (datetime.fromisoformat(module.line("serving")["time"]) - started).total_seconds()
    keep("container start to ready", "at most 2 s unthrottled", seconds=round(seconds, 2), loadavg=_load())
    assert seconds > 0


def _load() -> float:
    with open("/proc/loadavg") as file:  # noqa: PTH123 -- not a file of ours
        return float(file.read().split()[0])


def test_a_health_check_says_no_when_the_module_is_not_there(start_module: StartModule, sandbox: Container) -> None:
    elsewhere = start_module(HOST="127.0.0.1").becomes_healthy()
    asked_in_vain = ("python", "-I", "-S", "healthcheck.py", "http://127.0.0.1:8071/health/ready")
    with pytest.raises(EngineFailed, match="refused"):
        elsewhere.execute(*asked_in_vain)


async def test_a_stop_answers_the_calls_in_flight(module: Container, callers: Callers, sandbox: Container) -> None:
    module.line("the bot")  # this question is answered
    before = await received(sandbox)
    await steer(sandbox, latency_seconds=SLOW_SECONDS)
    try:
        posting, sending = asyncio.create_task(callers.post("slow")), asyncio.create_task(callers.send("as slow"))
        await arrived(sandbox, before + 2)
        exit_code = await asyncio.to_thread(module.stop)
        by_rest, by_grpc = await posting, await sending
    finally:
        await steer(sandbox, latency_seconds=0)
    assert exit_code == 0
    assert by_rest["success"]
    assert by_grpc.success
    assert module.line("stopped")


async def test_what_was_cut_off_is_read_back_at_the_next_start(module: Container, callers: Callers) -> None:
    action_id = (await callers.post("before the end"))["action_id"]
    module.engine("kill", "--signal", "KILL", module.name)
    assert module.exit_code() == 137
    module.engine("start", module.name)
    module.becomes_healthy()
    again = Callers(module.published(8070), module.published(50051))
    assert (await again.row(action_id))["outcome"] == "delivered"


def test_a_configuration_that_cannot_be_used_is_told_in_full(start_module: StartModule) -> None:
    module = start_module(DISCORD_BOT_TOKEN="", MODULE_SECRET_KEY="short")
    assert module.exit_code() == 2
    said = {line.partition(":")[0] for line in module.log().splitlines()}
    assert said == {"DISCORD_BOT_TOKEN", "MODULE_SECRET_KEY"}


def test_a_command_can_be_given(module: Container) -> None:
    listed = json.loads(module.execute("python", "app.py", "limits", "--json", "--url", "http://127.0.0.1:8070"))
    assert isinstance(listed, dict)
