//! Ideation: ideas from fixed patterns, scored by chance and ranked. No model is asked.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Chance;
use crate::python::time::Stamp;

/// How much novelty and feasibility make of an idea's rank.
const WEIGHTS: (f64, f64) = (0.6, 0.4);

/// A question that wants ideas.
#[derive(Debug, Clone, Deserialize)]
pub struct Question {
    problem_statement: String,
    domain: String,
    technique: String,
    num_ideas: u8,
}

/// How ideas are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Technique {
    Scamper,
    Triz,
    SixThinkingHats,
    FirstPrinciples,
    Biomimicry,
}

impl Technique {
    /// The technique of a name; of an unknown one that which asks for first principles.
    fn of(name: &str) -> Self {
        match name {
            "scamper" => Self::Scamper,
            "triz" => Self::Triz,
            "six_thinking_hats" => Self::SixThinkingHats,
            "biomimicry" => Self::Biomimicry,
            _ => Self::FirstPrinciples,
        }
    }

    /// What it looks at, one after the other.
    #[rustfmt::skip]
    const fn aspects(self) -> &'static [&'static str] {
        match self {
            Self::Scamper => &["Substitute", "Combine", "Adapt", "Modify", "Put to other use", "Eliminate", "Reverse"],
            Self::Triz => &["Segmentation", "Extraction", "Local Quality", "Asymmetry", "Consolidation", "Universality"],
            Self::SixThinkingHats => &[
                "White (Data)", "Red (Emotion)", "Black (Caution)", "Yellow (Optimism)", "Green (Creativity)", "Blue (Process)",
            ],
            Self::FirstPrinciples => &["Deconstruction"],
            Self::Biomimicry => &[
                "Mycelium networks", "Swarm intelligence", "Photosynthesis", "Lotus effect", "Gecko adhesion",
            ],
        }
    }

    /// Between what its ideas are novel, and between what they are feasible.
    const fn ranges(self) -> [(f64, f64); 2] {
        match self {
            Self::Scamper => [(0.6, 0.9), (0.5, 0.85)],
            Self::Triz => [(0.7, 0.95), (0.4, 0.8)],
            Self::SixThinkingHats => [(0.5, 0.8), (0.6, 0.9)],
            Self::FirstPrinciples => [(0.8, 0.99), (0.3, 0.7)],
            Self::Biomimicry => [(0.75, 0.95), (0.4, 0.75)],
        }
    }

    /// Title and description of its idea number `i`, counted from 0.
    fn words(self, i: usize, aspect: &str, question: &Question) -> [String; 2] {
        let domain = &question.domain;
        let first = |count| question.problem_statement.chars().take(count).collect::<String>();
        match self {
            Self::Scamper => [
                format!("{aspect}-based innovation for {domain}"),
                format!("Applying the {aspect} principle to solving: {}...", first(30)),
            ],
            Self::Triz => [
                format!("TRIZ Principle: {aspect}"),
                format!("Solving contradictions in {domain} using {aspect}."),
            ],
            Self::SixThinkingHats => [
                format!("{aspect} perspective"),
                format!("Analyzing {} from the {aspect} standpoint.", first(20)),
            ],
            Self::FirstPrinciples => [
                format!("Fundamental reconstruction {}", i + 1),
                format!("Breaking down assumptions in {domain} to fundamental physics/logic."),
            ],
            Self::Biomimicry => [
                format!("Bio-inspired: {aspect}"),
                format!("Applying principles from {aspect} to {domain} challenges."),
            ],
        }
    }
}

impl Question {
    /// Ideas for the question, best first, as the answer shows them.
    pub fn answer(&self, chance: &dyn Chance, now: Stamp) -> Value {
        json!({
            "problem": self.problem_statement,
            "technique_used": self.technique,
            "domain": self.domain,
            "generated_ideas": self.ranked(chance),
            "generation_timestamp": now.sent(),
        })
    }

    fn ranked(&self, chance: &dyn Chance) -> Vec<Value> {
        let aspects = Technique::of(&self.technique).aspects().iter().cycle();
        let ideas = aspects.take(self.num_ideas.into()).enumerate();
        let mut ideas: Vec<(f64, Value)> =
            ideas.map(|(i, aspect)| self.idea(i, aspect, chance)).collect();
        ideas.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        ideas.into_iter().map(|(_, idea)| idea).collect()
    }

