//! What the monolith keeps about the performance of agents: profiles, models, allocations, optimisations, capabilities.

use super::cell::{Float, Int, Json};
use super::choice::choice;
use super::column::table;
use crate::python::time::Stamp;

choice! {
    /// How a meta-learning model learns.
    pub enum LearningStrategy {
        /// Learns to learn.
        MetaLearning = "META_LEARNING" / "meta_learning",
        /// Takes over what was learned elsewhere.
        TransferLearning = "TRANSFER_LEARNING" / "transfer_learning",
        /// Learns from rewards.
        ReinforcementLearning = "REINFORCEMENT_LEARNING" / "reinforcement_learning",
        /// Learns from labelled examples.
        SupervisedLearning = "SUPERVISED_LEARNING" / "supervised_learning",
        /// Learns from examples without labels.
        UnsupervisedLearning = "UNSUPERVISED_LEARNING" / "unsupervised_learning",
        /// Learns in many places at once.
        FederatedLearning = "FEDERATED_LEARNING" / "federated_learning",
    }
}

choice! {
    /// What an optimisation is to improve.
    pub enum PerformanceMetric {
        /// Share of right answers.
        Accuracy = "ACCURACY" / "accuracy",
        /// Share of right ones among those called positive.
        Precision = "PRECISION" / "precision",
        /// Share of positives that were found.
        Recall = "RECALL" / "recall",
        /// Harmonic mean of precision and recall.
        F1Score = "F1_SCORE" / "f1_score",
        /// Milliseconds to an answer.
        Latency = "LATENCY" / "latency",
        /// Answers in a unit of time.
        Throughput = "THROUGHPUT" / "throughput",
        /// What comes of the resources.
        ResourceEfficiency = "RESOURCE_EFFICIENCY" / "resource_efficiency",
        /// What comes of the money.
        CostEfficiency = "COST_EFFICIENCY" / "cost_efficiency",
        /// How fast new tasks are learned.
        AdaptationSpeed = "ADAPTATION_SPEED" / "adaptation_speed",
        /// How well unseen tasks go.
        Generalization = "GENERALIZATION" / "generalization",
    }
}

choice! {
    /// What resources are allocated for.
    pub enum OptimizationTarget {
        /// Fast answers.
        Speed = "SPEED" / "speed",
        /// Right answers.
        Accuracy = "ACCURACY" / "accuracy",
        /// No more than is needed.
        Efficiency = "EFFICIENCY" / "efficiency",
        /// As little money as possible.
        Cost = "COST" / "cost",
        /// Room to grow.
        Scalability = "SCALABILITY" / "scalability",
        /// Few failures.
        Reliability = "RELIABILITY" / "reliability",
    }
}

table! {
    /// How an agent performs. An agent may have several; the first one counts.
    pub struct Profile => "agent_performance_profiles" {
        id: String [key],
        profile_id: String [unique],
        agent_id: String [indexed],
        agent_type: String,
        agent_version: String,
        overall_score: Float,
        performance_metrics: Option<Json>,
        learning_strategies: Option<Json>,
        adaptation_rate: Float,
        generalization_score: Float,
        resource_efficiency: Option<Json>,
        cost_per_task: Float,
        throughput: Float,
        average_latency: Float,
        specialization_areas: Option<Json>,
        expertise_levels: Option<Json>,
        performance_history: Option<Json>,
        improvement_trends: Option<Json>,
        benchmark_scores: Option<Json>,
        ranking_position: Option<Int>,
        percentile_rank: Option<Float>,
        created_at: Stamp,
        updated_at: Stamp,
        last_assessed: Option<Stamp>,
        profile_meta_data: Option<Json>,
        performance_notes: String [up_to(1000)],
    }
}

table! {
    /// The columns of a profile that a summary of many looks at. Histories can be long and are left out.
    pub struct Standing => "agent_performance_profiles" {
        agent_id: String,
        overall_score: Float,
        performance_metrics: Option<Json>,
        resource_efficiency: Option<Json>,
        cost_per_task: Float,
        throughput: Float,
        average_latency: Float,
        specialization_areas: Option<Json>,
        last_assessed: Option<Stamp>,
    }
}

