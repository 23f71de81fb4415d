//! Orchestration: an owner's agents, what they are asked to do together, and what they hold for it.

use crate::python::time::Stamp;
use crate::tables::cell::{Float, Int, Json};
use crate::tables::choice::choice;
use crate::tables::column::table;
use crate::tables::money::Money;

choice! {
    /// What kind of work a sub-task is.
    pub enum TaskType {
        /// Texts.
        TextProcessing = "TEXT_PROCESSING" / "text_processing",
        /// Pictures.
        ImageProcessing = "IMAGE_PROCESSING" / "image_processing",
        /// Sounds.
        AudioProcessing = "AUDIO_PROCESSING" / "audio_processing",
        /// Moving pictures.
        VideoProcessing = "VIDEO_PROCESSING" / "video_processing",
        /// Figures.
        DataAnalysis = "DATA_ANALYSIS" / "data_analysis",
        /// Asking a model.
        ModelInference = "MODEL_INFERENCE" / "model_inference",
        /// Making a model.
        ModelTraining = "MODEL_TRAINING" / "model_training",
        /// Much arithmetic.
        ComputeIntensive = "COMPUTE_INTENSIVE" / "compute_intensive",
        /// Much reading and writing.
        IoBound = "IO_BOUND" / "io_bound",
        /// Several kinds at once.
        MixedModal = "MIXED_MODAL" / "mixed_modal",
    }
}

choice! {
    /// What an agent computes with, from the weakest on.
    pub enum GpuTier {
        /// No GPU.
        CpuOnly = "CPU_ONLY" / "cpu_only",
        /// A small one.
        LowEndGpu = "LOW_END_GPU" / "low_end_gpu",
        /// A middling one.
        MidRangeGpu = "MID_RANGE_GPU" / "mid_range_gpu",
        /// A large one.
        HighEndGpu = "HIGH_END_GPU" / "high_end_gpu",
        /// One of the largest.
        PremiumGpu = "PREMIUM_GPU" / "premium_gpu",
    }
}

choice! {
    /// What agents hold for a sub-task.
    pub enum ResourceType {
        /// GPUs, which are places for sub-tasks.
        Gpu = "GPU" / "gpu",
        /// Cores.
        Cpu = "CPU" / "cpu",
        /// Memory, in GB.
        Memory = "MEMORY" / "memory",
        /// Disks.
        Storage = "STORAGE" / "storage",
    }
}

choice! {
    /// Where a plan stands.
    pub enum PlanStatus {
        /// Agents are at it.
        Active = "ACTIVE" / "active",
        /// Every sub-task is done.
        Completed = "COMPLETED" / "completed",
        /// A sub-task could not be done, or not in time.
        Failed = "FAILED" / "failed",
        /// Its owner ended it.
        Cancelled = "CANCELLED" / "cancelled",
    }
}

choice! {
    /// Where an assignment stands.
    pub enum AssignmentStatus {
        /// Nobody has it.
        Pending = "PENDING" / "pending",
        /// An agent has it and has not begun.
        Assigned = "ASSIGNED" / "assigned",
        /// An agent is at it.
        InProgress = "IN_PROGRESS" / "in_progress",
        /// It is done.
        Completed = "COMPLETED" / "completed",
        /// It was not done.
        Failed = "FAILED" / "failed",
        /// Nobody wants it any more.
        Cancelled = "CANCELLED" / "cancelled",
    }
}

impl AssignmentStatus {
    /// Whether an agent has a place taken by it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Assigned | Self::InProgress)
    }
}

table! {
    /// What is kept of all that one owner has orchestrated, and who looks after it until when.
    pub struct Orchestrator => "agent_service_orchestrators" {
        owner_id: String [key],
        total_tasks: Int,
        successful_tasks: Int,
        failed_tasks: Int,
        cancelled_tasks: Int,
        execution_seconds: Float,
        total_cost: Money,
        last_ended: Option<PlanStatus>,
        lease_until: Option<Stamp> [indexed],
        created_at: Stamp,
    }
}

table! {
    /// What an agent can do. Its load stands in the ledger of allocations.
    pub struct Agent => "agent_service_orchestrator_agents" {
        owner_id: String [key],
        agent_id: String [key],
        supported_task_types: Json,
        gpu_tier: GpuTier,
        max_concurrent_tasks: Int,
        performance_score: Float,
        cost_per_hour: Money,
        reliability_score: Float,
        in_maintenance: bool,
        built_in: bool,
        registered_at: Stamp,
        last_updated: Stamp,
    }
}

table! {
    /// A task that several agents do together.
    pub struct Plan => "agent_service_orchestrator_plans" {
        id: String [key],
        owner_id: String [indexed],
        task_id: String,
        status: PlanStatus,
        decomposition_strategy: String,
        execution_plan: Json,
        execution_timeline: Json,
        resource_requirements: Json,
        estimated_total_duration: Float,
        estimated_total_cost: Money,
        estimated_cost: Money,
        confidence_score: Float,
        budget_limit: Option<Money>,
        deadline: Option<Stamp>,
        actual_cost: Option<Money>,
        error_message: Option<String>,
        created_at: Stamp,
        finished_at: Option<Stamp>,
    }
}

table! {
    /// A sub-task, and one agent's try at it.
    pub struct Assignment => "agent_service_orchestrator_assignments" {
        id: String [key],
        plan_id: String [indexed],
        owner_id: String [indexed_with(&["agent_id"])],
        agent_id: String,
        sub_task_id: String,
        position: Int,
        name: String,
        description: String,
        task_type: TaskType,
        gpu_tier: GpuTier,
        estimated_duration: Float,
        memory_requirement: Int,
        requirements: Json,
        dependencies: Json,
        inputs: Json,
        outputs: Json,
        status: AssignmentStatus,
        cost_per_hour: Money,
        cost: Money,
        assigned_at: Stamp,
        ready_at: Option<Stamp>,
        started_at: Option<Stamp>,
        completed_at: Option<Stamp>,
        retry_count: Int,
        error_message: Option<String>,
        results: Option<Json>,
    }
}

table! {
    /// A line of the ledger: what one try holds, or has held. `held_for` is the owner until it is released, and null from
    /// then on, so that the index over it is no longer than what is held.
    pub struct Allocation => "agent_service_orchestrator_allocations" {
        assignment_id: String [key],
        resource_type: ResourceType [key],
        plan_id: String [indexed],
        agent_id: String,
        sub_task_id: String,
        allocated_amount: Int,
        expected_duration: Float,
        actual_duration: Option<Float>,
        allocated_at: Stamp,
        released_at: Option<Stamp>,
        held_for: Option<String> [indexed],
    }
}
