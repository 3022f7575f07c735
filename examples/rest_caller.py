"""A caller over REST in one function, with nothing but the standard library: see `perform`.

TOKEN=… python -m examples.rest_caller localhost:8070 123 "Hello over REST"
"""

import json
import os
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from random import uniform
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

type Json = dict[str, Any]

# What is known when no answer came: nobody knows how far the request got, and its key makes a repeat safe.
CUT_OFF: Json = {"code": "unavailable", "outcome": "unknown", "retryable": True, "detail": "The connection was cut."}


class NotDone(Exception):
    """The action did not succeed. With `outcome` unknown it may have happened: look at Discord before asking anew."""

    def __init__(self, problem: Json) -> None:
        super().__init__(problem["detail"])
        self.code: str = problem["code"]
        self.outcome: str = problem["outcome"]
        self.action_id: str = problem.get("action_id", "")


def perform(
    connection: HTTPConnection,
    token: str,
    action: tuple[str, str],
    body: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
    within_seconds: float = 30.0,
) -> Json:
    """The answer to an action (its method and path), within a time that all repeats share. Raises NotDone.

    `connection` is kept open between calls, waits a little longer than this for an answer, and belongs to one thread.
    `key` belongs to this one request: whoever repeats it later, after a crash perhaps, must give the same.
    """
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key or str(uuid4())}
    content = None if body is None else json.dumps(body)
    deadline = monotonic() + within_seconds
    while True:
        waits = {"Prefer": f"wait={max(deadline - monotonic(), 0.001):.3f}", "Content-Type": "application/json"}
        try:
            connection.request(*action, content, headers | waits)
            response = connection.getresponse()
            answer: Json = json.loads(response.read())
        except (OSError, HTTPException, ValueError):
            connection.close()  # the next request opens it again
            answer = CUT_OFF
        if answer.get("success"):
            return answer
        retry_after_seconds = answer.get("retry_after") or uniform(0.1, 0.5)
        if not answer.get("retryable") or monotonic() + retry_after_seconds >= deadline:
            raise NotDone(answer)
        sleep(retry_after_seconds)


if __name__ == "__main__":
    address, channel_id, text = sys.argv[1:]
    open_connection = HTTPConnection(address, timeout=35)
    message = {"channel_id": channel_id, "content": text}
    print(perform(open_connection, os.environ["TOKEN"], ("POST", "/api/v1/message"), message))
