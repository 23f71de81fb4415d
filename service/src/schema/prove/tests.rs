//! What no comparison shows, on both engines, and that nothing of a trial stays.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;

use super::*;
use crate::schema::{Severity, needed};
use crate::store::open::Place;
use crate::testing::{TestApp, TestIds};

async fn open(test: &TestApp) -> Database {
    let opened = match &test.app.config.database.place {
        Place::File { path, .. } => Database::open_file(path).await,
        Place::Server { url, .. } => {
            Database::connect(PgConnectOptions::from_str(url.reveal()).unwrap()).await
        }
    };
    opened.unwrap()
}

async fn proven(
    test: &TestApp,
    monolith: Option<&Schema>,
) -> Result<Vec<(String, Severity)>, LookError> {
    let mut database = open(test).await;
    let found = database.schema().await.unwrap();
    let before = test.app.store.dump().await;
    let findings = prove(&mut database, &found, monolith, &TestIds::default()).await;
    assert_eq!(test.app.store.dump().await, before, "nothing stays");
    let findings = findings?.into_iter();
    Ok(findings.map(|finding| (finding.message, finding.severity)).collect())
}

/// The findings after some statements on a file and others on a server, each in a database with one workflow and in one with no
/// rows.
async fn after(file: &[&str], server: &[&str]) -> Vec<Vec<(String, Severity)>> {
    let mut all = Vec::new();
    for has_rows in [false, true] {
        for (test, statements) in
            [(TestApp::on_file().await, file), (TestApp::on_server().await, server)]
        {
            if has_rows {
                test.workflow(&[]).await;
            }
            for statement in statements {
                test.sql(statement).await;
            }
            all.push(proven(&test, None).await.unwrap());
        }
    }
    all
}

#[tokio::test]
async fn a_healthy_database_takes_every_insert() {
    for findings in after(&[], &[]).await {
        assert_eq!(findings, []);
    }
}

#[tokio::test]
async fn rules_that_refuse_rows_are_found_with_the_words_of_the_database() {
    let file = ["CREATE TRIGGER strict BEFORE INSERT ON ai_agent_workflows \
         WHEN NEW.version <> '9' BEGIN SELECT RAISE(ABORT, 'only version 9'); END"];
    let server = [
        "CREATE FUNCTION strict() RETURNS TRIGGER LANGUAGE plpgsql AS \
         'BEGIN IF NEW.version <> ''9'' THEN RAISE ''only version 9''; END IF; RETURN NEW; END'",
        "CREATE TRIGGER strict BEFORE INSERT ON ai_agent_workflows FOR EACH ROW EXECUTE FUNCTION strict()",
    ];
    for findings in after(&file, &server).await {
        let [(message, severity)] = &findings[..] else { panic!("{findings:?}") };
        let said = "ai_agent_workflows refuses a row that both programs make: only version 9; \
                    tried: INSERT INTO ai_agent_workflows (id, owner_id, ";
        assert!(message.starts_with(said), "{message}");
        assert_eq!(*severity, Severity::ServiceCannotWrite);
    }
}

#[tokio::test]
async fn what_is_there_shows_what_conditions_ask_for() {
    let server = ["ALTER TABLE ai_agent_workflows ADD CHECK (name <> 'tried')"];
    let findings = after(&[], &server).await;
    // Nobody knows without a row what a name should be.
    assert_eq!(findings.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 0, 0]);
    assert!(findings[1][0].0.contains("violates check constraint"), "{findings:?}");
}

#[tokio::test]
async fn what_may_be_absent_is_tried_absent() {
    let server = ["ALTER TABLE agent_executions ADD CHECK (error_message IS NOT NULL)"];
    let findings = after(&[], &server).await;
    assert_eq!(findings[1].len(), 1, "{findings:?}");
    let said =
        "agent_executions refuses a row without what may be absent that both programs make: ";
    assert!(findings[1][0].0.starts_with(said), "{findings:?}");
}

#[tokio::test]
async fn the_monoliths_own_insert_is_told_apart() {
    for test in [TestApp::on_file().await, TestApp::on_server().await] {
        let mut source = needed::schema();
        let steps = source.tables.get_mut("agent_steps").unwrap();
        steps
            .columns
            .retain(|column| column.name != "retry_policy" && column.name != "max_retries");
        let findings = proven(&test, Some(&source)).await.unwrap();
        assert_eq!(findings.len(), 2, "with everything and with the least: {findings:?}");
        for (message, severity) in findings {
            assert!(message.contains(" that the monolith makes: "), "{message}");
            assert!(message.contains("max_retries"), "{message}");
            assert_eq!(severity, Severity::MonolithWouldBreak);
        }
    }
}

#[tokio::test]
async fn no_number_is_drawn_and_nobody_is_waited_for() {
    let test = TestApp::on_server().await;
    let last = "SELECT is_called FROM agent_portfolio_id_seq";
    let beside = TestApp::monolith_beside(&test);
    assert_eq!(proven(&test, None).await.unwrap(), []);
    assert!(!sqlx::query_scalar::<_, bool>(last).fetch_one(&beside).await.unwrap());

    let mut monolith = beside.begin().await.unwrap();
    let lock = "LOCK TABLE agent_steps IN SHARE MODE";
    sqlx::raw_sql(lock).execute(&mut *monolith).await.unwrap();
    let late = proven(&test, None).await.unwrap_err().to_string();
    assert!(late.contains("try an insert into agent_steps"), "{late}");
    monolith.rollback().await.unwrap();
    assert_eq!(proven(&test, None).await.unwrap(), []);
    beside.close().await;
}
