//! Rows that Python has written come back to it as they were, in every table that both programs have: read and written by this
//! store, on both engines.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Store;
use crate::config::database;
use crate::schema::{OwnTables, judge, needed};
use crate::tables::agents::{Execution, Step, StepExecution, Workflow};
use crate::tables::creativity::CreativeCapability;
use crate::tables::integration::{DeploymentConfig, DeploymentInstance};
use crate::tables::jobs::Job;
use crate::tables::performance::{Allocation, Capability, MetaModel, Optimization, Profile};
use crate::tables::portfolio::{
    AgentPortfolio, MarketCondition, PerformanceMetrics, PortfolioAlert, PortfolioAsset,
    PortfolioSnapshot, PortfolioStrategy, PortfolioTrade, RebalanceHistory, RiskMetrics,
    StrategySignal, TradingRule,
};
use crate::tables::security::{AuditLog, Policy, Sandbox, TrustScore};
use crate::tables::{self, Column, ColumnType, Record, Table};
use crate::testing::Fresh;

/// Carries the rows of each of these tables, and says which tables they are.
macro_rules! carry_all {
    ($from:expr, $to:expr, [$($Row:ty),* $(,)?]) => {{
        $( carry::<$Row>($from, $to).await; )*
        [$( <$Row as Record>::TABLE.name ),*]
    }};
}

/// Writes every row of one database into another, and back to where it was read.
async fn carry<R: Record>(from: &Store, to: &Store) {
    let name = R::TABLE.name;
    let rows: Vec<R> = from.select("read", "WHERE TRUE", Vec::new()).await.unwrap();
    assert!(rows.len() > 10, "{name} has {} rows", rows.len());
    let mut copying = to.write().await.unwrap();
    for row in &rows {
        copying.insert("copy", row).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
    copying.commit().await.unwrap();
    let mut writing_back = from.write().await.unwrap();
    for row in &rows {
        writing_back.update("write back", row).await.unwrap();
    }
    writing_back.commit().await.unwrap();
}

/// What Python is told of a table.
fn described(table: &Table) -> Value {
    let column = |column: &Column| {
        let (kind, length, labels) = match column.kind {
            ColumnType::Text(length) => ("text", length, None),
            ColumnType::Enum(labels) => ("enum", None, Some(labels)),
            ColumnType::Json => ("json", None, None),
            ColumnType::Integer => ("integer", None, None),
            ColumnType::Float => ("float", None, None),
            ColumnType::Boolean => ("boolean", None, None),
            ColumnType::DateTime => ("instant", None, None),
            ColumnType::Money | ColumnType::Bytes => panic!("the monolith has no such column"),
        };
        json!({
            "name": column.name, "kind": kind, "length": length, "labels": labels, "class": column.class,
            "nullable": column.nullable, "key": column.key, "indexed": column.indexed,
            "unique": column.unique || column.unique_constraint, "references": column.references,
        })
    };
    let columns: Vec<Value> = table.columns.iter().map(column).collect();
    json!({"name": table.name, "columns": columns})
}

/// The Python side, with a folder for its files.
struct Python {
    folder: TempDir,
}

impl Python {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shared = tables::ALL.iter().filter(|table| table.is_shared());
        let shared: Value = shared.map(|table| described(table)).collect();
        std::fs::write(folder.path().join("tables.json"), shared.to_string()).unwrap();
        Self { folder }
    }

    /// Lets it `write` or `check` a database.
    async fn run(&self, order: &str, url: &str) {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let python: PathBuf = project.join(".tools/venv/bin/python");
        assert!(python.is_file(), "{} is missing: make setup installs it", python.display());
        let mut command = Command::new(python);
        command.arg(project.join("tests/monolith/round_trip.py")).arg(order);
        command.arg(self.folder.path().join("tables.json"));
        // The time-out is the service's own parameter.
        let url = url.split(['?', '&']).filter(|part| !part.starts_with("timeout"));
        let url = url.collect::<Vec<_>>().join("&").replacen('&', "?", 1);
        command.arg(url.replacen("postgres:", "postgresql+psycopg:", 1));
        command.arg(self.folder.path().join("kept.json"));
        let ran = throwaway::command::run(command).await;
        assert_eq!(ran.code, Some(0), "{order} {url}: {}{}", ran.stdout, ran.stderr);
    }
}

async fn come_back(made_by_python: &Fresh, made_by_service: &Fresh) {
    let (source, copy) = (made_by_python.url("10"), made_by_service.url("10"));
    let python = Python::new();
    python.run("write", &source).await;
    let open = async |url: &str| Store::open(&database::location(url).unwrap()).await.unwrap();
    let (from, to) = (open(&source).await, open(&copy).await);
    let there = from.schema().await.unwrap();
    assert_eq!(judge(&needed::schema(), None, &there, OwnTables::MustBeThere), []);
    let carried = carry_all!(
        &from,
        &to,
        [
            Workflow,
            Step,
            Execution,
            StepExecution,
            AuditLog,
            Policy,
            TrustScore,
            Sandbox,
            Profile,
            MetaModel,
            Allocation,
            Optimization,
            Capability,
            CreativeCapability,
            DeploymentConfig,
            DeploymentInstance,
            Job,
            PortfolioStrategy,
            AgentPortfolio,
            StrategySignal,
            PerformanceMetrics,
            PortfolioAlert,
            PortfolioAsset,
            PortfolioSnapshot,
            PortfolioTrade,
            RebalanceHistory,
            RiskMetrics,
            TradingRule,
            MarketCondition,
        ]
    );
    let shared = tables::ALL.iter().filter(|table| table.is_shared()).map(|table| table.name);
    assert_eq!(carried.to_vec(), shared.collect::<Vec<_>>(), "every shared table");
    from.close().await;
    to.close().await;
    for url in [&source, &copy] {
        python.run("check", url).await;
    }
}

#[tokio::test]
async fn rows_of_python_come_back_as_they_were_in_a_file() {
    come_back(&Fresh::file(), &Fresh::file()).await;
}

#[tokio::test]
async fn rows_of_python_come_back_as_they_were_on_a_server() {
    come_back(&Fresh::empty_server(), &Fresh::empty_server()).await;
}
