//! The statements that create a table and write its rows, in the monolith's own words.

use super::Engine;
use super::column::{Column, ColumnType, Table};

/// An index that belongs to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableIndex {
    /// Its name, as the monolith forms it.
    pub name: String,
    /// What it is sorted by.
    pub columns: Vec<&'static str>,
    /// Whether no two rows may have the same.
    pub unique: bool,
    /// The statement that makes it where it is not there, in the words of both engines.
    pub sql: String,
}

impl Table {
    /// Whether the monolith has it too.
    pub fn is_shared(&self) -> bool {
        !super::is_own(self.name)
    }

    /// `CREATE TABLE IF NOT EXISTS` and what belongs to it: the types of its enumerations before, its indexes after.
    pub fn create_statements(&self, engine: Engine) -> Vec<String> {
        let types = self.columns.iter().filter_map(|column| self.create_type(column, engine));
        let mut lines: Vec<String> =
            self.columns.iter().map(|column| self.definition(column, engine)).collect();
        if engine == Engine::Postgres && !self.is_shared() {
            lines.push(ROW_NUMBER.to_owned());
        }
        let keys: Vec<&str> = self.columns.iter().filter(|c| c.key).map(|c| c.name).collect();
        lines.push(format!("PRIMARY KEY ({})", keys.join(", ")));
        let unique = self.columns.iter().filter(|column| column.unique_constraint);
        lines.extend(unique.map(|column| format!("UNIQUE ({})", column.name)));
        lines.extend(self.columns.iter().filter_map(|column| {
            let (column, table) = (column.name, column.references?);
            // Another program's table may not be there yet, which only one of them minds.
            let is_ours = || super::ALL.iter().any(|ours| ours.name == table);
            (engine == Engine::Sqlite || is_ours())
                .then(|| format!("FOREIGN KEY({column}) REFERENCES {table} (id)"))
        }));
        let table =
            format!("CREATE TABLE IF NOT EXISTS {} (\n\t{}\n)", self.name, lines.join(",\n\t"));
        let indexes = self.indexes().into_iter().map(|index| index.sql);
        types.chain([table]).chain(indexes).collect()
    }

    /// The indexes that it has besides those of its key and its constraints.
    pub fn indexes(&self) -> Vec<TableIndex> {
        let indexes = self.columns.iter().flat_map(|column| {
            let unique = if column.unique { "UNIQUE " } else { "" };
            column.indexes().map(move |columns| {
                let table = self.name;
                let name = format!("ix_{table}_{}", columns.join("_"));
                let sql = format!(
                    "CREATE {unique}INDEX IF NOT EXISTS {name} ON {table} ({})",
                    columns.join(", ")
                );
                TableIndex { name, columns, unique: column.unique, sql }
            })
        });
        indexes.collect()
    }

    /// The type of an enumeration. Two tables may have it, and nothing says "if it is not there".
    fn create_type(&self, column: &Column, engine: Engine) -> Option<String> {
        let ColumnType::Enum(names) = column.kind else { return None };
        if engine == Engine::Sqlite || !self.is_shared() {
            return None;
        }
        let (class, names) = (column.class.to_ascii_lowercase(), names.join("', '"));
        Some(format!(
            "DO $$ BEGIN CREATE TYPE {class} AS ENUM ('{names}'); \
             EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        ))
    }

    fn definition(&self, column: &Column, engine: Engine) -> String {
        let null = if column.nullable { "" } else { " NOT NULL" };
        format!("{} {}{null}", column.name, self.declared(column, engine))
    }

    /// The type of one of its columns, as the engine is told it.
    pub(super) fn declared(&self, column: &Column, engine: Engine) -> String {
        match engine {
            Engine::Sqlite => column.kind.sqlite(),
            Engine::Postgres if self.is_shared() => column.shared_in_postgres(),
            Engine::Postgres => column.kind.own_in_postgres().to_owned(),
        }
    }

    /// `SELECT` of every column, up to and including the table's name.
    pub fn select(&self) -> String {
        format!("SELECT {} FROM {}", self.column_names().join(", "), self.name)
    }

    /// `INSERT` of a whole row, with one placeholder for each column.
    pub fn insert(&self) -> String {
        let names = self.column_names();
        let places = vec!["?"; names.len()].join(", ");
        format!("INSERT INTO {} ({}) VALUES ({places})", self.name, names.join(", "))
    }

    /// `UPDATE` of every column of the row with a key, with one placeholder for each column and a last one for the key.
    pub fn update(&self) -> String {
        let set: Vec<String> = self.columns.iter().map(|c| format!("{} = ?", c.name)).collect();
        let keys = self.columns.iter().filter(|column| column.key);
        let keys: Vec<String> = keys.map(|column| format!("{} = ?", column.name)).collect();
        format!("UPDATE {} SET {} WHERE {}", self.name, set.join(", "), keys.join(" AND "))
    }

    /// `INSERT` of a row whose number the database gives, with one placeholder for each column but the key. Numbers are drawn,
    /// or counted from those that are there.
    pub fn insert_numbered(&self, draws: bool) -> String {
        let (keys, others): (Vec<&Column>, Vec<&Column>) = self.columns.iter().partition(|c| c.key);
        let mut names: Vec<&str> = others.iter().map(|column| column.name).collect();
        let mut places = vec!["?".to_owned(); names.len()];
        for key in keys.iter().filter(|_| !draws) {
            names.push(key.name);
            places.push(format!("(SELECT COALESCE(MAX({}), 0) + 1 FROM {})", key.name, self.name));
        }
        let (names, places) = (names.join(", "), places.join(", "));
        format!("INSERT INTO {} ({names}) VALUES ({places})", self.name)
    }

    /// Its columns in order.
    pub fn column_names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|column| column.name).collect()
    }
}