table! {
    /// A model that adapts to new tasks.
    pub struct MetaModel => "meta_learning_models" {
        id: String [key],
        model_id: String [unique],
        model_name: String [up_to(100)],
        model_type: String,
        model_version: String,
        base_algorithms: Option<Json>,
        meta_strategy: LearningStrategy,
        adaptation_targets: Option<Json>,
        training_tasks: Option<Json>,
        task_distributions: Option<Json>,
        meta_features: Option<Json>,
        meta_accuracy: Float,
        adaptation_speed: Float,
        generalization_ability: Float,
        training_time: Option<Float>,
        computational_cost: Option<Float>,
        memory_requirement: Option<Float>,
        gpu_requirement: Option<bool>,
        status: String,
        deployment_count: Int,
        success_rate: Float,
        created_at: Stamp,
        updated_at: Stamp,
        trained_at: Option<Stamp>,
        deployed_at: Option<Stamp>,
        model_profile_meta_data: Option<Json>,
        training_logs: Option<Json>,
    }
}

table! {
    /// What an agent was given for a task.
    pub struct Allocation => "resource_allocations" {
        id: String [key],
        allocation_id: String [unique],
        agent_id: String [indexed],
        task_id: Option<String>,
        session_id: Option<String>,
        cpu_cores: Float,
        memory_gb: Float,
        gpu_count: Float,
        gpu_memory_gb: Float,
        storage_gb: Float,
        network_bandwidth: Float,
        optimization_target: OptimizationTarget,
        priority_level: String,
        actual_performance: Option<Json>,
        efficiency_score: Float,
        cost_efficiency: Float,
        status: String,
        allocated_at: Option<Stamp>,
        started_at: Option<Stamp>,
        completed_at: Option<Stamp>,
        optimization_applied: bool,
        optimization_savings: Float,
        performance_improvement: Float,
        created_at: Stamp,
        updated_at: Stamp,
        allocation_profile_meta_data: Option<Json>,
        resource_utilization: Option<Json>,
    }
}

table! {
    /// One attempt to make an agent perform better.
    pub struct Optimization => "performance_optimizations" {
        id: String [key],
        optimization_id: String [unique],
        agent_id: String [indexed],
        optimization_type: String [up_to(50)],
        target_metric: PerformanceMetric,
        baseline_performance: Option<Json>,
        baseline_resources: Option<Json>,
        baseline_cost: Float,
        optimization_parameters: Option<Json>,
        optimization_algorithm: String,
        search_space: Option<Json>,
        optimized_performance: Option<Json>,
        optimized_resources: Option<Json>,
        optimized_cost: Float,
        performance_improvement: Float,
        resource_savings: Float,
        cost_savings: Float,
        overall_efficiency_gain: Float,
        optimization_duration: Option<Float>,
        iterations_required: Int,
        convergence_achieved: bool,
        status: String,
        applied_at: Option<Stamp>,
        rollback_available: bool,
        created_at: Stamp,
        updated_at: Stamp,
        completed_at: Option<Stamp>,
        optimization_profile_meta_data: Option<Json>,
        performance_logs: Option<Json>,
    }
}

table! {
    /// What an agent can do, and how well.
    pub struct Capability => "agent_capabilities" {
        id: String [key],
        capability_id: String [unique],
        agent_id: String [indexed],
        capability_name: String [up_to(100)],
        capability_type: String [up_to(50)],
        domain_area: String [up_to(50)],
        skill_level: Float,
        proficiency_score: Float,
        experience_years: Float,
        performance_metrics: Option<Json>,
        success_rate: Float,
        average_quality: Float,
        learning_rate: Float,
        adaptation_speed: Float,
        knowledge_retention: Float,
        specializations: Option<Json>,
        sub_capabilities: Option<Json>,
        tool_proficiency: Option<Json>,
        acquired_at: Stamp,
        last_improved: Option<Stamp>,
        improvement_count: Int,
        certified: bool,
        certification_level: Option<String>,
        last_validated: Option<Stamp>,
        created_at: Stamp,
        updated_at: Stamp,
        capability_profile_meta_data: Option<Json>,
        training_history: Option<Json>,
    }
}
