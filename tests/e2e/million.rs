//! Lists of a database with a million executions, without and with the optional indexes.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use e2e::Stack;

use crate::{BINARIES, stack};

/// How often each list is asked for, and how long at most.
const TIMES: usize = 100;
const LONGEST: Duration = Duration::from_secs(3);

/// How long a list may take where the indexes are there, in an optimised build.
const PROMISED: Duration = Duration::from_millis(20);

/// Rows written by one statement.
const AT_ONCE: usize = 200_000;

/// The rows, as one million of executions would leave them: `crowd` has many workflows with some executions each, `heavy` one
/// workflow with half of all, `alice` a bit of both. `n` has the numbers `i` of so many rows.
const ROWS: &[(usize, &str)] = &[
    (10_000, "INSERT INTO ai_agent_workflows
     SELECT printf('agent_%06d', i),
            CASE WHEN i = 0 THEN 'heavy' WHEN i < 101 THEN 'alice' WHEN i < 5101 THEN 'crowd' ELSE 'user-' || (i % 500) END,
            'workflow ' || i, '', '{\"a\": {}}', '{}', 3600, 0.0, 1, 'BASIC', '[\"t\"]', '1.0.0', i % 200 = 7,
            '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000' FROM n"),
    (1_000_000, "INSERT INTO agent_executions
     SELECT printf('exec_%07d', i), printf('agent_%06d', CASE WHEN i % 2 = 0 THEN 0 WHEN i % 10 = 1 THEN 1 + (i / 10) % 100 ELSE i % 9900 + 100 END),
            'client-' || (i % 50),
            CASE WHEN i % 1000 = 3 THEN 'FAILED' WHEN i % 5000 = 4 THEN 'CANCELLED' ELSE 'COMPLETED' END, 1,
            '{\"a\": {\"status\": \"completed\", \"output_data\": {\"prediction\": \"simulated_result\", \"confidence\": 0.95}}}',
            '{\"step_results\": {}}', 'null', 'null', NULL, NULL, stamp, stamp, 0.1, 0.0, 1, 1, stamp, stamp
     FROM (SELECT i, strftime('%Y-%m-%d %H:%M:%S', 1767225600 + i, 'unixepoch') || printf('.%06d', i % 1000000) AS stamp FROM n)"),
    (1_000_000, "INSERT INTO agent_audit_logs
     SELECT printf('audit_%07d', i),
            CASE WHEN i % 10000 = 1 THEN 'SECURITY_VIOLATION' WHEN i % 2 THEN 'EXECUTION_STARTED' ELSE 'EXECUTION_COMPLETED' END,
            stamp, printf('agent_%06d', i % 10000), printf('exec_%07d', i), NULL, 'user-' || (i % 20),
            CASE WHEN i % 7 THEN 'INTERNAL' ELSE 'PUBLIC' END, NULL, NULL, '{\"deployment_id\": \"d\"}', 'null', 'null',
            CASE WHEN i % 10000 = 1 THEN 100 ELSE 3 END, i % 10000 = 1, NULL, NULL, NULL, stamp
     FROM (SELECT i, strftime('%Y-%m-%d %H:%M:%S', 1767225600 + i, 'unixepoch') || printf('.%06d', i % 1000000) AS stamp FROM n)"),
    (100_000, "INSERT INTO agent_trust_scores
     SELECT printf('trust_%06d', i), CASE WHEN i % 10 THEN 'agent' ELSE 'user' END, 'entity-' || i, i * 7919 % 100000 / 1000.0, 50.0,
            1, 1, 0, 100.0, 0, 0, 0, NULL, NULL, NULL, '[]', '[]', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000' FROM n"),
];

/// Rows that the service itself makes, and that are then copied: table, key columns, how many.
const COPIES: &[(&str, &[&str], u32)] = &[
    ("resource_allocations", &["id", "allocation_id"], 100_000),
    ("performance_optimizations", &["id", "optimization_id"], 100_000),
    ("agent_capabilities", &["id", "capability_id"], 100_000),
    ("meta_learning_models", &["id", "model_id"], 100_000),
];

/// Who asks for which list.
const LISTS: &[(&str, &str)] = &[
    ("alice", "/workflows"),
    ("alice", "/executions"),
    ("alice", "/executions?status=failed"),
    ("alice", "/executions?status=running"),
    ("alice", "/executions?limit=100&offset=1000"),
    ("heavy", "/executions"),
    ("heavy", "/executions?status=cancelled"),
    ("heavy", "/executions?workflow_id=agent_000000"),
    ("heavy", "/executions?workflow_id=agent_000000&status=cancelled"),
    ("crowd", "/executions"),
    ("crowd", "/executions?status=failed"),
    ("nobody", "/executions"),
    ("alice", "/executions/exec_0000011/logs"),
    ("alice", "/security/audit-logs"),
    ("alice", "/security/audit-logs?event_type=execution_started"),
    ("alice", "/security/audit-logs?event_type=security_violation"),
    ("alice", "/security/audit-logs?workflow_id=agent_000001"),
    ("alice", "/security/audit-logs?user_id=user-3"),
    ("alice", "/security/audit-logs?security_level=public"),
    ("alice", "/security/audit-logs?requires_investigation=true"),
    ("alice", "/security/trust-scores"),
    ("alice", "/security/trust-scores?entity_type=user"),
    ("alice", "/performance/resources/a"),
    ("alice", "/performance/optimization/a"),
    ("alice", "/performance/capabilities/a"),
    ("alice", "/performance/meta-learning/models"),
    ("alice", "/integration/deployments/configs"),
    ("alice", "/integration/deployments/instances"),
];

/// Half and nearly all of the requests for one list took no longer than this.
#[derive(Debug, Clone, Copy)]
struct Took {
    p50: Duration,
    p99: Duration,
}

#[tokio::test]
#[ignore = "takes minutes, a gigabyte, and the machine for itself: make million-rows"]
async fn a_million_executions_are_listed_at_once() {
    let stack =
        stack().new_backend(e2e::stack::Player::Service(Vec::new())).start_without_proxy().await;
    fill(&stack).await;
    let without = measure(&stack).await;
    let began = Instant::now();
    let mut migrate = tokio::process::Command::new(BINARIES.migrate);
    migrate.args(["schema", "apply", "--with-indexes", "--database", &stack.database.url()]);
    let made = migrate.output().await.unwrap();
    assert!(made.status.success(), "{made:?}");
    eprintln!("{}in {:.1} s", String::from_utf8_lossy(&made.stdout), began.elapsed().as_secs_f64());
    let with = measure(&stack).await;
    let mut table = String::new();
    writeln!(table, "{:<64} {:>18} {:>18}", "", "without indexes", "with indexes").unwrap();
    writeln!(table, "{:<64} {:>9} {:>8} {:>9} {:>8}", "milliseconds", "p50", "p99", "p50", "p99")
        .unwrap();
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    for (((who, path), without), with) in LISTS.iter().zip(&without).zip(&with) {
        let (a, b, c, d) = (without.p50, without.p99, with.p50, with.p99);
        let (a, b, c, d) = (millis(a), millis(b), millis(c), millis(d));
        writeln!(table, "{:<64} {a:>9.1} {b:>8.1} {c:>9.1} {d:>8.1}", format!("{who} {path}"))
            .unwrap();
    }
    let late = with.iter().filter(|took| took.p99 > PROMISED).count();
    eprintln!(
        "{table}{late} of {} lists took longer than {} ms",
        LISTS.len(),
        PROMISED.as_millis()
    );
}

async fn fill(stack: &Stack) {
    let began = Instant::now();
    for (count, rows) in ROWS {
        for first in (0..*count).step_by(AT_ONCE) {
            let last = (first + AT_ONCE).min(*count) - 1;
            let numbers = format!("SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}");
            stack.database.query(&format!("WITH RECURSIVE n (i) AS ({numbers}) {rows}"), &[]).await;
        }
    }
    let agent = r#"{"agent_id": "a", "task_requirements": {}, "target_metric": "accuracy", "current_performance": {"accuracy": 0.5},
                    "capability_name": "c", "capability_type": "t", "domain_area": "d", "skill_level": 5,
                    "model_name": "m", "base_algorithms": [], "meta_strategy": "meta_learning", "adaptation_targets": []}"#;
    for path in
        ["resources/allocate", "optimization/optimize", "capabilities", "meta-learning/models"]
    {
        let url = format!("{}/api/v1/agents/performance/{path}", stack.new.url());
        let request = stack.client.post(url).header("content-type", "application/json").body(agent);
        request.send().await.unwrap().error_for_status().unwrap();
    }
    for (table, keys, count) in COPIES {
        let columns = stack
            .database
            .query(&format!("SELECT name FROM pragma_table_info('{table}')"), &[])
            .await;
        let columns = columns.iter().map(|column| column[0].as_str().unwrap().to_owned());
        let copied = columns.map(|column| {
            if keys.contains(&column.as_str()) { format!("{column} || '-' || i") } else { column }
        });
        let copied = copied.collect::<Vec<_>>().join(", ");
        let sql = format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO {table} SELECT {copied} FROM {table}, n"
        );
        stack.database.query(&sql, &[]).await;
    }
    let size = std::fs::metadata(stack.database.path()).unwrap().len() >> 20;
    eprintln!("filled in {:.0} s: {size} MiB", began.elapsed().as_secs_f64());
}

/// How long each list takes, one request after the other.
async fn measure(stack: &Stack) -> Vec<Took> {
    let mut took = Vec::new();
    for (who, path) in LISTS {
        let url = format!("{}/api/v1/agents{path}", stack.new.url());
        let began = Instant::now();
        let mut times = Vec::new();
        while times.len() < 3 || (times.len() < TIMES && began.elapsed() < LONGEST) {
            let asked = Instant::now();
            let answer = stack.client.get(&url).header("x-api-key", *who).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{who} {path}");
            answer.bytes().await.unwrap();
            times.push(asked.elapsed());
        }
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100];
        took.push(Took { p50: at(50), p99: at(99) });
    }
    took
}
