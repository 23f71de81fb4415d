//! Identifiers that are taken already: the monolith's are short enough for that.

use serde_json::{Value, json};

use crate::testing::TestApp;

/// What makes a row of its own each time, with the part of the answer that names it.
fn makers(workflow: &str) -> Vec<(String, Value, &'static str)> {
    let model = json!({
        "model_name": "m", "base_algorithms": [], "meta_strategy": "meta_learning",
        "adaptation_targets": [],
    });
    let skill = json!({
        "agent_id": "a", "capability_name": "n", "capability_type": "t", "domain_area": "d",
        "skill_level": 5,
    });
    let creative = json!({
        "agent_id": "a", "creative_domain": "design", "capability_type": "t",
        "generation_models": [],
    });
    let optimization =
        json!({"agent_id": "a", "target_metric": "accuracy", "current_performance": {}});
    let deployment =
        format!("/integration/deployments/config?workflow_id={workflow}&deployment_name=n");
    let policy = "/security/policies?description=d&security_level=public&name=NAME";
    [
        ("/workflows", json!({"name": "w", "steps": {}}), "id"),
        (
            &*format!("/workflows/{workflow}/execute"),
            json!({"workflow_id": "w", "inputs": {}}),
            "execution_id",
        ),
        (&*deployment, json!({}), "id"),
        (policy, json!({}), "id"),
        ("/security/trust-scores/agent/NAME/update?execution_success=true", json!({}), "id"),
        ("/performance/profiles", json!({"agent_id": "a"}), "profile_id"),
        ("/performance/profiles/NAME/metrics", json!({"metrics": {}}), "profile_id"),
        (
            "/performance/resources/allocate",
            json!({"agent_id": "a", "task_requirements": {}}),
            "allocation_id",
        ),
        ("/performance/capabilities", skill, "capability_id"),
        ("/performance/meta-learning/models", model, "model_id"),
        ("/performance/optimization/optimize", optimization, "optimization_id"),
        ("/creativity/capabilities", creative, "capability_id"),
        ("/learning/agents", json!({"agent_id": "a", "settings": {}}), "id"),
    ]
    .map(|(path, body, named)| (path.to_owned(), body, named))
    .to_vec()
}

#[tokio::test]
async fn an_identifier_that_is_taken_is_drawn_anew_wherever_the_monolith_s_are_short() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[]).await;
    for (path, body, named) in makers(&workflow) {
        test.ids.note();
        let mut made = Vec::new();
        for name in ["one", "two"] {
            let path = path.replace("NAME", name);
            let answer = test.ask("alice", "POST", &path, Some(body.clone())).await;
            assert!(answer.status.is_success(), "{path}: {}", answer.text);
            made.push(answer.json()[named].as_str().unwrap().to_owned());
            // The second draws first what the first has taken.
            test.ids.repeat();
        }
        assert_ne!(made[0], made[1], "{path}");
    }
}

#[tokio::test]
async fn nobody_draws_for_ever() {
    let test = TestApp::new().await;
    let taken = test.workflow(&[]).await;
    let mut writing = test.app.store.write().await.unwrap();
    let drawn = writing.free_id::<crate::tables::agents::Workflow>(|| taken.clone()).await.unwrap();
    assert_eq!(drawn, taken);
}
