//! Counts as floating-point numbers: the counts here are far below where that loses anything.

/// A count in single precision.
#[expect(clippy::cast_precision_loss, reason = "counts of steps and rows are below 2^24")]
pub const fn single(count: usize) -> f32 {
    count as f32
}

/// A count in double precision.
#[expect(clippy::cast_precision_loss, reason = "counts of steps and rows are below 2^53")]
pub const fn double(count: usize) -> f64 {
    count as f64
}

/// A hyperparameter or a figure for the networks, which calculate in single precision.
#[expect(clippy::cast_possible_truncation, reason = "networks know about seven digits")]
pub const fn shortened(number: f64) -> f32 {
    number as f32
}
