//! Agents that write to each other, and bodies that name them.

use serde_json::{Value, json};

use super::seeds::created;
use crate::courier;
use crate::testing::TestApp;

/// Agents of alice's that write to each other: a message that was delivered, a group and a template.
pub(super) async fn sow(test: &TestApp) -> [String; 3] {
    for agent in ["text", "t2", "t3"] {
        let body = json!({"agent_id": agent});
        test.ask("alice", "POST", "/communication/agents", Some(body)).await;
        let path = format!("/communication/agents/text/contacts/{agent}");
        test.ask("alice", "PUT", &path, None).await;
    }
    let path = "/communication/agents/text/messages";
    let message = created(test, path, "id", json!({"recipient": "t3", "content": "c"})).await;
    test.app.courier_bell.heard().await;
    courier::deliver(&test.app).await.unwrap();
    let group = json!({"creator": "text", "participants": ["t2", "t3"], "channel_type": "group"});
    let channel = created(test, "/communication/channels", "id", group).await;
    let template = json!({"creator": "text", "name": "n", "content_template": "c"});
    let template = created(test, "/communication/templates", "id", template).await;
    [message, channel, template]
}

/// An export of an agent that alice has, which everything is put back from.
pub(super) async fn exported() -> Value {
    let test = TestApp::new().await;
    sow(&test).await;
    test.ask("alice", "GET", "/communication/agents/text/export", None).await.json()
}

/// What a write about them sends otherwise than its example.
pub(super) fn adapt(path: &str, body: &mut Option<Value>, export: &Value) {
    if path.ends_with("/communication/agents") {
        *body = Some(json!({"agent_id": "new"}));
    }
    if path.ends_with("/import") {
        *body = Some(export.clone());
    }
    if !path.contains("/communication/") {
        return;
    }
    // Nobody writes to themselves.
    for (name, other) in [
        ("creator", json!("text")),
        ("recipient", json!("t2")),
        ("sender", json!("text")),
        ("participants", json!(["t2"])),
    ] {
        if let Some(field) = body.as_mut().and_then(|body| body.get_mut(name)) {
            *field = other;
        }
    }
}
