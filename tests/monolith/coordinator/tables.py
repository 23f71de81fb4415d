"""The tables that the agent API uses, column by column as in the contract's schema."""

import uuid
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel


class VerificationLevel(str, Enum):
    BASIC = "basic"
    FULL = "full"
    ZERO_KNOWLEDGE = "zero-knowledge"


class AgentStatus(str, Enum):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepType(str, Enum):
    INFERENCE = "inference"
    TRAINING = "training"
    DATA_PROCESSING = "data_processing"
    VERIFICATION = "verification"
    CUSTOM = "custom"


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


def new_id(prefix: str, digits: int) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:digits]}"


def _json(nullable: bool = True) -> Any:
    return Column(JSON, nullable=nullable)


class Workflow(SQLModel, table=True):
    """`tags` holds the text of a JSON array: the column is text, and the API shows that text."""

    __tablename__ = "ai_agent_workflows"

    id: str = Field(default_factory=lambda: new_id("agent", 8), primary_key=True)
    owner_id: str = Field(index=True)
    name: str = Field(max_length=100)
    description: str = ""
    steps: Any = Field(default_factory=dict, sa_column=_json(nullable=False))
    dependencies: Any = Field(default_factory=dict, sa_column=_json(nullable=False))
    max_execution_time: int = 3600
    max_cost_budget: float = 0.0
    requires_verification: bool = True
    verification_level: VerificationLevel = VerificationLevel.BASIC
    tags: str = ""
    version: str = "1.0.0"
    is_public: bool = False
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)


class Step(SQLModel, table=True):
    """No endpoint writes this table; an execution reads it."""

    __tablename__ = "agent_steps"

    id: str = Field(default_factory=lambda: new_id("step", 8), primary_key=True)
    workflow_id: str = Field(index=True)
    step_order: int
    name: str = Field(max_length=100)
    step_type: StepType
    model_requirements: Any = Field(default_factory=dict, sa_column=_json())
    input_mappings: Any = Field(default_factory=dict, sa_column=_json())
    output_mappings: Any = Field(default_factory=dict, sa_column=_json())
    timeout_seconds: int = 300
    retry_policy: Any = Field(default_factory=dict, sa_column=_json())
    max_retries: int = 3
    requires_proof: bool = False
    verification_level: VerificationLevel = VerificationLevel.BASIC
    depends_on: str = ""
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)


class Execution(SQLModel, table=True):
    __tablename__ = "agent_executions"

    id: str = Field(default_factory=lambda: new_id("exec", 10), primary_key=True)
    workflow_id: str = Field(index=True)
    client_id: str = Field(index=True)
    status: AgentStatus = AgentStatus.PENDING
    current_step: int = 0
    step_states: Any = Field(default_factory=dict, sa_column=_json(nullable=False))
    final_result: Any = Field(default=None, sa_column=_json())
    execution_receipt: Any = Field(default=None, sa_column=_json())
    verification_proof: Any = Field(default=None, sa_column=_json())
    error_message: str | None = None
    failed_step: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    total_execution_time: float | None = None
    total_cost: float = 0.0
    total_steps: int = 0
    completed_steps: int = 0
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)


class StepExecution(SQLModel, table=True):
    __tablename__ = "agent_step_executions"

    id: str = Field(default_factory=lambda: new_id("step_exec", 10), primary_key=True)
    execution_id: str = Field(index=True)
    step_id: str = Field(index=True)
    status: AgentStatus = AgentStatus.PENDING
    input_data: Any = Field(default=None, sa_column=_json())
    output_data: Any = Field(default=None, sa_column=_json())
    execution_time: float | None = None
    gpu_accelerated: bool = False
    memory_usage: float | None = None
    step_proof: Any = Field(default=None, sa_column=_json())
    verification_status: str | None = None
    error_message: str | None = None
    retry_count: int = 0
    started_at: datetime | None = None
    completed_at: datetime | None = None
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)
