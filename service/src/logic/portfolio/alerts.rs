//! Alerts: raised when a figure is past its limit, resolved when it is not any more.

use serde_json::json;

use super::UNNUMBERED;
use super::risk::{Judged, Limited};
use crate::logic::Denied;
use crate::python::time::Stamp;
use crate::tables::Json;
use crate::tables::Money;
use crate::tables::portfolio::{AgentPortfolio, PortfolioAlert};

/// What becomes of the alerts of a portfolio.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// Those that are new.
    pub raised: Vec<PortfolioAlert>,
    /// Those that are over.
    pub resolved: Vec<PortfolioAlert>,
}

/// Compares what was judged with the alerts that are `open`. There is one of each kind at most. A figure that cannot be computed
/// changes nothing.
pub fn changes(
    judged: &Judged,
    portfolio: &AgentPortfolio,
    open: &[PortfolioAlert],
    now: Stamp,
) -> Changes {
    let mut changes = Changes::default();
    for limited in &judged.limited {
        let (Some(value), Some(limit)) = (limited.value, limited.limit) else { continue };
        let known = open.iter().find(|alert| alert.alert_type == limited.kind);
        match (value > limit, known) {
            (true, None) => changes.raised.push(raised(limited, value, limit, portfolio, now)),
            (false, Some(alert)) => {
                changes.resolved.push(PortfolioAlert { resolved_at: Some(now), ..alert.clone() });
            }
            _ => {}
        }
    }
    changes
}

fn raised(
    limited: &Limited,
    value: f64,
    limit: f64,
    portfolio: &AgentPortfolio,
    now: Stamp,
) -> PortfolioAlert {
    let text = |figure: f64| Money::exactly(figure).unwrap_or_default().rounded(2).to_string();
    let (value_text, limit_text) = (text(value), text(limit));
    let severity = if value > 2.0 * limit { "critical" } else { "warning" };
    PortfolioAlert {
        id: UNNUMBERED.into(),
        portfolio_id: portfolio.id.clone(),
        alert_type: limited.kind.to_owned(),
        severity: severity.to_owned(),
        message: format!(
            "{} is {value_text} %, more than {limit_text} %",
            limited.kind.replace('_', " ")
        ),
        // Texts, as the monolith's type of this column wants them.
        meta_data: Some(Json(json!({"value": value_text, "limit": limit_text}))),
        is_acknowledged: false,
        acknowledged_at: None,
        created_at: now,
        resolved_at: None,
    }
}

/// An alert that somebody has seen. Seeing it again changes nothing.
pub fn acknowledged(
    found: Option<PortfolioAlert>,
    portfolio: &AgentPortfolio,
    now: Stamp,
) -> Result<PortfolioAlert, Denied> {
    let mut alert = found
        .filter(|alert| alert.portfolio_id == portfolio.id)
        .ok_or(Denied::NotFound("Alert"))?;
    if !alert.is_acknowledged {
        alert.is_acknowledged = true;
        alert.acknowledged_at = Some(now);
    }
    Ok(alert)
}
