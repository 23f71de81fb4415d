//! What differs between the two manners, as clients see it: each difference in both of them.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::http::mount::places;
use crate::router::groups;
use crate::testing::{Answer, TestApp};

const OFF: (&str, &str) = ("COMPATIBILITY", "off");
const ADMIN: &str = "admin-key-0123456789abcdef";

/// A service in the monolith's manner, and one in its successor's.
async fn both() -> [TestApp; 2] {
    [TestApp::new().await, TestApp::with(&[OFF]).await]
}

async fn status(test: &TestApp, caller: &str, method: &str, path: &str) -> u16 {
    let body = (method != "GET").then(|| json!({}));
    test.ask(caller, method, path, body).await.status.as_u16()
}

fn count(list: &Answer) -> usize {
    assert_eq!(list.status.as_u16(), 200, "{}", list.text);
    list.json().as_array().unwrap().len()
}

/// The endpoints that ask for no key, each under its first prefix.
async fn open_endpoints(manner: &[(&str, &str)]) -> Vec<String> {
    let keys = [("APP_ENV", "production"), ("ADMIN_API_KEYS", ADMIN)];
    let test = TestApp::with(&[&keys, manner].concat()).await;
    let groups = groups();
    let mut open = Vec::new();
    for (mount, endpoint) in places(&groups) {
        let path = format!("{mount}{}", endpoint.path);
        let is_first = groups.iter().any(|group| group.mounts.first() == Some(&mount));
        let request = Request::builder()
            .method(endpoint.method.clone())
            .uri(path.replace(['{', '}'], ""))
            .header("content-type", "application/json")
            .body(Body::from("{}"));
        if is_first && test.send(request.unwrap()).await.status.as_u16() != 401 {
            open.push(format!("{} {path}", endpoint.method));
        }
    }
    open.sort();
    open
}

