//! The summary of many agents.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::openapi::of_columns;
use crate::http::{Action, Input, Reply};
use crate::logic::performance::summary::{SHOWN, Summary};
use crate::tables::Record as _;
use crate::tables::performance::Standing;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

// `metric` is taken and not looked at, as in the monolith.
static QUERY: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("agent_ids", Kind::list_of(Kind::text())).default(json!([])),
        field("metric", Kind::text()).default("overall_score"),
        field("period", Kind::text()).default("7d"),
    ])
});

#[derive(Debug, Deserialize)]
struct Query {
    agent_ids: Vec<String>,
    period: String,
}

/// `GET /analytics/performance-summary`.
pub fn show() -> Action {
    let about = "Sum up agents: those that are named, or all; the best ten are shown";
    Action::new(about, async |work: Work, mut input: Input| {
        let query: Query = input.query()?;
        let mut summary = Summary::default();
        if query.agent_ids.is_empty() {
            work.store.standings(|standing| summary.add(standing)).await?;
        }
        for agent_id in &query.agent_ids {
            if let Some(standing) = work.store.standing_find(agent_id).await? {
                summary.add(standing);
            }
        }
        Ok(Reply::ok(&summary.answer(&query.period)))
    })
    .unguarded()
    .query(&QUERY)
    .answers(schema)
}

fn schema() -> Value {
    let counts = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    json!({
        "type": "object",
        "properties": {
            "period": {"type": "string"},
            "agent_count": {"type": "integer"},
            "average_score": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            "top_performers": {"type": "array", "items": of_columns(&Standing::TABLE, SHOWN)},
            "performance_distribution": counts,
            "specialization_distribution": counts,
        },
        "required": [
            "period", "agent_count", "average_score", "top_performers",
            "performance_distribution", "specialization_distribution",
        ],
    })
}
