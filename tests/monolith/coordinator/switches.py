"""Faults on demand, for tests: slow, failing, resetting, or different in a named field.

There only when MONOLITH_SWITCHES is set. It holds the first state as JSON (`{}` for no fault); `GET /__switch` shows the
state and `PUT /__switch` replaces it. Every answer then says who gave it: `X-Test-Backend: monolith`.
"""

import asyncio
import json
import logging
import random
import re
import socket
import struct
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordinator.settings import Settings

log = logging.getLogger("coordinator.switches")

Share = Annotated[float, Field(ge=0, le=1)]


class Alteration(BaseModel):
    """One change to a JSON answer. Paths: `$.a`, `$[0].a`, `$[*].a`; a last key that is missing is added."""

    model_config = ConfigDict(extra="forbid")
    path: str = Field(pattern=r"^\$(\.[^.\[\]]+|\[(\d+|\*)\])+$")
    do: Literal["set", "remove"] = "set"
    value: Any = None


class Switches(BaseModel):
    """The faults in force, for paths that match the regular expression `paths` from their start."""

    model_config = ConfigDict(extra="forbid")
    paths: str = ""
    delay_ms: Annotated[int, Field(ge=0, le=600_000)] = 0
    fail_share: Share = 0.0
    fail_status: Annotated[int, Field(ge=400, le=599)] = 503
    reset_share: Share = 0.0
    alter: list[Alteration] = []


def alter(value: Any, change: Alteration) -> Any:
    """Carries out one change in place, wherever its path leads, and returns the value."""
    *way, last = re.findall(r"\.([^.\[\]]+)|\[(\d+|\*)\]", change.path)
    places = [value]
    for key, index in way:
        places = [inner for place in places for inner in _inside(place, key, index)]
    for place in places:
        for at in _keys(place, *last):
            if change.do == "set":
                place[at] = change.value
            else:
                del place[at]
        if change.do == "set" and last[0] and isinstance(place, dict):
            place[last[0]] = change.value
    return value


def _keys(place: Any, key: str, index: str) -> list[Any]:
    if key and isinstance(place, dict):
        return [key] if key in place else []
    if index and isinstance(place, list):
        every = range(len(place) - 1, -1, -1)
        return [i for i in every if index == "*" or i == int(index)]
    return []


def _inside(place: Any, key: str, index: str) -> list[Any]:
    return [place[at] for at in _keys(place, key, index)]


class Switchboard:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.state = Switches.model_validate_json(settings.switches or "{}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if scope["path"] == "/__switch":
            answer = await self._switch(Request(scope, receive))
            return await answer(scope, receive, send)
        state = self.state
        what = f"{scope['method']} {scope['path']}"
        if not re.match(state.paths, scope["path"]):
            return await self.app(scope, receive, _Marked(send, []))
        if state.delay_ms:
            log.info("delayed by %d ms: %s", state.delay_ms, what)
            await asyncio.sleep(state.delay_ms / 1000)
        if random.random() < state.reset_share:
            log.info("connection reset: %s", what)
            return await _reset(send)
        if random.random() < state.fail_share:
            log.info("failed with %d: %s", state.fail_status, what)
            body = {"detail": "failing on demand"}
            failure = JSONResponse(body, status_code=state.fail_status)
            return await failure(scope, receive, _Marked(send, []))
        if state.alter:
            log.info("altered at %s: %s", ", ".join(c.path for c in state.alter), what)
        await self.app(scope, receive, _Marked(send, state.alter))

    async def _switch(self, request: Request) -> JSONResponse:
        key = request.headers.get("x-api-key", "").strip().encode("latin-1", "replace")
        if not self.settings.dev and key not in self.settings.admin_keys:
            return JSONResponse({"detail": "invalid api key"}, status_code=401)
        if request.method == "PUT":
            try:
                self.state = Switches.model_validate_json(await request.body())
            except ValidationError as problem:
                return JSONResponse({"detail": str(problem)}, status_code=422)
            log.info("switched to %s", self.state.model_dump_json(exclude_defaults=True))
        return JSONResponse(self.state.model_dump())


class _Marked:
    """Sends on with the backend's mark, and with the JSON body altered when there is something to alter."""

    def __init__(self, send: Send, changes: list[Alteration]) -> None:
        self.send = send
        self.changes = changes
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Test-Backend"] = "monolith"
            if self.changes and headers.get("content-type", "").startswith("application/json"):
                self.start = message
                return
        elif message["type"] == "http.response.body" and self.start is not None:
            self.body += message.get("body", b"")
            if message.get("more_body", False):
                return
            message = {"type": "http.response.body", "body": self._altered()}
            MutableHeaders(scope=self.start)["content-length"] = str(len(message["body"]))
            await self.send(self.start)
        await self.send(message)

    def _altered(self) -> bytes:
        value = json.loads(self.body)
        for change in self.changes:
            value = alter(value, change)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


async def _reset(send: Send) -> None:
    """Drops the connection with RST. ASGI has no word for that, so this reaches for uvicorn's transport."""
    transport = send.__self__.transport
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    # Until the loop has noticed, uvicorn would take the return for a missing answer.
    await asyncio.sleep(0)
