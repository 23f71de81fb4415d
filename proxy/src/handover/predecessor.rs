//! The process that served so far, as the one knows it that is to take over.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::{BEGIN, READY, sockets};
use crate::listener::Inherited;

/// How long it may take over a word; it has nothing to wait for itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// There is nobody to take over from.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum NoPredecessor {
    /// It sent nothing, or what is not understood.
    #[error("there is no process to take over from at standard input")]
    #[diagnostic(help(
        "STRANGLER_TAKE_OVER is for a running proxy to set, when it gets a SIGHUP; start the proxy without it"
    ))]
    Stranger(#[source] io::Error),
    /// It goes on by itself.
    #[error("the running process does not let this one take over")]
    #[diagnostic(help("its log says why"))]
    GoesOn(#[source] io::Error),
}

/// The other end of what is this process's standard input.
#[derive(Debug)]
pub(crate) struct Predecessor(UnixStream);

impl Predecessor {
    /// Meets it, and takes its sockets.
    ///
    /// # Errors
    /// Standard input is no such thing.
    pub(crate) fn meet() -> Result<(Self, Inherited), NoPredecessor> {
        let met = || {
            let line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
            line.set_read_timeout(Some(PATIENCE))?;
            line.set_write_timeout(Some(PATIENCE))?;
            let inherited = sockets::receive(&line)?;
            // Its end must be seen here, whoever else reads standard input.
            rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
            Ok((Self(line), inherited))
        };
        met().map_err(NoPredecessor::Stranger)
    }

    /// Says that this process could serve; returns when it shall.
    ///
    /// # Errors
    /// The other one goes on by itself, or is gone.
    pub(crate) fn take_over(self) -> Result<Leaving, NoPredecessor> {
        let said = || {
            writeln!(&self.0, "{READY} {}", std::process::id())?;
            let mut word = String::new();
            BufReader::new(&self.0).read_line(&mut word)?;
            if word.trim_end() == BEGIN { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
        };
        said().map_err(NoPredecessor::GoesOn)?;
        Ok(Leaving(self.0))
    }
}

/// A predecessor that has let go: it ends what it has begun.
#[derive(Debug)]
pub(crate) struct Leaving(UnixStream);

impl Leaving {
    /// Returns when it has ended.
    pub(crate) async fn gone(self) {
        let end = async {
            self.0.set_nonblocking(true)?;
            let mut line = tokio::net::UnixStream::from_std(self.0)?;
            let mut said = [0; 16];
            while line.read(&mut said).await? > 0 {}
            Ok::<_, io::Error>(())
        };
        if let Err(error) = end.await {
            tracing::warn!(%error, "can't tell when the process before has ended");
        }
    }
}
