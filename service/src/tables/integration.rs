//! Deployments and their instances: the monolith's tables, column by column.

use super::cell::{Float, Int, Json};
use super::choice::choice;
use super::column::table;
use crate::python::time::Stamp;

choice! {
    /// Where a deployment or one of its instances stands.
    pub enum DeploymentStatus {
        /// Described, not begun.
        Pending = "PENDING" / "pending",
        /// Being brought up.
        Deploying = "DEPLOYING" / "deploying",
        /// Up.
        Deployed = "DEPLOYED" / "deployed",
        /// Could not be brought up, or back.
        Failed = "FAILED" / "failed",
        /// Being tried again.
        Retrying = "RETRYING" / "retrying",
        /// Taken down.
        Terminated = "TERMINATED" / "terminated",
    }
}

table! {
    /// How a workflow is to be deployed.
    pub struct DeploymentConfig => "agent_deployment_configs" {
        id: String [key],
        workflow_id: String [indexed],
        deployment_name: String [up_to(100)],
        description: String,
        version: String,
        target_environments: Option<Json>,
        deployment_regions: Option<Json>,
        min_cpu_cores: Float,
        min_memory_mb: Int,
        min_storage_gb: Int,
        requires_gpu: bool,
        gpu_memory_mb: Option<Int>,
        min_instances: Int,
        max_instances: Int,
        auto_scaling: bool,
        scaling_policy: Option<Json>,
        health_check_endpoint: String,
        health_check_interval: Int,
        health_check_timeout: Int,
        max_failures: Int,
        rollout_strategy: String,
        rollback_enabled: bool,
        deployment_timeout: Int,
        enable_metrics: bool,
        enable_logging: bool,
        enable_tracing: bool,
        log_level: String,
        status: DeploymentStatus,
        deployment_time: Option<Stamp>,
        last_health_check: Option<Stamp>,
        created_at: Stamp,
        updated_at: Stamp,
    }
}

table! {
    /// One running copy of a deployed workflow, or what is left of it.
    pub struct DeploymentInstance => "agent_deployment_instances" {
        id: String [key],
        deployment_id: String [indexed],
        instance_id: String [indexed],
        environment: String [indexed],
        region: String [indexed],
        status: DeploymentStatus,
        health_status: String,
        endpoint_url: Option<String>,
        internal_ip: Option<String>,
        external_ip: Option<String>,
        port: Option<Int>,
        cpu_usage: Option<Float>,
        memory_usage: Option<Int>,
        disk_usage: Option<Int>,
        gpu_usage: Option<Float>,
        request_count: Int,
        error_count: Int,
        average_response_time: Option<Float>,
        uptime_percentage: Option<Float>,
        last_health_check: Option<Stamp>,
        consecutive_failures: Int,
        health_check_history: Option<Json>,
        created_at: Stamp,
        updated_at: Stamp,
    }
}
