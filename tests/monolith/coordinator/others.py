"""Routes that are no agent routes: they stay with the monolith whatever the route table says."""

import platform
import uuid
from collections import OrderedDict
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel

from coordinator.context import ClientUser
from coordinator.tables import utc_now

router = APIRouter()

# In memory: nothing but this process reads them.
_jobs: OrderedDict[str, dict[str, Any]] = OrderedDict()
KEPT_JOBS = 1000


class JobCreate(BaseModel):
    payload: dict[str, Any]
    ttl_seconds: int = 900


@router.get("/")
async def banner() -> dict[str, str]:
    return {"message": "Welcome to AITBC Agent Management Service"}


@router.get("/health")
async def health() -> dict[str, str]:
    return {"status": "healthy", "service": "aitbc-agent-management"}


@router.get("/v1/health")
async def health_v1(request: Request) -> dict[str, str]:
    env = request.app.state.settings.env
    return {"status": "ok", "env": env, "python_version": platform.python_version()}


@router.post("/v1/jobs", status_code=201)
async def submit_job(body: JobCreate, user: ClientUser) -> dict[str, Any]:
    job = {
        "job_id": uuid.uuid4().hex,
        "state": "QUEUED",
        "client_id": user,
        "payload": body.payload,
        "ttl_seconds": body.ttl_seconds,
        "requested_at": utc_now().isoformat(),
    }
    _jobs[job["job_id"]] = job
    while len(_jobs) > KEPT_JOBS:
        _jobs.popitem(last=False)
    return job


@router.get("/v1/jobs")
async def list_jobs(user: ClientUser) -> dict[str, Any]:
    items = [job for job in _jobs.values() if job["client_id"] == user]
    return {"items": items, "total": len(items)}


@router.get("/v1/jobs/{job_id}")
async def show_job(job_id: str, user: ClientUser) -> dict[str, Any]:
    job = _jobs.get(job_id)
    if job is None or job["client_id"] != user:
        raise HTTPException(404, "job not found")
    return job
