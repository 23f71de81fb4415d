//! The table of contents of the API: every route, one line each.

use crate::handlers::{executions, networks, receipts, service, workflows};
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
        // the service's own
        Group {
            name: "Receipts",
            mounts: AGENTS,
            endpoints: vec![
                get("/executions/{execution_id}/receipt/document", receipts::document()),
                get("/receipts/public-key", receipts::public_key()),
            ],
        },
    ]
}
