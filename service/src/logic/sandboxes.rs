//! Sandboxes: what each security level allows, and what a workflow may ask for besides. A description only: nothing here
//! confines anything.

use serde_json::{Map, Value, json};

use super::audit::Event;
use super::overrides;
use crate::python::{number, time::Stamp};
use crate::tables::security::{AuditEventType, Sandbox, SecurityLevel};
use crate::tables::{Cell, Engine, Json};
use crate::validation::coerce::{self, Refusal};
use crate::validation::{Place, Problem};

/// What a level allows. Each list grows with the level; the numbers say how far.
struct Preset {
    kind: &'static str,
    cores: f64,
    memory_mib: i64,
    disk_mib: i64,
    network: bool,
    seconds: i64,
    idle_seconds: i64,
    logs_commands: bool,
    allowed_commands: usize,
    blocked_commands: usize,
    allowed_paths: usize,
    blocked_paths: usize,
    allowed_domains: usize,
    blocked_domains: usize,
    allowed_ports: usize,
}

const ALLOWED_COMMANDS: [&str; 7] = ["python", "node", "java", "curl", "wget", "git", "docker"];
const BLOCKED_COMMANDS: [&str; 7] =
    ["rm", "sudo", "chmod", "chown", "iptables", "systemctl", "systemd"];
const ALLOWED_PATHS: [&str; 5] = ["/tmp", "/workspace", "/app", "/data", "/shared"];
const BLOCKED_PATHS: [&str; 7] = ["/etc", "/root", "/home", "/var", "/sys", "/proc", "/boot"];
const ALLOWED_DOMAINS: [&str; 4] =
    ["*.internal.com", "*.api.internal", "*.trusted.com", "*.partner.com"];
const BLOCKED_DOMAINS: [&str; 3] = ["malicious.com", "*.suspicious.net", "*.evil.org"];
const ALLOWED_PORTS: [u16; 15] =
    [80, 443, 8000, 8001, 8002, 8003, 8010, 8011, 8012, 8013, 8014, 8015, 8016, 22, 25];

const fn preset(level: SecurityLevel) -> Preset {
    match level {
        SecurityLevel::Public => Preset {
            kind: "process",
            cores: 1.0,
            memory_mib: 1024,
            disk_mib: 10_240,
            network: false,
            seconds: 3600,
            idle_seconds: 300,
            logs_commands: false,
            allowed_commands: 3,
            blocked_commands: 4,
            allowed_paths: 2,
            blocked_paths: 3,
            allowed_domains: 0,
            blocked_domains: 0,
            allowed_ports: 0,
        },
        SecurityLevel::Internal => Preset {
            kind: "docker",
            cores: 2.0,
            memory_mib: 2048,
            disk_mib: 20_480,
            network: true,
            seconds: 7200,
            idle_seconds: 600,
            logs_commands: true,
            allowed_commands: 5,
            blocked_commands: 5,
            allowed_paths: 3,
            blocked_paths: 4,
            allowed_domains: 2,
            blocked_domains: 2,
            allowed_ports: 13,
        },
        SecurityLevel::Confidential => Preset {
            kind: "docker",
            cores: 4.0,
            memory_mib: 4096,
            disk_mib: 40_960,
            network: true,
            seconds: 14_400,
            idle_seconds: 1800,
            logs_commands: true,
            allowed_commands: 6,
            blocked_commands: 6,
            allowed_paths: 4,
            blocked_paths: 6,
            allowed_domains: 3,
            blocked_domains: 3,
            allowed_ports: 13,
        },
        SecurityLevel::Restricted => Preset {
            kind: "vm",
            cores: 8.0,
            memory_mib: 8192,
            disk_mib: 81_920,
            network: true,
            seconds: 28_800,
            idle_seconds: 3600,
            logs_commands: true,
            allowed_commands: 7,
            blocked_commands: 7,
            allowed_paths: 5,
            blocked_paths: 7,
            allowed_domains: 4,
            blocked_domains: 3,
            allowed_ports: 15,
        },
    }
}

