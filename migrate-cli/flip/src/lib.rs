//! The flip protocol: how one generation of the table replaces another so that a crash at any point leaves one of the two.
//!
//! A cutover goes: lock → [`gate`] → journal the intent → write → wait for every proxy ([`follow`]) → journal it done;
//! when a proxy does not follow, the text before is put back. A rollback writes first and asks the proxies afterwards.
//! What a crash leaves half done is finished in the journal by the next flip ([`interrupted`]).

pub mod failure;
pub mod permission;
pub mod admin;
pub mod standing;
pub mod plan;
pub mod cutover_plan;
pub mod rollback_plan;
pub mod gate;
pub mod interrupted;
pub mod protocol;
pub mod follow;
pub mod failpoint;
pub mod whole;
