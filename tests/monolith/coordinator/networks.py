"""`/agents/networks` and `/agents/test`: answers that store nothing."""

from typing import Any

from fastapi import APIRouter, HTTPException

from coordinator.context import AdminUser
from coordinator.tables import utc_now

router = APIRouter()


@router.get("/test")
async def test() -> dict[str, str]:
    return {"message": "Agent router is working", "timestamp": utc_now().isoformat()}


@router.post("/networks", status_code=201)
async def create(body: dict[str, Any], user: AdminUser) -> dict[str, Any]:
    if not body.get("name"):
        raise HTTPException(400, "Network name is required")
    if not body.get("agents"):
        raise HTTPException(400, "Agent list is required")
    now = utc_now()
    return {
        "id": f"network_{now:%Y%m%d_%H%M%S}",
        "name": body["name"],
        "description": body.get("description", ""),
        "agents": body["agents"],
        "coordination_strategy": body.get("coordination", "centralized"),
        "status": "active",
        "created_at": now.isoformat(),
        "owner_id": user,
    }
