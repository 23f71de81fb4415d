//! Channels over HTTP: one for each two, groups, broadcasts, and who changes them.

use serde_json::{Value, json};

use super::{agents, authorize, deliver, get, post, put, send};
use crate::courier;
use crate::testing::{Answer, TestApp};

async fn open(test: &TestApp, kind: &str, participants: &[&str]) -> Answer {
    let body = json!({"creator": "a1", "participants": participants, "channel_type": kind});
    post(test, "alice", "channels", body).await
}

/// a1 may write to a2 as well.
async fn friends() -> TestApp {
    let test = agents().await;
    put(&test, "alice", "a1/contacts/a2").await;
    test
}

#[tokio::test]
async fn two_agents_have_one_direct_channel_and_messages_count_in_it() {
    let test = agents().await;
    let opened = open(&test, "direct", &["b1"]).await.json();
    assert_eq!(
        (&opened["message_count"], &opened["participants"]),
        (&json!(0), &json!(["a1", "b1"]))
    );
    send(&test, "alice", "a1", json!({"recipient": "b1", "content": "1"})).await;
    send(&test, "bob", "b1", json!({"recipient": "a1", "content": "2"})).await;
    let again = open(&test, "direct", &["b1"]).await.json();
    assert_eq!((&again["id"], &again["message_count"]), (&opened["id"], &json!(2)));
    assert_eq!(get(&test, "bob", "agents/b1/channels").await, json!([again]));
    let path = format!("/communication/channels/{}", opened["id"].as_str().unwrap());
    assert_eq!(test.ask("mallory", "GET", &path, None).await.status.as_u16(), 403);
}

#[tokio::test]
async fn many_first_messages_at_once_make_one_channel() {
    let test = agents().await;
    let body = || json!({"recipient": "b1", "content": "x"});
    futures::future::join_all((0..10).map(|_| send(&test, "alice", "a1", body()))).await;
    let channels = get(&test, "alice", "agents/a1/channels").await;
    assert_eq!(channels.as_array().unwrap().len(), 1);
    assert_eq!(channels[0]["message_count"], 10);
}

#[tokio::test]
async fn a_group_gets_what_one_of_it_writes() {
    let test = friends().await;
    let group = open(&test, "group", &["b1", "a2", "b1"]).await.json();
    assert_eq!(group["participants"], json!(["a1", "a2", "b1"]));
    let path = format!("channels/{}/messages", group["id"].as_str().unwrap());
    let posted = post(&test, "alice", &path, json!({"sender": "a1", "content": "all"})).await;
    assert_eq!(posted.status.as_u16(), 201);
    let posted = posted.json();
    let sent = posted["messages"].as_array().unwrap();
    let recipients: Vec<&str> = sent.iter().map(|m| m["recipient"].as_str().unwrap()).collect();
    assert_eq!((recipients, &posted["skipped"]), (vec!["a2", "b1"], &json!([])));
    // b1 may write to a1 only.
    let posted = post(&test, "bob", &path, json!({"sender": "b1", "content": "back"})).await.json();
    assert_eq!(
        (&posted["messages"][0]["recipient"], &posted["skipped"]),
        (&json!("a1"), &json!(["a2"]))
    );
    deliver(&test).await;
    assert_eq!(get(&test, "alice", "agents/a2/messages/unread").await.as_array().unwrap().len(), 1);
    authorize(&test, "mallory", "m1").await;
    let outside = post(&test, "mallory", &path, json!({"sender": "m1", "content": "x"})).await;
    assert_eq!(outside.status.as_u16(), 403);
}

#[tokio::test]
async fn only_its_maker_broadcasts() {
    let test = friends().await;
    let channel = open(&test, "broadcast", &["b1", "a2"]).await.json();
    let path = format!("channels/{}/messages", channel["id"].as_str().unwrap());
    let status = async |caller: &str, sender: &str| {
        post(&test, caller, &path, json!({"sender": sender, "content": "x"})).await.status.as_u16()
    };
    assert_eq!((status("alice", "a1").await, status("bob", "b1").await), (201, 403));
}

#[tokio::test]
async fn channels_are_opened_with_whom_one_may_write_to() {
    let test = agents().await;
    assert_eq!(open(&test, "group", &["b1", "a2"]).await.status.as_u16(), 403);
    assert_eq!(open(&test, "group", &["a1"]).await.status.as_u16(), 400);
    assert_eq!(open(&test, "private", &["b1", "a2"]).await.status.as_u16(), 400);
    assert_eq!(open(&test, "group", &[]).await.status.as_u16(), 422);
    assert_eq!(open(&test, "private", &["b1"]).await.status.as_u16(), 200);
}

#[tokio::test]
async fn members_come_with_the_maker_and_go_as_they_like() {
    let test = friends().await;
    let group = open(&test, "group", &["b1"]).await.json();
    let path = |agent: &str| {
        format!("/communication/channels/{}/participants/{agent}", group["id"].as_str().unwrap())
    };
    assert_eq!(test.ask("bob", "PUT", &path("a2"), None).await.status.as_u16(), 403);
    let added = test.ask("alice", "PUT", &path("a2"), None).await.json();
    assert_eq!(added["participants"], json!(["a1", "b1", "a2"]));
    assert_eq!(test.ask("bob", "DELETE", &path("a2"), None).await.status.as_u16(), 403);
    let left = test.ask("bob", "DELETE", &path("b1"), None).await.json();
    assert_eq!(left["participants"], json!(["a1", "a2"]));
    assert_eq!(test.ask("alice", "DELETE", &path("b1"), None).await.status.as_u16(), 404);
    let direct = open(&test, "direct", &["b1"]).await.json();
    let path =
        format!("/communication/channels/{}/participants/b1", direct["id"].as_str().unwrap());
    assert_eq!(test.ask("alice", "DELETE", &path, None).await.status.as_u16(), 409);
}

#[tokio::test]
async fn a_channel_that_nobody_uses_ends_and_is_later_removed() {
    let test = agents().await;
    let old = open(&test, "direct", &["b1"]).await.json();
    let path = format!("channels/{}", old["id"].as_str().unwrap());
    test.clock.advance(2_592_000 - 60);
    courier::tidy(&test.app).await.unwrap();
    assert_eq!(get(&test, "alice", &path).await["is_active"], true);
    test.clock.advance(120);
    courier::tidy(&test.app).await.unwrap();
    assert_eq!(get(&test, "alice", &path).await["is_active"], false);
    assert_eq!(get(&test, "alice", "agents/a1/statistics").await["active_channels"], 0);
    let new = open(&test, "direct", &["b1"]).await.json();
    assert_ne!(new["id"], old["id"]);
    test.clock.advance(2_592_000 - 60);
    courier::tidy(&test.app).await.unwrap();
    let listed = get(&test, "alice", "agents/a1/channels").await;
    let ids: Vec<&Value> = listed.as_array().unwrap().iter().map(|c| &c["id"]).collect();
    assert_eq!(ids, [&new["id"]]);
}
