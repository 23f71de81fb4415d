//! Agents that write to each other over HTTP: who may, what is kept, what is refused, and what is left after all of it.

mod channels;
mod events;
mod slow;
mod transfer;

use serde_json::{Value, json};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::courier;
use crate::tables::Cell;
use crate::testing::{Answer, TestApp};

/// alice's a1 and a2 and bob's b1, of which a1 and b1 are each other's contacts.
async fn agents() -> TestApp {
    agents_with(&[]).await
}

async fn agents_with(settings: &[(&str, &str)]) -> TestApp {
    let test = TestApp::with(settings).await;
    for (owner, agent) in [("alice", "a1"), ("alice", "a2"), ("bob", "b1")] {
        authorize(&test, owner, agent).await;
    }
    for (owner, agent, other) in [("alice", "a1", "b1"), ("bob", "b1", "a1")] {
        put(&test, owner, &format!("{agent}/contacts/{other}")).await;
    }
    test
}

async fn authorize(test: &TestApp, owner: &str, agent: &str) -> Answer {
    let body = json!({"agent_id": agent});
    test.ask(owner, "POST", "/communication/agents", Some(body)).await
}

async fn put(test: &TestApp, owner: &str, path: &str) -> Answer {
    test.ask(owner, "PUT", &format!("/communication/agents/{path}"), None).await
}

async fn get(test: &TestApp, caller: &str, path: &str) -> Value {
    let answer = test.ask(caller, "GET", &format!("/communication/{path}"), None).await;
    assert!(answer.status.is_success(), "{path}: {answer:?}");
    answer.json()
}

async fn post(test: &TestApp, caller: &str, path: &str, body: Value) -> Answer {
    test.ask(caller, "POST", &format!("/communication/{path}"), Some(body)).await
}

/// Sends a message with these fields; its id.
async fn send(test: &TestApp, owner: &str, sender: &str, body: Value) -> String {
    let sent = post(test, owner, &format!("agents/{sender}/messages"), body).await;
    assert_eq!(sent.status.as_u16(), 201, "{sent:?}");
    sent.json()["id"].as_str().unwrap().to_owned()
}

async fn deliver(test: &TestApp) {
    while courier::deliver(&test.app).await.unwrap() {}
}

/// Reads a message.
async fn read(test: &TestApp, owner: &str, id: &str) -> Answer {
    test.ask(owner, "POST", &format!("/communication/messages/{id}/read"), None).await
}

#[tokio::test]
async fn a_message_goes_from_one_to_the_other() {
    let test = agents().await;
    let body = json!({"recipient": "b1", "content": "grüß dich", "metadata": {"k": [1]}, "thread_id": "t"});
    let sent = post(&test, "alice", "agents/a1/messages", body).await;
    let mut shown = sent.json();
    let id = shown["id"].as_str().unwrap().to_owned();
    assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 4);
    for name in ["id", "channel_id", "timestamp", "expires_at"] {
        shown[name] = "…".into();
    }
    insta::assert_json_snapshot!(shown, @r#"
    {
      "id": "…",
      "sender": "a1",
      "recipient": "b1",
      "message_type": "text",
      "encryption_type": "aes256",
      "size": 11,
      "price": 0.001,
      "paid": false,
      "paid_by": null,
      "status": "pending",
      "metadata": {
        "k": [
          1
        ]
      },
      "reply_to": null,
      "thread_id": "t",
      "channel_id": "…",
      "timestamp": "…",
      "delivery_timestamp": null,
      "read_timestamp": null,
      "expires_at": "…",
      "attempts": 0,
      "problem": null
    }
    "#);
    assert_eq!(read(&test, "bob", &id).await.status.as_u16(), 409, "it is not there yet");
    deliver(&test).await;
    assert_eq!(get(&test, "bob", "agents/b1/messages/unread").await[0]["id"], id.as_str());
    let shown = get(&test, "bob", &format!("messages/{id}")).await;
    assert_eq!((&shown["status"], shown.get("content")), (&json!("delivered"), None));
    let opened = read(&test, "bob", &id).await.json();
    assert_eq!((&opened["content"], &opened["status"]), (&json!("grüß dich"), &json!("read")));
    let again = read(&test, "bob", &id).await;
    assert_eq!(
        (again.status.as_u16(), again.json()),
        (409, json!({"detail": "Message already read"}))
    );
    // An answer that was lost on its way is not lost.
    assert_eq!(get(&test, "bob", &format!("messages/{id}")).await["content"], "grüß dich");
    let receipt = get(&test, "alice", &format!("messages/{id}")).await;
    assert_eq!((receipt["read_timestamp"].is_string(), receipt.get("content")), (true, None));
    assert_eq!(get(&test, "bob", "agents/b1/messages/unread").await, json!([]));
}

