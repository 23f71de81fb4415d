//! The creativity endpoints as clients see them, beyond what the recordings show.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::testing::{Answer, TestApp};

async fn post(test: &TestApp, path: &str, body: Value) -> Answer {
    test.ask("", "POST", &format!("/creativity{path}"), Some(body)).await
}

async fn capability(test: &TestApp, agent: &str, domain: &str) -> String {
    let body = json!({
        "agent_id": agent, "creative_domain": domain, "capability_type": "t", "generation_models": [],
    });
    let created = post(test, "/capabilities", body).await.json();
    created["capability_id"].as_str().unwrap().to_owned()
}

async fn listed(test: &TestApp, agent: &str, query: &str) -> Vec<Value> {
    let path = format!("/creativity/capabilities/{agent}?{query}");
    test.ask("", "GET", &path, None).await.json().as_array().unwrap().clone()
}

fn plan(agent: &str) -> Value {
    json!({
        "agent_id": agent, "primary_domain": "art", "secondary_domains": ["design", "none"],
        "synthesis_goal": "g",
    })
}

#[tokio::test]
async fn a_list_shows_every_column_page_by_page() {
    let test = TestApp::new().await;
    for domain in ["a", "b", "c"] {
        capability(&test, "ag", domain).await;
    }
    let all = listed(&test, "ag", "").await;
    assert_eq!((all.len(), all[0].as_object().unwrap().len()), (3, 28));
    assert_eq!(listed(&test, "ag", "limit=1&offset=1").await, all[1..2]);
    let path = "/creativity/capabilities/ag?limit=1001";
    assert_eq!(test.ask("", "GET", path, None).await.status.as_u16(), 422);
}

#[tokio::test]
async fn a_synthesis_raises_the_transfer_of_what_takes_part_and_loses_no_step() {
    let test = TestApp::on_file().await;
    for (agent, domain) in [("ag", "art"), ("ag", "design"), ("ag", "music"), ("other", "art")] {
        capability(&test, agent, domain).await;
    }
    test.sql("UPDATE creative_capabilities SET cross_domain_transfer = 0.93 WHERE creative_domain = 'design'")
        .await;
    let path = "/synthesis/cross-domain";
    let (one, two) = tokio::join!(post(&test, path, plan("ag")), post(&test, path, plan("ag")));
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200));
    let transfer = async |agent: &str| {
        let rows = listed(&test, agent, "").await;
        rows.iter().map(|row| row["cross_domain_transfer"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(transfer("ag").await, [0.1, 1.0, 0.0]);
    assert_eq!(transfer("other").await, [0.0]);
    let refused = post(&test, path, plan("nobody")).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()),
        (400, json!({"detail": "Agent lacks primary creative domain: art"}))
    );
}

#[tokio::test]
async fn a_synthesis_takes_its_time_without_the_database() {
    // A rehearsal that held the lock for as long would be given up.
    let limits =
        [("REHEARSAL_LOCK_TIMEOUT_MS", "500"), ("REHEARSAL_TRANSACTION_TIMEOUT_MS", "500")];
    let test = TestApp::with(&limits).await;
    let pretended = test.app.config.compatibility.synthesis_time();
    assert!(pretended > test.app.config.database.rehearsal.transaction);
    capability(&test, "ag", "art").await;
    let request = Request::post("/api/v1/agents/creativity/synthesis/cross-domain")
        .header("content-type", "application/json")
        .header("prefer", "tx=rollback")
        .body(Body::from(plan("ag").to_string()));
    let answer = test.send(request.unwrap()).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["goal"]), (200, &json!("g")));
}

#[tokio::test]
async fn what_a_capability_has_learned_is_kept_in_its_row() {
    let test = TestApp::new().await;
    let id = capability(&test, "ag", "art").await;
    let body = json!({"algorithm": "morphological_analysis", "training_cycles": 400});
    let enhanced = post(&test, &format!("/capabilities/{id}/enhance"), body).await.json();
    let body = json!({"creation_data": {"id": 7}, "expert_feedback": null});
    let evaluated = post(&test, &format!("/capabilities/{id}/evaluate"), body).await.json();
    let row = &listed(&test, "ag", "").await[0];
    assert_eq!(
        row["creative_profile_meta_data"]["last_enhancement"]["results"],
        enhanced["improvements"]
    );
    assert_eq!(row["style_variety"], enhanced["new_scores"]["variety"]);
    assert_eq!(row["aesthetic_quality"], evaluated["new_aesthetic_quality"]);
    assert_eq!(row["expert_evaluations"][0]["scores"], evaluated["evaluation"]);
    assert_eq!(
        (&row["expert_evaluations"][0]["creation_id"], &row["status"]),
        (&json!(7), &json!("ready"))
    );

    let body = json!({"creation_data": {}, "expert_feedback": {"aesthetic_value": "nan"}});
    let refused = post(&test, &format!("/capabilities/{id}/evaluate"), body).await;
    assert_eq!(refused.status.as_u16(), 400);
    let missing = post(&test, "/capabilities/none/enhance", json!({})).await;
    assert_eq!(missing.json(), json!({"detail": "Creative capability none not found"}));
}