/// The id of an execution's sandbox.
pub fn id(execution_id: &str) -> String {
    format!("sandbox_{execution_id}")
}

/// What is said where there is none.
pub fn missing(execution_id: &str) -> String {
    format!("Sandbox not found for execution {execution_id}")
}

/// The sandbox of an execution at a level, with what its workflow asks for.
pub fn new(
    execution_id: &str,
    level: SecurityLevel,
    wishes: &Map<String, Value>,
    now: Stamp,
    engine: Engine,
) -> Result<Vec<Cell>, Vec<Problem>> {
    let row = row(execution_id, level, now);
    let granted = granted(&row, wishes)?;
    overrides::created(&row, &granted, engine)
}

fn row(execution_id: &str, level: SecurityLevel, now: Stamp) -> Sandbox {
    let preset = preset(level);
    Sandbox {
        id: id(execution_id),
        sandbox_type: preset.kind.to_owned(),
        security_level: level,
        cpu_limit: preset.cores.into(),
        memory_limit: preset.memory_mib.into(),
        disk_limit: preset.disk_mib.into(),
        network_access: preset.network,
        allowed_commands: Some(first(&ALLOWED_COMMANDS, preset.allowed_commands)),
        blocked_commands: Some(first(&BLOCKED_COMMANDS, preset.blocked_commands)),
        allowed_file_paths: Some(first(&ALLOWED_PATHS, preset.allowed_paths)),
        blocked_file_paths: Some(first(&BLOCKED_PATHS, preset.blocked_paths)),
        allowed_domains: Some(first(&ALLOWED_DOMAINS, preset.allowed_domains)),
        blocked_domains: Some(first(&BLOCKED_DOMAINS, preset.blocked_domains)),
        allowed_ports: Some(first(&ALLOWED_PORTS, preset.allowed_ports)),
        max_execution_time: preset.seconds.into(),
        idle_timeout: preset.idle_seconds.into(),
        enable_monitoring: true,
        log_all_commands: preset.logs_commands,
        log_file_access: true,
        log_network_access: true,
        is_active: true,
        created_at: now,
        updated_at: now,
    }
}

fn first<T: Clone + Into<Value>>(list: &[T], count: usize) -> Json {
    Json(list.iter().take(count).cloned().map(Into::into).collect())
}

/// What of the wishes counts, column by column: more of a resource, less time, further commands, network.
fn granted(row: &Sandbox, wishes: &Map<String, Value>) -> Result<Map<String, Value>, Vec<Problem>> {
    use crate::tables::Record as _;
    let preset = row.to_json();
    let body = Place::root("body");
    let (mut granted, mut problems) = (Map::new(), Vec::new());
    for (wish, column, decide) in WISHES {
        let Some(wished) = wishes.get(wish) else { continue };
        match decide(preset.get(column).unwrap_or(&Value::Null), wished) {
            Ok(value) => drop(granted.insert(column.to_owned(), value)),
            Err(refusal) => {
                problems.push(body.within(wish).problem(refusal.code, refusal.message));
            }
        }
    }
    if problems.is_empty() { Ok(granted) } else { Err(problems) }
}

/// What a wish makes of what the level allows.
type Decide = fn(&Value, &Value) -> Result<Value, Refusal>;

/// The wishes that count, with their columns.
const WISHES: [(&str, &str, Decide); 7] = [
    ("cpu_cores", "cpu_limit", larger),
    ("memory_mb", "memory_limit", larger),
    ("disk_mb", "disk_limit", larger),
    ("max_execution_time", "max_execution_time", smaller),
    ("allowed_commands", "allowed_commands", longer),
    ("blocked_commands", "blocked_commands", longer),
    ("network_access", "network_access", either),
];

fn larger(allowed: &Value, wished: &Value) -> Result<Value, Refusal> {
    let (found, limit) = (number(wished)?, allowed.as_f64().unwrap_or_default());
    Ok(if found > limit { wished.clone() } else { allowed.clone() })
}

