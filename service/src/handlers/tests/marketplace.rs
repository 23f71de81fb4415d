//! The marketplace over HTTP: who may do what and when, and who wins where two come at once.

mod guilds;
mod search;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::testing::{Answer, TestApp};

async fn post(test: &TestApp, caller: &str, path: &str, body: Value) -> Answer {
    test.ask(caller, "POST", &format!("/marketplace/{path}"), Some(body)).await
}

async fn get(test: &TestApp, caller: &str, path: &str) -> Value {
    let answer = test.ask(caller, "GET", &format!("/marketplace/{path}"), None).await;
    assert_eq!(answer.status.as_u16(), 200, "{path}: {answer:?}");
    answer.json()
}

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["detail"].as_str().unwrap_or_default().to_owned())
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

/// A service of alice's that bob has asked for, up to the end of the job; the ids of both.
async fn completed(test: &TestApp) -> (String, String) {
    let service = test.service(json!({})).await;
    let request = test.request(&service, json!({})).await;
    test.advance_request(&request, &["accept", "complete"]).await;
    (service, request)
}

#[tokio::test]
async fn a_service_is_listed_with_every_field_filled_in() {
    let test = TestApp::new().await;
    let id = test.service(json!({"tags": ["de", "pl", "de"]})).await;
    let mut shown = get(&test, "bob", &format!("services/{id}")).await;
    for (field, value) in [("id", "svc_…"), ("listed_at", "now"), ("last_updated", "now")] {
        shown[field] = value.into();
    }
    insta::assert_json_snapshot!(shown, @r#"
    {
      "id": "svc_…",
      "agent_id": "linguist",
      "service_type": "translation",
      "name": "German to Polish",
      "description": "Technical texts",
      "metadata": {},
      "base_price": 10.0,
      "reputation": 1000,
      "status": "active",
      "total_earnings": 0.0,
      "completed_jobs": 0,
      "rating_count": 0,
      "listed_at": "now",
      "last_updated": "now",
      "guild_id": null,
      "tags": [
        "de",
        "pl"
      ],
      "capabilities": [],
      "requirements": [],
      "pricing_model": "fixed",
      "estimated_duration": 0,
      "availability": {
        "monday": true,
        "tuesday": true,
        "wednesday": true,
        "thursday": true,
        "friday": true,
        "saturday": false,
        "sunday": false
      },
      "average_rating": 0.0
    }
    "#);
}

#[tokio::test]
async fn what_cannot_be_listed_is_refused_in_the_words_of_the_monolith() {
    let test = TestApp::new().await;
    let body = json!({
        "agent_id": "linguist", "service_type": "translation", "name": "n",
        "description": "Technical texts", "base_price": 10,
    });
    for (field, value, words) in [
        ("base_price", json!(0), "Price below minimum: 0.001"),
        ("base_price", json!(1e300), "Price above maximum: 1000.0"),
        ("description", json!("short"), "Description too short"),
    ] {
        let mut body = body.clone();
        body[field] = value;
        let refused = post(&test, "alice", "services", body).await;
        assert_eq!(refusal(&refused), (400, words.to_owned()));
    }
    let nonsense = json!({
        "service_type": "magic", "name": "", "description": 5, "base_price": "nan",
        "tags": vec!["t"; 21], "metadata": {"a": "x".repeat(20_000)}, "estimated_duration": -1,
        "availability": {"monday": "perhaps"},
    });
    let refused = post(&test, "alice", "services", nonsense).await;
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
            "body.service_type",
            "body.name",
            "body.description",
            "body.metadata",
            "body.base_price",
            "body.tags",
            "body.estimated_duration",
            "body.availability.monday",
        ]
    );
}

