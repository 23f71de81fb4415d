//! The performance endpoints as clients see them, beyond what the recordings show.

use serde_json::{Value, json};

use crate::testing::{Answer, TestApp};

async fn get(test: &TestApp, path: &str) -> Answer {
    test.ask("", "GET", &format!("/performance{path}"), None).await
}

async fn post(test: &TestApp, path: &str, body: Value) -> Answer {
    test.ask("", "POST", &format!("/performance{path}"), Some(body)).await
}

/// The statuses of requests for one list with several queries.
async fn statuses(test: &TestApp, path: &str, queries: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for query in queries {
        statuses.push(get(test, &format!("{path}?{query}")).await.status.as_u16());
    }
    statuses
}

#[tokio::test]
async fn these_endpoints_ask_for_no_key_as_the_monolith_s_do_not() {
    let keys = [("APP_ENV", "production"), ("ADMIN_API_KEYS", "admin-key-0123456789abcdef")];
    let test = TestApp::with(&keys).await;
    assert_eq!(post(&test, "/profiles", json!({"agent_id": "a"})).await.status.as_u16(), 200);
    assert_eq!(get(&test, "/health").await.json()["status"], "healthy");
}

#[tokio::test]
async fn a_blank_filter_counts_as_none_and_an_unknown_one_is_refused() {
    let test = TestApp::new().await;
    let queries =
        ["meta_strategy=&status=&limit=100", "meta_strategy=nope", "limit=0", "limit=101"];
    assert_eq!(statuses(&test, "/meta-learning/models", &queries).await, [200, 422, 422, 422]);
    let queries = ["target_metric=", "target_metric=ACCURACY", "target_metric=latency"];
    assert_eq!(statuses(&test, "/optimization/a", &queries).await, [200, 422, 200]);
}

#[tokio::test]
async fn lists_filter_and_stop_at_their_limit() {
    let test = TestApp::new().await;
    for (name, level, domain) in [("a", 2, "x"), ("b", 9, "y"), ("c", 9, "x"), ("d", 1, "x")] {
        let body = json!({
            "agent_id": "ag", "capability_name": name, "capability_type": "t", "domain_area": domain,
            "skill_level": level,
        });
        assert_eq!(post(&test, "/capabilities", body).await.json()["status"], "active");
    }
    let names = async |query: &str| {
        let found = get(&test, &format!("/capabilities/ag?{query}")).await.json();
        let names = found.as_array().unwrap().iter().map(|row| row["capability_name"].clone());
        Value::Array(names.collect())
    };
    assert_eq!(names("").await, json!(["b", "c", "a", "d"]));
    assert_eq!(names("limit=2").await, json!(["b", "c"]));
    assert_eq!(names("domain_area=x&limit=2").await, json!(["c", "a"]));
    assert_eq!(names("capability_type=other").await, json!([]));
}

#[tokio::test]
async fn an_agent_with_two_profiles_counts_twice_and_by_the_first() {
    let test = TestApp::on_file().await;
    for agent in ["one", "two", "one"] {
        post(&test, "/profiles", json!({"agent_id": agent})).await;
    }
    for (agent, value) in [("one", 90), ("two", 50)] {
        post(&test, &format!("/profiles/{agent}/metrics"), json!({"metrics": {"m": value}})).await;
    }
    let all = get(&test, "/analytics/performance-summary").await.json();
    let agents: Vec<_> =
        all["top_performers"].as_array().unwrap().iter().map(|a| &a["agent_id"]).collect();
    assert_eq!(agents, ["one", "one", "two"]);
    assert_eq!(all["agent_count"], 3);
    let query =
        "/analytics/performance-summary?agent_ids=two&agent_ids=none&agent_ids=two&period=1d";
    let some = get(&test, query).await.json();
    assert_eq!((&some["agent_count"], &some["period"]), (&json!(2), &json!("1d")));
}

