//! The performance of agents: how it is scored and summed up, and what follows from it.

pub mod profiles;
pub mod summary;
pub mod meta_learning;
pub mod resources;
pub mod optimization;
pub mod capabilities;

use serde_json::{Map, Value};

use super::Denied;

/// A figure that a column and an answer can hold.
fn finite(figure: f64) -> Result<f64, Denied> {
    let fits = figure.is_finite().then_some(figure);
    fits.ok_or(Denied::Refused("The figures are too large to be reckoned with"))
}

/// The figures of an object. Another writer may have left something else there; it has no figure.
fn figures(map: &Map<String, Value>) -> impl Iterator<Item = (&str, f64)> {
    map.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_f64()?)))
}
