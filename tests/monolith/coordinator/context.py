"""What a handler may reach: the database session and the user of the request."""

import hmac
from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request
from sqlalchemy import Engine
from sqlmodel import Session, SQLModel, create_engine

from coordinator.settings import Settings


def open_database(url: str, busy_timeout: float = 5) -> Engine:
    """Connects and creates the tables that are missing."""
    # Not the default limit of 15: a request holds its connection until its answer is out, and FastAPI opens and closes
    # sessions on threads of one small pool. Sixteen requests at once would wait there for each other until a time-out.
    is_sqlite = url.startswith("sqlite")
    arguments = {"check_same_thread": False, "timeout": busy_timeout} if is_sqlite else {}
    engine = create_engine(url, connect_args=arguments, pool_size=40, max_overflow=-1)
    SQLModel.metadata.create_all(engine)
    return engine


def _session(request: Request) -> Iterator[Session]:
    with Session(request.app.state.engine) as session:
        yield session


def _user(keys: Callable[[Settings], frozenset[bytes]]) -> Callable[..., str]:
    def check(request: Request, x_api_key: Annotated[str | None, Header()] = None) -> str:
        settings: Settings = request.app.state.settings
        key = (x_api_key or "").strip()
        if settings.dev:
            return key or "dev_key"
        sent = key.encode("latin-1", "replace")
        if not any(hmac.compare_digest(sent, known) for known in keys(settings)):
            raise HTTPException(401, "invalid api key")
        return key

    return check


Database = Annotated[Session, Depends(_session)]
AdminUser = Annotated[str, Depends(_user(lambda settings: settings.admin_keys))]
ClientUser = Annotated[str, Depends(_user(lambda settings: settings.client_keys))]
