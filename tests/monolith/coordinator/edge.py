"""What every answer passes through last: request id, processing time, and the limit on request bodies."""

import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordinator.errors import envelope

MAX_REQUEST_BYTES = 10 * 1024 * 1024


class Edge:
    """Outermost, so that errors carry the headers as well."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id") or str(uuid.uuid4())
        began = time.perf_counter()

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                marked = MutableHeaders(scope=message)
                marked["X-Request-ID"] = request_id
                marked["X-Process-Time"] = f"{time.perf_counter() - began:.3f}"
            await send(message)

        app = self.app
        if _too_large(headers.get("content-length")):
            text = f"Request too large. Maximum size is {MAX_REQUEST_BYTES} bytes"
            app = envelope("http_error", text, 413, scope["path"])
        await app(scope, receive, send_marked)


def _too_large(length: str | None) -> bool:
    return length is not None and length.isdigit() and int(length) > MAX_REQUEST_BYTES