    /// One idea, and what it is ranked by.
    fn idea(&self, i: usize, aspect: &str, chance: &dyn Chance) -> (f64, Value) {
        let technique = Technique::of(&self.technique);
        let [novelty, feasibility] =
            technique.ranges().map(|(low, high)| chance.between(low, high));
        let composite = composite(novelty, feasibility);
        let [title, description] = technique.words(i, aspect, self);
        let idea = json!({
            "title": title,
            "description": description,
            "technique_aspect": aspect,
            "novelty_score": novelty,
            "feasibility_score": feasibility,
            "composite_score": composite,
        });
        (composite, idea)
    }
}

fn composite(novelty: f64, feasibility: f64) -> f64 {
    novelty * WEIGHTS.0 + feasibility * WEIGHTS.1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::capabilities::tests::now;
    use super::*;
    use crate::testing::SeededChance;

    const STATEMENT: &str = "How to reduce idle GPU time across a federated market?";

    fn ideas(technique: &str, num_ideas: u8, seed: u64) -> Vec<Value> {
        let question = Question {
            problem_statement: STATEMENT.to_owned(),
            domain: "compute".to_owned(),
            technique: technique.to_owned(),
            num_ideas,
        };
        let answer = question.answer(&SeededChance::new(seed), now());
        assert_eq!(
            (&answer["technique_used"], &answer["problem"]),
            (&json!(technique), &json!(STATEMENT))
        );
        answer["generated_ideas"].as_array().unwrap().clone()
    }

    fn texts(technique: &str) -> Vec<String> {
        let text = |idea: &Value, name: &str| idea[name].as_str().unwrap().to_owned();
        let ideas = ideas(technique, 2, 1);
        let mut texts: Vec<String> = ideas
            .iter()
            .map(|idea| text(idea, "title") + " | " + &text(idea, "description"))
            .collect();
        texts.sort();
        texts
    }

    #[test]
    fn each_technique_has_its_words() {
        let techniques = ["scamper", "triz", "six_thinking_hats", "nonsense", "biomimicry"];
        let all: Vec<String> = techniques.into_iter().flat_map(texts).collect();
        insta::assert_snapshot!(all.join("\n"), @r"
        Combine-based innovation for compute | Applying the Combine principle to solving: How to reduce idle GPU time ac...
        Substitute-based innovation for compute | Applying the Substitute principle to solving: How to reduce idle GPU time ac...
        TRIZ Principle: Extraction | Solving contradictions in compute using Extraction.
        TRIZ Principle: Segmentation | Solving contradictions in compute using Segmentation.
        Red (Emotion) perspective | Analyzing How to reduce idle G from the Red (Emotion) standpoint.
        White (Data) perspective | Analyzing How to reduce idle G from the White (Data) standpoint.
        Fundamental reconstruction 1 | Breaking down assumptions in compute to fundamental physics/logic.
        Fundamental reconstruction 2 | Breaking down assumptions in compute to fundamental physics/logic.
        Bio-inspired: Mycelium networks | Applying principles from Mycelium networks to compute challenges.
        Bio-inspired: Swarm intelligence | Applying principles from Swarm intelligence to compute challenges.
        ");
    }

    #[test]
    fn aspects_come_round_again() {
        let found = ideas("scamper", 8, 3);
        let first = found.iter().filter(|idea| idea["technique_aspect"] == "Substitute").count();
        assert_eq!((found.len(), first), (8, 2));
    }

    #[test]
    fn the_contract_s_composite() {
        let found = composite(0.880_996_376_313_748_3, 0.726_812_384_836_307_7);
        assert!((found - 0.819_322_779_722_772).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn ideas_are_within_their_ranges_and_best_first(
            seed in any::<u64>(),
            count in 1..=20_u8,
            technique in 0..5_usize,
        ) {
            let name = ["scamper", "triz", "six_thinking_hats", "first_principles", "biomimicry"][technique];
            let found = ideas(name, count, seed);
            prop_assert_eq!(found.len(), usize::from(count));
            let [novel, feasible] = Technique::of(name).ranges();
            let score = |idea: &Value, name: &str| idea[name].as_f64().unwrap();
            for idea in &found {
                prop_assert!((novel.0..=novel.1).contains(&score(idea, "novelty_score")));
                prop_assert!((feasible.0..=feasible.1).contains(&score(idea, "feasibility_score")));
            }
            let rank = |idea: &Value| score(idea, "composite_score");
            prop_assert!(found.is_sorted_by(|a, b| rank(a) >= rank(b)));
        }
    }
}
