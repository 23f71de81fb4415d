"""Turns every failure into one of the monolith's error forms."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from coordinator.tables import utc_now


@contextmanager
def failures_as_500() -> Iterator[None]:
    """The agent router answers an exception's own text: a leak, and part of what clients see today."""
    try:
        yield
    except HTTPException:
        raise
    except Exception as failure:
        raise HTTPException(500, str(failure)) from failure


def _validation_failed(request: Request, failure: RequestValidationError) -> JSONResponse:
    details = [
        {"field": ".".join(map(str, e["loc"])), "message": e["msg"], "code": e["type"]}
        for e in failure.errors()
    ]
    error = {"code": "VALIDATION_ERROR", "message": "Request validation failed", "status": 422}
    return JSONResponse(
        {
            "error": error | {"details": details},
            "timestamp": utc_now().isoformat() + "Z",
            "request_id": request.headers.get("x-request-id"),
        },
        status_code=422,
    )


def envelope(kind: str, message: str, status: int, path: str) -> JSONResponse:
    """The form of errors that no route made."""
    error = {"type": kind, "message": message, "status_code": status, "path": path}
    return JSONResponse({"error": error}, status_code=status)


def _unhandled(request: Request, _: Exception) -> JSONResponse:
    return envelope("internal_error", "An internal server error occurred", 500, request.url.path)


def install(app: FastAPI) -> None:
    """Makes the application answer its failures in these forms."""
    app.add_exception_handler(RequestValidationError, _validation_failed)
    app.add_exception_handler(Exception, _unhandled)
