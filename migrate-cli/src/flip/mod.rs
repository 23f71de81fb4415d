//! The flip protocol: how one generation of the table replaces another so that a crash at any point leaves one of the two.
//!
//! A cutover goes: lock → [`crate::gate`] → journal the intent → write → wait for every proxy ([`follow`]) → journal it done;
//! when a proxy does not follow, the text before is put back. A rollback writes first and asks the proxies afterwards.
//! What a crash leaves half done is finished in the journal by the next flip ([`interrupted`]).

pub(crate) mod standing;
pub(crate) mod plan;
pub(crate) mod cutover_plan;
pub(crate) mod rollback_plan;
pub(crate) mod interrupted;
pub(crate) mod protocol;
pub(crate) mod follow;
pub(crate) mod failpoint;
