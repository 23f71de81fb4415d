//! Lists of large databases: none is without end, and with the optional indexes none looks at rows that it does not show.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::rehearsals;
use crate::store::executions::{ExecutionFilter, Workflows};
use crate::tables::agents::{Execution, Status, Workflow};
use crate::tables::indexes::{EXECUTIONS_NEWEST, EXECUTIONS_NEWEST_BY_STATUS};
use crate::tables::{Record as _, Table, indexes};
use crate::testing::TestApp;

/// Every list of rows that grow with use, and each of its filters that may find much.
const LISTS: &[&str] = &[
    "/workflows",
    "/workflows?owner_id=alice",
    "/workflows?owner_id=alice&is_public=false",
    "/workflows?is_public=true",
    "/executions",
    "/executions?status=failed",
    "/executions?workflow_id=WORKFLOW",
    "/executions?workflow_id=WORKFLOW&status=failed&limit=10&offset=20",
    "/executions/EXECUTION/logs",
    "/security/audit-logs",
    "/security/audit-logs?event_type=workflow_created",
    "/security/audit-logs?workflow_id=w",
    "/security/audit-logs?user_id=u",
    "/security/audit-logs?security_level=public",
    "/security/audit-logs?requires_investigation=true",
    "/security/audit-logs?risk_score_min=10&risk_score_max=90",
    "/security/trust-scores",
    "/security/trust-scores?min_score=10",
    "/security/trust-scores?entity_type=agent",
    "/performance/resources/a",
    "/performance/resources/a?status=allocated",
    "/performance/optimization/a",
    "/performance/optimization/a?status=completed",
    "/performance/capabilities/a",
    "/performance/meta-learning/models",
    "/creativity/capabilities/a",
];

/// Lists whose rows are few and put in order at once: those of one execution, or of one user's learners or deployments.
const SORTED: &[&str] = &[
    "/learning/agents",
    "/security/audit-logs?execution_id=e",
    "/security/trust-scores?entity_id=a",
    "/integration/deployments/configs",
    "/integration/deployments/instances",
];

/// Lists of money: of own tables, whose indexes are always there, and of the monolith's, which has the right ones.
const OF_MONEY: &[&str] = &[
    "/portfolio/prices",
    "/portfolio/PORTFOLIO/trades",
    "/portfolio/PORTFOLIO/transfers",
    "/portfolio/PORTFOLIO/rebalances",
    "/portfolio/PORTFOLIO/snapshots",
    "/portfolio/PORTFOLIO/alerts",
    "/portfolio/PORTFOLIO/alerts?open=true",
    "/portfolio/PORTFOLIO/performance",
    "/marketplace/services",
    "/marketplace/services?status=active",
    "/marketplace/services?agent_id=founder&status=active",
    "/marketplace/requests",
    "/marketplace/requests?status=completed",
    "/marketplace/requests?role=provider",
    "/marketplace/requests?role=provider&status=completed",
    "/marketplace/requests?role=provider&service_id=s&status=completed",
    "/marketplace/guilds",
    "/marketplace/guilds?category=writing",
    "/marketplace/guilds/GUILD/members",
    "/marketplace/search",
    "/marketplace/search?service_type=writing&min_rating=4",
    "/portfolio/strategies",
    "/portfolio/strategies?is_active=true",
    "/portfolio/portfolios",
];

/// The lists for which the database goes through a whole table, or puts more rows in order than it shows; each with how.
async fn long_ways(test: &TestApp, workflow: &str, execution: &str) -> Vec<String> {
    let mut found = Vec::new();
    for path in LISTS.iter().chain(SORTED) {
        let may_sort = SORTED.contains(path)
            // Of an owner's executions, those that are shown are put together.
            || path.starts_with("/executions") && !path.contains("workflow_id");
        let asked = path.replace("WORKFLOW", workflow).replace("EXECUTION", execution);
        let sorts = if may_sort { usize::MAX } else { 0 };
        found.extend(long_way(test, &asked, sorts).await);
    }
    found
}

