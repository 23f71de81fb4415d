//! Who gets a sub-task: the candidates and their scores.

use serde_json::Value;

use super::agents::{AgentStatus, Member, Roster};
use super::figure;
use crate::python::time::Stamp;
use crate::tables::own::orchestration::{Agent, GpuTier, TaskType};

/// The price of an hour up to which an agent is as cheap as can be.
const CHEAP: f64 = 0.05;

/// An agent that could take a sub-task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate<'r> {
    /// The agent.
    pub member: &'r Member,
    /// How well it would suit, 0 to 1.
    pub score: f64,
}

impl Candidate<'_> {
    /// As answers show it at `now`.
    pub fn shown(&self, now: Stamp) -> Value {
        let mut shown = self.member.shown(now);
        if let Value::Object(shown) = &mut shown {
            shown.insert("score".to_owned(), self.score.into());
        }
        shown
    }
}

/// The contract's score: four parts performance, three price, two reliability, one idleness. All figures but the price of an
/// hour are shares of 1; who asks no price is as cheap as can be.
pub fn score(performance: f64, cost_per_hour: f64, reliability: f64, load: f64) -> f64 {
    let cheapness = if cost_per_hour > CHEAP { CHEAP / cost_per_hour } else { 1.0 };
    0.4 * performance + 0.3 * cheapness + 0.2 * reliability + 0.1 * (1.0 - load)
}

fn score_of(member: &Member) -> f64 {
    let Agent { performance_score, cost_per_hour, reliability_score, .. } = &member.agent;
    score(
        performance_score.get().unwrap_or(0.0),
        cost_per_hour.number(),
        reliability_score.get().unwrap_or(0.0),
        figure(member.load) / figure(member.places().max(1)),
    )
}

