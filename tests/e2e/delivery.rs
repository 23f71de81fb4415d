//! `kill -9` again and again while two thousand messages are delivered: each arrives once, and what waits keeps its count.

use std::time::Duration;

use e2e::stack::Player;
use e2e::{RouteSpec, Stack, wait};
use serde_json::{Value, json};

use crate::stack;

const RECIPIENTS: usize = 40;
const POSTS: usize = 50;
const MESSAGES: usize = RECIPIENTS * POSTS;
const KILLS: usize = 5;
/// A debug build on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(90);

/// Puts every message back to where it was before anybody delivered it, and forgets what was told and counted.
const UNDO: [&str; 3] = [
    "UPDATE agent_service_comm_messages SET status = 'PENDING', delivery_timestamp = NULL, unread_by = NULL, \
     due_at = timestamp, attempts = 0",
    "DELETE FROM agent_service_comm_events",
    "UPDATE agent_service_comm_statistics SET messages_received = 0, sent_delivered = 0",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_kills_while_two_thousand_messages_are_delivered() {
    let mut stack = stack()
        .new_backend(Player::Service(Vec::new()))
        .route(RouteSpec::new("agents", "/api/v1/agents/{*rest}"))
        .start_without_proxy()
        .await;
    send_all(&stack).await;
    let lost =
        ask(&stack, "POST", "agents/writer/messages", json!({"recipient": "away", "content": "x"}))
            .await;
    let lost = lost["id"].as_str().unwrap().to_owned();
    until(&stack, MESSAGES + 1, "agent_service_comm_messages WHERE status = 'DELIVERED'").await;
    ask(&stack, "DELETE", "agents/away", Value::Null).await;
    stack.new.program().process().kill();
    for statement in UNDO {
        stack.database.query(statement, &[]).await;
    }
    // One that was tried in vain before, and is due before all others.
    let tried = "UPDATE agent_service_comm_messages SET attempts = 3, due_at = '2026-01-01 00:00:00.000000' \
                 WHERE id = ?";
    stack.database.query(tried, &[&lost]).await;
    let mut tries = 4;
    for kill in 1..=KILLS {
        stack.new.program().restart().await;
        let so_far = MESSAGES * kill / (KILLS + 2);
        until(&stack, so_far, "agent_service_comm_messages WHERE status = 'DELIVERED'").await;
        stack.new.program().process().kill();
        let delivered = delivered_once(&stack).await;
        eprintln!("kill {kill}: {delivered} of {MESSAGES} messages were delivered");
        assert!(delivered < MESSAGES, "kill {kill} came late");
        let (status, so_far) = attempts(&stack, &lost).await;
        assert!(status == "PENDING" && so_far >= tries, "{status} {so_far}, after {tries}");
        tries = so_far;
    }
    stack.new.program().restart().await;
    until(&stack, MESSAGES, "agent_service_comm_messages WHERE status = 'DELIVERED'").await;
    assert_eq!(delivered_once(&stack).await, MESSAGES);
    gives_up(&stack, &lost, tries).await;
    read_one(&stack).await;
}

/// As many messages as there are, to everybody in one channel at a time.
async fn send_all(stack: &Stack) {
    let recipients: Vec<String> = (0..RECIPIENTS).map(|n| format!("reader-{n}")).collect();
    ask(stack, "POST", "agents", json!({"agent_id": "writer"})).await;
    for agent in recipients.iter().map(String::as_str).chain(["away"]) {
        ask(stack, "POST", "agents", json!({"agent_id": agent})).await;
        ask(stack, "PUT", &format!("agents/writer/contacts/{agent}"), Value::Null).await;
    }
    let all = json!({"creator": "writer", "participants": recipients, "channel_type": "broadcast"});
    let channel = ask(stack, "POST", "channels", all).await;
    let path = format!("channels/{}/messages", channel["id"].as_str().unwrap());
    for post in 0..POSTS {
        let letter = json!({"sender": "writer", "content": format!("post {post}")});
        let sent = ask(stack, "POST", &path, letter).await;
        assert_eq!(sent["messages"].as_array().unwrap().len(), RECIPIENTS);
    }
}

/// How many messages are delivered, each of them counted once and told once.
async fn delivered_once(stack: &Stack) -> usize {
    let sql = "SELECT (SELECT count(*) FROM agent_service_comm_messages WHERE status = 'DELIVERED'), \
               (SELECT count(*) FROM agent_service_comm_messages WHERE unread_by = recipient AND due_at IS NULL), \
               (SELECT count(*) FROM agent_service_comm_events), \
               (SELECT count(DISTINCT json_extract(data, '$.message_id')) FROM agent_service_comm_events), \
               (SELECT sum(messages_received) FROM agent_service_comm_statistics), \
               (SELECT sum(sent_delivered) FROM agent_service_comm_statistics)";
    let row = stack.database.query(sql, &[]).await.remove(0);
    let delivered = row[0].as_u64().unwrap();
    assert_eq!(
        row,
        vec![json!(delivered); row.len()],
        "in the list, told (each once), counted twice"
    );
    usize::try_from(delivered).unwrap()
}

/// Once its time is over, who sent it is told that it was lost, once.
async fn gives_up(stack: &Stack, lost: &str, tries: u64) {
    let over = "UPDATE agent_service_comm_messages SET due_at = timestamp, expires_at = timestamp WHERE id = ?";
    stack.database.query(over, &[lost]).await;
    until(stack, 1, "agent_service_comm_messages WHERE status = 'EXPIRED'").await;
    let (status, so_far) = attempts(stack, lost).await;
    assert!(status == "EXPIRED" && so_far >= tries, "{status} {so_far}, after {tries}");
    let told = "SELECT agent_id, event FROM agent_service_comm_events WHERE json_extract(data, '$.message_id') = ?";
    let told = stack.database.query(told, &[lost]).await;
    assert_eq!(told, [[json!("writer"), json!("message.expired")]]);
}

/// What was delivered across all of that opens.
async fn read_one(stack: &Stack) {
    let unread = ask(stack, "GET", "agents/reader-7/messages/unread?limit=100", Value::Null).await;
    assert_eq!(unread.as_array().unwrap().len(), POSTS);
    let path = format!("messages/{}/read", unread[3]["id"].as_str().unwrap());
    assert_eq!(ask(stack, "POST", &path, Value::Null).await["content"], "post 3");
}

async fn attempts(stack: &Stack, message: &str) -> (String, u64) {
    let sql = "SELECT status, attempts FROM agent_service_comm_messages WHERE id = ?";
    let row = stack.database.query(sql, &[message]).await.remove(0);
    (row[0].as_str().unwrap().to_owned(), row[1].as_u64().unwrap())
}

async fn until(stack: &Stack, count: usize, of: &str) {
    let sql = format!("SELECT count(*) FROM {of}");
    wait::until(&format!("{count} of {of}"), PATIENCE, async || {
        let rows = stack.database.query(&sql, &[]).await;
        (usize::try_from(rows[0][0].as_u64().unwrap()).unwrap() >= count).then_some(())
    })
    .await;
}

async fn ask(stack: &Stack, method: &str, path: &str, body: Value) -> Value {
    let url = format!("{}/api/v1/agents/communication/{path}", stack.new.url());
    let mut request =
        stack.client.request(method.parse().unwrap(), url).header("x-api-key", "alice");
    if !body.is_null() {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{method} {path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}