/// How the database goes a long way for a list, if it does: through a table, or by putting in order more than so many times.
async fn long_way(test: &TestApp, path: &str, most_sorts: usize) -> Option<String> {
    test.app.store.plans().await;
    let answer = test.ask("alice", "GET", path, None).await;
    assert_eq!(answer.status.as_u16(), 200, "{path}: {}", answer.text);
    let plans = test.app.store.plans().await;
    assert!(!plans.is_empty(), "{path}");
    // What was put together already is gone through; what is in the order of an index ends with the page.
    let goes_through = |step: &String| {
        step.starts_with("SCAN ") && !step.contains("USING") && step != "SCAN merged"
    };
    let sorts = plans.iter().filter(|step| step.contains("TEMP B-TREE")).count();
    let is_long = plans.iter().any(goes_through) || sorts > most_sorts;
    is_long.then(|| format!("{path}: {plans:#?}"))
}

#[tokio::test]
async fn no_list_of_money_goes_through_a_table() {
    let test = TestApp::on_file().await;
    rehearsals::portfolio::sow(&test).await;
    let guild = test.guild().await;
    let portfolio = rehearsals::portfolio::fill("portfolios/{agent_address}");
    let mut long_ways = Vec::new();
    for path in OF_MONEY {
        let asked = path.replace("PORTFOLIO", &portfolio).replace("GUILD", &guild);
        // An owner has a thousand strategies and portfolios at most, and an address is that of two portfolios at most.
        let sorts = usize::from(path.starts_with("/portfolio/") && *path != "/portfolio/prices");
        long_ways.extend(long_way(&test, &asked, sorts).await);
    }
    assert_eq!(long_ways, Vec::<String>::new());
}

#[tokio::test]
async fn with_the_indexes_no_list_goes_through_a_table() {
    let test = TestApp::on_file().await;
    let workflow = test.workflow(&[]).await;
    let execution = test.execute(&workflow, json!({})).await;
    assert!(!long_ways(&test, &workflow, &execution).await.is_empty(), "none is long without");
    for index in indexes::ALL {
        test.sql(&index.create_in_sqlite()).await;
    }
    assert_eq!(long_ways(&test, &workflow, &execution).await, Vec::<String>::new());
}

#[tokio::test]
async fn no_list_is_without_end() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[]).await;
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001)";
    test.execute(&workflow, json!({})).await;
    for table in [Workflow::TABLE, Execution::TABLE] {
        let (name, columns) = (table.name, columns(&table));
        let copied = columns.replacen("id", "'copy-' || i", 1);
        test.sql(&format!("{many} INSERT INTO {name} ({columns}) SELECT {copied} FROM {name}, n"))
            .await;
    }
    for path in ["/workflows", "/executions?limit=-1", "/executions?limit=1000000"] {
        let list = test.ask("alice", "GET", path, None).await.json();
        assert_eq!(list.as_array().unwrap().len(), 10_000, "{path}");
    }
}