impl Roster {
    /// Who could take work of this kind on this tier, the best first. Of equal ones the better performer comes first, and of
    /// those the one that registered earlier.
    pub fn candidates(&self, task_type: TaskType, gpu_tier: GpuTier) -> Vec<Candidate<'_>> {
        let fits = |member: &&Member| {
            member.status(self.now()) == AgentStatus::Available && member.suits(task_type, gpu_tier)
        };
        let fitting = self.members.iter().filter(fits);
        let mut candidates: Vec<Candidate<'_>> =
            fitting.map(|member| Candidate { member, score: score_of(member) }).collect();
        let performance = |candidate: &Candidate<'_>| {
            candidate.member.agent.performance_score.get().unwrap_or(0.0)
        };
        candidates.sort_by(|a, b| {
            let by_score = b.score.total_cmp(&a.score);
            by_score.then_with(|| performance(b).total_cmp(&performance(a)))
        });
        candidates
    }

    /// How those stand who could do work of this kind on this tier, for whoever finds no candidate among them.
    pub fn standing_for(&self, task_type: TaskType, gpu_tier: GpuTier) -> String {
        let count = |status: AgentStatus| {
            let standing = self.standing(Some(status));
            standing.filter(|member| member.suits(task_type, gpu_tier)).count()
        };
        let counted = AgentStatus::ALL.iter().map(|status| (count(*status), status.word()));
        let standing: Vec<String> = counted
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        let standing =
            if standing.is_empty() { "none registered".to_owned() } else { standing.join(", ") };
        format!("{} on {}: {standing}", task_type.word(), gpu_tier.word())
    }

    /// Gives a sub-task to the best candidate, which has a place less from then on.
    pub fn take(&mut self, task_type: TaskType, gpu_tier: GpuTier) -> Option<Agent> {
        let best = self.candidates(task_type, gpu_tier).first()?.member.agent.agent_id.clone();
        let member = self.members.iter_mut().find(|member| member.agent.agent_id == best)?;
        member.load += 1;
        Some(member.agent.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::agents::tests::{instant, roster};
    use super::*;
    use crate::tables::Money;
    use proptest::prelude::*;

    fn now() -> Stamp {
        instant("2026-01-01 10:00:00")
    }

    #[test]
    fn the_built_in_agents_score_as_in_the_contract() {
        let mut roster = roster(now());
        let scores: Vec<f64> = roster.members.iter().map(score_of).collect();
        // .4 x .85 + .3 + .2 x .92 + .1, and so on with the other figures of the contract.
        for (score, expected) in scores.iter().zip([0.924, 0.368 + 0.3 * 5.0 / 9.0 + 0.276, 0.774])
        {
            assert!((score - expected).abs() < 1e-12, "{score} {expected}");
        }
        roster.members[0].load = 2;
        assert!((score_of(&roster.members[0]) - (0.924 - 0.1 * 2.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn a_place_is_given_once() {
        let mut roster = roster(now());
        for _place in 0..3 {
            let taken = roster.take(TaskType::TextProcessing, GpuTier::MidRangeGpu).unwrap();
            assert_eq!(taken.agent_id, "agent_001");
        }
        assert_eq!(roster.take(TaskType::TextProcessing, GpuTier::MidRangeGpu), None);
        // Another kind of work, but the same places.
        assert_eq!(roster.take(TaskType::DataAnalysis, GpuTier::MidRangeGpu), None);
    }

    #[test]
    fn who_is_no_candidate() {
        let candidates =
            |roster: &Roster, task_type, tier| roster.candidates(task_type, tier).len();
        let mut roster = roster(now());
        assert_eq!(candidates(&roster, TaskType::ModelTraining, GpuTier::PremiumGpu), 1);
        // A stronger GPU is another GPU.
        assert_eq!(candidates(&roster, TaskType::ModelTraining, GpuTier::HighEndGpu), 0);
        assert_eq!(candidates(&roster, TaskType::IoBound, GpuTier::PremiumGpu), 0);
        roster.members[2].agent.in_maintenance = true;
        assert_eq!(candidates(&roster, TaskType::ModelTraining, GpuTier::PremiumGpu), 0);
        roster.members[2].agent.in_maintenance = false;
        roster.members[2].agent.last_updated = now().plus_seconds(-301);
        assert_eq!(candidates(&roster, TaskType::ModelTraining, GpuTier::PremiumGpu), 0);
    }

    #[test]
    fn who_finds_nobody_hears_how_those_stand_who_could_do_it() {
        let mut roster = roster(now());
        let heard = |roster: &Roster, tier| roster.standing_for(TaskType::TextProcessing, tier);
        assert_eq!(
            heard(&roster, GpuTier::CpuOnly),
            "text_processing on cpu_only: none registered"
        );
        let mut others: Vec<Member> = std::iter::repeat_n(roster.members[0].clone(), 3).collect();
        others[0].load = 3;
        others[1].agent.last_updated = now().plus_seconds(-301);
        others[2].agent.in_maintenance = true;
        roster.members[0].load = 3;
        roster.members.extend(others);
        assert_eq!(
            heard(&roster, GpuTier::MidRangeGpu),
            "text_processing on mid_range_gpu: 2 busy, 1 offline, 1 maintenance"
        );
    }

    #[test]
    fn of_equal_ones_the_first_to_register_wins() {
        let mut roster = roster(now());
        let mut twin = roster.members[0].clone();
        twin.agent.agent_id = "agent_000".to_owned();
        roster.members.push(twin);
        let taken = |roster: &mut Roster| {
            roster.take(TaskType::DataAnalysis, GpuTier::MidRangeGpu).unwrap().agent_id
        };
        // Each that has worked less is next.
        assert_eq!(taken(&mut roster), "agent_001");
        assert_eq!(taken(&mut roster), "agent_000");
        assert_eq!(taken(&mut roster), "agent_001");
    }

    #[test]
    fn who_asks_no_price_is_as_cheap_as_can_be() {
        assert!((score(0.0, 0.0, 0.0, 1.0) - 0.3).abs() < 1e-12);
        let mut roster = roster(now());
        roster.members[0].agent.cost_per_hour = Money::default();
        assert!((score_of(&roster.members[0]) - 0.924).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn scores_are_shares_and_better_figures_never_score_less(
            performance in 0.0..=1.0_f64, cost in 0.0..10.0_f64, reliability in 0.0..=1.0_f64,
            load in 0.0..=1.0_f64, more in 0.0..=1.0_f64,
        ) {
            let base = score(performance, cost, reliability, load);
            prop_assert!((0.0..=1.0 + 1e-12).contains(&base));
            let between = |figure: f64| figure + (1.0 - figure) * more;
            prop_assert!(score(between(performance), cost, reliability, load) >= base);
            prop_assert!(score(performance, cost, between(reliability), load) >= base);
            prop_assert!(score(performance, cost + more, reliability, load) <= base);
            prop_assert!(score(performance, cost, reliability, between(load)) <= base);
        }

        #[test]
        fn nobody_gets_more_than_they_have_places_for(places in prop::collection::vec(0_i64..5, 1..6), asked in 0_usize..40) {
            let mut roster = roster(now());
            let model = roster.members.remove(0);
            roster.members = places.iter().enumerate().map(|(i, places)| {
                let mut member = model.clone();
                member.agent.agent_id = format!("a{i}");
                member.agent.max_concurrent_tasks = (*places).into();
                member
            }).collect();
            let given = (0..asked).filter(|_| {
                roster.take(TaskType::TextProcessing, GpuTier::MidRangeGpu).is_some()
            }).count();
            let all = usize::try_from(places.iter().sum::<i64>()).unwrap();
            prop_assert_eq!(given, all.min(asked));
            for member in &roster.members {
                prop_assert!(member.load <= member.places());
            }
        }
    }
}
