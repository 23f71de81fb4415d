//! Scores, levels and what is null, each beside what was reckoned by hand.

use serde_json::json;

use super::super::alerts;
use super::super::portfolios::NewPortfolio;
use super::super::strategies::tests::strategy;
use super::*;
use crate::tables::money::tests::money;

fn now() -> Stamp {
    Stamp::parse("2026-11-22 10:00:00").unwrap()
}

/// A portfolio of which so many percent may be off its strategy.
fn portfolio(risk_tolerance: f64) -> AgentPortfolio {
    let new = json!({
        "agent_address": "0x00000000000000000000000000000000000000aa", "strategy_id": 1,
        "initial_capital": 0.0, "risk_tolerance": risk_tolerance, "token_addresses": {},
    });
    serde_json::from_value::<NewPortfolio>(new).unwrap().row(now())
}

/// Holds 60 % A and 40 % B, and so many percent of it are off the strategy.
fn state(strategy_distance: &str) -> State {
    State {
        now: now(),
        value: money("100"),
        net_transfers: Some(money("100")),
        shares: vec![("A".to_owned(), money("60")), ("B".to_owned(), money("40"))],
        strategy_distance: money(strategy_distance),
        total_return: None,
    }
}

/// One value a day up to now, without anything that came in.
fn series(values: &[f64]) -> Vec<Observation> {
    let days = (1 - i64::try_from(values.len()).unwrap()..=0).zip(values);
    let observation = |(day, value): (i64, &f64)| Observation {
        at: now().plus_seconds(day * 86_400),
        value: *value,
        net_transfers: Some(0.0),
    };
    days.map(observation).collect()
}

/// The limits are: tolerance as given, volatility 15 %, drawdown 20 %.
fn judged(tolerance: f64, distance: &str, values: &[f64]) -> Judged {
    let strategy = strategy(&json!({"A": 50, "B": 50})).unwrap();
    Judged::of(&portfolio(tolerance), &strategy, &state(distance), &series(values))
}

/// Holds that there is this score, and this level.
fn check(tolerance: f64, distance: &str, values: &[f64], score: f64, level: RiskLevel) {
    let judged = judged(tolerance, distance, values);
    assert!((judged.score - score).abs() < 1e-9, "{tolerance} {distance}: {}", judged.score);
    assert_eq!(judged.level(), level, "{tolerance} {distance}");
}

#[test]
fn a_score_is_50_at_the_limit_and_100_at_twice_of_it() {
    for (tolerance, distance, score, level) in [
        // 50 x 10 / 40.
        (40.0, "10", 12.5, RiskLevel::Low),
        (40.0, "19.99", 24.9875, RiskLevel::Low),
        (40.0, "20", 25.0, RiskLevel::Medium),
        (40.0, "39.984", 49.98, RiskLevel::Medium),
        (40.0, "40", 50.0, RiskLevel::High),
        (40.0, "59.984", 74.98, RiskLevel::High),
        (40.0, "60", 75.0, RiskLevel::Critical),
        (40.0, "90", 100.0, RiskLevel::Critical),
        // Where nothing is allowed, anything is too much, and nothing is not.
        (0.0, "0.001", 100.0, RiskLevel::Critical),
        (0.0, "0", 0.0, RiskLevel::Low),
    ] {
        check(tolerance, distance, &[100.0], score, level);
    }
}

#[test]
fn the_figure_nearest_to_its_limit_counts() {
    // A drawdown of 29.9 %: 50 x 29.9 / 20. The two values of one growth say nothing of volatility.
    check(100.0, "10", &[100.0, 70.1], 74.75, RiskLevel::High);
    // Growth that does not change: no volatility, no drawdown; 50 x 10 / 100.
    check(100.0, "10", &[100.0; 4], 5.0, RiskLevel::Low);
    // A volatility of 221 %, as reckoned by hand in the test of the formulas, is far past 15 %.
    check(100.0, "10", &[100.0, 110.0, 99.0, 108.9], 100.0, RiskLevel::Critical);
}

#[test]
fn a_limit_that_is_no_number_limits_nothing() {
    let mut strategy = strategy(&json!({"A": 100})).unwrap();
    strategy.max_drawdown = f64::NAN.into();
    let judged = Judged::of(&portfolio(100.0), &strategy, &state("10"), &series(&[100.0, 1.0]));
    assert!((judged.score - 5.0).abs() < 1e-9);
    assert_eq!(judged.limited[2].limit, None);
    assert_eq!(alerts::changes(&judged, &portfolio(100.0), &[], now()), alerts::Changes::default());
}

#[test]
fn what_cannot_be_computed_is_named_in_the_row_and_null_in_the_answer() {
    for (values, absent) in [
        (&[100.0][..], &["volatility", "max_drawdown", "sharpe_ratio", "var_95", "var_99"][..]),
        (&[100.0, 90.0], &["volatility", "sharpe_ratio", "var_95", "var_99"]),
        (&[100.0, 100.0, 100.0], &["sharpe_ratio"]),
        (&[100.0, 90.0, 95.0], &[]),
    ] {
        let (metrics, assessment) = judged(40.0, "10", values).rows(&portfolio(40.0), now());
        let shown = shown(&metrics, Some(&assessment));
        for name in ["volatility", "max_drawdown", "sharpe_ratio", "var_95", "var_99"] {
            assert_eq!(shown[name].is_null(), absent.contains(&name), "{name} of {values:?}");
        }
        for name in NEVER_COMPUTED {
            assert!(shown[name].is_null(), "{name}");
        }
        let named = assessment.not_computed.0.as_array().unwrap().len();
        assert_eq!(named, absent.len() + NEVER_COMPUTED.len(), "{values:?}");
        assert_eq!(shown["observations"], values.len());
    }
}

#[test]
fn the_largest_holding_loses_half_of_its_price() {
    let (metrics, _) = judged(40.0, "10", &[100.0]).rows(&portfolio(40.0), now());
    // 60 % of the portfolio.
    assert_eq!(metrics.stress_test_results, Some(Json(json!({"largest_holding_halves": -30.0}))));
}