/// The columns of a table, the key first.
fn columns(table: &Table) -> String {
    table.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

/// What an execution is to a list: its workflow, whether it failed, and its second.
type Drawn = (u8, bool, u32);

#[test]
fn the_newest_of_an_owner_are_the_newest_of_all_workflows_together() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let test = runtime.block_on(TestApp::new());
    let template = runtime.block_on(async {
        let workflow = test.workflow(&[]).await;
        test.execute(&workflow, json!({})).await;
        for number in 0..5 {
            let columns = columns(&Workflow::TABLE);
            let copied = columns.replacen("id", &format!("'w{number}'"), 1);
            // The last one is somebody else's.
            let copied = copied.replacen("owner_id", if number == 4 { "'bob'" } else { "'alice'" }, 1);
            test.sql(&format!("INSERT INTO ai_agent_workflows ({columns}) SELECT {copied} FROM ai_agent_workflows LIMIT 1"))
                .await;
        }
        columns(&Execution::TABLE)
    });
    let drawn = (
        prop::collection::vec((0_u8..5, any::<bool>(), 0_u32..60), 0..40),
        any::<bool>(),
        any::<bool>(),
        -1_i64..12,
        0_i64..12,
    );
    let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
    runner
        .run(&drawn, |(mut executions, only_failed, is_indexed, limit, offset)| {
            // One instant each, so that there is one right order.
            executions.sort_by_key(|(_, _, second)| *second);
            executions.dedup_by_key(|(_, _, second)| *second);
            let found = runtime.block_on(async {
                fill(&test, &template, &executions).await;
                for index in [EXECUTIONS_NEWEST, EXECUTIONS_NEWEST_BY_STATUS] {
                    test.sql(&format!("DROP INDEX IF EXISTS {}", index.name)).await;
                    if is_indexed {
                        test.sql(&index.create_in_sqlite()).await;
                    }
                }
                let filter = ExecutionFilter {
                    of: Workflows::OwnedBy("alice".to_owned()),
                    status: only_failed.then_some(Status::Failed),
                    limit,
                    offset,
                };
                test.app.store.execution_list(&filter).await.unwrap()
            });
            let found: Vec<String> = found.into_iter().map(|execution| execution.id).collect();
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let expected: Vec<String> = executions
                .iter()
                .rev()
                .filter(|(workflow, failed, _)| *workflow < 4 && (*failed || !only_failed))
                .map(|(_, _, second)| format!("e{second}"))
                .skip(usize::try_from(offset).unwrap())
                .take(limit)
                .collect();
            prop_assert_eq!(found, expected);
            Ok(())
        })
        .unwrap();
}

/// Puts these executions in the place of all others but the first, which is of a workflow of alice's that is not asked for.
async fn fill(test: &TestApp, columns: &str, executions: &[Drawn]) {
    let mut writing = test.app.store.write().await.unwrap();
    writing
        .statement("DELETE FROM agent_executions WHERE id LIKE 'e%' AND id NOT LIKE 'exec%'")
        .await
        .unwrap();
    writing.statement("UPDATE agent_executions SET workflow_id = 'nowhere'").await.unwrap();
    for (workflow, failed, second) in executions {
        let status = if *failed { "'FAILED'" } else { "'COMPLETED'" };
        let copied = columns
            .replacen("id", &format!("'e{second}'"), 1)
            .replacen("workflow_id", &format!("'w{workflow}'"), 1)
            .replacen("status", status, 1)
            .replacen("created_at", &format!("'2026-01-01 00:00:{second:02}.000000'"), 1);
        let sql = format!(
            "INSERT INTO agent_executions ({columns}) SELECT {copied} FROM agent_executions WHERE id LIKE 'exec%' LIMIT 1"
        );
        writing.statement(&sql).await.unwrap();
    }
    writing.commit().await.unwrap();
}

#[tokio::test]
async fn production_goes_workflow_by_workflow_as_the_monolith_s_database_does() {
    let test = TestApp::new().await;
    let [first, second] = [test.workflow(&[]).await, test.workflow(&[]).await];
    for (workflow, name) in [(&second, "a"), (&first, "b"), (&second, "c")] {
        let path = format!(
            "/integration/deployments/config?workflow_id={workflow}&deployment_name={name}"
        );
        test.ask("alice", "POST", &path, Some(json!({}))).await;
    }
    let names = async |path: &str, list: &str| {
        let answer = test.ask("alice", "GET", &format!("/integration{path}"), None).await.json();
        let list = answer.as_array().or_else(|| answer[list].as_array()).unwrap();
        list.iter().map(|one| one["deployment_name"].as_str().unwrap()).collect::<String>()
    };
    assert_eq!(names("/deployments/configs", "").await, "abc");
    assert_eq!(names("/production/dashboard", "deployments").await, "bac");
    assert_eq!(names("/production/health", "deployment_health").await, "bac");
}