#[tokio::test]
async fn a_name_is_whose_it_first_was() {
    let test = TestApp::new().await;
    let service = test.service(json!({})).await;
    let body = json!({
        "agent_id": "linguist", "service_type": "writing", "name": "n",
        "description": "Somebody else's name", "base_price": 1,
    });
    let refused = post(&test, "mallory", "services", body).await;
    assert_eq!(refusal(&refused), (403, "The agent belongs to somebody else".to_owned()));
    let body =
        json!({"client_id": "linguist", "service_id": service, "budget": 20, "requirements": ""});
    assert_eq!(post(&test, "mallory", "requests", body).await.status.as_u16(), 403);
    // Keys are shown to nobody.
    for path in [format!("services/{service}"), "agents/linguist".to_owned()] {
        assert!(!get(&test, "mallory", &path).await.to_string().contains("alice"));
    }
}

#[tokio::test]
async fn a_request_from_its_beginning_to_its_rating() {
    let test = TestApp::new().await;
    let service = test.service(json!({"base_price": 100})).await;
    let request = test.request(&service, json!({"budget": 200.5})).await;
    let path = format!("requests/{request}");
    let pending = get(&test, "alice", &path).await;
    assert_eq!((&pending["status"], &pending["payment"]), (&json!("pending"), &json!(0.0)));
    test.advance_request(&request, &["accept"]).await;
    let accepted = get(&test, "bob", &path).await;
    assert_eq!((&accepted["status"], &accepted["payment"]), (&json!("accepted"), &json!(105.0)));
    assert_eq!(accepted["assigned_agent"], "linguist");
    test.advance_request(&request, &["complete"]).await;
    let completed = get(&test, "bob", &path).await;
    // SHA-256 of "{}".
    let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(
        (&completed["status"], &completed["results_hash"]),
        (&json!("completed"), &json!(hash))
    );
    let rated = post(&test, "bob", &format!("{path}/rate"), json!({"rating": 4})).await;
    assert_eq!((rated.status.as_u16(), &rated.json()["rating"]), (200, &json!(4)));
    let service = get(&test, "bob", &format!("services/{service}")).await;
    // 105 less the fee of 2.5 %.
    assert_eq!(
        (&service["total_earnings"], &service["completed_jobs"], &service["average_rating"]),
        (&json!(102.375), &json!(1), &json!(4.0))
    );
    assert_eq!(service["reputation"], 1100);
    let agent = get(&test, "bob", "agents/linguist").await;
    assert_eq!((&agent["reputation"], &agent["total_earnings"]), (&json!(1100), &json!(102.375)));
}

#[tokio::test]
async fn nothing_happens_out_of_turn_or_by_the_wrong_one() {
    let test = TestApp::new().await;
    let (_, request) = completed(&test).await;
    let pending = test.request(&test.service(json!({})).await, json!({})).await;
    let results = json!({"results": {}});
    let rating = json!({"rating": 5});
    for (caller, request, step, body, status, words) in [
        ("bob", &pending, "accept", &json!(null), 403, "Not service provider"),
        ("mallory", &pending, "accept", &json!(null), 403, "Access denied"),
        ("alice", &pending, "complete", &results, 409, "Request not accepted"),
        ("bob", &pending, "rate", &rating, 409, "Request not completed"),
        ("mallory", &pending, "cancel", &json!(null), 403, "Access denied"),
        ("alice", &request, "accept", &json!(null), 409, "Request not pending"),
        ("alice", &request, "complete", &results, 409, "Request not accepted"),
        ("alice", &request, "cancel", &json!(null), 409, "Request neither pending nor accepted"),
        ("alice", &request, "rate", &rating, 403, "Not request client"),
        ("bob", &request, "rate", &json!({"rating": 6}), 400, "Invalid rating"),
    ] {
        let answer = post(&test, caller, &format!("requests/{request}/{step}"), body.clone()).await;
        assert_eq!(refusal(&answer), (status, words.to_owned()), "{caller} {step}");
    }
    let unknown = post(&test, "bob", "requests/req_none/accept", json!(null)).await;
    assert_eq!(refusal(&unknown), (404, "Request not found: req_none".to_owned()));
    let path = format!("/marketplace/requests/{request}");
    assert_eq!(test.ask("mallory", "GET", &path, None).await.status.as_u16(), 403);
    let again = format!("requests/{request}/rate");
    assert_eq!(post(&test, "bob", &again, rating.clone()).await.status.as_u16(), 200);
    let twice = post(&test, "bob", &again, rating).await;
    assert_eq!(refusal(&twice), (409, "Request already rated".to_owned()));
}

