//! Changes that others make to a database, on both engines: each is found and named, and nothing on one that is well.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;

use super::findings::{Finding, OwnTables, Severity, judge};
use super::rows::RowFaults;
use super::sample::Sample;
use super::{Database, needed};
use crate::store::open::Place;
use crate::tables;
use crate::testing::TestApp;

/// What `migrate schema check --all` would find.
async fn findings(test: &TestApp) -> Vec<Finding> {
    let mut database = match &test.app.config.database.place {
        Place::File { path, .. } => Database::open_file(path).await,
        Place::Server { url, .. } => {
            Database::connect(PgConnectOptions::from_str(url.reveal()).unwrap()).await
        }
    }
    .unwrap();
    let found = database.schema().await.unwrap();
    let mut all = judge(&needed::schema(), None, &found, OwnTables::MustBeThere);
    let mut faults = RowFaults::new(database.engine());
    for table in tables::ALL {
        if let Some(there) = found.tables.get(table.name) {
            database.look(table, there, Sample::All, &mut faults).await.unwrap();
        }
    }
    all.extend(faults.findings());
    all
}

/// The worst finding that says this after these statements.
async fn planted(test: TestApp, statements: &[&str], said: &str) -> Severity {
    test.workflow(&[]).await;
    assert_eq!(findings(&test).await, [], "before {statements:?}");
    for statement in statements {
        test.sql(statement).await;
    }
    let found = findings(&test).await;
    let saying = found.iter().filter(|finding| finding.message.contains(said));
    let severity = saying.map(|finding| finding.severity).max();
    severity.unwrap_or_else(|| panic!("{statements:?}: {said}: {found:#?}"))
}

async fn on_both(file: &[&str], server: &[&str], said: [&str; 2], severity: Severity) {
    assert_eq!(planted(TestApp::on_file().await, file, said[0]).await, severity, "{file:?}");
    assert_eq!(planted(TestApp::on_server().await, server, said[1]).await, severity, "{server:?}");
}

#[tokio::test]
async fn a_renamed_column() {
    let rename = ["ALTER TABLE agent_executions RENAME COLUMN total_cost TO cost"];
    let said = "agent_executions.total_cost is missing";
    on_both(&rename, &rename, [said; 2], Severity::ServiceCannotRead).await;
}

#[tokio::test]
async fn a_label_that_lacks() {
    let said = ["ai_agent_workflows.verification_level", "lacks the label"];
    let file = ["UPDATE ai_agent_workflows SET verification_level = 'basic'"];
    assert_eq!(
        planted(TestApp::on_file().await, &file, said[0]).await,
        Severity::ServiceCannotRead
    );
    let server = ["ALTER TYPE verificationlevel RENAME VALUE 'FULL' TO 'WHOLE'"];
    let severity = planted(TestApp::on_server().await, &server, said[1]).await;
    assert!(severity >= Severity::ServiceCannotWrite, "{severity:?}");
}

#[tokio::test]
async fn a_column_that_inserts_do_not_know() {
    // An engine adds none to a table with rows.
    let add = [
        "DELETE FROM ai_agent_workflows",
        "ALTER TABLE ai_agent_workflows ADD COLUMN tenant VARCHAR",
        "ALTER TABLE ai_agent_workflows ALTER COLUMN tenant SET NOT NULL",
    ];
    let file = [
        "DROP TABLE agent_trust_scores",
        "CREATE TABLE agent_trust_scores (id VARCHAR NOT NULL, entity_type VARCHAR NOT NULL, entity_id VARCHAR NOT NULL, \
         trust_score FLOAT NOT NULL, reputation_score FLOAT NOT NULL, total_executions INTEGER NOT NULL, \
         successful_executions INTEGER NOT NULL, failed_executions INTEGER NOT NULL, verification_success_rate FLOAT NOT NULL, \
         average_execution_time FLOAT, execution_time_variance FLOAT, resource_efficiency_score FLOAT NOT NULL, \
         security_violations INTEGER NOT NULL, policy_violations INTEGER NOT NULL, sandbox_breaches INTEGER NOT NULL, \
         last_execution DATETIME, last_violation DATETIME, last_audit DATETIME, created_at DATETIME NOT NULL, \
         updated_at DATETIME NOT NULL, tenant VARCHAR NOT NULL, PRIMARY KEY (id))",
    ];
    let said = [
        "agent_trust_scores.tenant is unknown, and refuses",
        "ai_agent_workflows.tenant is unknown, and refuses",
    ];
    on_both(&file, &add, said, Severity::ServiceCannotWrite).await;
}

#[tokio::test]
async fn a_narrower_type() {
    let file = [
        "DROP TABLE agent_service_leases",
        "CREATE TABLE agent_service_leases (duty VARCHAR(5) NOT NULL, PRIMARY KEY (duty))",
    ];
    let server = ["ALTER TABLE ai_agent_workflows ALTER COLUMN name TYPE VARCHAR(5)"];
    let severity = planted(TestApp::on_server().await, &server, "ai_agent_workflows.name").await;
    assert_eq!(severity, Severity::ServiceCannotWrite);
    let severity = planted(TestApp::on_file().await, &file, "agent_service_leases.duty").await;
    assert!(severity <= Severity::ServiceCannotWrite, "SQLite enforces no length: {severity:?}");
    let server = ["ALTER TABLE agent_executions ALTER COLUMN current_step TYPE SMALLINT"];
    let severity =
        planted(TestApp::on_server().await, &server, "agent_executions.current_step").await;
    assert_eq!(severity, Severity::ServiceCannotWrite);
}

#[tokio::test]
async fn json_that_is_none() {
    let broken = "UPDATE ai_agent_workflows SET steps = 'none'";
    let server = ["ALTER TABLE ai_agent_workflows ALTER COLUMN steps TYPE TEXT", broken];
    on_both(&[broken], &server, ["ai_agent_workflows.steps"; 2], Severity::ServiceCannotRead).await;
}

#[tokio::test]
async fn times_in_another_form() {
    let said = "ai_agent_workflows.created_at";
    let file = ["UPDATE ai_agent_workflows SET created_at = '2026-11-22T10:28:51Z'"];
    let severity = planted(TestApp::on_file().await, &file, said).await;
    assert!(severity > Severity::Harmless, "{severity:?}");
    let server = ["ALTER TABLE ai_agent_workflows ALTER COLUMN created_at TYPE TIMESTAMPTZ"];
    let severity = planted(TestApp::on_server().await, &server, said).await;
    assert!(severity > Severity::Harmless, "{severity:?}");
}
