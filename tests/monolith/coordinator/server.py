"""Puts the parts together and serves them."""

import logging
import socket
import sys

import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from coordinator import errors, executions, networks, others, workflows
from coordinator.context import open_database
from coordinator.edge import Edge
from coordinator.settings import Settings
from coordinator.switches import Switchboard

log = logging.getLogger("coordinator")

ORIGINS = [f"http://localhost:{port}" for port in (*range(8001, 8004), *range(8010, 8017))]


def application(settings: Settings) -> ASGIApp:
    """The whole monolith as one ASGI application; creates the tables that are missing."""
    app = FastAPI(title="Coordinator API (stand-in)")
    app.state.settings = settings
    app.state.engine = open_database(settings.database_url, settings.busy_timeout)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=ORIGINS,
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"],
        allow_headers=["*"],
    )
    errors.install(app)
    app.include_router(others.router)
    for prefix in ("/v1/agents", "/api/v1/agents"):
        app.include_router(networks.router, prefix=prefix)
        app.include_router(executions.router, prefix=prefix)
        app.include_router(workflows.router, prefix=prefix)
    outermost: ASGIApp = Edge(app)
    return outermost if settings.switches is None else Switchboard(outermost, settings)


def main() -> None:
    """Serves until SIGTERM or SIGINT. APP_PORT=0 takes a free port; the log names it."""
    try:
        settings = Settings.from_env()
    except ValueError as problem:
        sys.exit(f"error: {problem}")
    logging.basicConfig(
        level=settings.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=2048)
        # asyncio does this only for sockets that it made itself; without it, an answer that is sent in two parts waits
        # 40 ms for the client's delayed acknowledgement. Accepted sockets inherit it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as problem:
        sys.exit(f"error: cannot listen on {settings.host}:{settings.port}: {problem.strerror}")
    with listener:
        config = uvicorn.Config(
            application(settings),
            log_config=None,
            access_log=settings.log_level == "debug",
            timeout_graceful_shutdown=5,
            lifespan="off",
        )
        log.info("listening on http://%s:%d", *listener.getsockname()[:2])
        uvicorn.Server(config).run(sockets=[listener])
