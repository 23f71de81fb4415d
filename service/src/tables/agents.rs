//! Workflows, steps and executions: the monolith's tables, column by column.

use super::cell::{Float, Int, Json};
use super::choice::choice;
use super::column::table;
use crate::python::time::Stamp;

choice! {
    /// Where an execution or one of its steps stands.
    pub enum Status as AgentStatus {
        /// Recorded, not begun.
        Pending = "PENDING" / "pending",
        /// Begun.
        Running = "RUNNING" / "running",
        /// Ended well.
        Completed = "COMPLETED" / "completed",
        /// Ended by an error.
        Failed = "FAILED" / "failed",
        /// Ended by its owner.
        Cancelled = "CANCELLED" / "cancelled",
    }
}

impl Status {
    /// Whether nothing more will happen.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

choice! {
    /// How thoroughly a step's result is checked.
    pub enum VerificationLevel {
        /// It completed, with output and without error.
        Basic = "BASIC" / "basic",
        /// Also within reasonable time and memory.
        Full = "FULL" / "full",
        /// Asked to be proven without being shown.
        ZeroKnowledge = "ZERO_KNOWLEDGE" / "zero-knowledge",
    }
}

choice! {
    /// What a step does.
    pub enum StepType {
        /// Asks a model.
        Inference = "INFERENCE" / "inference",
        /// Trains a model.
        Training = "TRAINING" / "training",
        /// Prepares data.
        DataProcessing = "DATA_PROCESSING" / "data_processing",
        /// Verifies something.
        Verification = "VERIFICATION" / "verification",
        /// Anything else.
        Custom = "CUSTOM" / "custom",
    }
}

table! {
    /// A workflow and who may use it.
    pub struct Workflow => "ai_agent_workflows" {
        id: String [key],
        owner_id: String [indexed],
        name: String [up_to(100)],
        description: String,
        steps: Json,
        dependencies: Json,
        max_execution_time: Int,
        max_cost_budget: Float,
        requires_verification: bool,
        verification_level: VerificationLevel,
        tags: String,
        version: String,
        is_public: bool,
        created_at: Stamp,
        updated_at: Stamp,
    }
}

table! {
    /// A step of a workflow. No endpoint writes these rows.
    pub struct Step => "agent_steps" {
        id: String [key],
        workflow_id: String [indexed],
        step_order: Int,
        name: String [up_to(100)],
        step_type: StepType,
        model_requirements: Option<Json>,
        input_mappings: Option<Json>,
        output_mappings: Option<Json>,
        timeout_seconds: Int,
        retry_policy: Option<Json>,
        max_retries: Int,
        requires_proof: bool,
        verification_level: VerificationLevel,
        depends_on: String,
        created_at: Stamp,
        updated_at: Stamp,
    }
}

table! {
    /// One run of a workflow.
    pub struct Execution => "agent_executions" {
        id: String [key],
        workflow_id: String [indexed],
        client_id: String [indexed],
        status: Status,
        current_step: Int,
        step_states: Json,
        final_result: Option<Json>,
        execution_receipt: Option<Json>,
        verification_proof: Option<Json>,
        error_message: Option<String>,
        failed_step: Option<String>,
        started_at: Option<Stamp>,
        completed_at: Option<Stamp>,
        total_execution_time: Option<Float>,
        total_cost: Float,
        total_steps: Int,
        completed_steps: Int,
        created_at: Stamp,
        updated_at: Stamp,
    }
}

table! {
    /// One step of one execution.
    pub struct StepExecution => "agent_step_executions" {
        id: String [key],
        execution_id: String [indexed],
        step_id: String [indexed],
        status: Status,
        input_data: Option<Json>,
        output_data: Option<Json>,
        execution_time: Option<Float>,
        gpu_accelerated: bool,
        memory_usage: Option<Float>,
        step_proof: Option<Json>,
        verification_status: Option<String>,
        error_message: Option<String>,
        retry_count: Int,
        started_at: Option<Stamp>,
        completed_at: Option<Stamp>,
        created_at: Stamp,
        updated_at: Stamp,
    }
}
