//! What the values of a portfolio over time say of it: growth, drawdown, volatility, value at risk.
//!
//! `V` is a value, `F` what came in less what went out since the value before it. Growth from one value to the next is
//! `g = (V - F) / V'`; where the value before is nothing, or what came in is not known or more than what is there, there is
//! none. A value is taken with each transfer, so that what comes in has no growth before it is there. `I = g1 g2 …` so far.
//!
//! - time-weighted return: `100 (I - 1)` at the end, percent
//! - maximum drawdown: `100 max (1 - I / P)`, where `P` is the largest `I` before, percent
//! - from the last `I` of each UTC day to the next, with `r = ln (I / I')` over `d` days (a Brownian motion seen now and then):
//!   mean `m = Σr / Σd` a day, variance `s² = Σ((r - m d)² / d) / (n - 1)` a day, which needs two of them; a total loss has no
//!   logarithm, and with one among them nothing that follows from `m` and `s` is known
//! - volatility: `100 s √365` a year, percent
//! - Sharpe ratio: `365 m / (s √365)`, without interest; none where `s` is 0, or no more than rounding leaves
//! - value at risk: `100 max(0, 1 - exp(m - z s))`, percent of the value lost within a day at most, with probability 95 %
//!   (`z` = 1.645) or 99 % (`z` = 2.326), if `r` is normal

use crate::python::time::Stamp;

/// Days of a year: agents trade on all of them.
const YEAR: f64 = 365.0;

/// The quantile of the normal distribution at 95 %.
const Z95: f64 = 1.644_853_626_951_472_2;

/// The quantile of the normal distribution at 99 %.
const Z99: f64 = 2.326_347_874_040_840_8;

const DAY_MILLIS: i64 = 86_400_000;

/// A deviation of a day below this is what the rounding of doubles leaves of none.
const NO_DEVIATION: f64 = 1e-12;

/// What a portfolio was worth at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// When.
    pub at: Stamp,
    /// What everything in it cost.
    pub value: f64,
    /// What had come in less what had gone out until then, where that is known.
    pub net_transfers: Option<f64>,
}

/// What the values say. None is what they are too few to say.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Percent.
    pub time_weighted_return: Option<f64>,
    /// Percent.
    pub max_drawdown: Option<f64>,
    /// Percent a year.
    pub volatility: Option<f64>,
    /// A ratio.
    pub sharpe_ratio: Option<f64>,
    /// Percent within a day.
    pub var_95: Option<f64>,
    /// Percent within a day.
    pub var_99: Option<f64>,
}

impl Figures {
    /// Reckons with values in the order of time.
    pub fn of(observations: &[Observation]) -> Self {
        let stretches = stretches(observations);
        let levels: Vec<f64> = stretches.iter().flatten().map(|point| point.level).collect();
        let growth = Self {
            time_weighted_return: levels.last().and_then(|last| finite(100.0 * (last - 1.0))),
            max_drawdown: drawdown(&levels),
            ..Self::default()
        };
        let Some(daily) = Daily::of(&stretches) else { return growth };
        let at_risk = |z: f64| 100.0 * (1.0 - (daily.mean - z * daily.deviation).exp()).max(0.0);
        let yearly = daily.deviation * YEAR.sqrt();
        Self {
            volatility: finite(100.0 * yearly),
            sharpe_ratio: (daily.deviation > NO_DEVIATION).then(|| YEAR * daily.mean / yearly),
            var_95: finite(at_risk(Z95)),
            var_99: finite(at_risk(Z99)),
            ..growth
        }
    }
}

/// What one unit of the beginning had become.
#[derive(Debug, Clone, Copy)]
struct Point {
    day: i64,
    level: f64,
}

/// The stretches of time throughout which growth is known, each of two points at least.
fn stretches(observations: &[Observation]) -> Vec<Vec<Point>> {
    let mut stretches: Vec<Vec<Point>> = Vec::new();
    let (mut level, mut before) = (1.0, None);
    for observation in observations {
        let growth = before.and_then(|before| growth(before, observation));
        level *= growth.unwrap_or(1.0);
        let point = Point { day: day(observation), level };
        match stretches.last_mut().filter(|_| growth.is_some()) {
            Some(stretch) => stretch.push(point),
            None => stretches.push(vec![point]),
        }
        before = Some(observation);
    }
    stretches.retain(|stretch| stretch.len() > 1);
    stretches
}

/// Mean and standard deviation of a day.
#[derive(Debug, Clone, Copy)]
struct Daily {
    mean: f64,
    deviation: f64,
}

