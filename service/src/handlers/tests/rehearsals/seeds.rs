//! Rows that rehearsed writes can be about: what a path parameter, or an identifier in a body, names.

use serde_json::{Value, json};

use super::{portfolio, talk};
use crate::meta_training;
use crate::tables::agents::StepType;
use crate::testing::TestApp;

/// Rows that writes can be about.
pub(super) struct Seeds {
    workflow: String,
    execution: String,
    policy: String,
    learner: String,
    training: String,
    model: String,
    capability: String,
    deployment: String,
    plan: String,
    /// One that waits for its agent, and one that its agent is at.
    assignments: [String; 2],
    market: Market,
    message: String,
    channel: String,
    template: String,
}

/// Rows of the marketplace, one for each thing that can be done with them.
struct Market {
    service: String,
    suspended: String,
    pending: String,
    accepted: String,
    completed: String,
    guild: String,
    joined: String,
}

impl Market {
    /// All of it is alice's, what she asks for as well.
    async fn sow(test: &TestApp) -> Self {
        let service = test.service(json!({})).await;
        let suspended = test.service(json!({})).await;
        let path = format!("/marketplace/services/{suspended}/suspend");
        assert!(test.ask("alice", "POST", &path, None).await.status.is_success());
        let request = async || test.request_of("alice", &service, json!({})).await;
        let [pending, accepted, completed] = [request().await, request().await, request().await];
        test.advance_request(&accepted, &["accept"]).await;
        test.advance_request(&completed, &["accept", "complete"]).await;
        let [guild, joined] = [test.guild().await, test.guild().await];
        let path = format!("/marketplace/guilds/{joined}/join");
        let join = Some(json!({"agent_id": "linguist"}));
        assert!(test.ask("alice", "POST", &path, join).await.status.is_success());
        Self { service, suspended, pending, accepted, completed, guild, joined }
    }

    fn fill(&self, path: &str) -> String {
        path.replace("{service_id}/activate", &format!("{}/activate", self.suspended))
            .replace("{service_id}", &self.service)
            .replace("{request_id}/complete", &format!("{}/complete", self.accepted))
            .replace("{request_id}/rate", &format!("{}/rate", self.completed))
            .replace("{request_id}", &self.pending)
            .replace("{guild_id}/leave", &format!("{}/leave", self.joined))
            .replace("{guild_id}", &self.guild)
    }
}

impl Seeds {
    pub(super) async fn sow(test: &TestApp) -> Self {
        let workflow = test.workflow(&[("a", StepType::Inference)]).await;
        let execution = test.execute(&workflow, json!({})).await;
        test.app.bell.heard().await;
        let path = "/security/policies?name=seed&description=&security_level=public";
        let policy = test.ask("alice", "POST", path, Some(json!({}))).await.json();
        let policy = policy["id"].as_str().unwrap().to_owned();
        let (learner, training) = (test.trained_learner().await, test.training().await);
        test.app.trainer_bell.heard().await;
        let model = created(
            test,
            "/performance/meta-learning/models",
            "model_id",
            json!({
                "model_name": "m", "base_algorithms": [], "meta_strategy": "meta_learning",
                "adaptation_targets": [],
            }),
        );
        let model = model.await;
        test.app.meta_training_bell.heard().await;
        meta_training::end_all(&test.app).await.unwrap();
        // The agent and the domain of every sample.
        let capability = created(
            test,
            "/creativity/capabilities",
            "capability_id",
            json!({
                "agent_id": "text", "creative_domain": "text", "capability_type": "t",
                "generation_models": [],
            }),
        );
        let deployment = test.deployment(&workflow, json!({})).await;
        let capability = capability.await;
        let (plan, assignments) = plan(test).await;
        let market = Market::sow(test).await;
        portfolio::sow(test).await;
        let [message, channel, template] = talk::sow(test).await;
        Self {
            workflow,
            execution,
            policy,
            learner,
            training,
            model,
            capability,
            deployment,
            plan,
            assignments,
            market,
            message,
            channel,
            template,
        }
    }

    /// A body that is about these rows.
    pub(super) fn name(&self, example: &str) -> String {
        example.replace("svc_0123456789ab", &self.market.service)
    }

    pub(super) fn fill(&self, path: &str) -> String {
        let path = portfolio::fill(&self.market.fill(path));
        let assignment = &self.assignments[usize::from(path.contains("/complete"))];
        let path = path
            .replace("{plan_id}", &self.plan)
            .replace("{assignment_id}", assignment)
            .replace("{workflow_id}", &self.workflow)
            .replace("{execution_id}", &self.execution)
            .replace("{policy_id}", &self.policy)
            .replace("{entity_type}", "agent")
            .replace("{entity_id}", "t1")
            .replace("{learner_id}", &self.learner)
            .replace("{training_id}", &self.training)
            .replace("{model_id}", &self.model)
            .replace("{capability_id}", &self.capability)
            .replace("{agent_id}", "text")
            .replace("{deployment_id}", &self.deployment)
            .replace("{service_type}", "llm_inference")
            .replace("{other_id}", "t2")
            .replace("{message_id}", &self.message)
            .replace("{channel_id}", &self.channel)
            .replace("{template_id}", &self.template);
        assert!(!path.contains('{'), "{path}: say here where this parameter comes from");
        path
    }
}

/// A task for several agents, of whom one is idle.
fn task() -> Value {
    let part = |id: &str| {
        json!({"sub_task_id": id, "requirements": {
            "task_type": "text_processing", "gpu_tier": "mid_range_gpu",
            "estimated_duration": 1, "memory_requirement": 1,
        }})
    };
    let decomposition = json!({"sub_tasks": [part("a"), part("b")], "confidence_score": 0.5});
    json!({"task_id": "t", "decomposition": decomposition})
}

/// A plan with a sub-task that waits, one that is under way and one that has failed; its id, and the assignments of the
/// first two. Besides, an agent with the name of every sample.
async fn plan(test: &TestApp) -> (String, [String; 2]) {
    let post = async |path: &str, body: Value| {
        let answer = test.ask("alice", "POST", &format!("/orchestration{path}"), Some(body)).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.json()
    };
    let agent = json!({
        "agent_id": "text", "supported_task_types": ["text_processing"], "gpu_tier": "mid_range_gpu",
        "performance_score": 0, "cost_per_hour": 1, "reliability_score": 0,
    });
    post("/agents", agent).await;
    let mut body = task();
    body["task_id"] = "seed".into();
    let third = body["decomposition"]["sub_tasks"][0].clone();
    body["decomposition"]["sub_tasks"].as_array_mut().unwrap().push(third);
    body["decomposition"]["sub_tasks"][2]["sub_task_id"] = "c".into();
    let plan = post("/plans", body).await;
    let id = |i: usize| plan["agent_assignments"][i]["id"].as_str().unwrap().to_owned();
    post(&format!("/assignments/{}/start", id(1)), json!({})).await;
    post(&format!("/assignments/{}/fail", id(2)), json!({"error_message": "no"})).await;
    (plan["id"].as_str().unwrap().to_owned(), [id(0), id(1)])
}

/// Creates something; its id.
pub(super) async fn created(test: &TestApp, path: &str, id: &str, body: Value) -> String {
    let created = test.ask("alice", "POST", path, Some(body)).await;
    created.json()[id].as_str().unwrap().to_owned()
}
