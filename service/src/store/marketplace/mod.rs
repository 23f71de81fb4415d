//! Rows of the marketplace's own tables, a file for each noun.

pub mod agents;
pub mod services;
pub mod search;
pub mod requests;
pub mod guilds;
pub mod overview;
