//! Many agents at a glance: their mean score, the best of them, and how they are spread.

use serde_json::{Map, Value, json};

use crate::tables::Record;
use crate::tables::performance::Standing;

/// How many of the best are shown.
const TOP: usize = 10;

/// From which score on an agent counts as what.
const LEVELS: [(&str, f64); 3] = [("excellent", 80.0), ("good", 60.0), ("average", 40.0)];

/// What is below all of them.
const LOWEST: &str = "below_average";

/// What of an agent is shown among the best.
pub const SHOWN: &[&str] = &[
    "agent_id",
    "overall_score",
    "performance_metrics",
    "resource_efficiency",
    "cost_per_task",
    "throughput",
    "average_latency",
    "specialization_areas",
    "last_assessed",
];

/// Takes one agent after the other and holds no more of them than it shows.
#[derive(Debug, Default)]
pub struct Summary {
    count: u32,
    total: f64,
    /// The best so far, best first.
    top: Vec<(f64, Standing)>,
    /// How many reach each of [`LEVELS`] and none above it.
    reached: [u32; LEVELS.len()],
    areas: Map<String, Value>,
}

impl Summary {
    /// Takes one more agent into account.
    pub fn add(&mut self, standing: Standing) {
        let score = standing.overall_score.get().unwrap_or(0.0);
        self.count += 1;
        self.total += score;
        if let Some(level) = LEVELS.iter().position(|(_, from)| score >= *from)
            && let Some(reached) = self.reached.get_mut(level)
        {
            *reached += 1;
        }
        for area in areas(&standing) {
            let before = self.areas.get(area).and_then(Value::as_u64).unwrap_or(0);
            self.areas.insert(area.to_owned(), (before + 1).into());
        }
        // Behind all that are as good: who came first stays first.
        let place = self.top.partition_point(|(other, _)| *other >= score);
        self.top.insert(place, (score, standing));
        self.top.truncate(TOP);
    }

    /// The answer; `period` is only echoed.
    pub fn answer(self, period: &str) -> Value {
        let none = self.count == 0;
        let average = if none { 0.0 } else { self.total / f64::from(self.count) };
        let spread = if none { Map::new() } else { self.spread() };
        let top: Vec<Value> =
            self.top.iter().map(|(_, standing)| Value::Object(standing.shown(SHOWN))).collect();
        json!({
            "period": period,
            "agent_count": self.count,
            "average_score": average,
            "top_performers": top,
            "performance_distribution": spread,
            "specialization_distribution": self.areas,
        })
    }

    fn spread(&self) -> Map<String, Value> {
        let levels = LEVELS.iter().zip(self.reached).map(|((level, _), count)| (*level, count));
        let rest = self.count - self.reached.iter().sum::<u32>();
        let all = levels.chain([(LOWEST, rest)]);
        all.map(|(level, count)| (level.to_owned(), count.into())).collect()
    }
}

fn areas(standing: &Standing) -> impl Iterator<Item = &str> {
    let areas = standing.specialization_areas.as_ref().and_then(|areas| areas.0.as_array());
    areas.into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tables::Json;

    fn standing(agent: &str, score: f64) -> Standing {
        Standing {
            agent_id: agent.to_owned(),
            overall_score: score.into(),
            performance_metrics: Some(Json(json!({}))),
            resource_efficiency: Some(Json(json!({}))),
            cost_per_task: 0.0.into(),
            throughput: 0.0.into(),
            average_latency: 0.0.into(),
            specialization_areas: Some(Json(json!(["general"]))),
            last_assessed: None,
        }
    }

    fn summary(scores: &[f64]) -> Value {
        let mut summary = Summary::default();
        for (i, score) in scores.iter().enumerate() {
            summary.add(standing(&format!("a{i}"), *score));
        }
        summary.answer("7d")
    }

    #[test]
    fn of_nobody() {
        assert_eq!(
            summary(&[]),
            json!({
                "period": "7d", "agent_count": 0, "average_score": 0.0, "top_performers": [],
                "performance_distribution": {}, "specialization_distribution": {},
            })
        );
    }

    #[test]
    fn the_contract_s_five() {
        let negative = -117.750_000_000_000_01;
        let answer = summary(&[10.74, negative, negative, 0.0, 93.6]);
        assert_eq!(answer["average_score"], -26.232_000_000_000_01);
        let best: Vec<_> = answer["top_performers"].as_array().unwrap().iter().collect();
        assert_eq!(best[0]["agent_id"], "a4");
        assert_eq!((&best[3]["agent_id"], &best[4]["agent_id"]), (&json!("a1"), &json!("a2")));
        assert_eq!(
            answer["performance_distribution"],
            json!({"excellent": 1, "good": 0, "average": 0, "below_average": 4})
        );
        assert_eq!(answer["specialization_distribution"], json!({"general": 5}));
    }

    #[test]
    fn levels_begin_where_they_say() {
        let answer = summary(&[80.0, 79.9, 60.0, 40.0, 39.9]);
        assert_eq!(
            answer["performance_distribution"],
            json!({"excellent": 1, "good": 2, "average": 1, "below_average": 1})
        );
    }

    proptest! {
        #[test]
        fn the_best_are_the_first_of_a_stable_sort(scores in prop::collection::vec(0..20_u8, 0..40)) {
            let scores: Vec<f64> = scores.into_iter().map(f64::from).collect();
            let answer = summary(&scores);
            let mut places: Vec<usize> = (0..scores.len()).collect();
            places.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
            let expected: Vec<String> = places.iter().take(TOP).map(|i| format!("a{i}")).collect();
            let shown: Vec<&str> = answer["top_performers"].as_array().unwrap().iter()
                .map(|agent| agent["agent_id"].as_str().unwrap()).collect();
            prop_assert_eq!(shown, expected);
            let spread = answer["performance_distribution"].as_object().unwrap();
            let counted: u64 = spread.values().filter_map(Value::as_u64).sum();
            prop_assert_eq!(usize::try_from(counted).unwrap(), scores.len());
        }
    }
}