fn smaller(allowed: &Value, wished: &Value) -> Result<Value, Refusal> {
    let (found, limit) = (number(wished)?, allowed.as_f64().unwrap_or_default());
    Ok(if found < limit { wished.clone() } else { allowed.clone() })
}

/// Numbers, and the two truth values that are numbers to Python; no text that spells one.
fn number(wished: &Value) -> Result<f64, Refusal> {
    match wished {
        Value::Bool(_) => coerce::number(wished),
        _ => number::as_f64(wished)
            .ok_or_else(|| Refusal::new("float_type", "Input should be a valid number")),
    }
}

/// The list with what Python would append to it: of a text its characters, of an object its keys.
fn longer(allowed: &Value, wished: &Value) -> Result<Value, Refusal> {
    let mut list = allowed.as_array().cloned().unwrap_or_default();
    match wished {
        Value::Array(items) => list.extend(items.iter().cloned()),
        Value::String(text) => list.extend(text.chars().map(|c| Value::from(c.to_string()))),
        Value::Object(map) if number::held(wished).is_none() => {
            list.extend(map.keys().map(|key| Value::from(key.as_str())));
        }
        _ => return Err(Refusal::new("list_type", "Input should be a valid list")),
    }
    Ok(Value::Array(list))
}

fn either(allowed: &Value, wished: &Value) -> Result<Value, Refusal> {
    match wished {
        _ if *allowed == Value::Bool(true) => Ok(Value::Bool(true)),
        Value::Null => Ok(Value::Bool(false)),
        Value::Bool(_) | Value::Number(_) => coerce::boolean(wished).map(Value::Bool),
        _ => Err(Refusal::new("bool_type", "Input should be a valid boolean")),
    }
}

/// What is known of a running sandbox, which is nothing: no runtime is attached, and the answer says so.
pub fn monitored(execution_id: &str, sandbox: &Sandbox) -> Value {
    json!({
        "execution_id": execution_id,
        "sandbox_type": sandbox.sandbox_type,
        "security_level": sandbox.security_level.word(),
        "resource_usage": {"cpu_percent": 0.0, "memory_mb": 0, "disk_mb": 0},
        "security_events": [],
        "command_count": 0,
        "file_access_count": 0,
        "network_access_count": 0,
        "status": "configured",
        "note": "Monitoring requires sandbox runtime integration",
    })
}

/// A sandbox was described for an execution.
pub fn created(execution_id: &str, sandbox: &Sandbox, user: String) -> Event {
    let event = Event {
        execution_id: Some(execution_id.to_owned()),
        user_id: Some(user),
        ..Event::of(AuditEventType::ExecutionStarted, sandbox.security_level)
    };
    event.data(json!({
        "sandbox_id": sandbox.id,
        "sandbox_type": sandbox.sandbox_type,
        "security_level": sandbox.security_level.word(),
    }))
}