#[tokio::test]
async fn every_endpoint_that_changes_or_shows_anything_wants_an_admin_key() {
    let of_monolith = open_endpoints(&[]).await;
    let off = open_endpoints(&[OFF]).await;
    // What is left tells nothing of any user: constants, the service's own figures, the key that verifies receipts.
    insta::assert_snapshot!(off.join("\n"), @r"
    GET /
    GET /api/v1/agents/performance/health
    GET /api/v1/agents/receipts/public-key
    GET /api/v1/agents/test
    GET /api/v1/services
    GET /api/v1/services/{service_type}/schema
    GET /health
    GET /health/schema
    GET /metrics
    GET /v1/metrics
    GET /version
    ");
    let closed: Vec<&String> = of_monolith.iter().filter(|path| !off.contains(path)).collect();
    assert_eq!(closed.len(), 19);
    assert!(closed.iter().all(|p| p.contains("/performance/") || p.contains("/creativity/")));
}

#[tokio::test]
async fn the_description_of_the_api_says_who_is_asked_for_a_key() {
    let path = "/api/v1/agents/performance/profiles";
    for (test, security) in both().await.into_iter().zip([Value::Null, json!([{"api_key": []}])]) {
        let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
        let api = test.send(request).await.json();
        assert_eq!(api["paths"][path]["post"]["security"], security);
        assert_eq!(api["paths"][path]["post"]["responses"]["401"].is_object(), !security.is_null());
    }
}

#[tokio::test]
async fn the_version_names_the_manner() {
    for (test, word) in both().await.into_iter().zip(["monolith", "off"]) {
        let request = Request::get("/version").body(Body::empty()).unwrap();
        assert_eq!(test.send(request).await.json()["compatibility"], word);
    }
}

#[tokio::test]
async fn the_version_names_what_runs_steps() {
    let model = [("EXECUTOR", "openai"), ("OPENAI_MODEL", "m")];
    for (settings, word) in [(&[][..], "simulated"), (&model[..], "openai")] {
        let test = TestApp::with(settings).await;
        let request = Request::get("/version").body(Body::empty()).unwrap();
        assert_eq!(test.send(request).await.json()["executor"], word);
    }
}

#[tokio::test]
async fn private_workflows_are_shown_by_owner_or_to_their_owner_only() {
    for (test, private) in both().await.into_iter().zip([1, 0]) {
        for (name, is_public) in [("mine", false), ("everybody's", true)] {
            let body = json!({"name": name, "steps": {}, "is_public": is_public});
            test.ask("bob", "POST", "/workflows", Some(body)).await;
        }
        for (caller, query, found) in [
            ("alice", "owner_id=bob", private + 1),
            ("alice", "owner_id=bob&is_public=false", private),
            ("alice", "is_public=false", 0),
            ("alice", "", 1),
            ("bob", "owner_id=bob", 2),
        ] {
            let list = test.ask(caller, "GET", &format!("/workflows?{query}"), None).await;
            assert_eq!(count(&list), found, "{caller} {query}");
        }
    }
}

/// Makes a policy of alice's; its path.
async fn policy(test: &TestApp, name: &str) -> String {
    let path = format!("/security/policies?name={name}&description=d&security_level=public");
    let made = test.ask("alice", "POST", &path, Some(json!({}))).await.json();
    format!("/security/policies/{}", made["id"].as_str().unwrap())
}

#[tokio::test]
async fn policies_are_everybodys_or_their_owners() {
    for (test, others) in both().await.into_iter().zip([200, 403]) {
        let path = policy(&test, "one").await;
        let list =
            async |caller: &str| count(&test.ask(caller, "GET", "/security/policies", None).await);
        assert_eq!((list("alice").await, list("bob").await), (1, usize::from(others == 200)));
        for method in ["GET", "PUT"] {
            assert_eq!(status(&test, "bob", method, &path).await, others, "{method}");
            assert_eq!(status(&test, "alice", method, &path).await, 200, "{method}");
        }
        // The owner goes where the policy goes.
        let moved = test.ask("alice", "PUT", &path, Some(json!({"id": "policy_moved"}))).await;
        assert_eq!(moved.status.as_u16(), 200, "{}", moved.text);
        let path = "/security/policies/policy_moved";
        assert_eq!(status(&test, "bob", "DELETE", path).await, others);
        assert_eq!(
            status(&test, "alice", "DELETE", path).await,
            if others == 200 { 404 } else { 200 }
        );
    }
}

#[tokio::test]
async fn a_policy_of_nobody_is_everybodys() {
    let [_, test] = both().await;
    let path = policy(&test, "one").await;
    // As one that the monolith made.
    test.sql("DELETE FROM agent_service_policy_owners").await;
    assert_eq!(status(&test, "bob", "PUT", &path).await, 200);
    assert_eq!(count(&test.ask("bob", "GET", "/security/policies", None).await), 1);
    // A policy that takes the id of one that the monolith has deleted is not that one's owner's.
    let path = policy(&test, "two").await;
    let id = path.rsplit('/').next().unwrap();
    test.sql("DELETE FROM agent_security_policies").await;
    let again = "/security/policies?name=again&description=d&security_level=public";
    let made = test.ask("bob", "POST", again, Some(json!({"id": id}))).await;
    assert_eq!(made.status.as_u16(), 200, "{}", made.text);
    assert_eq!(status(&test, "alice", "GET", &path).await, 403);
}

#[tokio::test]
async fn audit_logs_are_everybodys_or_of_who_caused_them() {
    for (test, (user, others)) in both().await.into_iter().zip([("system", 1), ("alice", 0)]) {
        policy(&test, "one").await;
        let list = test.ask("alice", "GET", "/security/audit-logs", None).await.json();
        assert_eq!(list[0]["user_id"], user);
        let of_bob = test.ask("bob", "GET", "/security/audit-logs", None).await;
        assert_eq!(count(&of_bob), others);
        // Nor does asking for somebody by name help.
        let by_name = format!("/security/audit-logs?user_id={user}");
        assert_eq!(count(&test.ask("bob", "GET", &by_name, None).await), others);
        let path = format!("/security/audit-logs/{}", list[0]["id"].as_str().unwrap());
        assert_eq!(status(&test, "alice", "GET", &path).await, 200);
        assert_eq!(status(&test, "bob", "GET", &path).await, if others == 1 { 200 } else { 403 });
        for (caller, seen) in [("alice", 1), ("bob", others)] {
            let figures = test.ask(caller, "GET", "/security/security-stats", None).await.json();
            assert_eq!(figures["audit_statistics"]["total_audits"], seen, "{figures}");
            let board = test.ask(caller, "GET", "/security/security-dashboard", None).await.json();
            assert_eq!(board["recent_audits"].as_array().unwrap().len(), seen);
        }
    }
}

#[tokio::test]
async fn a_filter_that_nothing_can_pass_finds_nothing_or_is_refused() {
    for (test, refused) in both().await.into_iter().zip([200, 422]) {
        for (path, words) in [
            (
                "/performance/resources/a?status=",
                "'pending', 'allocated', 'active', 'completed' or 'failed'",
            ),
            (
                "/performance/optimization/a?status=",
                "'pending', 'running', 'completed', 'failed' or 'deployed'",
            ),
            (
                "/performance/meta-learning/models?status=",
                "'training', 'ready', 'deployed' or 'deprecated'",
            ),
            ("/integration/production/alerts?severity=", "'critical'"),
        ] {
            let answer = test.ask("alice", "GET", &format!("{path}nonsense"), None).await;
            assert_eq!(answer.status.as_u16(), refused, "{path}");
            if refused == 422 {
                let problem = &answer.json()["error"]["details"][0];
                assert_eq!(problem["code"], "enum");
                assert_eq!(problem["message"], format!("Input should be {words}"));
            }
            let first = words.split('\'').nth(1).unwrap();
            for known in [first, ""] {
                assert_eq!(status(&test, "alice", "GET", &format!("{path}{known}")).await, 200);
            }
        }
    }
}

#[tokio::test]
async fn instances_that_were_taken_down_count_or_not() {
    for (test, left) in both().await.into_iter().zip([3, 1]) {
        let workflow = test.workflow(&[]).await;
        let id = test.deployment(&workflow, json!({"min_instances": 3})).await;
        let post = async |what: &str| {
            let path = format!("/integration/deployments/{id}/{what}");
            test.ask("alice", "POST", &path, None).await.json()
        };
        post("deploy").await;
        post("scale?target_instances=1").await;
        let get = async |path: &str| {
            test.ask("alice", "GET", &format!("/integration/{path}"), None).await.json()
        };
        assert_eq!(get(&format!("deployments/{id}/health")).await["total_instances"], left);
        assert_eq!(get(&format!("metrics/deployments/{id}")).await["total_instances"], left);
        assert_eq!(get("production/dashboard").await["deployments"][0]["total_instances"], left);
        assert_eq!(get("production/health").await["total_instances"], left);
        let errors = post("rollback").await["rollback_errors"].clone();
        assert_eq!(errors.as_array().unwrap().len(), left);
        let scaled = post("scale?target_instances=3").await;
        assert_eq!(scaled["current_instances"], left);
        assert_eq!(scaled["scaled_instances"].as_array().unwrap().len(), 3 - left);
    }
}

#[tokio::test]
async fn jobs_are_dated_by_the_clock_on_the_wall_or_in_utc_with_its_zone() {
    for (test, (hour, zone)) in both().await.into_iter().zip([("11", ""), ("10", "+00:00")]) {
        let request = Request::post("/v1/services/llm/inference")
            .header("content-type", "application/json")
            .header("x-api-key", "alice")
            .body(Body::from(json!({"model": "llama-7b", "prompt": "p"}).to_string()));
        let answer = test.send(request.unwrap()).await;
        assert_eq!(answer.status.as_u16(), 201, "{}", answer.text);
        let until = answer.json()["estimated_completion"].as_str().unwrap().to_owned();
        assert!(until.starts_with(&format!("2026-11-22T{hour}:")), "{until}");
        assert_eq!(until.get(26..), Some(zone), "{until}");
        let mut writing = test.app.store.write().await.unwrap();
        let sql = format!(
            "UPDATE job SET error = NULL WHERE CAST(requested_at AS VARCHAR) LIKE '2026-11-22 {hour}:%'"
        );
        assert_eq!(writing.statement(&sql).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_sandbox_that_nobody_watches_is_secure_or_not_watched() {
    for (test, word) in both().await.into_iter().zip(["secure", "not_watched"]) {
        test.ask("alice", "POST", "/security/sandbox/exec_1/create", None).await;
        let path = "/security/executions/exec_1/security-monitor?workflow_id=w";
        let answer = test.ask("alice", "POST", path, None).await;
        assert_eq!(answer.json()["security_status"], word, "{}", answer.text);
    }
}

#[tokio::test]
async fn ideation_and_synthesis_pretend_to_work_or_answer_at_once() {
    for (test, pretends) in both().await.into_iter().zip([true, false]) {
        let manner = test.app.config.compatibility;
        let times = [manner.ideation_time(), manner.synthesis_time()];
        assert!(times.iter().all(|time| time.is_zero() != pretends));
        let capability = json!({
            "agent_id": "a", "creative_domain": "art", "capability_type": "t", "generation_models": [],
        });
        test.ask("alice", "POST", "/creativity/capabilities", Some(capability)).await;
        let bodies = [
            json!({"problem_statement": "p", "domain": "d"}),
            json!({"agent_id": "a", "primary_domain": "art", "secondary_domains": [], "synthesis_goal": "g"}),
        ];
        let paths = ["/creativity/ideation/generate", "/creativity/synthesis/cross-domain"];
        for ((path, body), pretended) in paths.into_iter().zip(bodies).zip(times) {
            let began = std::time::Instant::now();
            let answer = test.ask("alice", "POST", path, Some(body)).await;
            assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
            assert!(began.elapsed() >= pretended, "{path}");
        }
    }
}