#[tokio::test]
async fn contents_are_not_in_the_database_and_altered_ones_are_not_shown() {
    let test = agents().await;
    let id = send(&test, "alice", "a1", json!({"recipient": "b1", "content": "top secret"})).await;
    let dump = test.app.store.dump().await.join("\n");
    let bytes = format!("{:?}", "top secret".as_bytes());
    let bytes = bytes.trim_matches(['[', ']']);
    assert!(!dump.contains("top secret") && !dump.contains(bytes), "{dump}");
    deliver(&test).await;
    let zeros = vec![Cell::Bytes(vec![0; 26])];
    test.sql_with("UPDATE agent_service_comm_contents SET bytes = ?", zeros).await;
    let altered = read(&test, "bob", &id).await;
    assert_eq!(altered.status.as_u16(), 500);
    // It counts as unread: nobody has read it.
    assert_eq!(get(&test, "bob", &format!("messages/{id}")).await["status"], "delivered");
}

#[tokio::test]
async fn a_message_that_is_put_under_another_senders_name_does_not_open() {
    let test = agents().await;
    let id = send(&test, "alice", "a1", json!({"recipient": "b1", "content": "x"})).await;
    deliver(&test).await;
    test.sql("UPDATE agent_service_comm_messages SET sender = 'a2'").await;
    assert_eq!(read(&test, "bob", &id).await.status.as_u16(), 500);
}

