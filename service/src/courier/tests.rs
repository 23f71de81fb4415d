//! Couriers: each message arrives once, whoever delivers and whatever breaks off.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::store::Store;
use crate::testing::{TestApp, until};

async fn ask(test: &TestApp, method: &str, path: &str, body: Option<Value>) -> Value {
    let answer = test.ask("alice", method, &format!("/communication/{path}"), body).await;
    assert!(answer.status.is_success(), "{path}: {answer:?}");
    answer.json()
}

/// alice's a and b, of which a may write to b.
async fn two() -> TestApp {
    let test = TestApp::new().await;
    for agent in ["a", "b"] {
        ask(&test, "POST", "agents", Some(json!({"agent_id": agent}))).await;
    }
    ask(&test, "PUT", "agents/a/contacts/b", None).await;
    test
}

async fn send(test: &TestApp, count: usize) {
    for _ in 0..count {
        let body = json!({"recipient": "b", "content": "x"});
        ask(test, "POST", "agents/a/messages", Some(body)).await;
    }
}

async fn statuses(test: &TestApp) -> Vec<String> {
    let list = ask(test, "GET", "agents/a/messages?limit=100", None).await;
    list.as_array().unwrap().iter().map(|m| m["status"].as_str().unwrap().to_owned()).collect()
}

/// How often b was told of a message.
async fn told(test: &TestApp) -> usize {
    test.app.store.event_list("b", 0, 1000).await.unwrap().len()
}

#[tokio::test]
async fn several_couriers_deliver_each_message_once() {
    let test = two().await;
    send(&test, 90).await;
    let stop = CancellationToken::new();
    let couriers: Vec<_> =
        (0..4).map(|_| tokio::spawn(work(Arc::clone(&test.app), stop.clone()))).collect();
    let done = async || statuses(&test).await.iter().all(|status| status == "delivered");
    until("all are delivered", done).await;
    stop.cancel();
    for courier in couriers {
        courier.await.unwrap();
    }
    assert_eq!(told(&test).await, 90);
    let figures = ask(&test, "GET", "agents/b/statistics", None).await;
    assert_eq!(figures["messages_received"], 90);
}

#[tokio::test]
async fn what_breaks_off_leaves_everything_as_it_was_and_the_next_one_does_it() {
    let test = two().await;
    send(&test, 1).await;
    // Another process takes the message and dies before it is done.
    let other = Store::open(&test.app.config.database).await.unwrap();
    let mut writing = other.write().await.unwrap();
    let now = test.app.clock.now();
    let due = other.message_due(now, BATCH).await.unwrap().remove(0);
    let due = writing.message_waiting(&due, now).await.unwrap().unwrap();
    attempt(&mut writing, due, now).await.unwrap();
    drop(writing);
    other.close().await;
    assert_eq!((statuses(&test).await, told(&test).await), (vec!["pending".to_owned()], 0));
    assert!(deliver(&test.app).await.unwrap());
    assert!(!deliver(&test.app).await.unwrap());
    assert_eq!((statuses(&test).await, told(&test).await), (vec!["delivered".to_owned()], 1));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_keeps_nobody_from_the_others() {
    let test = two().await;
    send(&test, 3).await;
    let first = "rowid = (SELECT MIN(rowid) FROM agent_service_comm_messages)";
    test.sql(&format!("UPDATE agent_service_comm_messages SET status = 'SOMEHOW' WHERE {first}"))
        .await;
    assert!(deliver(&test.app).await.unwrap());
    assert_eq!(told(&test).await, 2);
    assert!(!deliver(&test.app).await.unwrap(), "it is put off");
    // Once somebody has mended it, it is delivered like any other.
    test.sql(&format!("UPDATE agent_service_comm_messages SET status = 'PENDING' WHERE {first}"))
        .await;
    test.clock.advance(PUT_OFF_SECONDS + 1);
    deliver(&test.app).await.unwrap();
    assert_eq!(statuses(&test).await, ["delivered"; 3]);
}

#[tokio::test]
async fn two_processes_deliver_each_message_once() {
    for [one, other] in TestApp::pairs().await {
        for agent in ["a", "b"] {
            ask(&one, "POST", "agents", Some(json!({"agent_id": agent}))).await;
        }
        ask(&one, "PUT", "agents/a/contacts/b", None).await;
        send(&one, 90).await;
        // Each has a clock of its own.
        other.clock.advance(60);
        let work = async |test: &TestApp| while deliver(&test.app).await.unwrap() {};
        tokio::join!(work(&one), work(&other));
        assert_eq!(statuses(&one).await, ["delivered"; 90]);
        assert_eq!(told(&one).await, 90);
        assert_eq!(ask(&one, "GET", "agents/b/statistics", None).await["messages_received"], 90);
    }
}

#[tokio::test]
async fn who_is_away_gets_it_when_they_are_back() {
    let test = two().await;
    send(&test, 1).await;
    ask(&test, "DELETE", "agents/b", None).await;
    assert!(deliver(&test.app).await.unwrap());
    assert!(!deliver(&test.app).await.unwrap(), "not before its time");
    let listed = ask(&test, "GET", "agents/a/messages", None).await;
    assert_eq!((&listed[0]["attempts"], &listed[0]["status"]), (&json!(1), &json!("pending")));
    assert_eq!(listed[0]["problem"], "the recipient is not authorised");
    ask(&test, "POST", "agents", Some(json!({"agent_id": "b"}))).await;
    test.clock.advance(2);
    assert!(deliver(&test.app).await.unwrap());
    assert_eq!(statuses(&test).await, ["delivered"]);
    assert_eq!(
        ask(&test, "GET", "agents/b/messages/unread", None).await[0]["problem"],
        Value::Null
    );
    assert_eq!(ask(&test, "GET", "agents/b/messages", None).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_waits_for_too_long_expires_and_goes() {
    let test = two().await;
    send(&test, 1).await;
    test.clock.advance(86_401);
    // It is not removed before its sender was told.
    assert!(tidy(&test.app).await.unwrap());
    assert_eq!(statuses(&test).await, ["pending"]);
    deliver(&test.app).await.unwrap();
    assert_eq!(statuses(&test).await, ["expired"]);
    let figures = ask(&test, "GET", "agents/a/statistics", None).await;
    assert_eq!(figures["delivery_rate"], 0.0);
    test.clock.advance(86_401);
    tidy(&test.app).await.unwrap();
    assert_eq!(statuses(&test).await, [""; 0]);
    let dump = test.app.store.dump().await;
    assert!(!dump.iter().any(|row| row.starts_with("agent_service_comm_contents")), "{dump:?}");
}

#[tokio::test]
async fn old_messages_and_events_go_and_no_sequence_comes_twice() {
    let test = two().await;
    send(&test, 2).await;
    deliver(&test.app).await.unwrap();
    test.clock.advance(3 * 86_400);
    tidy(&test.app).await.unwrap();
    assert_eq!((statuses(&test).await, told(&test).await), (Vec::new(), 1));
    send(&test, 1).await;
    deliver(&test.app).await.unwrap();
    let told = test.app.store.event_list("b", 0, 10).await.unwrap();
    assert_eq!(told.iter().map(events::sequence).collect::<Vec<_>>(), [2, 3]);
}
