//! Audit logs, security policies, trust scores and sandboxes: the monolith's tables, column by column.

use super::cell::{Float, Int, Json};
use super::choice::choice;
use super::column::table;
use crate::python::time::Stamp;

choice! {
    /// How sensitive something is.
    pub enum SecurityLevel {
        /// Anybody may know.
        Public = "PUBLIC" / "public",
        /// For those who work here.
        Internal = "INTERNAL" / "internal",
        /// For those who need it.
        Confidential = "CONFIDENTIAL" / "confidential",
        /// For few.
        Restricted = "RESTRICTED" / "restricted",
    }
}

choice! {
    /// What an audit log is about.
    pub enum AuditEventType {
        /// Something was made: a workflow, but also a policy or a deployment.
        WorkflowCreated = "WORKFLOW_CREATED" / "workflow_created",
        /// Something was changed.
        WorkflowUpdated = "WORKFLOW_UPDATED" / "workflow_updated",
        /// Something was deleted.
        WorkflowDeleted = "WORKFLOW_DELETED" / "workflow_deleted",
        /// Something began.
        ExecutionStarted = "EXECUTION_STARTED" / "execution_started",
        /// Something ended well.
        ExecutionCompleted = "EXECUTION_COMPLETED" / "execution_completed",
        /// Something failed.
        ExecutionFailed = "EXECUTION_FAILED" / "execution_failed",
        /// Something was ended or taken back by its owner.
        ExecutionCancelled = "EXECUTION_CANCELLED" / "execution_cancelled",
        /// A step began.
        StepStarted = "STEP_STARTED" / "step_started",
        /// A step ended well.
        StepCompleted = "STEP_COMPLETED" / "step_completed",
        /// A step failed.
        StepFailed = "STEP_FAILED" / "step_failed",
        /// Something was verified.
        VerificationCompleted = "VERIFICATION_COMPLETED" / "verification_completed",
        /// Something did not verify.
        VerificationFailed = "VERIFICATION_FAILED" / "verification_failed",
        /// A rule of security was broken, or nobody could tell.
        SecurityViolation = "SECURITY_VIOLATION" / "security_violation",
        /// Somebody was turned away.
        AccessDenied = "ACCESS_DENIED" / "access_denied",
        /// Something got out of its sandbox.
        SandboxBreach = "SANDBOX_BREACH" / "sandbox_breach",
    }
}

table! {
    /// One event of the audit log.
    pub struct AuditLog => "agent_audit_logs" {
        id: String [key],
        event_type: AuditEventType [indexed],
        timestamp: Stamp [indexed],
        workflow_id: Option<String> [indexed],
        execution_id: Option<String> [indexed],
        step_id: Option<String> [indexed],
        user_id: Option<String> [indexed],
        security_level: SecurityLevel,
        ip_address: Option<String>,
        user_agent: Option<String>,
        event_data: Option<Json>,
        previous_state: Option<Json>,
        new_state: Option<Json>,
        risk_score: Int,
        requires_investigation: bool,
        investigation_notes: Option<String>,
        cryptographic_hash: Option<String>,
        signature_valid: Option<bool>,
        created_at: Stamp,
    }
}

table! {
    /// What executions of a security level may do.
    pub struct Policy => "agent_security_policies" {
        id: String [key],
        name: String [up_to(100), unique_constraint],
        description: String,
        security_level: SecurityLevel,
        allowed_step_types: Option<Json>,
        max_execution_time: Int,
        max_memory_usage: Int,
        require_verification: bool,
        allowed_verification_levels: Option<Json>,
        max_concurrent_executions: Int,
        max_workflow_steps: Int,
        max_data_size: Int,
        require_sandbox: bool,
        require_audit_logging: bool,
        require_encryption: bool,
        compliance_standards: Option<Json>,
        is_active: bool,
        created_at: Stamp,
        updated_at: Stamp,
    }
}

table! {
    /// How far an agent, a user or a workflow is trusted.
    pub struct TrustScore => "agent_trust_scores" {
        id: String [key],
        entity_type: String [indexed],
        entity_id: String [indexed],
        trust_score: Float [indexed],
        reputation_score: Float,
        total_executions: Int,
        successful_executions: Int,
        failed_executions: Int,
        verification_success_rate: Float,
        security_violations: Int,
        policy_violations: Int,
        sandbox_breaches: Int,
        last_execution: Option<Stamp>,
        last_violation: Option<Stamp>,
        average_execution_time: Option<Float>,
        execution_history: Option<Json>,
        violation_history: Option<Json>,
        created_at: Stamp,
        updated_at: Stamp,
    }
}

table! {
    /// What an execution would be confined to. A description only: nothing enforces it.
    pub struct Sandbox => "agent_sandbox_configs" {
        id: String [key],
        sandbox_type: String,
        security_level: SecurityLevel,
        cpu_limit: Float,
        memory_limit: Int,
        disk_limit: Int,
        network_access: bool,
        allowed_commands: Option<Json>,
        blocked_commands: Option<Json>,
        allowed_file_paths: Option<Json>,
        blocked_file_paths: Option<Json>,
        allowed_domains: Option<Json>,
        blocked_domains: Option<Json>,
        allowed_ports: Option<Json>,
        max_execution_time: Int,
        idle_timeout: Int,
        enable_monitoring: bool,
        log_all_commands: bool,
        log_file_access: bool,
        log_network_access: bool,
        is_active: bool,
        created_at: Stamp,
        updated_at: Stamp,
    }
}
