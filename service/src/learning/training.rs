//! A whole training, from nothing to a policy that was put to the test.

use std::collections::VecDeque;

use super::environment::{Environment, Episode, Next};
use super::evaluation::{self, Evaluation};
use super::learner::{self, Seen};
use super::numbers::{double, single};
use super::{Algorithm, Chance, LearningError, Outcome, Policy, Settings};

/// Episodes that go on side by side.
const LANES: usize = 8;

/// Episodes that the mean reward is of.
const RECENT: usize = 20;

/// Figures in a history, at most.
const FIGURES: u32 = 100;

/// Episodes of the test at the end.
const TEST_EPISODES: usize = 100;

/// What is to be learned, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The world.
    pub environment: Environment,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Its figures.
    pub settings: Settings,
    /// Where all chance comes from.
    pub seed: u64,
}

/// How far a training is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Episodes that have ended.
    pub episodes: u32,
    /// Steps in all.
    pub steps: u64,
    /// Mean sum of rewards of the newest episodes; none before the first has ended.
    pub mean_reward: Option<f32>,
    /// The same over the whole training, in at most a hundred figures.
    pub history: Vec<f32>,
}

/// What came of a training.
#[derive(Debug)]
pub struct Trained {
    /// The bytes of a [`Policy`].
    pub model: Vec<u8>,
    /// How it went.
    pub progress: Progress,
    /// How good the policy is in episodes that it has not learned from.
    pub evaluation: Evaluation,
}

/// Trains. After every step of the episodes side by side `go_on` hears how far it is and says whether to.
pub fn train(course: &Course, mut go_on: impl FnMut(&Progress) -> bool) -> Outcome<Trained> {
    let mut chance = Chance::of(course.seed);
    let mut learner = learner::fresh(course.algorithm, &course.settings, &mut chance)?;
    let mut lanes: Vec<Lane> = (0..LANES).map(|_| Lane::begin(course, &mut chance)).collect();
    let mut record = Record::new(course.settings.max_episodes);
    while record.progress.episodes < course.settings.max_episodes {
        let states: Vec<_> = lanes.iter().map(|lane| lane.episode.state()).collect();
        let actions = learner.act(&states, &mut chance)?;
        let mut seen = Vec::with_capacity(LANES);
        for ((lane, state), action) in lanes.iter_mut().zip(states).zip(actions) {
            let (reward, next) = lane.episode.step(action);
            let after = lane.episode.state();
            seen.push(Seen { state, action, reward, after, next });
            lane.sum += reward;
            record.progress.steps += 1;
            if next != Next::Step {
                record.end_episode(lane.sum);
                *lane = Lane::begin(course, &mut chance);
            }
        }
        learner.observe(&seen, &mut chance)?;
        if !go_on(&record.progress) {
            return Err(LearningError::Stopped);
        }
    }
    let model = learner.model()?;
    // What is tested is what will be served: the policy as it is read back.
    let policy = Policy::read(course.algorithm, &model)?;
    // Any seeds but those of the training, and few enough that they fit a JSON number.
    let seed = chance.seed() >> 32;
    let evaluation = evaluation::evaluate(&policy, course.environment, TEST_EPISODES, seed)?;
    Ok(Trained { model, progress: record.progress, evaluation })
}

/// One of the episodes side by side.
struct Lane {
    episode: Episode,
    sum: f32,
}

impl Lane {
    fn begin(course: &Course, chance: &mut Chance) -> Self {
        Self { episode: Episode::begin(course.environment, chance.seed()), sum: 0.0 }
    }
}

/// What progress is made from.
struct Record {
    progress: Progress,
    newest: VecDeque<f32>,
    /// Sums of rewards that have not become a figure of the history yet.
    unwritten: Vec<f64>,
    /// Episodes in a figure of the history.
    each: u32,
}

impl Record {
    fn new(episodes: u32) -> Self {
        Self {
            progress: Progress::default(),
            newest: VecDeque::with_capacity(RECENT),
            unwritten: Vec::new(),
            each: episodes.div_ceil(FIGURES).max(1),
        }
    }

    fn end_episode(&mut self, sum: f32) {
        self.progress.episodes += 1;
        if self.newest.len() == RECENT {
            self.newest.pop_front();
        }
        self.newest.push_back(sum);
        let mean = self.newest.iter().sum::<f32>() / single(self.newest.len());
        self.progress.mean_reward = Some(mean);
        self.unwritten.push(f64::from(sum));
        if self.progress.episodes.is_multiple_of(self.each) {
            let mean = self.unwritten.iter().sum::<f64>() / double(self.unwritten.len());
            self.progress.history.push(super::numbers::shortened(mean));
            self.unwritten.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_short_however_long_the_training() {
        for episodes in [1_u32, 99, 100, 101, 250, 5000] {
            let mut record = Record::new(episodes);
            for _ in 0..episodes {
                record.end_episode(2.0);
            }
            let history = &record.progress.history;
            assert!(!history.is_empty() && history.len() <= 100, "{episodes}: {}", history.len());
            assert!(history.iter().all(|figure| (figure - 2.0).abs() < 1e-6));
            assert_eq!(record.progress.episodes, episodes);
        }
    }
}
