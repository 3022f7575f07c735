"""Breaks libraries under the real program, loudly: their errors name every secret that was at hand.

Python imports this by its name when the folder is on PYTHONPATH. Only what carries the mark breaks.
"""

import os
from typing import Any

import aiohttp
import jwt

MARK = os.environ.get("CANARY_MARK", "")

_request, _decode = aiohttp.ClientSession.request, jwt.PyJWS.decode


async def _breaking_request(session: aiohttp.ClientSession, method: str, url: Any, **how: Any) -> Any:
    if f"/{MARK}" in str(url):
        cause = KeyError(str(how["headers"]))
        cause.add_note(f"asked {url} with {how}")
        raise RuntimeError(f"{method} {url} broke with {how['headers']}") from cause
    return await _request(session, method, url, **how)


def _breaking_decode(signatures: jwt.PyJWS, token: str, key: str, *how: Any, **more: Any) -> Any:
    content = _decode(signatures, token, key, *how, **more)
    if f'"{MARK}"'.encode() in content:
        raise RuntimeError(f"decoding {token} with {key} broke")
    return content


aiohttp.ClientSession.request = _breaking_request  # type: ignore[assignment, method-assign]
jwt.PyJWS.decode = _breaking_decode  # type: ignore[assignment, method-assign]
