//! How Python prints the values that both backends store and send: JSON text, floats, instants.

pub mod float;
pub mod json;
pub mod repr;
pub mod time;
pub mod value;
