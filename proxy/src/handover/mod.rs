//! A new binary takes over from the one that runs, and no connection is dropped.
//!
//! At SIGHUP the running process starts its program again (`launch`) and hands it the listening sockets (`sockets`), over the Unix
//! socket that is the new process's standard input. The new one reads the table, the certificates and everything else that
//! can fail, and says that it is ready (`predecessor`). Told to take over, it reads the table once more, because that may have changed
//! meanwhile, and says that it has taken over, and with which table. Then the old one lets go (`service`, `successor`): it tells the
//! supervisor, has the new one begin, answers what it has, and ends.
//!
//! Whatever goes wrong before the old process has heard that the new one has taken over changes nothing: the new process is killed,
//! and the old one serves on. After that, the new one begins whatever becomes of the old one. A listening socket is open in one of them
//! at every moment, so that no connection is refused. What must be there once, such as the guard, begins in the new process when the
//! old one has been told to stop it: for a few milliseconds there may be two, which the lock and the journal keep apart as they do two proxies.
//!
//! The words between the two are those of one form, which its first line names. Processes that speak different ones do not take over
//! from each other: the new one ends, and the old one serves on.

mod launch;
mod let_go;
mod predecessor;
mod service;
mod sockets;
mod successor;

use routes::Digest;

pub(crate) use launch::{Launch, Stage, VARIABLE, detach};
pub(crate) use let_go::LetGo;
pub(crate) use predecessor::{Leaving, NoPredecessor, Predecessor};
pub(crate) use service::{HandOver, Outcome};
pub(crate) use sockets::Handed;

/// What the new process says when it could serve, before its number.
const READY: &str = "ready";
/// What the old process says when the new one is to take over.
const TAKE: &str = "take";
/// What the new process says when it has taken over, before the table that it serves by.
const TAKEN: &str = "taken";
/// What the old process says when it has let go.
const BEGIN: &str = "begin";
/// Longest word of either.
const WORD: u64 = 64;

/// The table that a new process serves by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) digest: String,
    /// It is what the table's home says now; otherwise that could not be asked, or says nothing that can be used.
    pub(crate) is_current: bool,
}

/// The table is what its home says.
const CURRENT: &str = "current";
/// The table is an earlier one, or a copy.
const KEPT: &str = "kept";

impl Standing {
    pub(crate) fn new(digest: &Digest, is_current: bool) -> Self {
        Self { digest: digest.to_string(), is_current }
    }

    fn to_word(&self) -> String {
        format!("{TAKEN} {} {}", self.digest, if self.is_current { CURRENT } else { KEPT })
    }

    fn of_word(word: &str) -> Option<Self> {
        let mut parts = word.split_ascii_whitespace();
        if parts.next() != Some(TAKEN) {
            return None;
        }
        let digest = parts.next()?.to_owned();
        let is_current = match parts.next()? {
            CURRENT => true,
            KEPT => false,
            _ => return None,
        };
        parts.next().is_none().then_some(Self { digest, is_current })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_table_is_understood_and_nothing_else() {
        for is_current in [true, false] {
            let standing = Standing::new(&Digest::of("a table"), is_current);
            let word = standing.to_word();
            assert!(word.len() < usize::try_from(WORD).unwrap(), "{word}");
            assert_eq!(Standing::of_word(&format!("{word}\n")), Some(standing));
        }
        for word in
            ["", "taken", "taken 00", "taken 00 perhaps", "taken 00 kept 1", "begin 00 kept"]
        {
            assert_eq!(Standing::of_word(word), None, "{word}");
        }
    }
}
