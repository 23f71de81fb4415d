//! Risk: what the holdings and their history say, how near that is to the limits of the strategy, and what is not known.

use serde_json::{Value, json};

use super::returns::{Figures, Observation};
use super::snapshots::State;
use super::strategies::limit;
use super::{Refusal, UNNUMBERED, shown as with};
use crate::python::time::Stamp;
use crate::tables::own::portfolio::Assessment;
use crate::tables::portfolio::{AgentPortfolio, PortfolioStrategy, RiskLevel, RiskMetrics};
use crate::tables::{Float, Json, Record as _};

/// The score of a figure that is exactly at its limit; at twice the limit it is 100.
const AT_LIMIT: f64 = 50.0;

/// Columns for which there is never anything to compute them from: no market to compare with, no prices of single tokens over
/// time.
const NEVER_COMPUTED: [&str; 3] = ["beta", "alpha", "correlation_matrix"];

/// A figure with the limit that the strategy, or the portfolio, sets to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limited {
    /// What kind of alert tells that it is past its limit.
    pub kind: &'static str,
    /// The figure; none where it cannot be computed.
    pub value: Option<f64>,
    /// The limit; none where there is none.
    pub limit: Option<f64>,
}

impl Limited {
    /// From 0 to 100: 50 at the limit.
    fn score(&self) -> Option<f64> {
        let (value, limit) = (self.value?, self.limit?);
        let is_without_room = limit <= 0.0;
        let score = match (is_without_room, value > 0.0) {
            (true, true) => 100.0,
            (true, false) => 0.0,
            (false, _) => AT_LIMIT * value / limit,
        };
        Some(score.clamp(0.0, 100.0))
    }
}

/// What is to be thought of a portfolio.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    figures: Figures,
    strategy_distance: f64,
    /// What has a limit.
    pub limited: [Limited; 3],
    /// From 0 to 100: the score of whatever is nearest to its limit, or furthest past it.
    pub score: f64,
    stress: Value,
    observations: usize,
}

impl Judged {
    /// Judges what a portfolio is and was.
    pub fn of(
        portfolio: &AgentPortfolio,
        strategy: &PortfolioStrategy,
        state: &State,
        series: &[Observation],
    ) -> Self {
        let figures = Figures::of(series);
        let strategy_distance = state.strategy_distance.number();
        let limited = |kind, value, column: &Float| Limited { kind, value, limit: limit(column) };
        let limited = [
            limited("strategy_distance", Some(strategy_distance), &portfolio.risk_tolerance),
            limited("volatility", figures.volatility, &strategy.volatility_threshold),
            limited("drawdown", figures.max_drawdown, &strategy.max_drawdown),
        ];
        let score = limited.iter().filter_map(Limited::score).fold(0.0, f64::max);
        // What is lost if the largest token loses half of its price.
        let stress = json!({"largest_holding_halves": -0.5 * state.largest_share().number()});
        Self { figures, strategy_distance, limited, score, stress, observations: series.len() }
    }

    /// The level of the score: medium from 25, high from 50 (a limit), critical from 75 on.
    pub fn level(&self) -> RiskLevel {
        match self.score {
            score if score < 25.0 => RiskLevel::Low,
            score if score < AT_LIMIT => RiskLevel::Medium,
            score if score < 75.0 => RiskLevel::High,
            _ => RiskLevel::Critical,
        }
    }

    /// The columns that could not be computed.
    fn not_computed(&self) -> Vec<&'static str> {
        let figures = [
            ("volatility", self.figures.volatility),
            ("max_drawdown", self.figures.max_drawdown),
            ("sharpe_ratio", self.figures.sharpe_ratio),
            ("var_95", self.figures.var_95),
            ("var_99", self.figures.var_99),
        ];
        let absent = figures.into_iter().filter(|(_, figure)| figure.is_none());
        absent.map(|(name, _)| name).chain(NEVER_COMPUTED).collect()
    }

    /// The rows of it. A column that could not be computed is 0, as its default in the monolith, and named in the second row.
    pub fn rows(&self, portfolio: &AgentPortfolio, now: Stamp) -> (RiskMetrics, Assessment) {
        let or_default = |figure: Option<f64>| Float::from(figure.unwrap_or(0.0));
        let metrics = RiskMetrics {
            id: UNNUMBERED.into(),
            portfolio_id: portfolio.id.clone(),
            volatility: or_default(self.figures.volatility),
            max_drawdown: or_default(self.figures.max_drawdown),
            sharpe_ratio: or_default(self.figures.sharpe_ratio),
            beta: or_default(None),
            alpha: or_default(None),
            var_95: or_default(self.figures.var_95),
            var_99: or_default(self.figures.var_99),
            correlation_matrix: Some(Json(json!({}))),
            risk_level: self.level(),
            overall_risk_score: self.score.into(),
            stress_test_results: Some(Json(self.stress.clone())),
            updated_at: now,
        };
        let assessment = Assessment {
            portfolio_id: portfolio.id.clone(),
            not_computed: Json(json!(self.not_computed())),
            observations: i64::try_from(self.observations).unwrap_or(i64::MAX).into(),
            strategy_distance: self.strategy_distance.into(),
            assessed_at: now,
        };
        (metrics, assessment)
    }
}

/// Risk metrics as answers show them: null where nothing could be computed. What somebody else has written since is shown as it
/// is.
pub fn shown(metrics: &RiskMetrics, assessment: Option<&Assessment>) -> Value {
    let assessment = assessment.filter(|own| own.assessed_at == metrics.updated_at);
    let Some(assessment) = assessment else {
        return with(metrics, [("observations", Value::Null), ("strategy_distance", Value::Null)]);
    };
    let shown = assessment.shown(&["observations", "strategy_distance"]);
    let mut all = with(metrics, []);
    if let (Value::Object(all), Value::Array(absent)) = (&mut all, &assessment.not_computed.0) {
        all.extend(shown);
        for name in absent.iter().filter_map(Value::as_str) {
            all.insert(name.to_owned(), Value::Null);
        }
    }
    all
}

/// Why there is nothing to judge.
pub fn nothing_held(state: &State) -> Result<(), Refusal> {
    let has_value = state.value.is_positive();
    has_value.then_some(()).ok_or(Refusal::of("The portfolio holds nothing"))
}

#[cfg(test)]
mod tests;
