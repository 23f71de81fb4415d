//! A new binary takes over from the one that runs, and no connection is dropped.
//!
//! At SIGHUP the running process starts its program again (`launch`) and hands it the listening sockets (`sockets`), over the Unix
//! socket that is the new process's standard input. The new one reads the table, the certificates and everything else that
//! can fail, says that it is ready, and waits (`predecessor`). Then the old one lets go (`service`, `successor`): it tells
//! the supervisor, answers what it has, and ends; the new one begins. A listening socket is open in one of them at every moment, so that no
//! connection is refused; and of what must be there once, such as the guard, there is never a second, because the new one starts nothing
//! before the old one has let go. Whatever goes wrong before that changes nothing: the new process is ended, and the old one serves on.

mod launch;
mod let_go;
mod predecessor;
mod service;
mod sockets;
mod successor;

pub(crate) use launch::{Launch, Stage, VARIABLE, detach};
pub(crate) use let_go::LetGo;
pub(crate) use predecessor::{Leaving, Predecessor};
pub(crate) use service::{HandOver, Outcome};
pub(crate) use sockets::Handed;

/// What the new process says when it could serve, before its number.
const READY: &str = "ready";
/// What the old process says when the new one is to begin.
const BEGIN: &str = "begin";
