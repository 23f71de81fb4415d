//! The time and the randomness of the process, as values that tests replace.

use std::fmt::Debug;

use chrono::{Local, Utc};

use crate::python::time::Stamp;

/// Tells the time.
pub trait Clock: Debug + Send + Sync {
    /// Now, in UTC, to the microsecond.
    fn now(&self) -> Stamp;

    /// What the clocks on the wall show at `instant`, where the process runs: the monolith's `datetime.now()`.
    fn on_the_wall(&self, instant: Stamp) -> Stamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Stamp {
        Stamp::of(Utc::now())
    }

    /// The zone is that of `TZ`, or of the machine.
    fn on_the_wall(&self, instant: Stamp) -> Stamp {
        instant.on_the_wall(&Local)
    }
}

/// Makes identifiers.
pub trait Ids: Debug + Send + Sync {
    /// 32 random hexadecimal digits.
    fn hex(&self) -> String;

    /// `prefix` and the first `digits` of 32 random hexadecimal digits, as the monolith makes its ids.
    fn id(&self, prefix: &str, digits: usize) -> String {
        format!("{prefix}{}", self.hex().get(..digits).unwrap_or_default())
    }

    /// 64 random hexadecimal digits, which nobody can guess.
    fn secret(&self) -> String {
        self.hex() + &self.hex()
    }
}

/// Identifiers from version 4 UUIDs.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn hex(&self) -> String {
        uuid::Uuid::new_v4().simple().to_string()
    }
}

/// Makes figures that only chance decides.
pub trait Chance: Debug + Send + Sync {
    /// At least 0 and less than 1, evenly spread.
    fn share(&self) -> f64;

    /// Between two bounds, evenly spread; Python's `random.uniform`.
    fn between(&self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }
}

/// The chance of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomChance;

impl Chance for RandomChance {
    fn share(&self) -> f64 {
        rand::random()
    }
}
