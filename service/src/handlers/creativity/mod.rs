//! The creativity of agents, as `agent_creativity.py` has it with the older of its two services: open to anybody.

pub mod capabilities;
pub mod ideation;
pub mod synthesis;
#[cfg(test)]
mod tests;
