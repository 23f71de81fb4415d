//! Synthesis across domains: what an agent's domains make of a goal together, as far as patterns and chance go.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Chance;

/// By how much a synthesis raises the transfer of each capability that takes part.
pub const TRANSFER_STEP: f64 = 0.05;

/// The most transfer that there is.
pub const TRANSFER_MOST: f64 = 1.0;

/// What one capability adds to the synergy.
const SYNERGY_OF_ONE: f64 = 0.2;

/// What domains are to be brought together for.
#[derive(Debug, Clone, Deserialize)]
pub struct Plan {
    /// Whose capabilities.
    pub agent_id: String,
    primary_domain: String,
    secondary_domains: Vec<String>,
    synthesis_goal: String,
}

/// The agent has no capability in the primary domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Agent lacks primary creative domain: {0}")]
pub struct NoPrimaryDomain(String);

/// What an agent brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Means {
    /// The domains of the plan in which the agent has a capability.
    pub domains: Vec<String>,
    /// How many capabilities those are.
    count: u32,
}

impl Plan {
    /// What an agent brings along who has so many capabilities in each domain.
    pub fn means(&self, capabilities: &BTreeMap<String, u32>) -> Result<Means, NoPrimaryDomain> {
        if !capabilities.contains_key(&self.primary_domain) {
            return Err(NoPrimaryDomain(self.primary_domain.clone()));
        }
        let wanted = |domain: &String| {
            *domain == self.primary_domain || self.secondary_domains.contains(domain)
        };
        let used: Vec<_> = capabilities.iter().filter(|(domain, _)| wanted(domain)).collect();
        Ok(Means {
            count: used.iter().map(|(_, count)| **count).sum(),
            domains: used.into_iter().map(|(domain, _)| domain.clone()).collect(),
        })
    }

    /// The answer.
    pub fn answer(&self, means: &Means, chance: &dyn Chance) -> Value {
        let Self { primary_domain: primary, secondary_domains: secondary, .. } = self;
        let potential = f64::from(means.count) * SYNERGY_OF_ONE;
        let level = if potential > 0.5 { "disruptive" } else { "incremental" };
        let first = secondary.first().map_or("general use", String::as_str);
        let others = secondary.join(", ");
        json!({
            "goal": self.synthesis_goal,
            "primary_framework": primary,
            "integrated_perspectives": secondary,
            "synthesis_output":
                format!("Novel integration of {primary} principles with mechanisms from {others}"),
            "synergy_score": synergy(potential, chance.between(0.0, 0.2)),
            "innovation_level": level,
            "suggested_applications": [
                format!("Cross-functional application in {primary}"),
                format!("Novel methodology for {first}"),
            ],
        })
    }
}

/// How well domains go together, at most 0.95.
fn synergy(potential: f64, luck: f64) -> f64 {
    (0.4 + potential + luck).min(0.95)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::SeededChance;

    fn plan(primary: &str, secondary: &[&str]) -> Plan {
        let body = json!({
            "agent_id": "cr1", "primary_domain": primary, "secondary_domains": secondary,
            "synthesis_goal": "g",
        });
        serde_json::from_value(body).unwrap()
    }

    fn own(domains: &[(&str, u32)]) -> BTreeMap<String, u32> {
        domains.iter().map(|(domain, count)| ((*domain).to_owned(), *count)).collect()
    }

    #[test]
    fn the_contract_s_syntheses() {
        let own = own(&[("artistic", 1), ("design", 1), ("innovation", 1), ("cooking", 1)]);
        let chance = SeededChance::new(1);
        let three = plan("artistic", &["design", "innovation"]);
        let means = three.means(&own).unwrap();
        assert_eq!(means.domains, ["artistic", "design", "innovation"]);
        assert_eq!(
            three.answer(&means, &chance),
            json!({
                "goal": "g", "primary_framework": "artistic",
                "integrated_perspectives": ["design", "innovation"],
                "synthesis_output":
                    "Novel integration of artistic principles with mechanisms from design, innovation",
                "synergy_score": 0.95, "innovation_level": "disruptive",
                "suggested_applications":
                    ["Cross-functional application in artistic", "Novel methodology for design"],
            })
        );
        let alone = plan("artistic", &[]);
        let answer = alone.answer(&alone.means(&own).unwrap(), &chance);
        assert_eq!(answer["innovation_level"], "incremental");
        assert_eq!(answer["suggested_applications"][1], "Novel methodology for general use");
        assert_eq!(
            answer["synthesis_output"],
            "Novel integration of artistic principles with mechanisms from "
        );
        let refused = plan("astrology", &["design"]).means(&own).unwrap_err();
        assert_eq!(refused.to_string(), "Agent lacks primary creative domain: astrology");
    }

    #[test]
    fn every_capability_of_a_domain_counts_and_each_domain_once() {
        let plan = plan("design", &["design", "art", "art", "none"]);
        let means = plan.means(&own(&[("design", 2), ("art", 1), ("other", 5)])).unwrap();
        assert_eq!(means.domains, ["art", "design"]);
        assert_eq!(means.count, 3);
    }

    proptest! {
        #[test]
        fn synergy_grows_with_capabilities_up_to_its_most(seed in any::<u64>(), count in 1..50_u32) {
            let plan = plan("a", &[]);
            let score = |count: u32| {
                let means = plan.means(&own(&[("a", count)])).unwrap();
                plan.answer(&means, &SeededChance::new(seed))["synergy_score"].as_f64().unwrap()
            };
            prop_assert!((0.6..=0.95).contains(&score(count)));
            prop_assert!(score(count) <= score(count + 1));
        }
    }
}
