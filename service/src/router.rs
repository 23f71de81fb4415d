//! The table of contents of the API: every route, one line each, a function for each router of the monolith.

use crate::handlers::orchestration::{agents, assignments, metrics, plans};
use crate::handlers::performance::{
    capabilities, health, meta_models, optimizations, profiles, resources, summary,
};
use crate::handlers::{
    audit_logs, creativity, deploying, deployments, executions, instances, jobs, learning,
    marketplace, networks, policies, portfolio, production, proofs, receipts, sandboxes, security,
    service, trust_scores, workflows, zk,
};
use crate::http::endpoint::{Group, delete, get, post, put};

/// Where the agent API stands: as the monolith's clients know it, and under the public prefix of the plan.
const AGENTS: &[&str] = &["/api/v1/agents", "/v1/agents", "/api/v1/agent"];

/// Where `agent_performance.py` stands, below each of the former.
const PERFORMANCE: &[&str] =
    &["/api/v1/agents/performance", "/v1/agents/performance", "/api/v1/agent/performance"];

/// Where `agent_integration_router.py` stands.
const INTEGRATION: &[&str] =
    &["/api/v1/agents/integration", "/v1/agents/integration", "/api/v1/agent/integration"];

/// Where `agent_creativity.py` stands.
const CREATIVITY: &[&str] =
    &["/api/v1/agents/creativity", "/v1/agents/creativity", "/api/v1/agent/creativity"];

/// Where the orchestration of agents stands.
const ORCHESTRATION: &[&str] =
    &["/api/v1/agents/orchestration", "/v1/agents/orchestration", "/api/v1/agent/orchestration"];

/// Where what miners do for clients stands.
const SERVICES: &[&str] = &["/api/v1/services", "/v1/services", "/api/v1/agent/services"];

/// Every endpoint of the service.
pub fn groups() -> Vec<Group> {
    vec![
        of_the_service(),
        of_workflows(),
        of_integration(),
        of_performance(),
        of_creativity(),
        of_security(),
        of_services(),
        of_the_audit_chain(),
        of_receipts(),
        of_learning(),
        of_orchestration(),
        of_the_marketplace(),
        of_portfolios(),
        of_communication(),
    ]
}

/// The service itself.
fn of_the_service() -> Group {
    Group {
        name: "Service",
        mounts: &[""],
        endpoints: vec![
            get("/", service::banner()),
            get("/health", service::health()),
            get("/health/schema", service::schema_check()),
            get("/version", service::version()),
            get("/metrics", service::metrics()),
            get("/v1/metrics", production::live_metrics()),
        ],
    }
}

/// `agent_router.py`.
fn of_workflows() -> Group {
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
    }
}

/// `agent_performance.py`.
fn of_performance() -> Group {
    Group {
        name: "Agent Performance",
        mounts: PERFORMANCE,
        endpoints: vec![
            post("/profiles", profiles::create()),
            get("/profiles/{agent_id}", profiles::show()),
            post("/profiles/{agent_id}/metrics", profiles::add()),
            get("/analytics/performance-summary", summary::show()),
            post("/meta-learning/models", meta_models::create()),
            get("/meta-learning/models", meta_models::list()),
            post("/meta-learning/models/{model_id}/adapt", meta_models::adapt()),
            post("/resources/allocate", resources::allocate()),
            get("/resources/{agent_id}", resources::list()),
            post("/optimization/optimize", optimizations::optimize()),
            get("/optimization/{agent_id}", optimizations::list()),
            post("/capabilities", capabilities::create()),
            get("/capabilities/{agent_id}", capabilities::list()),
            get("/health", health::show()),
        ],
    }
}

/// `agent_creativity.py`.
fn of_creativity() -> Group {
    Group {
        name: "Agent Creativity",
        mounts: CREATIVITY,
        endpoints: vec![
            post("/capabilities", creativity::capabilities::create()),
            get("/capabilities/{agent_id}", creativity::capabilities::list()),
            post("/capabilities/{capability_id}/enhance", creativity::capabilities::enhance()),
            post("/capabilities/{capability_id}/evaluate", creativity::capabilities::evaluate()),
            post("/ideation/generate", creativity::ideation::generate()),
            post("/synthesis/cross-domain", creativity::synthesis::generate()),
        ],
    }
}

/// `agent_security_router.py`.
fn of_security() -> Group {
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
            post("/security/trust-scores/{entity_type}/{entity_id}/update", trust_scores::update()),
            post("/security/sandbox/{execution_id}/create", sandboxes::create()),
            get("/security/sandbox/{execution_id}/monitor", sandboxes::monitor()),
            post("/security/sandbox/{execution_id}/cleanup", sandboxes::clean_up()),
            post("/security/executions/{execution_id}/security-monitor", security::watch()),
            get("/security/security-dashboard", security::dashboard()),
            get("/security/security-stats", security::statistics()),
        ],
    }
}