#[tokio::test]
async fn of_many_who_accept_cancel_or_rate_at_once_one_wins() {
    let test = TestApp::new().await;
    let (service, request) = completed(&test).await;
    let path = format!("requests/{request}/rate");
    let rate = async |stars: u8| post(&test, "bob", &path, json!({"rating": stars})).await.status;
    let rated = join_all((0..8).map(|n| rate(1 + n % 5))).await;
    assert_eq!(rated.iter().filter(|status| status.is_success()).count(), 1, "{rated:?}");
    let shown = get(&test, "bob", &format!("services/{service}")).await;
    assert_eq!(shown["rating_count"], 1);

    let request = test.request(&service, json!({})).await;
    let path = format!("requests/{request}");
    let steps = ["accept", "cancel", "accept", "cancel", "accept"];
    let step =
        async |step: &str| post(&test, "alice", &format!("{path}/{step}"), json!(null)).await;
    let answers = join_all(steps.map(step)).await;
    let accepted = answers.iter().step_by(2).filter(|answer| answer.status.is_success()).count();
    let cancelled =
        answers.iter().skip(1).step_by(2).filter(|answer| answer.status.is_success()).count();
    // Either nobody accepted before the first cancelled, or one did.
    assert!(accepted <= 1 && cancelled == 1, "{answers:?}");
    assert_eq!(get(&test, "bob", &path).await["status"], "cancelled");
}

#[tokio::test]
async fn no_rating_and_no_earning_of_many_at_once_is_lost() {
    let test = TestApp::new().await;
    let service = test.service(json!({})).await;
    let clients = ["bob", "carol", "dave", "erin", "frank", "grace"];
    let requests =
        join_all(clients.map(async |client| test.request_of(client, &service, json!({})).await))
            .await;
    for request in &requests {
        test.advance_request(request, &["accept"]).await;
    }
    let complete = async |request: &String| test.advance_request(request, &["complete"]).await;
    join_all(requests.iter().map(complete)).await;
    let rate = async |(client, request): (&str, &String)| {
        post(&test, client, &format!("requests/{request}/rate"), json!({"rating": 5})).await
    };
    join_all(clients.into_iter().zip(&requests).map(rate)).await;
    let shown = get(&test, "bob", &format!("services/{service}")).await;
    // Each is paid 10.5, less 2.5 %.
    assert_eq!(
        (&shown["completed_jobs"], &shown["total_earnings"], &shown["rating_count"]),
        (&json!(6), &json!(61.425), &json!(6))
    );
    assert_eq!((&shown["average_rating"], &shown["reputation"]), (&json!(5.0), &json!(2200)));
}

#[tokio::test]
async fn nobody_makes_their_own_name() {
    let test = TestApp::new().await;
    let service = test.service(json!({})).await;
    let request = test.request_of("alice", &service, json!({})).await;
    test.advance_request(&request, &["accept", "complete"]).await;
    let rated =
        post(&test, "alice", &format!("requests/{request}/rate"), json!({"rating": 5})).await;
    assert_eq!(rated.json()["rating"], 5);
    let shown = get(&test, "alice", &format!("services/{service}")).await;
    assert_eq!((&shown["rating_count"], &shown["reputation"]), (&json!(0), &json!(1000)));
}

