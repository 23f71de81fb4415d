//! The table of contents of the API: every route, one line each.

use crate::handlers::{
    audit_logs, executions, learning, networks, policies, receipts, sandboxes, security, service,
    trust_scores, workflows,
};
use crate::http::endpoint::{Group, delete, get, post, put};

/// Where the agent API stands: as the monolith's clients know it, and under the public prefix of the plan.
const AGENTS: &[&str] = &["/api/v1/agents", "/v1/agents", "/api/v1/agent"];

/// Every endpoint of the service.
pub fn groups() -> Vec<Group> {
    vec![
        Group {
            name: "Service",
            mounts: &[""],
            endpoints: vec![
                get("/", service::banner()),
                get("/health", service::health()),
                get("/version", service::version()),
                get("/metrics", service::metrics()),
            ],
        },
        // agent_router.py
        Group {
            name: "AI Agents",
            mounts: AGENTS,
            endpoints: vec![
                get("/test", service::test()),
                post("/workflows", workflows::create()),
                get("/workflows", workflows::list()),
                get("/workflows/{workflow_id}", workflows::show()),
                put("/workflows/{workflow_id}", workflows::change()),
                delete("/workflows/{workflow_id}", workflows::remove()),
                post("/workflows/{workflow_id}/execute", workflows::execute()),
                get("/executions", executions::list()),
                get("/executions/{execution_id}/status", executions::status()),
                get("/executions/{execution_id}/logs", executions::logs()),
                post("/executions/{execution_id}/cancel", executions::cancel()),
                get("/executions/{execution_id}/receipt", receipts::show()),
                post("/networks", networks::create()),
            ],
        },
        // agent_security_router.py
        Group {
            name: "Agent Security",
            mounts: AGENTS,
            endpoints: vec![
                post("/security/policies", policies::create()),
                get("/security/policies", policies::list()),
                get("/security/policies/{policy_id}", policies::show()),
                put("/security/policies/{policy_id}", policies::change()),
                delete("/security/policies/{policy_id}", policies::remove()),
                post("/security/validate-workflow/{workflow_id}", security::review()),
                get("/security/audit-logs", audit_logs::list()),
                get("/security/audit-logs/{audit_id}", audit_logs::show()),
                get("/security/trust-scores", trust_scores::list()),
                get("/security/trust-scores/{entity_type}/{entity_id}", trust_scores::show()),
                post(
                    "/security/trust-scores/{entity_type}/{entity_id}/update",
                    trust_scores::update(),
                ),
                post("/security/sandbox/{execution_id}/create", sandboxes::create()),
                get("/security/sandbox/{execution_id}/monitor", sandboxes::monitor()),
                post("/security/sandbox/{execution_id}/cleanup", sandboxes::clean_up()),
                post("/security/executions/{execution_id}/security-monitor", security::watch()),
                get("/security/security-dashboard", security::dashboard()),
                get("/security/security-stats", security::statistics()),
            ],
        },
        // the service's own
        Group {
            name: "Audit chain",
            mounts: AGENTS,
            endpoints: vec![get("/security/audit-logs/verification", audit_logs::verification())],
        },
        // the service's own
        Group {
            name: "Receipts",
            mounts: AGENTS,
            endpoints: vec![
                get("/executions/{execution_id}/receipt/document", receipts::document()),
                get("/receipts/public-key", receipts::public_key()),
            ],
        },
        learning_agents(),
    ]
}

/// Of `services/advanced_rl`, which had no router.
fn learning_agents() -> Group {
    Group {
        name: "Reinforcement learning",
        mounts: AGENTS,
        endpoints: vec![
            get("/learning/environments", learning::environments()),
            post("/learning/agents", learning::create()),
            get("/learning/agents", learning::list()),
            get("/learning/agents/{learner_id}", learning::show()),
            delete("/learning/agents/{learner_id}", learning::remove()),
            post("/learning/agents/{learner_id}/train", learning::train()),
            get("/learning/agents/{learner_id}/trainings", learning::trainings()),
            get("/learning/trainings/{training_id}", learning::progress()),
            post("/learning/trainings/{training_id}/cancel", learning::cancel()),
            post("/learning/agents/{learner_id}/act", learning::act()),
            post("/learning/agents/{learner_id}/evaluate", learning::evaluate()),
        ],
    }
}
