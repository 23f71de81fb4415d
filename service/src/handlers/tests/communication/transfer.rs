//! What an agent takes along comes back whole, once, and only if it is what was taken.

use serde_json::{Value, json};

use super::{agents, deliver, get, post, put, read, send};
use crate::testing::TestApp;

async fn import(test: &TestApp, document: &Value) -> Value {
    let answer = post(test, "alice", "agents/a1/import", document.clone()).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    answer.json()
}

/// Everything about agents, channels and messages, but who looks at what is due when.
async fn rows(test: &TestApp) -> Vec<String> {
    let mut rows = test.app.store.dump().await;
    rows.retain(|row| row.starts_with("agent_service_comm_") && !row.contains("comm_events"));
    rows.sort();
    rows
}

#[tokio::test]
async fn what_was_lost_comes_back_and_coming_back_twice_changes_nothing() {
    let test = agents().await;
    put(&test, "alice", "a1/blocked/x").await;
    let template =
        json!({"creator": "a1", "name": "n", "content_template": "c", "base_price": 0.25});
    post(&test, "alice", "templates", template).await;
    let read_one = send(&test, "alice", "a1", json!({"recipient": "b1", "content": "sent"})).await;
    let got = send(
        &test,
        "bob",
        "b1",
        json!({"recipient": "a1", "content": "gött", "metadata": {"a": [1.5, null]}}),
    )
    .await;
    deliver(&test).await;
    read(&test, "bob", &read_one).await;
    let pending = send(&test, "alice", "a1", json!({"recipient": "b1", "content": "later"})).await;
    let before = rows(&test).await;
    let document = get(&test, "alice", "agents/a1/export").await;
    assert_eq!(
        (&document["next_offset"], document["messages"].as_array().unwrap().len()),
        (&Value::Null, 3)
    );
    assert!(!document.to_string().contains("gött"));

    for table in ["messages", "contents", "channels", "members", "templates"] {
        test.sql(&format!("DELETE FROM agent_service_comm_{table}")).await;
    }
    test.sql("DELETE FROM agent_service_comm_relations WHERE agent_id = 'a1'").await;
    test.sql("UPDATE agent_service_comm_statistics SET messages_sent = 0 WHERE agent_id = 'a1'")
        .await;
    let restored = import(&test, &document).await;
    assert_eq!(
        restored,
        json!({"relations": 2, "templates": 1, "channels": 1, "messages": 3, "expired": 0})
    );
    assert_eq!(rows(&test).await, before);
    let again = import(&test, &document).await;
    assert_eq!(
        again,
        json!({"relations": 0, "templates": 0, "channels": 0, "messages": 0, "expired": 0})
    );
    assert_eq!(rows(&test).await, before);
    // They go on where they were.
    deliver(&test).await;
    assert_eq!(read(&test, "alice", &got).await.json()["content"], "gött");
    assert_eq!(read(&test, "bob", &pending).await.json()["content"], "later");
}

#[tokio::test]
async fn a_revoked_agents_lists_come_back() {
    let test = agents().await;
    send(&test, "alice", "a1", json!({"recipient": "b1", "content": "x"})).await;
    let document = get(&test, "alice", "agents/a1/export").await;
    test.ask("alice", "DELETE", "/communication/agents/a1", None).await;
    super::authorize(&test, "alice", "a1").await;
    assert_eq!(import(&test, &document).await["messages"], 1);
    assert_eq!(get(&test, "alice", "agents/a1/messages").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_is_put_back_that_was_not_taken() {
    let test = agents().await;
    send(&test, "alice", "a1", json!({"recipient": "b1", "content": "x"})).await;
    let document = get(&test, "alice", "agents/a1/export").await;
    let mut forged = document.clone();
    forged["messages"][0]["message"]["sender"] = "b1".into();
    let mut none = document.clone();
    none.as_object_mut().unwrap().remove("signature");
    for altered in [forged, none, json!({})] {
        let refused = post(&test, "alice", "agents/a1/import", altered).await;
        assert_eq!(refused.status.as_u16(), 400);
    }
    let other = post(&test, "alice", "agents/a2/import", document).await;
    assert_eq!(other.status.as_u16(), 400);
}

#[tokio::test]
async fn much_is_taken_in_several_documents() {
    let test = agents().await;
    for n in 0..5 {
        send(&test, "alice", "a1", json!({"recipient": "b1", "content": n.to_string()})).await;
    }
    let (mut next, mut sizes) = (json!(0), Vec::new());
    while let Some(offset) = next.as_i64() {
        let document =
            get(&test, "alice", &format!("agents/a1/export?limit=2&offset={offset}")).await;
        sizes.push((
            document["messages"].as_array().unwrap().len(),
            document["relations"].as_array().unwrap().len(),
        ));
        next = document["next_offset"].clone();
    }
    assert_eq!(sizes, [(2, 1), (2, 0), (1, 0)]);
}

#[tokio::test]
async fn what_is_over_by_now_stays_away() {
    let test = agents().await;
    send(&test, "alice", "a1", json!({"recipient": "b1", "content": "x"})).await;
    let document = get(&test, "alice", "agents/a1/export").await;
    test.sql("DELETE FROM agent_service_comm_messages").await;
    test.clock.advance(86_401);
    let restored = import(&test, &document).await;
    assert_eq!((&restored["messages"], &restored["expired"]), (&json!(0), &json!(1)));
}
