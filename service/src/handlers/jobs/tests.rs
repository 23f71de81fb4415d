//! Orders as clients send them, and the rows that miners find.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::testing::{Answer, TestApp};

async fn order(test: &TestApp, path: &str, body: Value) -> Answer {
    let request = Request::post(format!("/v1/services{path}"))
        .header("content-type", "application/json")
        .header("x-api-key", "alice");
    test.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn get(test: &TestApp, path: &str) -> Answer {
    test.send(Request::get(path).body(Body::empty()).unwrap()).await
}

/// How many rows of `job` a condition holds for.
async fn jobs(test: &TestApp, condition: &str) -> u64 {
    let mut writing = test.app.store.write().await.unwrap();
    let sql = format!("UPDATE job SET error = NULL WHERE {condition}");
    writing.statement(&sql).await.unwrap()
}

#[tokio::test]
async fn a_typed_order_is_a_job_with_its_defaults_dated_by_the_clock_on_the_wall() {
    let test = TestApp::on_file().await;
    let answer = order(&test, "/whisper/translate", json!({"audio_url": "u"})).await;
    assert_eq!(answer.status.as_u16(), 201);
    let placed = answer.json();
    assert_eq!((&placed["service_type"], &placed["status"]), (&json!("whisper"), &json!("QUEUED")));
    // The clock of these tests stands at ten o'clock in UTC, an hour west of the wall.
    let until = placed["estimated_completion"].as_str().unwrap();
    assert!(until.starts_with("2026-11-22T11:15:00") && !until.contains('+'), "{until}");
    let id = placed["job_id"].as_str().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    let payload = r#"{"service_type": "whisper", "service_request": {"audio_url": "u", "model": "base", "language": "auto", "task": "translate", "temperature": 0.0, "best_of": 5, "beam_size": 5, "patience": 1.0, "suppress_tokens": null, "initial_prompt": null, "condition_on_previous_text": true, "fp16": true, "verbose": false}}"#;
    let constraints = r#"{"gpu": "nvidia", "cuda": null, "min_vram_gb": 1, "models": ["whisper"], "region": null, "max_price": null}"#;
    for condition in [
        &format!("id = '{id}' AND client_id = 'alice' AND state = 'QUEUED' AND ttl_seconds = 900"),
        &format!("payload = '{payload}'"),
        &format!("constraints = '{constraints}'"),
        "requested_at LIKE '2026-11-22 11:00:00.______'",
        "expires_at LIKE '2026-11-22 11:15:00.______'",
        "result = 'null' AND receipt = 'null' AND receipt_id IS NULL AND payment_id IS NULL",
    ] {
        assert_eq!(jobs(&test, condition).await, 1, "{condition}");
    }
}

#[tokio::test]
async fn an_order_by_name_is_stored_as_sent() {
    let test = TestApp::new().await;
    let body = json!({"model": "mixtral-8x7b", "prompt": "p", "temperature": 2, "unknown": [1.0]});
    assert_eq!(order(&test, "/llm_inference", body).await.status.as_u16(), 201);
    let payload = r#"{"service_type": "llm_inference", "service_request": {"model": "mixtral-8x7b", "prompt": "p", "temperature": 2, "unknown": [1.0]}}"#;
    let condition = format!("ttl_seconds = 900 AND CAST(payload AS VARCHAR) = '{payload}'");
    assert_eq!(jobs(&test, &condition).await, 1);
}

#[tokio::test]
async fn a_streamed_order_answers_200_and_says_so_to_the_miner() {
    let test = TestApp::new().await;
    let body = json!({"model": "llama-7b", "prompt": "p", "stream": false});
    assert_eq!(order(&test, "/llm/stream", body).await.status.as_u16(), 200);
    assert_eq!(
        jobs(&test, r#"CAST(payload AS VARCHAR) LIKE '%"stream": true%' AND ttl_seconds = 300"#)
            .await,
        1
    );
}

#[tokio::test]
async fn refusals_of_orders_by_name_are_those_of_register_and_library() {
    let test = TestApp::new().await;
    let detail = async |path: &str, body: Value| {
        let answer = order(&test, path, body).await;
        (answer.status.as_u16(), answer.json()["detail"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(
        detail("/llm_inference", json!({"model": "llama-7b"})).await,
        (400, "Invalid request: Missing required parameter: prompt".to_owned())
    );
    let (status, text) =
        detail("/llm_inference", json!({"model": "llama-7b", "prompt": "p", "top_p": 3})).await;
    assert_eq!(status, 400);
    insta::assert_snapshot!(text, @r"
    Invalid request for llm_inference: 1 validation error for LLMRequest
    top_p
      Input should be less than or equal to 1 [type=less_than_equal, input_value=3, input_type=int]
        For further information visit https://errors.pydantic.dev/2.13/v/less_than_equal
    ");
    assert_eq!(detail("/ffmpeg", json!({})).await, (404, "Service ffmpeg not found".to_owned()));
    assert_eq!(get(&test, "/v1/services/blender/schema").await.status.as_u16(), 404);
    for answer in
        [order(&test, "/tea", json!({})).await, get(&test, "/v1/services/tea/schema").await]
    {
        let problem = answer.json()["error"]["details"][0].clone();
        assert_eq!(
            (&problem["field"], &problem["code"]),
            (&json!("path.service_type"), &json!("enum"))
        );
    }
    assert_eq!(jobs(&test, "TRUE").await, 0);
}

#[tokio::test]
async fn rules_about_seeds_frames_and_forms() {
    let test = TestApp::new().await;
    let said = async |path: &str, body: Value| {
        let answer = order(&test, path, body).await.json();
        let details = answer["error"]["details"].as_array().unwrap().clone();
        details
            .iter()
            .map(|d| format!("{} {}", d["field"], d["message"]).replace('"', ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        said(
            "/stable-diffusion/generate",
            json!({"prompt": "a", "seed": [1, 2, 3, 4, 5], "size": "1x1"})
        )
        .await[1],
        "body.seed Value error, Maximum 4 seeds allowed"
    );
    assert_eq!(
        said("/blender/render", json!({"blend_file_url": "u", "frame_start": 10, "frame_end": 9}))
            .await,
        ["body.frame_end Value error, frame_end must be >= frame_start"]
    );
    let body = json!({"input_url": "u", "resolution": "1080p", "bitrate": "5G"});
    assert_eq!(
        said("/ffmpeg/transcode", body).await,
        [
            r"body.resolution String should match pattern '^\\d+x\\d+$'",
            r"body.bitrate String should match pattern '^\\d+[kM]?$'",
        ]
    );
    // Digits are those of any script.
    let body = json!({"input_url": "u", "resolution": "\u{661}x\u{662}", "bitrate": "5M"});
    assert_eq!(order(&test, "/ffmpeg/transcode", body).await.status.as_u16(), 201);
}

#[tokio::test]
async fn a_scene_that_ends_after_the_calendar_is_refused_and_leaves_nothing() {
    let test = TestApp::new().await;
    let body = json!({"blend_file_url": "u", "frame_end": 1_000_000_000_000_i64});
    assert_eq!(order(&test, "/blender/render", body).await.status.as_u16(), 400);
    assert_eq!(jobs(&test, "TRUE").await, 0);
}

#[tokio::test]
async fn clients_order_and_anybody_may_look() {
    let test = TestApp::with(&[
        ("APP_ENV", "production"),
        ("ADMIN_API_KEYS", "admin-key-0123456789abcdef"),
        ("CLIENT_API_KEYS", "client-key-0123456789abcdef"),
    ])
    .await;
    for (key, status) in [("client-key-0123456789abcdef", 201), ("admin-key-0123456789abcdef", 401)]
    {
        let request = Request::post("/api/v1/agent/services/llm/inference")
            .header("content-type", "application/json")
            .header("x-api-key", key);
        let body = json!({"model": "llama-7b", "prompt": "p"}).to_string();
        let answer = test.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status.as_u16(), status, "{key}");
    }
    let offered = get(&test, "/api/v1/services").await.json();
    assert_eq!(offered["services"].as_array().unwrap().len(), 5);
    let described = get(&test, "/api/v1/services/llm_inference/schema").await.text;
    assert!(described.contains(r#""temperature":{"type":"float","description":"Sampling temperature","default":0.7,"minimum":0.0,"maximum":2.0}"#), "{described}");
}