impl Daily {
    fn of(stretches: &[Vec<Point>]) -> Option<Self> {
        let returns: Vec<(f64, f64)> = stretches.iter().flat_map(|one| daily(one)).collect();
        if returns.iter().any(|(logarithm, _)| !logarithm.is_finite()) {
            return None;
        }
        let further = u32::try_from(returns.len()).ok()?.checked_sub(1).filter(|n| *n > 0)?;
        let days: f64 = returns.iter().map(|(_, days)| days).sum();
        let mean = returns.iter().map(|(r, _)| r).sum::<f64>() / days;
        let squares = returns.iter().map(|(r, days)| (r - mean * days).powi(2) / days);
        let variance = squares.sum::<f64>() / f64::from(further);
        Some(Self { mean, deviation: variance.sqrt() })
    }
}

/// From the last point of a day to that of the next day that has one: the logarithm of the growth, and the days.
fn daily(stretch: &[Point]) -> Vec<(f64, f64)> {
    let mut last: Vec<Point> = Vec::new();
    for point in stretch {
        match last.last_mut() {
            Some(former) if former.day == point.day => *former = *point,
            _ => last.push(*point),
        }
    }
    let pairs = last.iter().zip(last.iter().skip(1));
    let logarithm = |(before, after): (&Point, &Point)| {
        #[expect(clippy::cast_precision_loss, reason = "the calendar has fewer than 2^53 days")]
        let days = (after.day - before.day) as f64;
        // Rows that a hand has put out of order are a day apart at least.
        ((after.level / before.level).ln(), days.max(1.0))
    };
    pairs.map(logarithm).collect()
}

fn drawdown(levels: &[f64]) -> Option<f64> {
    let mut peak = 1.0_f64;
    let falls = levels.iter().map(|level| {
        peak = peak.max(*level);
        100.0 * (1.0 - level / peak)
    });
    falls.reduce(f64::max).and_then(finite)
}

fn growth(before: &Observation, after: &Observation) -> Option<f64> {
    let came_in = after.net_transfers? - before.net_transfers?;
    let growth = (after.value - came_in) / before.value;
    (before.value > 0.0 && growth >= 0.0).then_some(growth)
}

fn day(observation: &Observation) -> i64 {
    observation.at.millis().div_euclid(DAY_MILLIS)
}