/// What SQLite gives every table: a number for each row, in the order in which rows came. The service's own tables have it as a
/// column on PostgreSQL.
const ROW_NUMBER: &str = "rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE";

impl Column {
    /// The columns of each of its indexes.
    fn indexes(&self) -> impl Iterator<Item = Vec<&'static str>> + use<> {
        let (name, first) = (self.name, self.indexed.then_some(self.indexed_with));
        let indexes = [first, self.also_indexed_with].into_iter().flatten();
        indexes.map(move |others| std::iter::once(name).chain(others.iter().copied()).collect())
    }

    /// As the monolith tells it PostgreSQL.
    fn shared_in_postgres(&self) -> String {
        match self.kind {
            // Its keys that are numbers are drawn.
            ColumnType::Integer if self.key => "SERIAL".to_owned(),
            ColumnType::Money => "BIGINT".to_owned(),
            ColumnType::Bytes => "BYTEA".to_owned(),
            ColumnType::DateTime => "TIMESTAMP WITHOUT TIME ZONE".to_owned(),
            ColumnType::Enum(_) => self.class.to_ascii_lowercase(),
            // The same words as in SQLite.
            ColumnType::Text(_)
            | ColumnType::Json
            | ColumnType::Integer
            | ColumnType::Float
            | ColumnType::Boolean => self.kind.sqlite(),
        }
    }
}