#[tokio::test]
async fn hybrid_is_for_the_recipients_private_key() {
    let test = agents().await;
    let body = json!({"recipient": "b1", "content": "for b1", "encryption_type": "hybrid"});
    let refused = post(&test, "alice", "agents/a1/messages", body.clone()).await;
    assert_eq!(refused.status.as_u16(), 409, "b1 has no key yet");
    let public = hex::encode(PublicKey::from(&StaticSecret::from([9; 32])).as_bytes());
    let key = json!({"agent_id": "b1", "public_key": public});
    assert_eq!(post(&test, "bob", "agents", key).await.json()["public_key"], public.as_str());
    let id = send(&test, "alice", "a1", body).await;
    deliver(&test).await;
    let opened = read(&test, "bob", &id).await.json();
    assert_eq!(opened["content"], Value::Null);
    assert_eq!(opened["sealed"]["algorithm"], "X25519-HKDF-SHA256-AES-256-GCM");
    assert!(opened["sealed"]["associated_data"].as_str().unwrap().contains(&id));
    let unusable = json!({"agent_id": "b1", "public_key": "00".repeat(32)});
    assert_eq!(post(&test, "bob", "agents", unusable).await.status.as_u16(), 422);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_what_to_do() {
    let test = agents().await;
    let said = async |body: Value| {
        let refused = post(&test, "alice", "agents/a1/messages", body).await;
        assert_eq!(refused.status.as_u16(), 422);
        refused.json()["error"]["details"][0]["message"].as_str().unwrap().to_owned()
    };
    let rsa = said(json!({"recipient": "b1", "content": "x", "encryption_type": "rsa"})).await;
    assert!(rsa.contains("hybrid"), "{rsa}");
    let large = said(json!({"recipient": "b1", "content": "ü".repeat(50_001)})).await;
    assert!(large.contains("100000 bytes"), "{large}");
    let most = json!({"recipient": "b1", "content": "x".repeat(100_000), "message_type": "bulk"});
    let sent = post(&test, "alice", "agents/a1/messages", most).await.json();
    assert_eq!((&sent["price"], &sent["size"]), (&json!(1.0), &json!(100_000)));
    let itself =
        post(&test, "alice", "agents/a1/messages", json!({"recipient": "a1", "content": "x"}))
            .await;
    assert_eq!(itself.status.as_u16(), 400);
}

#[tokio::test]
async fn contacts_blocks_and_reputation_decide_who_writes() {
    let test = agents().await;
    let reason = async |sender: &str, recipient: &str| {
        let path = format!("agents/{sender}/can-communicate/{recipient}");
        let owner = if sender.starts_with('a') { "alice" } else { "bob" };
        get(&test, owner, &path).await["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason("a1", "b1").await, "contact");
    assert_eq!(reason("a2", "b1").await, "reputation_unknown");
    assert_eq!(reason("a2", "nobody").await, "not_authorized");
    let body = json!({"recipient": "b1", "content": "x"});
    let refused = post(&test, "alice", "agents/a2/messages", body.clone()).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()),
        (403, json!({"detail": "Not authorized to send message"}))
    );
    // Somebody whom the service's own figures trust.
    let path = "/security/trust-scores/agent/a2/update?execution_success=true";
    assert!(test.ask("alice", "POST", path, Some(json!({}))).await.status.is_success());
    test.sql("UPDATE agent_trust_scores SET trust_score = 9.5").await;
    assert_eq!(reason("a2", "b1").await, "reputation_too_low");
    test.sql("UPDATE agent_trust_scores SET trust_score = 10.0").await;
    assert_eq!(reason("a2", "b1").await, "reputation");
    send(&test, "alice", "a2", body).await;
    // A block is stronger than both, in both directions, and ends with a new contact.
    put(&test, "bob", "b1/blocked/a1").await;
    assert_eq!(
        (reason("a1", "b1").await, reason("b1", "a1").await),
        ("blocked".into(), "blocked".into())
    );
    assert_eq!(get(&test, "bob", "agents/b1/contacts").await, json!([]));
    assert_eq!(get(&test, "bob", "agents/b1/blocked").await[0]["other_id"], "a1");
    put(&test, "bob", "b1/contacts/a1").await;
    assert_eq!(reason("a1", "b1").await, "contact");
    assert_eq!(put(&test, "bob", "b1/contacts/b1").await.status.as_u16(), 400);
}

#[tokio::test]
async fn where_reputation_comes_from_is_a_setting() {
    for (source, reason) in [
        ("none", "reputation_unknown"),
        ("fixed:999", "reputation_too_low"),
        ("fixed:1000", "reputation"),
    ] {
        let test = agents_with(&[("REPUTATION_SOURCE", source)]).await;
        let shown = get(&test, "alice", "agents/a2/can-communicate/b1").await;
        assert_eq!(shown["reason"], reason, "{source}");
    }
}

#[tokio::test]
async fn an_agent_is_whose_it_was_first_authorised() {
    let test = agents().await;
    let id = send(&test, "alice", "a1", json!({"recipient": "b1", "content": "x"})).await;
    deliver(&test).await;
    assert_eq!(authorize(&test, "mallory", "a1").await.status.as_u16(), 403);
    authorize(&test, "mallory", "m1").await;
    let letter = json!({"recipient": "b1", "content": "x"});
    for (method, path, body) in [
        ("GET", "agents/a1".to_owned(), None),
        ("DELETE", "agents/a1".to_owned(), None),
        ("GET", "agents/a1/can-communicate/b1".to_owned(), None),
        ("GET", "agents/a1/statistics".to_owned(), None),
        ("GET", "agents/a1/contacts".to_owned(), None),
        ("PUT", "agents/a1/contacts/m1".to_owned(), None),
        ("DELETE", "agents/a1/blocked/b1".to_owned(), None),
        ("POST", "agents/a1/messages".to_owned(), Some(letter)),
        ("GET", "agents/a1/messages".to_owned(), None),
        ("GET", "agents/a1/messages/unread".to_owned(), None),
        ("GET", "agents/a1/channels".to_owned(), None),
        ("GET", "agents/a1/export".to_owned(), None),
        ("GET", "agents/a1/events".to_owned(), None),
        ("GET", format!("messages/{id}"), None),
        ("POST", format!("messages/{id}/read"), None),
        ("POST", format!("messages/{id}/pay"), Some(json!({"payer": "m1", "amount": 1}))),
    ] {
        let path = format!("/communication/{path}");
        let refused = test.ask("mallory", method, &path, body.clone()).await;
        assert_eq!(refused.status.as_u16(), 403, "{method} {path}");
        let unknown = path.replace("agents/a1", "agents/none").replace(&id, "none");
        let unknown = test.ask("mallory", method, &unknown, body).await;
        assert_eq!(unknown.status.as_u16(), 404, "{method} {path}");
    }
    assert_eq!(get(&test, "mallory", "agents").await.as_array().unwrap().len(), 1);
    // Even its sender cannot read it.
    assert_eq!(read(&test, "alice", &id).await.status.as_u16(), 403);
}

#[tokio::test]
async fn a_revoked_agent_loses_its_lists_and_comes_back_with_its_contacts() {
    let test = agents().await;
    send(&test, "alice", "a1", json!({"recipient": "b1", "content": "x"})).await;
    deliver(&test).await;
    let revoke = async || {
        test.ask("alice", "DELETE", "/communication/agents/a1", None).await.status.as_u16()
    };
    assert_eq!((revoke().await, revoke().await), (200, 403));
    let refused =
        post(&test, "alice", "agents/a1/messages", json!({"recipient": "b1", "content": "x"}))
            .await;
    assert_eq!(refused.json(), json!({"detail": "The agent is not authorized"}));
    let statistics = test.ask("alice", "GET", "/communication/agents/a1/statistics", None).await;
    assert_eq!(statistics.status.as_u16(), 404);
    authorize(&test, "alice", "a1").await;
    assert_eq!(get(&test, "alice", "agents/a1/messages").await, json!([]));
    assert_eq!(get(&test, "alice", "agents/a1/channels").await, json!([]));
    assert_eq!(get(&test, "alice", "agents/a1/statistics").await["total_messages"], 0);
    assert_eq!(get(&test, "alice", "agents/a1/contacts").await[0]["other_id"], "b1");
    // The other's list is the other's.
    assert_eq!(get(&test, "bob", "agents/b1/messages").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn lists_are_paged_filtered_and_newest_first() {
    let test = agents().await;
    for (owner, from, to, content) in
        [("alice", "a1", "b1", "1"), ("bob", "b1", "a1", "2"), ("alice", "a1", "b1", "3")]
    {
        let body = json!({"recipient": to, "content": content, "thread_id": content});
        send(&test, owner, from, body).await;
    }
    let threads = async |query: &str| -> Vec<String> {
        let list = get(&test, "alice", &format!("agents/a1/messages{query}")).await;
        let texts =
            list.as_array().unwrap().iter().map(|m| m["thread_id"].as_str().unwrap().to_owned());
        texts.collect()
    };
    assert_eq!(threads("").await, ["3", "2", "1"]);
    assert_eq!(threads("?limit=1&offset=1").await, ["2"]);
    assert_eq!(threads("?direction=sent").await, ["3", "1"]);
    assert_eq!(threads("?direction=received").await, ["2"]);
    assert_eq!(threads("?status=delivered").await, [""; 0]);
    deliver(&test).await;
    assert_eq!(threads("?status=delivered&limit=2").await, ["3", "2"]);
}

#[tokio::test]
async fn payment_is_noted_once_and_credited_to_the_sender() {
    let test = agents().await;
    let body = json!({"recipient": "b1", "content": "x", "message_type": "notification"});
    let id = send(&test, "alice", "a1", body).await;
    let pay = async |caller: &str, payer: &str, amount: f64| {
        let body = json!({"payer": payer, "amount": amount});
        post(&test, caller, &format!("messages/{id}/pay"), body).await
    };
    assert_eq!(pay("bob", "b1", 0.000_499).await.status.as_u16(), 400);
    assert_eq!(pay("alice", "a2", 1.0).await.status.as_u16(), 403);
    let mut paid = pay("bob", "b1", 0.1).await.json();
    assert_eq!(paid["message_id"], id.as_str());
    paid["message_id"] = "…".into();
    insta::assert_json_snapshot!(paid, @r#"
    {
      "message_id": "…",
      "paid": true,
      "payer": "b1",
      "amount": 0.1,
      "price": 0.0005,
      "credited_to": "a1",
      "settlement": "recorded"
    }
    "#);
    assert_eq!(pay("bob", "b1", 0.1).await.status.as_u16(), 409);
    assert_eq!(get(&test, "alice", "agents/a1/statistics").await["total_earnings"], 0.0005);
    assert_eq!(get(&test, "bob", "agents/b1/statistics").await["total_earnings"], 0.0);
}

#[tokio::test]
async fn payments_at_once_are_all_counted() {
    let test = agents().await;
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(send(&test, "alice", "a1", json!({"recipient": "b1", "content": "x"})).await);
    }
    let payments = ids.iter().map(|id| {
        let path = format!("messages/{id}/pay");
        let test = &test;
        async move { post(test, "bob", &path, json!({"payer": "b1", "amount": 1})).await }
    });
    for answer in futures::future::join_all(payments).await {
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    }
    assert_eq!(get(&test, "alice", "agents/a1/statistics").await["total_earnings"], 0.012);
}

#[tokio::test]
async fn figures_follow_what_happens() {
    let test = agents().await;
    let id = send(&test, "alice", "a1", json!({"recipient": "b1", "content": "question"})).await;
    deliver(&test).await;
    test.clock.advance(10);
    let answer = json!({"recipient": "a1", "content": "answer", "reply_to": id});
    send(&test, "bob", "b1", answer.clone()).await;
    test.clock.advance(10);
    send(&test, "bob", "b1", answer).await;
    deliver(&test).await;
    let bob = get(&test, "bob", "agents/b1/statistics").await;
    let time = bob["average_response_time"].as_f64().unwrap();
    assert!((10.0..10.1).contains(&time), "the first answer counts: {time}");
    assert_eq!((&bob["messages_sent"], &bob["messages_received"]), (&json!(2), &json!(1)));
    assert_eq!((&bob["total_messages"], &bob["delivery_rate"]), (&json!(3), &json!(1.0)));
    assert_eq!(bob["active_channels"], 1);
}

#[tokio::test]
async fn templates_are_filled_and_sent() {
    let test = agents().await;
    let new = json!({
        "creator": "a1", "name": "hello", "content_template": "Hi {name}, {other}", "variables": ["name"],
        "message_type": "urgent",
    });
    let template = post(&test, "alice", "templates", new).await.json();
    let id = template["id"].as_str().unwrap();
    let fill =
        json!({"sender": "a1", "recipient": "b1", "variables": {"name": "{other}", "other": "x"}});
    let sent = post(&test, "alice", &format!("templates/{id}/send"), fill).await.json();
    assert_eq!((&sent["price"], &sent["metadata"]["template_id"]), (&json!(0.005), &json!(id)));
    deliver(&test).await;
    let opened = read(&test, "bob", sent["id"].as_str().unwrap()).await.json();
    assert_eq!(opened["content"], "Hi {other}, {other}");
    // The three that everybody has, used by whoever likes.
    let fill = json!({"sender": "b1", "recipient": "a1", "variables": {"message": "m"}});
    for used in 1..=2 {
        let path = "templates/notification_update/send";
        assert_eq!(post(&test, "bob", path, fill.clone()).await.status.as_u16(), 201);
        let shown = get(&test, "alice", "templates/notification_update").await;
        assert_eq!(shown["usage_count"], used);
    }
    let listed = get(&test, "alice", "templates").await;
    let ids: Vec<&str> =
        listed["defaults"].as_array().unwrap().iter().map(|t| t["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["task_request_default", "collaboration_invite", "notification_update"]);
    assert_eq!(listed["defaults"][2]["usage_count"], 2);
    assert_eq!(listed["templates"][0]["usage_count"], 1);
    let first = json!({"sender": "b1", "recipient": "a1"});
    post(&test, "bob", "templates/task_request_default/send", first).await;
    let page = get(&test, "alice", "templates?limit=1").await;
    assert_eq!(page["defaults"][0]["usage_count"], 1, "they are on every page, as they are");
    assert_eq!(page["defaults"][2]["usage_count"], 2);
    let path = format!("/communication/templates/{id}");
    assert_eq!(test.ask("bob", "GET", &path, None).await.status.as_u16(), 403);
    assert_eq!(test.ask("bob", "DELETE", &path, None).await.status.as_u16(), 403);
    assert_eq!(test.ask("alice", "DELETE", &path, None).await.status.as_u16(), 200);
    assert_eq!(test.ask("alice", "GET", &path, None).await.status.as_u16(), 404);
}
