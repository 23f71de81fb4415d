"""Runs an execution in the background, step by step, as the monolith does: every step is simulated."""

import asyncio
import logging
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, select

from coordinator.proofs import prove
from coordinator.tables import (
    AgentStatus,
    Execution,
    Step,
    StepExecution,
    StepType,
    Workflow,
    utc_now,
)

log = logging.getLogger("coordinator.engine")

# Seconds, output, on a GPU or not, megabytes. Types that are missing here count as custom.
SIMULATED: dict[StepType, tuple[float, dict[str, Any], bool, float]] = {
    StepType.INFERENCE: (0.1, {"prediction": "simulated_result", "confidence": 0.95}, False, 128.5),
    StepType.TRAINING: (0.5, {"model_updated": True, "training_loss": 0.123}, True, 512.0),
    StepType.DATA_PROCESSING: (0.05, {"processed_records": 1000, "data_validated": True}, False, 64.0),
}

# The event loop holds tasks only weakly.
_running: set[asyncio.Task[None]] = set()


def start(engine: Engine, execution_id: str, inputs: dict[str, Any]) -> None:
    """Lets the execution run on; it has its own session, so the request may end."""
    task = asyncio.create_task(_run(engine, execution_id, inputs))
    _running.add(task)
    task.add_done_callback(_running.discard)


def save(db: Session, row: Execution | StepExecution, **columns: Any) -> None:
    for column, value in columns.items():
        setattr(row, column, value)
    row.updated_at = utc_now()
    db.add(row)
    db.commit()
    db.refresh(row)


def fail(db: Session, execution: Execution, failure: Exception) -> None:
    """What an execution looks like after its task has failed."""
    save(
        db,
        execution,
        status=AgentStatus.FAILED,
        completed_at=utc_now(),
        error_message=str(failure),
    )


def in_order(steps: list[Step], dependencies: dict[str, list[str]]) -> list[Step]:
    """Pass by pass, each with the steps whose dependencies were met before the pass began."""
    ordered: list[Step] = []
    waiting = list(steps)
    while waiting:
        met = {step.id for step in ordered}
        ready = [step for step in waiting if met.issuperset(dependencies.get(step.id, []))]
        if not ready:
            raise ValueError("Circular dependency detected in workflow")
        ordered += ready
        waiting = [step for step in waiting if step not in ready]
    return ordered


async def _run(engine: Engine, execution_id: str, inputs: dict[str, Any]) -> None:
    with Session(engine) as db:
        execution = db.get_one(Execution, execution_id)
        try:
            results = await _run_steps(db, execution, inputs)
            done = utc_now()
            # SQLite gives the start back without its zone.
            taken = done.replace(tzinfo=None) - execution.started_at
            save(
                db,
                execution,
                status=AgentStatus.COMPLETED,
                completed_at=done,
                total_execution_time=taken.total_seconds(),
                final_result={"step_results": results},
            )
        except Exception as failure:
            log.warning("execution %s failed: %s", execution_id, failure)
            db.rollback()
            fail(db, execution, failure)


async def _run_steps(
    db: Session, execution: Execution, inputs: dict[str, Any]
) -> dict[str, Any]:
    workflow = db.get_one(Workflow, execution.workflow_id)
    steps = db.exec(
        select(Step).where(Step.workflow_id == workflow.id).order_by(Step.step_order)
    ).all()
    results: dict[str, Any] = {}
    for step in in_order(list(steps), workflow.dependencies or {}):
        done = await _run_step(db, execution.id, step, inputs)
        inputs = inputs | (done.output_data or {})
        results = results | {step.id: done.model_dump(mode="json")}
        # As the monolith: a cancel that came meanwhile is overwritten.
        save(
            db,
            execution,
            status=AgentStatus.RUNNING,
            current_step=execution.current_step + 1,
            completed_steps=execution.completed_steps + 1,
            step_states=results,
        )
    return results


async def _run_step(
    db: Session, execution_id: str, step: Step, inputs: dict[str, Any]
) -> StepExecution:
    row = StepExecution(execution_id=execution_id, step_id=step.id)
    save(db, row)
    save(db, row, status=AgentStatus.RUNNING, started_at=utc_now(), input_data=inputs)
    custom = (0.2, {"custom_result": "completed", "metadata": inputs}, False, 256.0)
    seconds, output, gpu, memory = SIMULATED.get(step.step_type, custom)
    began = utc_now()
    await asyncio.sleep(seconds)
    save(
        db,
        row,
        status=AgentStatus.COMPLETED,
        completed_at=utc_now(),
        output_data=output,
        execution_time=(utc_now() - began).total_seconds(),
        gpu_accelerated=gpu,
        memory_usage=memory,
    )
    if step.requires_proof:
        proof = prove(row, step.verification_level)
        verdict = "verified" if proof["verified"] else "failed"
        save(db, row, step_proof=proof, verification_status=verdict)
    return row