#[tokio::test]
async fn what_cannot_be_reckoned_is_the_client_s_fault_and_leaves_what_the_monolith_leaves() {
    let test = TestApp::new().await;
    let body = json!({"agent_id": "a", "task_requirements": {"workload_factor": "2"}});
    let refused = post(&test, "/resources/allocate", body).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()),
        (400, json!({"detail": "workload_factor must be a number"}))
    );
    assert_eq!(get(&test, "/resources/a").await.json(), json!([]));
    // Infinities are stored, and answered as null.
    let huge = json!({"agent_id": "b", "task_requirements": {"workload_factor": 1e308}});
    assert_eq!(post(&test, "/resources/allocate", huge).await.status.as_u16(), 200);
    let row = &get(&test, "/resources/b").await.json()[0];
    assert_eq!((&row["network_bandwidth"], &row["gpu_count"]), (&json!(null), &json!(0.0)));

    for (metric, figures) in [("precision", json!({})), ("latency", json!({"latency": 0}))] {
        let body =
            json!({"agent_id": "a", "target_metric": metric, "current_performance": figures});
        assert_eq!(post(&test, "/optimization/optimize", body).await.status.as_u16(), 400);
    }
    let left = get(&test, "/optimization/a?status=failed").await.json();
    let left: Vec<_> = left.as_array().unwrap().iter().map(|row| &row["target_metric"]).collect();
    assert_eq!(left, ["latency", "precision"]);

    let endless = json!({"a": 1.7e308, "b": 1.7e308});
    let body =
        json!({"agent_id": "c", "target_metric": "accuracy", "current_performance": endless});
    assert_eq!(post(&test, "/optimization/optimize", body).await.status.as_u16(), 400);
    assert_eq!(get(&test, "/optimization/c").await.json()[0]["status"], "running");
}

/// A file only: the server's JSON has no infinities.
#[tokio::test]
async fn endless_metrics_make_an_endless_score_that_is_shown_as_null() {
    let test = TestApp::on_file().await;
    post(&test, "/profiles", json!({"agent_id": "a", "initial_metrics": {"a": "inf"}})).await;
    let add = async |metrics| post(&test, "/profiles/a/metrics", json!({"metrics": metrics})).await;
    assert_eq!(add(json!({"b": "-inf"})).await.status.as_u16(), 400);
    assert_eq!(get(&test, "/profiles/a").await.json()["performance_history"], json!([]));
    assert_eq!(add(json!({"b": 1})).await.json()["overall_score"], json!(null));
}

#[tokio::test]
async fn metrics_and_their_context_are_parts_of_the_body() {
    let test = TestApp::new().await;
    let missing = async |body: Value| {
        let answer = post(&test, "/profiles/a/metrics", body).await.json();
        let details = answer["error"]["details"].as_array().unwrap().clone();
        let said = |one: &Value| format!("{} {}", one["field"], one["code"]).replace('"', "");
        details.iter().map(said).collect::<Vec<_>>()
    };
    assert_eq!(missing(json!({"metrics": null})).await, ["body.metrics missing"]);
    let both = ["body.metrics missing", "body.task_context missing"];
    assert_eq!(missing(json!([])).await, both);
    assert_eq!(
        missing(json!({"metrics": [], "task_context": 5})).await[1],
        "body.task_context dict_type"
    );
}

#[tokio::test]
async fn a_model_adapts_when_it_is_ready_and_each_time_counts() {
    let test = TestApp::new().await;
    let body = json!({
        "model_name": "m", "base_algorithms": ["maml"], "meta_strategy": "meta_learning",
        "adaptation_targets": ["text_generation"],
    });
    let created = post(&test, "/meta-learning/models", body).await.json();
    let id = created["model_id"].as_str().unwrap();
    let path = format!("/meta-learning/models/{id}/adapt");
    let early = post(&test, &path, json!({})).await;
    assert_eq!(
        (early.status.as_u16(), early.json()),
        (404, json!({"detail": format!("Model {id} is not ready for adaptation")}))
    );
    crate::meta_training::end_all(&test.app).await.unwrap();
    let (first, second) =
        tokio::join!(post(&test, &path, json!({})), post(&test, &path, json!({})));
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 200));
    let listed = get(&test, "/meta-learning/models?status=ready").await.json();
    assert_eq!(listed[0]["deployment_count"], 2);
    let missing = post(&test, "/meta-learning/models/none/adapt", json!({})).await;
    assert_eq!(missing.json(), json!({"detail": "Meta-learning model none not found"}));
}
