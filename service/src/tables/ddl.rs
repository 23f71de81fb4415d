//! The statements that create a table, in SQLite's dialect and in the monolith's own words.

use super::column::{Column, ColumnType, Table};

impl Table {
    /// `CREATE TABLE IF NOT EXISTS` and the indexes that belong to it.
    pub fn create_statements(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.columns.iter().map(Column::definition).collect();
        let keys: Vec<&str> = self.columns.iter().filter(|c| c.key).map(|c| c.name).collect();
        lines.push(format!("PRIMARY KEY ({})", keys.join(", ")));
        let unique = self.columns.iter().filter(|column| column.unique_constraint);
        lines.extend(unique.map(|column| format!("UNIQUE ({})", column.name)));
        lines.extend(self.columns.iter().filter_map(|column| {
            let (column, table) = (column.name, column.references?);
            Some(format!("FOREIGN KEY({column}) REFERENCES {table} (id)"))
        }));
        let table =
            format!("CREATE TABLE IF NOT EXISTS {} (\n\t{}\n)", self.name, lines.join(",\n\t"));
        let indexes = self.columns.iter().flat_map(|column| {
            let unique = if column.unique { "UNIQUE " } else { "" };
            column.indexes().map(move |columns| {
                let (table, name, columns) = (self.name, columns.join("_"), columns.join(", "));
                format!(
                    "CREATE {unique}INDEX IF NOT EXISTS ix_{table}_{name} ON {table} ({columns})"
                )
            })
        });
        std::iter::once(table).chain(indexes).collect()
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

    fn column_names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|column| column.name).collect()
    }
}

impl Column {
    /// The columns of each of its indexes.
    fn indexes(&self) -> impl Iterator<Item = Vec<&'static str>> + use<> {
        let (name, first) = (self.name, self.indexed.then_some(self.indexed_with));
        let indexes = [first, self.also_indexed_with].into_iter().flatten();
        indexes.map(move |others| std::iter::once(name).chain(others.iter().copied()).collect())
    }

    fn definition(&self) -> String {
        let null = if self.nullable { "" } else { " NOT NULL" };
        format!("{} {}{null}", self.name, self.kind.sqlite())
    }
}

impl ColumnType {
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
    use crate::tables::{Record, agents, jobs, own, performance, security};

    #[test]
    fn a_unique_column_has_a_unique_index() {
        let statements = performance::Capability::TABLE.create_statements();
        insta::assert_snapshot!(statements[1..].join(";\n"), @r"
        CREATE UNIQUE INDEX IF NOT EXISTS ix_agent_capabilities_capability_id ON agent_capabilities (capability_id);
        CREATE INDEX IF NOT EXISTS ix_agent_capabilities_agent_id ON agent_capabilities (agent_id)
        ");
    }

    #[test]
    fn an_index_may_go_on_with_other_columns() {
        let statements = own::marketplace::Guild::TABLE.create_statements();
        insta::assert_snapshot!(statements[1..].join(";\n"), @r"
        CREATE INDEX IF NOT EXISTS ix_agent_service_market_guilds_service_category_reputation ON agent_service_market_guilds (service_category, reputation);
        CREATE INDEX IF NOT EXISTS ix_agent_service_market_guilds_reputation ON agent_service_market_guilds (reputation)
        ");
    }

    #[test]
    fn a_column_may_begin_two_indexes() {
        let statements = own::marketplace::ServiceRequest::TABLE.create_statements();
        let of_provider: Vec<&str> = statements[1..]
            .iter()
            .filter_map(|index| index.split_once("(provider_owner").map(|(_, others)| others))
            .collect();
        assert_eq!(of_provider, [")", ", status)"]);
    }

    #[test]
    fn the_statements_are_those_of_the_monolith() {
        insta::assert_snapshot!(agents::StepExecution::TABLE.create_statements().join(";\n"), @r"
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
        insta::assert_snapshot!(agents::Workflow::TABLE.create_statements().join(";\n"), @r"
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
        insta::assert_snapshot!(security::Policy::TABLE.create_statements().join(";\n"), @r"
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
        insta::assert_snapshot!(jobs::Job::TABLE.create_statements().join(";\n"), @r"
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
}