/// `services.py`.
fn of_services() -> Group {
    Group {
        name: "services",
        mounts: SERVICES,
        endpoints: vec![
            post("/{service_type}", jobs::submit()),
            post("/whisper/transcribe", jobs::transcribe()),
            post("/whisper/translate", jobs::translate()),
            post("/stable-diffusion/generate", jobs::generate()),
            post("/stable-diffusion/img2img", jobs::alter()),
            post("/llm/inference", jobs::infer()),
            post("/llm/stream", jobs::stream()),
            post("/ffmpeg/transcode", jobs::transcode()),
            post("/blender/render", jobs::render()),
            get("", jobs::list()),
            get("/{service_type}/schema", jobs::schema()),
        ],
    }
}

/// The service's own.
fn of_the_audit_chain() -> Group {
    Group {
        name: "Audit chain",
        mounts: AGENTS,
        endpoints: vec![get("/security/audit-logs/verification", audit_logs::verification())],
    }
}

/// The service's own.
fn of_receipts() -> Group {
    Group {
        name: "Receipts",
        mounts: AGENTS,
        endpoints: vec![
            get("/executions/{execution_id}/receipt/document", receipts::document()),
            get("/receipts/public-key", receipts::public_key()),
            get("/executions/{execution_id}/proof", proofs::show()),
            post("/proofs/verify", proofs::verify()),
        ],
    }
}

