"""`/agents/executions` and `…/execute`: start, watch, cancel."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel
from sqlmodel import Session, select

from coordinator import engine, workflows
from coordinator.context import AdminUser, Database
from coordinator.errors import failures_as_500
from coordinator.tables import (
    AgentStatus,
    Execution,
    StepExecution,
    VerificationLevel,
    Workflow,
    utc_now,
)

router = APIRouter()

LOGGED = (
    "step_id",
    "status",
    "started_at",
    "completed_at",
    "execution_time",
    "error_message",
    "gpu_accelerated",
    "memory_usage",
)
SHOWN = (
    "status",
    "current_step",
    "total_steps",
    "step_states",
    "final_result",
    "error_message",
    "started_at",
    "completed_at",
    "total_execution_time",
    "total_cost",
    "verification_proof",
)


class ExecutionRequest(BaseModel):
    """The options are accepted and change nothing, and the path's workflow counts."""

    workflow_id: str
    inputs: dict[str, Any]
    verification_level: VerificationLevel | None = VerificationLevel.BASIC
    max_execution_time: int | None = None
    max_cost_budget: float | None = None


def _named(execution: Execution) -> dict[str, Any]:
    return {"execution_id": execution.id, "workflow_id": execution.workflow_id}


def _shown(execution: Execution) -> dict[str, Any]:
    return _named(execution) | {column: getattr(execution, column) for column in SHOWN}


def _find(db: Session, execution_id: str) -> Execution:
    execution = db.get(Execution, execution_id)
    if execution is None:
        raise HTTPException(404, "Execution not found")
    return execution


def _check_owner(db: Session, execution: Execution, user: str) -> None:
    # A deleted workflow makes this an AttributeError, and its text is the recorded answer.
    if db.get(Workflow, execution.workflow_id).owner_id != user:
        raise HTTPException(403, "Access denied")


def _begin(db: Session, workflow: Workflow, user: str) -> Execution:
    execution = Execution(workflow_id=workflow.id, client_id=user)
    engine.save(db, execution)
    try:
        steps = len(workflow.steps.keys())
        engine.save(
            db,
            execution,
            status=AgentStatus.RUNNING,
            started_at=utc_now(),
            total_steps=steps,
        )
    except Exception as failure:
        db.rollback()
        engine.fail(db, execution, failure)
        raise
    return execution


@router.post("/workflows/{workflow_id}/execute")
async def execute(
    workflow_id: str, body: ExecutionRequest, db: Database, user: AdminUser, request: Request
) -> dict[str, Any]:
    with failures_as_500():
        execution = _begin(db, workflows.find_readable(db, workflow_id, user), user)
        engine.start(request.app.state.engine, execution.id, body.inputs)
        steps = execution.total_steps
        return _named(execution) | {
            "status": execution.status,
            "current_step": execution.current_step,
            "total_steps": steps,
            "started_at": execution.started_at,
            "estimated_completion": execution.started_at + timedelta(seconds=30 * steps),
            "current_cost": 0.0,
            "estimated_total_cost": 0.01 + 0.01 * steps,
        }


@router.get("/executions/{execution_id}/status")
async def status(execution_id: str, db: Database, user: AdminUser) -> dict[str, Any]:
    with failures_as_500():
        execution = db.get(Execution, execution_id)
        if execution is None:
            raise LookupError(f"Execution not found: {execution_id}")
        _check_owner(db, execution, user)
        return _shown(execution)


@router.get("/executions")
async def list_all(
    db: Database,
    user: AdminUser,
    workflow_id: str | None = None,
    status: AgentStatus | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[dict[str, Any]]:
    with failures_as_500():
        query = select(Execution)
        if workflow_id:
            workflow = db.get(Workflow, workflow_id)
            if workflow is None or workflow.owner_id != user:
                raise HTTPException(404, "Workflow not found")
            query = query.where(Execution.workflow_id == workflow_id)
        else:
            owned = select(Workflow.id).where(Workflow.owner_id == user)
            query = query.where(Execution.workflow_id.in_(owned))
        if status is not None:
            query = query.where(Execution.status == status)
        newest_first = query.order_by(Execution.created_at.desc())
        return [_shown(row) for row in db.exec(newest_first.limit(limit).offset(offset)).all()]


@router.post("/executions/{execution_id}/cancel")
async def cancel(execution_id: str, db: Database, user: AdminUser) -> dict[str, str]:
    with failures_as_500():
        execution = _find(db, execution_id)
        _check_owner(db, execution, user)
        if execution.status not in (AgentStatus.PENDING, AgentStatus.RUNNING):
            raise HTTPException(400, "Execution cannot be cancelled")
        engine.save(db, execution, status=AgentStatus.CANCELLED, completed_at=utc_now())
        return {"message": "Execution cancelled successfully"}


@router.get("/executions/{execution_id}/logs")
async def logs(execution_id: str, db: Database, user: AdminUser) -> dict[str, Any]:
    with failures_as_500():
        execution = _find(db, execution_id)
        _check_owner(db, execution, user)
        query = select(StepExecution).where(StepExecution.execution_id == execution_id)
        return _named(execution) | {
            "status": execution.status,
            "started_at": execution.started_at,
            "completed_at": execution.completed_at,
            "total_execution_time": execution.total_execution_time,
            "step_logs": [
                {column: getattr(row, column) for column in LOGGED} for row in db.exec(query).all()
            ],
        }


@router.get("/executions/{execution_id}/receipt")
async def receipt(execution_id: str, user: AdminUser) -> dict[str, Any]:
    """The same for any id: the monolith never had real receipts, and the contract says so."""
    attestation = {
        "coordinator_id": "coordinator_1",
        "signature": "0xmock_attestation_1",
        "timestamp": utc_now().isoformat(),
    }
    return {
        "execution_id": execution_id,
        "workflow_id": f"workflow_{execution_id}",
        "status": "completed",
        "receipt_id": f"receipt_{execution_id}",
        "miner_signature": "0xmock_signature_placeholder",
        "coordinator_attestations": [attestation],
        "minted_amount": 1000,
        "recorded_at": utc_now().isoformat(),
        "verified": True,
        "block_hash": "0xmock_block_hash",
        "transaction_hash": "0xmock_tx_hash",
    }