impl ColumnType {
    /// For tables that only this service has: as wide and as ordered as in SQLite, and without types to be made beforehand.
    const fn own_in_postgres(self) -> &'static str {
        match self {
            Self::Text(_) | Self::Enum(_) => "VARCHAR COLLATE \"C\"",
            Self::Json => "JSON",
            Self::Integer | Self::Money => "BIGINT",
            Self::Float => "FLOAT",
            Self::Bytes => "BYTEA",
            Self::Boolean => "BOOLEAN",
            Self::DateTime => "TIMESTAMP WITHOUT TIME ZONE",
        }
    }

    /// As SQLite is told it.
    pub fn sqlite(self) -> String {
        match self {
            Self::Text(None) => "VARCHAR".to_owned(),
            Self::Text(Some(length)) => format!("VARCHAR({length})"),
            Self::Json => "JSON".to_owned(),
            Self::Integer | Self::Money => "INTEGER".to_owned(),
            Self::Float => "FLOAT".to_owned(),
            Self::Bytes => "BLOB".to_owned(),
            Self::Boolean => "BOOLEAN".to_owned(),
            Self::DateTime => "DATETIME".to_owned(),
            Self::Enum(names) => {
                format!("VARCHAR({})", names.iter().map(|name| name.len()).max().unwrap_or(0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tables::{
        self, Engine, Record, agents, jobs, own, performance, portfolio, security,
    };

    #[test]
    fn a_unique_column_has_a_unique_index() {
        let statements = performance::Capability::TABLE.create_statements(Engine::Sqlite);
        insta::assert_snapshot!(statements[1..].join(";\n"), @r"
        CREATE UNIQUE INDEX IF NOT EXISTS ix_agent_capabilities_capability_id ON agent_capabilities (capability_id);
        CREATE INDEX IF NOT EXISTS ix_agent_capabilities_agent_id ON agent_capabilities (agent_id)
        ");
    }

    #[test]
    fn an_index_may_go_on_with_other_columns() {
        let statements = own::marketplace::Guild::TABLE.create_statements(Engine::Sqlite);
        insta::assert_snapshot!(statements[1..].join(";\n"), @r"
        CREATE INDEX IF NOT EXISTS ix_agent_service_market_guilds_service_category_reputation ON agent_service_market_guilds (service_category, reputation);
        CREATE INDEX IF NOT EXISTS ix_agent_service_market_guilds_reputation ON agent_service_market_guilds (reputation)
        ");
    }

    #[test]
    fn a_column_may_begin_two_indexes() {
        let statements = own::marketplace::ServiceRequest::TABLE.create_statements(Engine::Sqlite);
        let of_provider: Vec<&str> = statements[1..]
            .iter()
            .filter_map(|index| index.split_once("(provider_owner").map(|(_, others)| others))
            .collect();
        assert_eq!(of_provider, [")", ", status)"]);
    }

    #[test]
    fn the_statements_are_those_of_the_monolith() {
        insta::assert_snapshot!(agents::StepExecution::TABLE.create_statements(Engine::Sqlite).join(";\n"), @r"
        CREATE TABLE IF NOT EXISTS agent_step_executions (
        	id VARCHAR NOT NULL,
        	execution_id VARCHAR NOT NULL,
        	step_id VARCHAR NOT NULL,
        	status VARCHAR(9) NOT NULL,
        	input_data JSON,
        	output_data JSON,
        	execution_time FLOAT,
        	gpu_accelerated BOOLEAN NOT NULL,
        	memory_usage FLOAT,
        	step_proof JSON,
        	verification_status VARCHAR,
        	error_message VARCHAR,
        	retry_count INTEGER NOT NULL,
        	started_at DATETIME,
        	completed_at DATETIME,
        	created_at DATETIME NOT NULL,
        	updated_at DATETIME NOT NULL,
        	PRIMARY KEY (id)
        );
        CREATE INDEX IF NOT EXISTS ix_agent_step_executions_execution_id ON agent_step_executions (execution_id);
        CREATE INDEX IF NOT EXISTS ix_agent_step_executions_step_id ON agent_step_executions (step_id)
        ");
        insta::assert_snapshot!(agents::Workflow::TABLE.create_statements(Engine::Sqlite).join(";\n"), @r"
        CREATE TABLE IF NOT EXISTS ai_agent_workflows (
        	id VARCHAR NOT NULL,
        	owner_id VARCHAR NOT NULL,
        	name VARCHAR(100) NOT NULL,
        	description VARCHAR NOT NULL,
        	steps JSON NOT NULL,
        	dependencies JSON NOT NULL,
        	max_execution_time INTEGER NOT NULL,
        	max_cost_budget FLOAT NOT NULL,
        	requires_verification BOOLEAN NOT NULL,
        	verification_level VARCHAR(14) NOT NULL,
        	tags VARCHAR NOT NULL,
        	version VARCHAR NOT NULL,
        	is_public BOOLEAN NOT NULL,
        	created_at DATETIME NOT NULL,
        	updated_at DATETIME NOT NULL,
        	PRIMARY KEY (id)
        );
        CREATE INDEX IF NOT EXISTS ix_ai_agent_workflows_owner_id ON ai_agent_workflows (owner_id)
        ");
        insta::assert_snapshot!(security::Policy::TABLE.create_statements(Engine::Sqlite).join(";\n"), @r"
        CREATE TABLE IF NOT EXISTS agent_security_policies (
        	id VARCHAR NOT NULL,
        	name VARCHAR(100) NOT NULL,
        	description VARCHAR NOT NULL,
        	security_level VARCHAR(12) NOT NULL,
        	allowed_step_types JSON,
        	max_execution_time INTEGER NOT NULL,
        	max_memory_usage INTEGER NOT NULL,
        	require_verification BOOLEAN NOT NULL,
        	allowed_verification_levels JSON,
        	max_concurrent_executions INTEGER NOT NULL,
        	max_workflow_steps INTEGER NOT NULL,
        	max_data_size INTEGER NOT NULL,
        	require_sandbox BOOLEAN NOT NULL,
        	require_audit_logging BOOLEAN NOT NULL,
        	require_encryption BOOLEAN NOT NULL,
        	compliance_standards JSON,
        	is_active BOOLEAN NOT NULL,
        	created_at DATETIME NOT NULL,
        	updated_at DATETIME NOT NULL,
        	PRIMARY KEY (id),
        	UNIQUE (name)
        )
        ");
    }

    #[test]
    fn a_table_that_names_another_says_so() {
        insta::assert_snapshot!(jobs::Job::TABLE.create_statements(Engine::Sqlite).join(";\n"), @r"
        CREATE TABLE IF NOT EXISTS job (
        	id VARCHAR NOT NULL,
        	client_id VARCHAR NOT NULL,
        	state VARCHAR(20) NOT NULL,
        	payload JSON NOT NULL,
        	constraints JSON NOT NULL,
        	ttl_seconds INTEGER NOT NULL,
        	requested_at DATETIME NOT NULL,
        	expires_at DATETIME NOT NULL,
        	assigned_miner_id VARCHAR,
        	result JSON,
        	receipt JSON,
        	receipt_id VARCHAR,
        	error VARCHAR,
        	payment_id VARCHAR,
        	payment_status VARCHAR(20),
        	PRIMARY KEY (id),
        	FOREIGN KEY(payment_id) REFERENCES job_payments (id)
        );
        CREATE INDEX IF NOT EXISTS ix_job_id ON job (id);
        CREATE INDEX IF NOT EXISTS ix_job_client_id ON job (client_id);
        CREATE INDEX IF NOT EXISTS ix_job_assigned_miner_id ON job (assigned_miner_id);
        CREATE INDEX IF NOT EXISTS ix_job_receipt_id ON job (receipt_id);
        CREATE INDEX IF NOT EXISTS ix_job_payment_id ON job (payment_id)
        ");
    }

    #[test]
    fn in_postgres_the_monoliths_tables_have_its_types() {
        let statements =
            security::TrustScore::TABLE.create_statements(Engine::Postgres).join(";\n");
        assert!(
            statements.contains("\tlast_execution TIMESTAMP WITHOUT TIME ZONE,\n"),
            "{statements}"
        );
        let statements = agents::Execution::TABLE.create_statements(Engine::Postgres);
        insta::assert_snapshot!(statements.join(";\n"), @r"
        DO $$ BEGIN CREATE TYPE agentstatus AS ENUM ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        CREATE TABLE IF NOT EXISTS agent_executions (
        	id VARCHAR NOT NULL,
        	workflow_id VARCHAR NOT NULL,
        	client_id VARCHAR NOT NULL,
        	status agentstatus NOT NULL,
        	current_step INTEGER NOT NULL,
        	step_states JSON NOT NULL,
        	final_result JSON,
        	execution_receipt JSON,
        	verification_proof JSON,
        	error_message VARCHAR,
        	failed_step VARCHAR,
        	started_at TIMESTAMP WITHOUT TIME ZONE,
        	completed_at TIMESTAMP WITHOUT TIME ZONE,
        	total_execution_time FLOAT,
        	total_cost FLOAT NOT NULL,
        	total_steps INTEGER NOT NULL,
        	completed_steps INTEGER NOT NULL,
        	created_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
        	updated_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
        	PRIMARY KEY (id)
        );
        CREATE INDEX IF NOT EXISTS ix_agent_executions_workflow_id ON agent_executions (workflow_id);
        CREATE INDEX IF NOT EXISTS ix_agent_executions_client_id ON agent_executions (client_id)
        ");
        let statements = portfolio::AgentPortfolio::TABLE.create_statements(Engine::Postgres);
        assert!(statements[0].contains("(\n\tid SERIAL NOT NULL,\n"), "{}", statements[0]);
        assert!(statements[0].contains("REFERENCES portfolio_strategy (id)"), "{}", statements[0]);
        let statements = jobs::Job::TABLE.create_statements(Engine::Postgres);
        assert!(!statements[0].contains("job_payments"), "{}", statements[0]);
    }

    #[test]
    fn in_postgres_own_tables_have_the_numbers_of_rows_that_sqlite_gives() {
        let statements = own::marketplace::Sales::TABLE.create_statements(Engine::Postgres);
        insta::assert_snapshot!(statements.join(";\n"), @r#"
        CREATE TABLE IF NOT EXISTS agent_service_market_sales (
        	service_type VARCHAR COLLATE "C" NOT NULL,
        	day VARCHAR COLLATE "C" NOT NULL,
        	completed_jobs BIGINT NOT NULL,
        	volume BIGINT NOT NULL,
        	rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE,
        	PRIMARY KEY (service_type, day)
        );
        CREATE INDEX IF NOT EXISTS ix_agent_service_market_sales_day ON agent_service_market_sales (day)
        "#);
    }

    #[test]
    fn names_are_short_enough_for_postgres() {
        for statement in
            tables::ALL.iter().flat_map(|table| table.create_statements(Engine::Postgres))
        {
            let name =
                statement.split("IF NOT EXISTS ").nth(1).and_then(|rest| rest.split(' ').next());
            assert!(name.unwrap_or_default().len() < 64, "{statement}");
        }
    }

    #[test]
    fn a_number_is_drawn_or_counted() {
        let table = &own::portfolio::StrategyOwner::TABLE;
        assert_eq!(
            table.insert_numbered(true),
            "INSERT INTO agent_service_portfolio_strategy_owners (owner_id) VALUES (?)"
        );
        assert_eq!(
            table.insert_numbered(false),
            "INSERT INTO agent_service_portfolio_strategy_owners (owner_id, strategy_id) VALUES \
             (?, (SELECT COALESCE(MAX(strategy_id), 0) + 1 FROM agent_service_portfolio_strategy_owners))"
        );
    }
}
