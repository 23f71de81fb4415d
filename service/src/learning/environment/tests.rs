//! What holds of every world: it is its seed's, it stays within bounds, and what is done in it matters.

use proptest::prelude::*;

use super::*;

/// The sum of the rewards of an episode, with what `choose` does in each state.
fn episode(world: Environment, seed: u64, mut choose: impl FnMut(&State) -> Action) -> f32 {
    let mut episode = Episode::begin(world, seed);
    let mut sum = 0.0;
    loop {
        let (reward, next) = episode.step(choose(&episode.state()));
        sum += reward;
        if next != Next::Step {
            return sum;
        }
    }
}

fn mean(world: Environment, mut choose: impl FnMut(&State, &mut Chance) -> Action) -> f32 {
    let mut chance = Chance::of(99);
    let sum: f32 =
        (0..300).map(|seed| episode(world, seed, |state| choose(state, &mut chance))).sum();
    sum / 300.0
}

/// What somebody does who has read the description: no learner's best, but better than chance.
fn sensible(world: Environment, state: &State) -> Action {
    let [price, _, demand, supply, competition, reputation, _, _, position] = *state;
    match world {
        Environment::MarketplaceTrading if (demand - supply).abs() < 0.25 => Action::Dynamic,
        Environment::MarketplaceTrading if demand > supply && position < 1.0 => Action::Increase,
        Environment::MarketplaceTrading if demand < supply && position > -1.0 => Action::Decrease,
        Environment::ResourceAllocation => Action::Dynamic,
        // A tenth below the competitor, where one is not near that already.
        Environment::PriceOptimization if (competition - 0.1).abs() > 0.1 => Action::Dynamic,
        Environment::ServiceSelection if price < 0.35 => Action::Dynamic,
        Environment::ServiceSelection if demand > 1.0 && position < 0.5 => Action::Increase,
        Environment::ServiceSelection if demand < 0.5 && position > 0.5 => Action::Decrease,
        Environment::NegotiationStrategy if reputation > 0.4 && competition < 0.5 => {
            Action::Dynamic
        }
        Environment::NegotiationStrategy => Action::Increase,
        Environment::PortfolioManagement if reputation > 0.05 => Action::Increase,
        Environment::PortfolioManagement if reputation < -0.05 => Action::Decrease,
        _ => Action::Maintain,
    }
}

#[test]
fn acting_sensibly_beats_acting_at_random() {
    for world in Environment::ALL.iter().copied() {
        let random = mean(world, |_, chance| Action::at(chance.below(ACTIONS)));
        let sensible = mean(world, |state, _| sensible(world, state));
        println!("{}: random {random:.2}, sensible {sensible:.2}", world.word());
        assert!(sensible > random + 0.2 * random.abs().max(1.0), "{}", world.word());
    }
}

#[test]
fn what_is_done_matters() {
    for world in Environment::ALL.iter().copied() {
        let always = Action::ALL.iter().map(|action| mean(world, |_, _| *action));
        let always: Vec<f32> = always.collect();
        let least = always.iter().copied().fold(f32::MAX, f32::min);
        let most = always.iter().copied().fold(f32::MIN, f32::max);
        assert!(most - least > 0.5, "{}: {always:?}", world.word());
    }
}

proptest! {
    #[test]
    fn an_episode_is_its_seeds_and_stays_within_bounds(
        world in prop::sample::select(Environment::ALL),
        seed in any::<u64>(),
        actions in prop::collection::vec(0..ACTIONS, HORIZON),
    ) {
        let run = || {
            let mut episode = Episode::begin(world, seed);
            let mut seen = vec![(episode.state(), 0.0)];
            for action in &actions {
                let (reward, next) = episode.step(Action::at(*action));
                seen.push((episode.state(), reward));
                if next != Next::Step {
                    break;
                }
            }
            (seen, episode.steps)
        };
        let (seen, steps) = run();
        prop_assert_eq!(&seen, &run().0);
        prop_assert!(steps <= HORIZON);
        for (state, reward) in seen {
            prop_assert!(state.iter().all(|feature| feature.abs() <= 5.0), "{:?}", state);
            prop_assert!(reward.abs() <= 5.0, "{}", reward);
        }
    }

    #[test]
    fn an_action_and_its_place_are_one(index in 0..ACTIONS) {
        prop_assert_eq!(Action::at(index).index(), index);
        prop_assert_eq!(Action::ALL[index].index(), index);
    }
}
