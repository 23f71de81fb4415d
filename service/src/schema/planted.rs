//! Changes that others make to a database, on both engines: each is found and named, and nothing on one that is well.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;

use super::findings::{Finding, OwnTables, Severity, judge};
use super::rows::RowFaults;
use super::sample::Sample;
use super::{Database, Engine, needed};
use crate::store::open::Place;
use crate::tables::agents::Execution;
use crate::tables::jobs::Job;
use crate::tables::portfolio::PortfolioAlert;
use crate::tables::security::TrustScore;
use crate::tables::{self, Record as _, Table};
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

/// What makes a table of a file anew, with something else in its statement.
fn remade(table: &Table, from: &str, to: &str) -> [String; 2] {
    let made = &table.create_statements(Engine::Sqlite)[0];
    assert!(made.contains(from), "{made}");
    [format!("DROP TABLE {}", table.name), made.replace(from, to)]
}

/// The same change on both engines, each in its own way, said in the same words.
async fn changed(
    table: &Table,
    [from, to]: [&str; 2],
    server: &[&str],
    said: &str,
    severity: Severity,
) {
    let file = remade(table, from, to);
    let file: Vec<&str> = file.iter().map(String::as_str).collect();
    on_both(&file, server, [said; 2], severity).await;
}

#[tokio::test]
async fn null_that_is_refused() {
    let server = ["ALTER TABLE agent_executions ALTER COLUMN error_message SET NOT NULL"];
    let file = ["error_message VARCHAR", "error_message VARCHAR NOT NULL"];
    let said = "agent_executions.error_message refuses NULL";
    changed(&Execution::TABLE, file, &server, said, Severity::ServiceCannotWrite).await;
}

#[tokio::test]
async fn a_key_that_lacks() {
    let server = ["ALTER TABLE agent_executions DROP CONSTRAINT agent_executions_pkey"];
    let file = ["PRIMARY KEY (id)", "CHECK (TRUE)"];
    let said = "agent_executions has the primary key none, and id is needed";
    changed(&Execution::TABLE, file, &server, said, Severity::ServiceCannotWrite).await;
}

#[tokio::test]
async fn a_key_that_gives_no_numbers() {
    let server = ["ALTER TABLE portfolio_alert ALTER COLUMN id DROP DEFAULT"];
    let file = ["id INTEGER", "id BIGINT"];
    let said = "portfolio_alert.id numbers no rows by itself";
    changed(&PortfolioAlert::TABLE, file, &server, said, Severity::ServiceCannotWrite).await;
}

#[tokio::test]
async fn a_default() {
    let server = ["ALTER TABLE job ALTER COLUMN state SET DEFAULT 'QUEUED'"];
    let file = ["state VARCHAR(20) NOT NULL", "state VARCHAR(20) NOT NULL DEFAULT 'QUEUED'"];
    changed(&Job::TABLE, file, &server, "job.state has the default 'QUEUED'", Severity::Harmless)
        .await;
}

#[tokio::test]
async fn a_computed_column() {
    let server = [
        "ALTER TABLE agent_executions DROP COLUMN total_steps",
        "ALTER TABLE agent_executions ADD COLUMN total_steps INTEGER NOT NULL GENERATED ALWAYS AS (completed_steps) STORED",
    ];
    let to = "total_steps INTEGER GENERATED ALWAYS AS (completed_steps) STORED NOT NULL";
    let said = "agent_executions.total_steps is computed by the database";
    let file = ["total_steps INTEGER NOT NULL", to];
    changed(&Execution::TABLE, file, &server, said, Severity::ServiceCannotWrite).await;
}

#[tokio::test]
async fn indexes_that_let_through_or_refuse_too_much() {
    let lost = ["DROP INDEX ix_agent_capabilities_capability_id"];
    let said = "agent_capabilities lets two rows have the same capability_id";
    on_both(&lost, &lost, [said; 2], Severity::ServiceCannotWrite).await;
    let added = ["CREATE UNIQUE INDEX of_one_owner ON ai_agent_workflows (owner_id, name)"];
    let said = "refuses a second row with the same owner_id, name (unique index of_one_owner)";
    on_both(&added, &added, [said; 2], Severity::ServiceCannotWrite).await;
    let slow = ["DROP INDEX ix_ai_agent_workflows_owner_id"];
    let said = "ai_agent_workflows has no index on owner_id";
    on_both(&slow, &slow, [said; 2], Severity::Harmless).await;
}

#[tokio::test]
async fn rules_that_nobody_knows() {
    let server = ["ALTER TABLE agent_trust_scores ADD CHECK (trust_score >= 0)"];
    let file =
        ["trust_score FLOAT NOT NULL", "trust_score FLOAT NOT NULL CHECK (trust_score >= 0)"];
    changed(&TrustScore::TABLE, file, &server, "refuses rows unless", Severity::Harmless).await;
    let file = ["CREATE TRIGGER watch AFTER INSERT ON ai_agent_workflows BEGIN SELECT 1; END"];
    let server = [
        "CREATE FUNCTION watched() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER watch BEFORE INSERT ON ai_agent_workflows FOR EACH ROW EXECUTE FUNCTION watched()",
    ];
    on_both(&file, &server, ["has the trigger watch"; 2], Severity::Harmless).await;
}

#[tokio::test]
async fn what_only_files_take() {
    for (change, said) in [
        ("name = printf('%0200d', 7)", "ai_agent_workflows.name holds more than 100 characters"),
        (
            "max_execution_time = 1 << 40",
            "max_execution_time holds a number that PostgreSQL's INTEGER",
        ),
        ("max_cost_budget = 'much'", "max_cost_budget holds what is no number"),
    ] {
        let file = format!("UPDATE ai_agent_workflows SET {change}");
        let severity = planted(TestApp::on_file().await, &[&file], said).await;
        assert_eq!(severity, Severity::Harmless, "{change}");
    }
}

#[tokio::test]
async fn json_that_loses_the_order_of_its_keys() {
    let server = ["ALTER TABLE ai_agent_workflows ALTER COLUMN steps TYPE JSONB"];
    let said = "ai_agent_workflows.steps is jsonb, and JSON is needed";
    let severity = planted(TestApp::on_server().await, &server, said).await;
    assert_eq!(severity, Severity::ServiceCannotRead);
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
