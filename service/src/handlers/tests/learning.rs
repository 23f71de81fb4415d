//! Learners over HTTP: what is checked, who sees what, and what a spoilt model does.

use serde_json::{Value, json};

use crate::tables::Cell;
use crate::testing::TestApp;

async fn create(test: &TestApp, caller: &str, body: Value) -> crate::testing::Answer {
    test.ask(caller, "POST", "/learning/agents", Some(body)).await
}

#[tokio::test]
async fn a_learner_is_made_with_every_figure_filled_in() {
    let test = TestApp::new().await;
    let made =
        create(&test, "alice", json!({"agent_id": "a1", "settings": {"batch_size": 32}})).await;
    assert_eq!(made.status.as_u16(), 201);
    let mut made = made.json();
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("rl_"));
    made["id"] = "rl_…".into();
    made["created_at"] = "now".into();
    insta::assert_json_snapshot!(made, @r#"
    {
      "id": "rl_…",
      "owner_id": "alice",
      "agent_id": "a1",
      "environment": "marketplace_trading",
      "algorithm": "ppo",
      "settings": {
        "max_episodes": 320,
        "hidden_size": 128,
        "learning_rate": 0.001,
        "discount_factor": 0.99,
        "batch_size": 32
      },
      "created_at": "now",
      "status": "new",
      "model": null,
      "training": null
    }
    "#);
    let shown = test.ask("alice", "GET", &format!("/learning/agents/{id}"), None).await.json();
    assert_eq!(shown["settings"], made["settings"]);
}

#[tokio::test]
async fn what_cannot_be_learned_is_refused_with_every_problem() {
    let test = TestApp::new().await;
    let body = json!({
        "environment": "chess", "algorithm": "muzero",
        "settings": {"hidden_size": 4096, "learning_rate": 0, "max_episodes": "many"},
    });
    let refused = create(&test, "alice", body).await;
    assert_eq!(refused.status.as_u16(), 422);
    let refused = refused.json();
    let fields: Vec<&str> = refused["error"]["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["field"].as_str().unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "body.agent_id",
            "body.environment",
            "body.algorithm",
            "body.settings.max_episodes",
            "body.settings.hidden_size",
            "body.settings.learning_rate",
        ]
    );
}

#[tokio::test]
async fn a_learner_is_its_owners() {
    let test = TestApp::new().await;
    let learner = test.trained_learner().await;
    let path = format!("/learning/agents/{learner}");
    let training = test.training().await;
    for (method, path, body) in [
        ("GET", path.clone(), None),
        ("DELETE", path.clone(), None),
        ("POST", format!("{path}/train"), Some(json!({}))),
        ("GET", format!("{path}/trainings"), None),
        ("POST", format!("{path}/act"), Some(json!({"state": TestApp::state()}))),
        ("POST", format!("{path}/evaluate"), Some(json!({}))),
        ("GET", format!("/learning/trainings/{training}"), None),
        ("POST", format!("/learning/trainings/{training}/cancel"), None),
    ] {
        let refused = test.ask("mallory", method, &path, body.clone()).await;
        assert_eq!(refused.status.as_u16(), 403, "{method} {path}");
        let unknown = path.replace(&learner, "rl_none").replace(&training, "rljob_none");
        let unknown = test.ask("alice", method, &unknown, body).await;
        assert_eq!(unknown.status.as_u16(), 404, "{method} {path}");
    }
    let listed = async |caller: &str| {
        let list = test.ask(caller, "GET", "/learning/agents", None).await.json();
        list.as_array().unwrap().len()
    };
    assert_eq!((listed("mallory").await, listed("alice").await), (0, 2));
}

