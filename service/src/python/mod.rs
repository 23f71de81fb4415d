//! How Python reads and prints the values that both backends take, store and send: JSON text, numbers, instants.

pub mod read;
pub mod number;
pub mod float;
pub mod json;
pub mod repr;
pub mod time;
pub mod value;
