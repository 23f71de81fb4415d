//! Indexes that the monolith did not make, for lists of large databases. Nothing needs them, and nobody else looks at them.

/// An optional index on one of the monolith's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// Its name, which begins as those of the service's own tables do.
    pub name: &'static str,
    /// The table.
    pub table: &'static str,
    /// What it is sorted by, as SQL has it in either dialect.
    pub columns: &'static str,
}

impl Index {
    /// The statement that makes it in SQLite, which nobody can write beside.
    pub fn create_in_sqlite(&self) -> String {
        format!("CREATE INDEX IF NOT EXISTS {}", self.definition())
    }

    /// The statement that makes it in PostgreSQL, beside whoever writes; it is for no transaction.
    pub fn create_in_postgres(&self) -> String {
        format!("CREATE INDEX CONCURRENTLY IF NOT EXISTS {}", self.definition())
    }

    fn definition(&self) -> String {
        format!("{} ON {} ({})", self.name, self.table, self.columns)
    }
}

/// Makes an [`Index`] of a name, a table and columns.
const fn index(name: &'static str, table: &'static str, columns: &'static str) -> Index {
    Index { name, table, columns }
}

/// For the newest executions of a workflow.
pub const EXECUTIONS_NEWEST: Index =
    index("agent_service_executions_newest", "agent_executions", "workflow_id, created_at DESC");

/// The same, of those in one state.
pub const EXECUTIONS_NEWEST_BY_STATUS: Index = index(
    "agent_service_executions_newest_by_status",
    "agent_executions",
    "workflow_id, status, created_at DESC",
);

/// Every index. Descending ones are followed forwards by lists that show the newest or the highest first, so that rows which tie
/// keep their order.
pub const ALL: &[Index] = &[
    index("agent_service_workflows_public", "ai_agent_workflows", "is_public"),
    EXECUTIONS_NEWEST,
    EXECUTIONS_NEWEST_BY_STATUS,
    index("agent_service_audit_by_event", "agent_audit_logs", "event_type, timestamp DESC"),
    index("agent_service_audit_by_workflow", "agent_audit_logs", "workflow_id, timestamp DESC"),
    index("agent_service_audit_by_user", "agent_audit_logs", "user_id, timestamp DESC"),
    index("agent_service_audit_by_level", "agent_audit_logs", "security_level, timestamp DESC"),
    index(
        "agent_service_audit_to_investigate",
        "agent_audit_logs",
        "requires_investigation, timestamp DESC",
    ),
    index("agent_service_trust_by_type", "agent_trust_scores", "entity_type, trust_score DESC"),
    index("agent_service_allocations_newest", "resource_allocations", "agent_id, created_at DESC"),
    index(
        "agent_service_optimizations_newest",
        "performance_optimizations",
        "agent_id, created_at DESC",
    ),
    index("agent_service_capabilities_best", "agent_capabilities", "agent_id, skill_level DESC"),
    index("agent_service_meta_models_newest", "meta_learning_models", "created_at DESC"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::tables;

    #[test]
    fn each_stands_on_columns_of_a_table_and_has_a_name_of_its_own() {
        let names: BTreeSet<_> = ALL.iter().map(|index| index.name).collect();
        assert_eq!(names.len(), ALL.len());
        for index in ALL {
            assert!(index.name.starts_with("agent_service_"), "{}", index.name);
            // PostgreSQL cuts longer names off, and would then find another index under them.
            assert!(index.name.len() < 64, "{}", index.name);
            let table = tables::ALL.iter().find(|table| table.name == index.table).unwrap();
            for column in index.columns.split(", ").map(|column| column.trim_end_matches(" DESC")) {
                assert!(table.columns.iter().any(|c| c.name == column), "{}", index.name);
            }
        }
    }

    #[test]
    fn the_statements() {
        insta::assert_snapshot!(ALL[1].create_in_sqlite(), @"CREATE INDEX IF NOT EXISTS agent_service_executions_newest ON agent_executions (workflow_id, created_at DESC)");
        insta::assert_snapshot!(ALL[1].create_in_postgres(), @"CREATE INDEX CONCURRENTLY IF NOT EXISTS agent_service_executions_newest ON agent_executions (workflow_id, created_at DESC)");
    }
}