/// A figure that a column and an answer can hold; what is divided by nothing is none.
fn finite(figure: f64) -> Option<f64> {
    figure.is_finite().then_some(figure)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One value a day, with what came in on that day.
    fn daily(values: &[(f64, f64)]) -> Vec<Observation> {
        let first = Stamp::parse("2026-11-01 12:00:00").unwrap();
        let mut net = 0.0;
        let observation = |(day, (value, came_in)): (i64, &(f64, f64))| {
            net += came_in;
            Observation {
                at: first.plus_seconds(day * 86_400),
                value: *value,
                net_transfers: Some(net),
            }
        };
        (0..).zip(values).map(observation).collect()
    }

    fn near(found: Option<f64>, wanted: f64) -> bool {
        found.is_some_and(|found| (found - wanted).abs() < 1e-9)
    }

    #[test]
    fn too_few_values_say_nothing() {
        assert_eq!(Figures::of(&[]), Figures::default());
        assert_eq!(Figures::of(&daily(&[(100.0, 100.0)])), Figures::default());
        let one_growth = Figures::of(&daily(&[(100.0, 100.0), (110.0, 0.0)]));
        assert!(near(one_growth.time_weighted_return, 10.0));
        assert!(near(one_growth.max_drawdown, 0.0));
        assert_eq!((one_growth.volatility, one_growth.var_95), (None, None));
    }

    #[test]
    fn what_comes_in_is_no_growth() {
        let figures = Figures::of(&daily(&[(100.0, 100.0), (210.0, 100.0), (105.0, -105.0)]));
        assert!(near(figures.time_weighted_return, 10.0), "{figures:?}");
        assert!(near(figures.max_drawdown, 0.0));
    }

    #[test]
    fn a_value_of_unknown_origin_is_no_growth_either() {
        let mut values = daily(&[(100.0, 100.0), (150.0, 0.0), (165.0, 0.0)]);
        values[1].net_transfers = None;
        assert_eq!(Figures::of(&values), Figures::default());
    }

    /// What was reckoned by hand, with forty digits, from values that are easy to follow.
    #[test]
    fn figures_reckoned_by_hand() {
        // +10 %, -10 %, +10 %: ln 1.1, ln 0.9, ln 1.1, whose mean is 0.02842 and whose deviation is 0.11586.
        let figures =
            Figures::of(&daily(&[(100.0, 100.0), (110.0, 0.0), (99.0, 0.0), (108.9, 0.0)]));
        assert!(near(figures.time_weighted_return, 8.9));
        assert!(near(figures.max_drawdown, 10.0));
        assert!(near(figures.volatility, 221.345_022_730_737_1));
        assert!(near(figures.sharpe_ratio, 4.686_475_840_315_503));
        assert!(near(figures.var_95, 14.968_492_295_414_886));
        assert!(near(figures.var_99, 21.424_040_265_996_77));
    }

    #[test]
    fn days_on_which_nobody_looked_reckoned_by_hand() {
        // -10 % in a day, +10 % in three, nothing in one: mean -0.00201 a day, deviation 0.08399.
        let mut values = daily(&[(100.0, 0.0), (90.0, 0.0), (99.0, 0.0), (99.0, 0.0)]);
        values[2].at = values[2].at.plus_seconds(2 * 86_400);
        values[3].at = values[3].at.plus_seconds(2 * 86_400);
        let figures = Figures::of(&values);
        assert!(near(figures.time_weighted_return, -1.0));
        assert!(near(figures.max_drawdown, 10.0));
        assert!(near(figures.volatility, 160.462_705_714_163_63));
        assert!(near(figures.sharpe_ratio, -0.457_224_321_402_456_3));
        assert!(near(figures.var_95, 13.078_202_798_391_966));
        assert!(near(figures.var_99, 17.913_783_387_163_42));
    }

    #[test]
    fn growth_that_is_always_the_same_has_no_ratio_to_its_deviation() {
        let values: Vec<(f64, f64)> =
            (0..30).map(|day| (100.0 * 1.01_f64.powi(day), 0.0)).collect();
        let figures = Figures::of(&daily(&values));
        assert!(figures.volatility.is_some_and(|volatility| volatility < 1e-9));
        assert_eq!(figures.sharpe_ratio, None);
        let still = Figures::of(&daily(&[(100.0, 0.0); 3]));
        assert_eq!((still.volatility, still.sharpe_ratio), (Some(0.0), None));
        assert_eq!((still.var_95, still.max_drawdown), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn after_a_total_loss_there_is_no_chance_to_reckon_with() {
        let values =
            [(100.0, 0.0), (110.0, 0.0), (0.0, 0.0), (50.0, 50.0), (55.0, 0.0), (60.0, 0.0)];
        let figures = Figures::of(&daily(&values));
        assert!(near(figures.time_weighted_return, -100.0));
        assert!(near(figures.max_drawdown, 100.0));
        let Figures { volatility, sharpe_ratio, var_95, var_99, .. } = figures;
        assert_eq!([volatility, sharpe_ratio, var_95, var_99], [None; 4]);
    }

    #[test]
    fn more_that_came_in_than_there_is_is_no_growth() {
        let figures = Figures::of(&daily(&[(100.0, 100.0), (50.0, 60.0)]));
        assert_eq!(figures, Figures::default());
    }

    #[test]
    fn the_formulas() {
        // ln g: 0.1, -0.2, 0.1.
        let values: Vec<f64> =
            [0.0, 0.1, -0.1, 0.0].iter().map(|r: &f64| 100.0 * r.exp()).collect();
        let figures = Figures::of(&daily(&values.iter().map(|v| (*v, 0.0)).collect::<Vec<_>>()));
        let deviation = (0.06_f64 / 2.0).sqrt();
        assert!(near(figures.volatility, 100.0 * deviation * 365.0_f64.sqrt()));
        assert!(near(figures.sharpe_ratio, 0.0));
        assert!(near(figures.var_95, 100.0 * (1.0 - (-Z95 * deviation).exp())));
        assert!(near(figures.var_99, 100.0 * (1.0 - (-Z99 * deviation).exp())));
        assert!(near(figures.max_drawdown, 100.0 * (1.0 - (-0.2_f64).exp())));
        assert!(near(figures.time_weighted_return, 0.0));
    }

    #[test]
    fn only_the_last_value_of_a_day_counts_for_volatility() {
        let mut values = daily(&[(100.0, 0.0), (110.0, 0.0), (99.0, 0.0)]);
        let quiet = Figures::of(&values);
        let early = Observation { at: values[1].at.plus_seconds(-3600), value: 50.0, ..values[1] };
        values.insert(1, early);
        let wild = Figures::of(&values);
        assert_eq!(wild.volatility, quiet.volatility);
        assert!(near(wild.max_drawdown, 50.0));
    }

    proptest! {
        #[test]
        fn figures_stay_within_what_they_mean(values in prop::collection::vec((0.0..1e9, -1e6..1e6), 0..40)) {
            let figures = Figures::of(&daily(&values));
            for percent in [figures.max_drawdown, figures.var_95, figures.var_99].into_iter().flatten() {
                prop_assert!((0.0..=100.0).contains(&percent));
            }
            prop_assert!(figures.volatility.is_none_or(|volatility| volatility >= 0.0));
            prop_assert!(figures.var_95 <= figures.var_99);
        }

        #[test]
        fn scale_does_not_matter(values in prop::collection::vec(1.0..1e6, 2..20), factor in 0.1..10.0) {
            let of = |factor: f64| Figures::of(&daily(&values.iter().map(|v| (v * factor, 0.0)).collect::<Vec<_>>()));
            let (one, other) = (of(1.0), of(factor));
            let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * (1.0 + a.abs()),
                (a, b) => a == b,
            };
            prop_assert!(close(one.volatility, other.volatility), "{one:?} {other:?}");
            prop_assert!(close(one.max_drawdown, other.max_drawdown));
        }
    }
}
