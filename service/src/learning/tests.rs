//! That learning is learning: it repeats, it survives being stored, and what was learned beats chance by far.

use std::time::Instant;

use rayon::ThreadPoolBuilder;
use sha2::{Digest as _, Sha256};

use super::environment::FEATURES;
use super::training::train;
use super::*;

fn course(algorithm: Algorithm) -> Course {
    let environment = Environment::MarketplaceTrading;
    Course { environment, algorithm, settings: Settings::of(algorithm), seed: 7 }
}

/// A course that is over soon.
fn short(algorithm: Algorithm) -> Course {
    let settings = Settings { max_episodes: 24, hidden_size: 16, ..Settings::of(algorithm) };
    Course { settings, ..course(algorithm) }
}

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Ppo, Algorithm::Sac, Algorithm::RainbowDqn];

/// With the settings that a client gets who sets nothing.
fn beats_random(algorithm: Algorithm) {
    // On one thread, as it is trained in earnest.
    let thread = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let started = Instant::now();
    let trained = thread.install(|| train(&course(algorithm), |_| true).unwrap());
    let Evaluation { policy, random, advantage, beats_random, .. } = trained.evaluation;
    println!(
        "{}: {} episodes, {} steps in {:.1} s; mean reward {:.2} [{:.2}, {:.2}], at random {:.2} [{:.2}, {:.2}], \
         more by {:.2} [{:.2}, {:.2}]; {} bytes",
        algorithm.word(),
        trained.progress.episodes,
        trained.progress.steps,
        started.elapsed().as_secs_f32(),
        policy.mean,
        policy.low,
        policy.high,
        random.mean,
        random.low,
        random.high,
        advantage.mean,
        advantage.low,
        advantage.high,
        trained.model.len(),
    );
    assert!(beats_random);
    assert!(policy.low > random.high + 3.0, "clearly, not just measurably");
}

#[test]
fn ppo_learns_to_trade() {
    beats_random(Algorithm::Ppo);
}

#[test]
fn sac_learns_to_trade() {
    beats_random(Algorithm::Sac);
}

#[test]
fn rainbow_learns_to_trade() {
    beats_random(Algorithm::RainbowDqn);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    for algorithm in ALGORITHMS {
        let model = |seed| {
            let trained = train(&Course { seed, ..short(algorithm) }, |_| true).unwrap();
            (Sha256::digest(&trained.model), trained.progress, trained.evaluation)
        };
        let once = model(3);
        assert_eq!(once, model(3), "{}", algorithm.word());
        assert_ne!(once.0, model(4).0, "{}", algorithm.word());
    }
}

#[test]
fn a_training_ends_when_it_is_told_to() {
    let mut heard = 0;
    let stopped = train(&short(Algorithm::Sac), |progress| {
        heard += 1;
        progress.steps < 80
    });
    assert!(matches!(stopped, Err(LearningError::Stopped)));
    assert_eq!(heard, 10);
}

#[test]
fn a_model_read_back_decides_as_before_and_another_algorithms_is_refused() {
    let states: Vec<State> = (0_u8..5).map(|n| [f32::from(n) / 5.0; FEATURES]).collect();
    for algorithm in ALGORITHMS {
        let mut chance = Chance::of(1);
        let settings = Settings { hidden_size: 16, ..Settings::of(algorithm) };
        let model = learner::fresh(algorithm, &settings, &mut chance).unwrap().model().unwrap();
        let policy = Policy::read(algorithm, &model).unwrap();
        let decisions = policy.decide(&states).unwrap();
        assert_eq!(decisions.len(), 5);
        assert_eq!(decisions, Policy::read(algorithm, &model).unwrap().decide(&states).unwrap());
        for decision in &decisions {
            let best = decision.scores.iter().copied().fold(f32::MIN, f32::max);
            let chosen = decision.scores[decision.action.index()];
            assert_eq!(chosen.to_bits(), best.to_bits());
            let sum: f32 = decision.scores.iter().sum();
            assert!(algorithm == Algorithm::RainbowDqn || (sum - 1.0).abs() < 1e-5);
        }
        for other in ALGORITHMS.into_iter().filter(|other| *other != algorithm) {
            assert!(matches!(Policy::read(other, &model), Err(LearningError::Model(_))));
        }
        let cut_off = &model[..model.len() - 1];
        assert!(matches!(Policy::read(algorithm, cut_off), Err(LearningError::Model(_))));
    }
}

#[test]
fn names_and_shapes_are_the_monoliths() {
    let shapes = |algorithm: Algorithm, hidden_size| {
        let settings = Settings { hidden_size, ..Settings::of(algorithm) };
        let model =
            learner::fresh(algorithm, &settings, &mut Chance::of(1)).unwrap().model().unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&model).unwrap();
        let mut shapes: Vec<String> =
            tensors.iter().map(|(name, t)| format!("{name} {:?}", t.shape())).collect();
        shapes.sort();
        shapes.join("\n")
    };
    insta::assert_snapshot!(shapes(Algorithm::Ppo, 256), @r"
    actor.0.bias [256]
    actor.0.weight [256, 9]
    actor.2.bias [256]
    actor.2.weight [256, 256]
    actor.4.bias [4]
    actor.4.weight [4, 256]
    ");
    insta::assert_snapshot!(shapes(Algorithm::RainbowDqn, 512), @r"
    advantage_stream.0.bias [256]
    advantage_stream.0.weight [256, 512]
    advantage_stream.2.bias [204]
    advantage_stream.2.weight [204, 256]
    feature_layer.0.bias [512]
    feature_layer.0.weight [512, 9]
    feature_layer.2.bias [512]
    feature_layer.2.weight [512, 512]
    value_stream.0.bias [256]
    value_stream.0.weight [256, 512]
    value_stream.2.bias [51]
    value_stream.2.weight [51, 256]
    ");
}