#[tokio::test]
async fn a_state_is_told_in_full() {
    let test = TestApp::new().await;
    let learner = test.trained_learner().await;
    let path = format!("/learning/agents/{learner}/act");
    let mut state = TestApp::state();
    let told = test.ask("alice", "POST", &path, Some(json!({"state": state.clone()}))).await;
    assert_eq!(told.status.as_u16(), 200, "{}", told.text);
    let demand = state.as_object_mut().unwrap().remove("demand").unwrap();
    state["demannd"] = demand;
    let refused = test.ask("alice", "POST", &path, Some(json!({"state": state}))).await;
    assert_eq!(refused.status.as_u16(), 422, "{}", refused.text);
    assert_eq!(refused.json()["error"]["details"][0]["field"], "body.state.demand");
}

#[tokio::test]
async fn lists_are_paged_filtered_and_newest_first() {
    let test = TestApp::new().await;
    for (agent, algorithm) in [("a", "ppo"), ("b", "sac"), ("c", "ppo")] {
        create(&test, "alice", json!({"agent_id": agent, "algorithm": algorithm})).await;
    }
    let agents = async |query: &str| -> Vec<String> {
        let list = test.ask("alice", "GET", &format!("/learning/agents{query}"), None).await.json();
        list.as_array()
            .unwrap()
            .iter()
            .map(|l| l["agent_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(agents("").await, ["c", "b", "a"]);
    assert_eq!(agents("?limit=1&offset=1").await, ["b"]);
    assert_eq!(agents("?algorithm=ppo").await, ["c", "a"]);
    assert_eq!(agents("?environment=portfolio_management").await, [""; 0]);
    let refused = test.ask("alice", "GET", "/learning/agents?limit=0", None).await;
    assert_eq!(refused.status.as_u16(), 422);
}

#[tokio::test]
async fn nobody_has_learners_without_end() {
    let test = TestApp::new().await;
    for _ in 0..100 {
        assert_eq!(create(&test, "alice", json!({"agent_id": "a"})).await.status.as_u16(), 201);
    }
    assert_eq!(create(&test, "alice", json!({"agent_id": "a"})).await.status.as_u16(), 409);
    assert_eq!(create(&test, "bob", json!({"agent_id": "a"})).await.status.as_u16(), 201);
}

#[tokio::test]
async fn of_many_trainings_the_newest_are_kept() {
    let test = TestApp::new().await;
    let learner = test.learner(json!({})).await;
    let path = format!("/learning/agents/{learner}");
    for seed in 0..25 {
        let body = json!({"seed": seed});
        let begun = test.ask("alice", "POST", &format!("{path}/train"), Some(body)).await.json();
        let cancel = format!("/learning/trainings/{}/cancel", begun["id"].as_str().unwrap());
        test.ask("alice", "POST", &cancel, None).await;
    }
    let path = format!("{path}/trainings?limit=100");
    let kept = test.ask("alice", "GET", &path, None).await.json();
    let seeds: Vec<u64> = kept
        .as_array()
        .unwrap()
        .iter()
        .map(|training| training["seed"].as_u64().unwrap())
        .collect();
    assert_eq!(seeds, (5..25).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_model_whose_bytes_have_changed_is_not_used() {
    let test = TestApp::new().await;
    let learner = test.trained_learner().await;
    let zeros = vec![Cell::Bytes(vec![0; 64])];
    test.sql_with("UPDATE agent_service_rl_weights SET bytes = ?", zeros).await;
    let path = format!("/learning/agents/{learner}/act");
    let answer = test.ask("alice", "POST", &path, Some(json!({"state": TestApp::state()}))).await;
    assert_eq!(answer.status.as_u16(), 500);
    assert!(!answer.text.contains("checksum"), "{answer:?}");
}

#[tokio::test]
async fn the_environments_describe_themselves() {
    let test = TestApp::new().await;
    let all = test.ask("alice", "GET", "/learning/environments", None).await.json();
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 6);
    for one in all {
        assert_eq!(one["is_simulated"], true);
        assert_eq!(one["features"].as_object().unwrap().len(), 9, "{one}");
        assert_eq!(one["actions"].as_object().unwrap().len(), 4, "{one}");
    }
}
