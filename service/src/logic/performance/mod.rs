//! The performance of agents: how it is scored and summed up, and what follows from it.

pub mod profiles;
pub mod summary;
pub mod meta_learning;
pub mod resources;
pub mod optimization;
pub mod capabilities;

use serde_json::{Map, Value};

use super::Denied;
use crate::python::number;

/// A figure that a column can hold: the infinities are among them, what is no number is not.
fn figure(figure: f64) -> Result<f64, Denied> {
    let fits = (!figure.is_nan()).then_some(figure);
    fits.ok_or(Denied::Refused("The figures come to no number"))
}

/// The figures of an object. Another writer may have left something else there; it has no figure.
fn figures(map: &Map<String, Value>) -> impl Iterator<Item = (&str, f64)> {
    map.iter().filter_map(|(name, value)| Some((name.as_str(), number::as_f64(value)?)))
}