#[tokio::test]
async fn a_withdrawn_service_takes_what_waits_with_it_and_a_suspended_one_does_not() {
    let test = TestApp::new().await;
    let service = test.service(json!({})).await;
    let [first, second] =
        [test.request(&service, json!({})).await, test.request(&service, json!({})).await];
    let turn = async |caller: &str, how: &str| {
        post(&test, caller, &format!("services/{service}/{how}"), json!(null)).await
    };
    assert_eq!(refusal(&turn("bob", "suspend").await), (403, "Not service provider".to_owned()));
    assert_eq!(turn("alice", "suspend").await.json()["status"], "suspended");
    assert_eq!(turn("alice", "suspend").await.status.as_u16(), 409);
    let body = json!({"client_id": "c", "service_id": service, "budget": 20, "requirements": ""});
    let refused = post(&test, "bob", "requests", body).await;
    assert_eq!(refusal(&refused), (409, "Service not active".to_owned()));
    assert!(get(&test, "bob", "search").await.as_array().unwrap().is_empty());
    test.advance_request(&first, &["accept"]).await;
    assert_eq!(turn("alice", "deactivate").await.json()["status"], "inactive");
    assert_eq!(get(&test, "bob", &format!("requests/{second}")).await["status"], "cancelled");
    test.advance_request(&first, &["complete"]).await;
    assert_eq!(turn("alice", "activate").await.json()["status"], "active");
    assert_eq!(get(&test, "bob", "search").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_price_says_how_it_comes_about() {
    let test = TestApp::new().await;
    let (service, _) = completed(&test).await;
    let mut quote = get(&test, "bob", &format!("services/{service}/price?budget=10.25")).await;
    quote["service_id"] = "svc_…".into();
    insta::assert_json_snapshot!(quote, @r#"
    {
      "service_id": "svc_…",
      "base_price": 10.0,
      "reputation_multiplier": 1.05,
      "demand_multiplier": 1.0,
      "rating_multiplier": 1.0,
      "price": 10.5,
      "budget": 10.25,
      "suffices": true,
      "payment": 10.25,
      "fee": 0.25625,
      "earned": 9.99375
    }
    "#);
}

#[tokio::test]
async fn a_budget_that_does_not_suffice_pays_nothing() {
    let test = TestApp::new().await;
    let service = test.service(json!({})).await;
    let quote = get(&test, "bob", &format!("services/{service}/price?budget=9.99")).await;
    assert_eq!((&quote["price"], &quote["suffices"]), (&json!(10.5), &json!(false)));
    assert_eq!([&quote["payment"], &quote["fee"], &quote["earned"]], [&Value::Null; 3]);
    for budget in ["-1", "1000001", "nan"] {
        let path = format!("/marketplace/services/{service}/price?budget={budget}");
        assert_eq!(test.ask("bob", "GET", &path, None).await.status.as_u16(), 422, "{budget}");
    }
}

#[tokio::test]
async fn nobody_takes_part_without_end() {
    let test = TestApp::new().await;
    for n in 0..100 {
        test.service(json!({"name": n.to_string()})).await;
    }
    let body = json!({
        "agent_id": "linguist", "service_type": "writing", "name": "one too many",
        "description": "The hundred and first", "base_price": 1,
    });
    let refused = post(&test, "alice", "services", body).await;
    assert_eq!(refusal(&refused), (409, "The agent has 100 services already".to_owned()));
    for n in 0..10 {
        let body =
            json!({"founder_id": "f", "name": format!("Guild {n}"), "service_category": "writing"});
        assert_eq!(post(&test, "alice", "guilds", body.clone()).await.status.as_u16(), 201);
    }
    let body = json!({"founder_id": "f", "name": "One too many", "service_category": "writing"});
    assert_eq!(post(&test, "alice", "guilds", body).await.status.as_u16(), 409);
    test.sql(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99) \
         INSERT INTO agent_service_market_agents \
         SELECT 'bob' || i, 'bob', 1000, 0, 0, '2026-01-01 00:00:00' FROM n",
    )
    .await;
    let body = json!({"founder_id": "new", "name": "Guild", "service_category": "writing"});
    let refused = post(&test, "bob", "guilds", body).await;
    assert_eq!(refusal(&refused), (409, "There are 100 agents already".to_owned()));
}