/// A sandbox was asked to be cleaned up, if there is one.
pub fn cleaned_up(execution_id: &str, success: bool, user: String) -> Event {
    let event_type =
        if success { AuditEventType::ExecutionCompleted } else { AuditEventType::ExecutionFailed };
    let event = Event {
        execution_id: Some(execution_id.to_owned()),
        user_id: Some(user),
        ..Event::of(event_type, SecurityLevel::Public)
    };
    event.data(json!({"sandbox_cleanup_success": success}))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tables::Record as _;

    fn sandbox(level: SecurityLevel, wishes: &Value) -> Result<Value, Vec<(String, &'static str)>> {
        let now = Stamp::parse("2026-11-22").unwrap();
        new("exec_1", level, wishes.as_object().unwrap(), now, Engine::Sqlite)
            .map(|cells| Sandbox::from_cells(cells).unwrap().to_json())
            .map_err(|problems| problems.into_iter().map(|p| (p.field, p.code)).collect())
    }

    #[test]
    fn each_level_allows_more_than_the_one_before() {
        let lists = |level| {
            let sandbox = sandbox(level, &json!({})).unwrap();
            let lists = [
                "allowed_commands",
                "blocked_file_paths",
                "allowed_domains",
                "blocked_domains",
                "allowed_ports",
            ];
            lists.map(|list| sandbox[list].as_array().unwrap().len())
        };
        assert_eq!(lists(SecurityLevel::Public), [3, 3, 0, 0, 0]);
        assert_eq!(lists(SecurityLevel::Internal), [5, 4, 2, 2, 13]);
        assert_eq!(lists(SecurityLevel::Confidential), [6, 6, 3, 3, 13]);
        assert_eq!(lists(SecurityLevel::Restricted), [7, 7, 4, 3, 15]);
        let restricted = sandbox(SecurityLevel::Restricted, &json!({})).unwrap();
        assert_eq!(restricted["id"], "sandbox_exec_1");
        assert_eq!(restricted["allowed_ports"].as_array().unwrap()[13..], [json!(22), json!(25)]);
        assert_eq!(restricted["blocked_commands"][6], "systemd");
    }

    #[test]
    fn wishes_of_the_contract() {
        let wishes = json!({
            "cpu_cores": 6, "memory_mb": 1, "disk_mb": 99999, "max_execution_time": 30,
            "allowed_commands": ["cargo"], "blocked_commands": ["dd"], "network_access": true, "ignored": 1,
        });
        let found = sandbox(SecurityLevel::Internal, &wishes).unwrap();
        assert_eq!(
            (
                &found["cpu_limit"],
                &found["memory_limit"],
                &found["disk_limit"],
                &found["max_execution_time"]
            ),
            (&json!(6.0), &json!(2048), &json!(99999), &json!(30))
        );
        assert_eq!(found["allowed_commands"][5], "cargo");
        assert_eq!(found["blocked_commands"][5], "dd");
        let wishes =
            json!({"network_access": 1, "max_execution_time": 999_999, "allowed_commands": "ab"});
        let found = sandbox(SecurityLevel::Public, &wishes).unwrap();
        assert_eq!(
            (&found["network_access"], &found["max_execution_time"]),
            (&json!(true), &json!(3600))
        );
        assert_eq!(found["allowed_commands"], json!(["python", "node", "java", "a", "b"]));
    }

    #[test]
    fn wishes_that_make_no_sense_are_all_told() {
        let wishes = json!({"cpu_cores": "many", "disk_mb": null, "allowed_commands": 5, "network_access": "yes"});
        let problems = sandbox(SecurityLevel::Public, &wishes).unwrap_err();
        let told: Vec<String> =
            problems.iter().map(|(field, code)| format!("{field} {code}")).collect();
        assert_eq!(
            told,
            [
                "body.cpu_cores float_type",
                "body.disk_mb float_type",
                "body.allowed_commands list_type",
                "body.network_access bool_type"
            ]
        );
        // A level that has the network anyway does not look at the wish.
        assert!(sandbox(SecurityLevel::Internal, &json!({"network_access": "yes"})).is_ok());
    }

    proptest! {
        #[test]
        fn wishes_raise_resources_and_lower_time(cores in 0_i64..64, memory in 0_i64..1_000_000, seconds in 1_i64..100_000, level in 0..4_usize) {
            let level = SecurityLevel::ALL[level];
            let plain = sandbox(level, &json!({})).unwrap();
            let wishes = json!({"cpu_cores": cores, "memory_mb": memory, "max_execution_time": seconds});
            let found = sandbox(level, &wishes).unwrap();
            let of = |row: &Value, column: &str| row[column].as_f64().unwrap();
            prop_assert!(of(&found, "cpu_limit") >= of(&plain, "cpu_limit"));
            prop_assert!(of(&found, "memory_limit") >= of(&plain, "memory_limit"));
            prop_assert!(of(&found, "max_execution_time") <= of(&plain, "max_execution_time"));
            prop_assert_eq!(&found["idle_timeout"], &plain["idle_timeout"]);
        }
    }
}
