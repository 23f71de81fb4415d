"""`/agents/workflows`: create, list, show, change and delete."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from sqlmodel import Session, or_, select

from coordinator.context import AdminUser, Database
from coordinator.errors import failures_as_500
from coordinator.tables import VerificationLevel, Workflow, utc_now

router = APIRouter(prefix="/workflows")


class WorkflowCreate(BaseModel):
    name: str = Field(max_length=100)
    description: str = ""
    steps: dict[str, Any]
    dependencies: dict[str, list[str]] = {}
    max_execution_time: int = 3600
    max_cost_budget: float = 0.0
    requires_verification: bool = True
    verification_level: VerificationLevel = VerificationLevel.BASIC
    tags: list[str] = []
    is_public: bool = False


class WorkflowUpdate(BaseModel):
    name: Annotated[str, Field(max_length=100)] | None = None
    description: str | None = None
    steps: dict[str, Any] | None = None
    dependencies: dict[str, list[str]] | None = None
    max_execution_time: int | None = None
    max_cost_budget: float | None = None
    requires_verification: bool | None = None
    verification_level: VerificationLevel | None = None
    tags: list[str] | None = None
    is_public: bool | None = None


def find(db: Session, workflow_id: str) -> Workflow:
    workflow = db.get(Workflow, workflow_id)
    if workflow is None:
        raise HTTPException(404, "Workflow not found")
    return workflow


def find_owned(db: Session, workflow_id: str, user: str) -> Workflow:
    workflow = find(db, workflow_id)
    if workflow.owner_id != user:
        raise HTTPException(403, "Access denied")
    return workflow


def find_readable(db: Session, workflow_id: str, user: str) -> Workflow:
    workflow = find(db, workflow_id)
    if workflow.owner_id != user and not workflow.is_public:
        raise HTTPException(403, "Access denied")
    return workflow


def _as_columns(fields: dict[str, Any]) -> dict[str, Any]:
    if fields.get("tags") is not None:
        fields["tags"] = json.dumps(fields["tags"])
    return fields


def _save(db: Session, workflow: Workflow) -> Workflow:
    db.add(workflow)
    db.commit()
    db.refresh(workflow)
    return workflow


@router.post("", response_model=Workflow)
async def create(body: WorkflowCreate, db: Database, user: AdminUser) -> Workflow:
    with failures_as_500():
        return _save(db, Workflow(owner_id=user, **_as_columns(body.model_dump())))


@router.get("", response_model=list[Workflow])
async def list_all(
    db: Database,
    user: AdminUser,
    owner_id: str | None = None,
    is_public: bool | None = None,
    tags: Annotated[list[str] | None, Query()] = None,
) -> Any:
    with failures_as_500():
        query = select(Workflow)
        if owner_id:
            query = query.where(Workflow.owner_id == owner_id)
        elif not is_public:
            query = query.where(or_(Workflow.owner_id == user, Workflow.is_public))
        if is_public is not None:
            query = query.where(Workflow.is_public == is_public)
        for tag in (tag for text in tags or [] for tag in text.split(",")):
            query = query.where(Workflow.tags.like(f"%{tag}%"))
        return db.exec(query).all()


@router.get("/{workflow_id}", response_model=Workflow)
async def show(workflow_id: str, db: Database, user: AdminUser) -> Workflow:
    with failures_as_500():
        return find_readable(db, workflow_id, user)


@router.put("/{workflow_id}", response_model=Workflow)
async def change(workflow_id: str, body: WorkflowUpdate, db: Database, user: AdminUser) -> Workflow:
    with failures_as_500():
        workflow = find_owned(db, workflow_id, user)
        for column, value in _as_columns(body.model_dump(exclude_unset=True)).items():
            setattr(workflow, column, value)
        workflow.updated_at = utc_now()
        return _save(db, workflow)


@router.delete("/{workflow_id}")
async def delete(workflow_id: str, db: Database, user: AdminUser) -> dict[str, str]:
    with failures_as_500():
        db.delete(find_owned(db, workflow_id, user))
        db.commit()
        return {"message": "Workflow deleted successfully"}
