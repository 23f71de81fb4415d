//! Rows of `agent_audit_logs`, and the chain over those that this service wrote.

use super::rows::{all_of, cell, count_of, one_of, page, whole};
use super::{Store, StoreError, Writing};
use crate::logic::audit::Event;
use crate::logic::audit_chain::{self, RawAuditLog};
use crate::tables::own::audit::AuditLink;
use crate::tables::security::{AuditEventType, AuditLog, SecurityLevel};
use crate::tables::{Cell, Int};
use crate::work::Work;

/// Which audit logs a list shows. Every condition that is set must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this event.
    pub event_type: Option<AuditEventType>,
    /// About this workflow.
    pub workflow_id: Option<String>,
    /// About this execution.
    pub execution_id: Option<String>,
    /// By this user.
    pub user_id: Option<String>,
    /// Of this owner, who is the user that a log names.
    pub owner: Option<String>,
    /// Of this level.
    pub security_level: Option<SecurityLevel>,
    /// That somebody has to look at, or that nobody has to.
    pub requires_investigation: Option<bool>,
    /// Of this risk at least.
    pub risk_score_min: Option<i64>,
    /// Of this risk at most.
    pub risk_score_max: Option<i64>,
    /// At most so many; negative is as many as a list may have.
    pub limit: i64,
    /// After so many; negative is none.
    pub offset: i64,
}

/// How many audit logs there are, of which kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditCounts {
    /// All of them.
    pub total: i64,
    /// Those that somebody has to look at.
    pub to_investigate: i64,
    /// Those of each event, by its name in the database.
    pub by_event: Vec<(String, i64)>,
    /// Those of a risk score up to 30, up to 70, up to 90, and above.
    pub by_risk: [i64; 4],
    /// The risk scores of all, added up.
    pub risk: i64,
}

impl Store {
    /// The audit log with this id.
    pub async fn audit_find(&self, id: &str) -> Result<Option<AuditLog>, StoreError> {
        self.find("find an audit log", "WHERE id = ?", vec![id.into()]).await
    }

    /// The audit logs that pass the filter, newest first.
    pub async fn audit_list(&self, filter: &AuditFilter) -> Result<Vec<AuditLog>, StoreError> {
        let (conditions, mut binds) = filter.conditions();
        binds.extend(page(filter.limit, filter.offset));
        let rest = format!("WHERE {conditions} ORDER BY timestamp DESC LIMIT ? OFFSET ?");
        self.select("list audit logs", &rest, binds).await
    }

    /// How many audit logs there are, of one owner or of all.
    pub async fn audit_counts(&self, owner: Option<&str>) -> Result<AuditCounts, StoreError> {
        let (conditions, binds) = all_of([(OF_OWNER, owner.map(Cell::from))]);
        let [to_investigate, low, medium, high, critical] = [
            "requires_investigation = TRUE",
            "risk_score <= 30",
            "risk_score > 30 AND risk_score <= 70",
            "risk_score > 70 AND risk_score <= 90",
            "risk_score > 90",
        ]
        .map(count_of);
        let sql = format!(
            "SELECT event_type, COUNT(*), {to_investigate}, SUM(risk_score), {low}, {medium}, {high}, {critical} \
             FROM agent_audit_logs WHERE {conditions} GROUP BY event_type"
        );
        let mut counts = AuditCounts::default();
        for row in self.figures("count audit logs", sql, binds).await? {
            let mut row = row.into_iter();
            let event = row.next().and_then(|cell| cell.text().ok()).unwrap_or_default();
            let mut next = || row.next().as_ref().map_or(0, whole);
            let total = next();
            counts.total += total;
            counts.by_event.push((event, total));
            counts.to_investigate += next();
            counts.risk += next();
            for count in &mut counts.by_risk {
                *count += next();
            }
        }
        Ok(counts)
    }

    /// How many audit logs have no link: the monolith wrote them.
    pub async fn audit_count_unlinked(&self) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) FROM agent_audit_logs WHERE NOT EXISTS \
                   (SELECT 1 FROM agent_service_audit_chain WHERE audit_id = agent_audit_logs.id)";
        let rows = self.figures("count audit logs", sql, Vec::new()).await?;
        Ok(rows.first().and_then(|row| row.first()).map_or(0, whole))
    }

    /// The last link of the chain.
    pub async fn audit_head(&self) -> Result<Option<AuditLink>, StoreError> {
        self.find("find the end of the audit chain", HEAD, Vec::new()).await
    }

    /// The link at a place of the chain.
    pub async fn audit_link(&self, sequence: i64) -> Result<Option<AuditLink>, StoreError> {
        let binds = vec![Cell::Integer(sequence)];
        self.find("find an audit link", "WHERE sequence = ?", binds).await
    }

    /// The links after one place of the chain up to another, at most `limit`, with the rows that they are about.
    pub async fn audit_links(
        &self,
        after: i64,
        up_to: i64,
        limit: i64,
    ) -> Result<(Vec<AuditLink>, Vec<RawAuditLog>), StoreError> {
        let doing = "follow the audit chain";
        let rest = "WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?";
        let binds = vec![Cell::Integer(after), Cell::Integer(up_to), Cell::Integer(limit)];
        let links: Vec<AuditLink> = self.select(doing, rest, binds).await?;
        let ids = links.iter().map(|link| cell(&link.audit_id)).collect();
        let (condition, ids) = one_of("id", ids);
        let rows = self.select(doing, &format!("WHERE {condition}"), ids).await?;
        Ok((links, rows))
    }
}

const HEAD: &str = "ORDER BY sequence DESC LIMIT 1";

/// Whose an audit log is.
const OF_OWNER: &str = "user_id = ?";

impl Writing {
    /// Writes an event to the audit log and links it to those before, as part of this transaction.
    pub async fn audit(&mut self, work: &Work, event: Event) -> Result<(), StoreError> {
        let event = match work.only_of() {
            Some(user) => Event { user_id: Some(user.to_owned()), ..event },
            None => event,
        };
        let row = event.row(work.id("audit_", 12), work.now());
        self.insert("write an audit log", &row).await?;
        let head = self.find("find the end of the audit chain", HEAD, Vec::new()).await?;
        let link = audit_chain::next(head.as_ref(), &row, work.signer());
        self.insert("link an audit log", &link).await
    }
}

impl AuditFilter {
    /// The newest, whatever they are about.
    pub fn newest(limit: i64) -> Self {
        Self {
            event_type: None,
            workflow_id: None,
            execution_id: None,
            user_id: None,
            owner: None,
            security_level: None,
            requires_investigation: None,
            risk_score_min: None,
            risk_score_max: None,
            limit,
            offset: 0,
        }
    }

    fn conditions(&self) -> (String, Vec<Cell>) {
        let text = |value: &Option<String>| value.as_ref().map(cell);
        let number = |value: Option<i64>| value.map(|number| cell(&Int::from(number)));
        let wanted = [
            ("event_type = ?", self.event_type.as_ref().map(cell)),
            ("workflow_id = ?", text(&self.workflow_id)),
            ("execution_id = ?", text(&self.execution_id)),
            ("user_id = ?", text(&self.user_id)),
            (OF_OWNER, text(&self.owner)),
            ("security_level = ?", self.security_level.as_ref().map(cell)),
            ("requires_investigation = ?", self.requires_investigation.as_ref().map(cell)),
            ("risk_score >= ?", number(self.risk_score_min)),
            ("risk_score <= ?", number(self.risk_score_max)),
        ];
        all_of(wanted)
    }
}