/// Of `services/advanced_rl`, which had no router.
fn of_learning() -> Group {
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

/// Of `services/agent_orchestrator.py`, which had no router.
fn of_orchestration() -> Group {
    Group {
        name: "Agent orchestration",
        mounts: ORCHESTRATION,
        endpoints: vec![
            post("/agents", agents::register()),
            get("/agents", agents::list()),
            get("/agents/{agent_id}", agents::show()),
            put("/agents/{agent_id}", agents::change()),
            delete("/agents/{agent_id}", agents::remove()),
            post("/agents/{agent_id}/heartbeat", agents::heartbeat()),
            get("/agents/{agent_id}/assignments", agents::assignments()),
            get("/candidates", agents::candidates()),
            post("/plans", plans::create()),
            get("/plans", plans::list()),
            get("/plans/{plan_id}", plans::show()),
            get("/plans/{plan_id}/status", plans::status()),
            get("/plans/{plan_id}/allocations", plans::allocations()),
            post("/plans/{plan_id}/cancel", plans::cancel()),
            post("/plans/{plan_id}/retry", plans::retry()),
            get("/assignments/{assignment_id}", assignments::show()),
            post("/assignments/{assignment_id}/start", assignments::start()),
            post("/assignments/{assignment_id}/complete", assignments::complete()),
            post("/assignments/{assignment_id}/fail", assignments::fail()),
            get("/metrics", metrics::show()),
        ],
    }
}

/// Of `services/agent_service_marketplace.py`, which had no router.
fn of_the_marketplace() -> Group {
    use marketplace::{guilds, overview, requests, services};
    Group {
        name: "Service marketplace",
        mounts: AGENTS,
        endpoints: vec![
            post("/marketplace/services", services::create()),
            get("/marketplace/services", services::list()),
            get("/marketplace/services/{service_id}", services::show()),
            put("/marketplace/services/{service_id}", services::change()),
            post("/marketplace/services/{service_id}/activate", services::activate()),
            post("/marketplace/services/{service_id}/deactivate", services::deactivate()),
            post("/marketplace/services/{service_id}/suspend", services::suspend()),
            get("/marketplace/services/{service_id}/price", services::price()),
            post("/marketplace/requests", requests::create()),
            get("/marketplace/requests", requests::list()),
            get("/marketplace/requests/{request_id}", requests::show()),
            post("/marketplace/requests/{request_id}/accept", requests::accept()),
            post("/marketplace/requests/{request_id}/complete", requests::complete()),
            post("/marketplace/requests/{request_id}/rate", requests::rate()),
            post("/marketplace/requests/{request_id}/cancel", requests::cancel()),
            post("/marketplace/guilds", guilds::create()),
            get("/marketplace/guilds", guilds::list()),
            get("/marketplace/guilds/{guild_id}", guilds::show()),
            get("/marketplace/guilds/{guild_id}/members", guilds::members()),
            post("/marketplace/guilds/{guild_id}/join", guilds::join()),
            post("/marketplace/guilds/{guild_id}/leave", guilds::leave()),
            get("/marketplace/search", overview::search()),
            get("/marketplace/categories", overview::categories()),
            get("/marketplace/analytics", overview::analytics()),
            get("/marketplace/agents/{agent_id}", overview::agent()),
        ],
    }
}

/// Of `services/agent_portfolio_manager.py`, which had no router.
fn of_portfolios() -> Group {
    use portfolio::{alerts, portfolios, prices, rebalances, risk, snapshots, strategies, trades};
    Group {
        name: "Portfolios",
        mounts: AGENTS,
        endpoints: vec![
            post("/portfolio/strategies", strategies::create()),
            get("/portfolio/strategies", strategies::list()),
            get("/portfolio/strategies/{strategy_id}", strategies::show()),
            post("/portfolio/strategies/{strategy_id}/deactivate", strategies::deactivate()),
            get("/portfolio/prices", prices::list()),
            put("/portfolio/prices/{token_symbol}", prices::set()),
            delete("/portfolio/prices/{token_symbol}", prices::remove()),
            post("/portfolio/portfolios", portfolios::create()),
            get("/portfolio/portfolios", portfolios::list()),
            get("/portfolio/portfolios/{agent_address}", portfolios::show()),
            post("/portfolio/portfolios/{agent_address}/claim", portfolios::claim()),
            post("/portfolio/portfolios/{agent_address}/transfers", trades::transfer()),
            get("/portfolio/portfolios/{agent_address}/transfers", trades::list_transfers()),
            post("/portfolio/portfolios/{agent_address}/trades", trades::trade()),
            get("/portfolio/portfolios/{agent_address}/trades", trades::list()),
            post("/portfolio/portfolios/{agent_address}/rebalance", rebalances::rebalance()),
            get("/portfolio/portfolios/{agent_address}/rebalances", rebalances::list()),
            post("/portfolio/portfolios/{agent_address}/snapshots", snapshots::take()),
            get("/portfolio/portfolios/{agent_address}/snapshots", snapshots::list()),
            get("/portfolio/portfolios/{agent_address}/performance", snapshots::performance()),
            post("/portfolio/portfolios/{agent_address}/risk", risk::assess()),
            get("/portfolio/portfolios/{agent_address}/risk", risk::show()),
            get("/portfolio/portfolios/{agent_address}/alerts", alerts::list()),
            post(
                "/portfolio/portfolios/{agent_address}/alerts/{alert_id}/acknowledge",
                alerts::acknowledge(),
            ),
        ],
    }
}

/// Of `services/agent_communication.py`, which had no router.
fn of_communication() -> Group {
    use crate::handlers::communication::{
        agents, channels, events, messages, relations, templates, transfer,
    };

    Group {
        name: "Communication",
        mounts: AGENTS,
        endpoints: vec![
            post("/communication/agents", agents::authorize()),
            get("/communication/agents", agents::list()),
            get("/communication/agents/{agent_id}", agents::show()),
            delete("/communication/agents/{agent_id}", agents::revoke()),
            get(
                "/communication/agents/{agent_id}/can-communicate/{other_id}",
                agents::permission(),
            ),
            get("/communication/agents/{agent_id}/statistics", agents::figures()),
            get("/communication/agents/{agent_id}/contacts", relations::contacts()),
            put("/communication/agents/{agent_id}/contacts/{other_id}", relations::add_contact()),
            delete(
                "/communication/agents/{agent_id}/contacts/{other_id}",
                relations::remove_contact(),
            ),
            get("/communication/agents/{agent_id}/blocked", relations::blocked()),
            put("/communication/agents/{agent_id}/blocked/{other_id}", relations::block()),
            delete("/communication/agents/{agent_id}/blocked/{other_id}", relations::unblock()),
            post("/communication/agents/{agent_id}/messages", messages::create()),
            get("/communication/agents/{agent_id}/messages", messages::list()),
            get("/communication/agents/{agent_id}/messages/unread", messages::unread()),
            get("/communication/messages/{message_id}", messages::show()),
            post("/communication/messages/{message_id}/read", messages::read()),
            post("/communication/messages/{message_id}/pay", messages::pay()),
            get("/communication/agents/{agent_id}/channels", channels::list()),
            post("/communication/channels", channels::open()),
            get("/communication/channels/{channel_id}", channels::show()),
            post("/communication/channels/{channel_id}/messages", channels::post()),
            put("/communication/channels/{channel_id}/participants/{agent_id}", channels::add()),
            delete(
                "/communication/channels/{channel_id}/participants/{agent_id}",
                channels::remove(),
            ),
            post("/communication/templates", templates::create()),
            get("/communication/templates", templates::list()),
            get("/communication/templates/{template_id}", templates::show()),
            delete("/communication/templates/{template_id}", templates::remove()),
            post("/communication/templates/{template_id}/send", templates::send_filled()),
            get("/communication/agents/{agent_id}/export", transfer::export()),
            post("/communication/agents/{agent_id}/import", transfer::import()),
            get("/communication/agents/{agent_id}/events", events::follow()),
        ],
    }
}

/// `agent_integration_router.py`: deployments and their instances.
fn of_integration() -> Group {
    Group {
        name: "Agent Integration",
        mounts: INTEGRATION,
        endpoints: vec![
            post("/deployments/config", deployments::create()),
            get("/deployments/configs", deployments::list()),
            get("/deployments/configs/{deployment_id}", deployments::show()),
            post("/deployments/{deployment_id}/deploy", deploying::deploy()),
            get("/deployments/{deployment_id}/health", instances::health()),
            post("/deployments/{deployment_id}/scale", deploying::scale()),
            post("/deployments/{deployment_id}/rollback", deploying::roll_back()),
            get("/deployments/instances", instances::list()),
            get("/deployments/instances/{instance_id}", instances::show()),
            post("/integrations/zk/{execution_id}", zk::integrate()),
            get("/metrics/deployments/{deployment_id}", instances::metrics()),
            post("/production/deploy", production::deploy()),
            get("/production/dashboard", production::dashboard()),
            get("/production/health", production::health()),
            get("/production/alerts", production::alerts()),
        ],
    }
}
