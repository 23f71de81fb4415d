//! Networks: an answer made from the request alone; nothing is stored.

use serde_json::{Map, Value, json};

use super::Denied;
use crate::python::{time::Stamp, value::is_truthy};

/// The network that a request describes. Names and agents may be of any type, as long as Python calls them true.
pub fn form(request: &Map<String, Value>, owner: &str, now: Stamp) -> Result<Value, Denied> {
    let name = request.get("name").filter(|name| is_truthy(name));
    let name = name.ok_or(Denied::Refused("Network name is required"))?;
    let agents = request.get("agents").filter(|agents| is_truthy(agents));
    let agents = agents.ok_or(Denied::Refused("Agent list is required"))?;
    let or = |key: &str, default: &str| request.get(key).cloned().unwrap_or_else(|| default.into());
    Ok(json!({
        "id": format!("network_{}", now.compact()),
        "name": name,
        "description": or("description", ""),
        "agents": agents,
        "coordination_strategy": or("coordination", "centralized"),
        "status": "active",
        "created_at": now.aware(),
        "owner_id": owner,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(request: &Value) -> Result<Value, String> {
        let now = Stamp::parse("2026-11-22 11:45:34.623749").unwrap();
        form(request.as_object().unwrap(), "alice", now).map_err(|denied| denied.to_string())
    }

    #[test]
    fn a_network_says_what_was_asked() {
        let network =
            ask(&json!({"name": 5, "agents": "abc", "description": null, "extra": 1})).unwrap();
        assert_eq!(
            network,
            json!({
                "id": "network_20261122_114534", "name": 5, "description": null, "agents": "abc",
                "coordination_strategy": "centralized", "status": "active",
                "created_at": "2026-11-22T11:45:34.623749+00:00", "owner_id": "alice",
            })
        );
    }

    #[test]
    fn the_name_is_asked_for_first() {
        for request in [json!({}), json!({"name": ""}), json!({"name": 0, "agents": [1]})] {
            assert_eq!(ask(&request).unwrap_err(), "Network name is required");
        }
        for request in [
            json!({"name": "n"}),
            json!({"name": "n", "agents": []}),
            json!({"name": "n", "agents": {}}),
        ] {
            assert_eq!(ask(&request).unwrap_err(), "Agent list is required");
        }
    }
}
