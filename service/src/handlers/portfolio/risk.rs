//! Risk: assess a portfolio, and see what was found last.

use serde_json::{Value, json};

use super::desk::Desk;
use super::{list_of, number_or_null, visible, with};
use crate::http::openapi::of_table;
use crate::http::{Action, Input, Reply};
use crate::logic::Denied;
use crate::logic::portfolio::risk::{self, Judged, nothing_held};
use crate::logic::portfolio::snapshots::{MOST_READ, series};
use crate::logic::portfolio::{alerts, number};
use crate::tables::Record as _;
use crate::tables::portfolio::{PortfolioAlert, RiskMetrics};
use crate::work::Work;

/// The numbers that are null where they cannot be computed.
const FIGURES: [&str; 7] =
    ["volatility", "max_drawdown", "sharpe_ratio", "beta", "alpha", "var_95", "var_99"];

/// `POST /portfolio/portfolios/{agent_address}/risk`.
pub fn assess() -> Action {
    let about = "Assess what is at risk in a portfolio, and raise or resolve its alerts";
    Action::new(about, async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let mut desk = Desk::open(&work, &mut writing, &input, ["", ""]).await?;
        let (id, state) = (number(&desk.portfolio.id), desk.state()?);
        nothing_held(&state)?;
        let stored = writing.snapshots_newest(id, MOST_READ).await?;
        let judged = Judged::of(&desk.portfolio, &desk.strategy, &state, &series(&stored, &state));
        let (metrics, assessment) = judged.rows(&desk.portfolio, desk.now);
        let metrics = writing.risk_put(&metrics, &assessment).await?;
        let open = writing.alert_list_open(id).await?;
        let changes = alerts::changes(&judged, &desk.portfolio, &open, desk.now);
        let mut raised = Vec::new();
        for alert in &changes.raised {
            raised.push(writing.alert_insert(alert).await?.to_json());
        }
        for alert in &changes.resolved {
            writing.alert_update(alert).await?;
        }
        desk.portfolio.risk_score = judged.score.into();
        desk.close(&mut writing).await?;
        writing.commit().await?;
        let mut shown = risk::shown(&metrics, Some(&assessment));
        if let Value::Object(shown) = &mut shown {
            shown.insert("raised_alerts".to_owned(), raised.into());
        }
        Ok(Reply::ok(&shown))
    })
    .refuses(&[400, 403, 404, 409])
    .answers(|| with(schema(), "raised_alerts", list_of(&of_table(&PortfolioAlert::TABLE))))
}

/// `GET /portfolio/portfolios/{agent_address}/risk`.
pub fn show() -> Action {
    Action::new("What the last assessment found", async |work: Work, input: Input| {
        let (portfolio, _) = visible(&work, &input).await?;
        let id = number(&portfolio.id);
        let metrics = work.store.risk_find(id).await?.ok_or(Denied::NotFound("Risk assessment"))?;
        let assessment = work.store.assessment_find(id).await?;
        Ok(Reply::ok(&risk::shown(&metrics, assessment.as_ref())))
    })
    .refuses(&[403, 404])
    .answers(schema)
}

fn schema() -> Value {
    let figure = |schema, name: &&str| with(schema, name, number_or_null());
    let schema = FIGURES.iter().fold(of_table(&RiskMetrics::TABLE), figure);
    let integer_or_null = json!({"anyOf": [{"type": "integer"}, {"type": "null"}]});
    let schema = with(schema, "observations", integer_or_null);
    with(schema, "strategy_distance", number_or_null())
}
