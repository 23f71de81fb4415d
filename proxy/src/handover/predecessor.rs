//! The process that served so far, as the one knows it that is to take over.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tokio::sync::watch;

use super::{BEGIN, READY, Standing, TAKE, WORD, sockets};
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
    /// It is of another version.
    #[error("the running process hands over in another way than this version knows")]
    #[diagnostic(help("it serves on; to run this version, restart the proxy"))]
    OtherForm(#[source] io::Error),
    /// It goes on by itself.
    #[error("the running process does not let this one take over")]
    #[diagnostic(help("its log says why"))]
    GoesOn(#[source] io::Error),
}

/// The other end of what is this process's standard input.
#[derive(Debug)]
pub(crate) struct Predecessor(BufReader<UnixStream>);

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
            // Standard input stays open: the other process kills this one at the end of the line, which must not come before this one
            // has said why it fails.
            Ok((Self(BufReader::new(line)), inherited))
        };
        met().map_err(|error: io::Error| match error.kind() {
            io::ErrorKind::Unsupported => NoPredecessor::OtherForm(error),
            _ => NoPredecessor::Stranger(error),
        })
    }

    /// Says that this process could serve; returns when it shall.
    ///
    /// # Errors
    /// The other one goes on by itself, or is gone.
    pub(crate) fn ready(&mut self) -> Result<(), NoPredecessor> {
        let said = self.say(&format!("{READY} {}", std::process::id()));
        said.and_then(|()| self.hear(TAKE)).map_err(NoPredecessor::GoesOn)
    }

    /// Says that this process serves from now on, and by which table. Returns when the other one has let go.
    ///
    /// # Errors
    /// The other one goes on by itself, or is gone.
    pub(crate) fn take_over(mut self, standing: &Standing) -> Result<Leaving, NoPredecessor> {
        let no_more = File::open("/dev/null").and_then(|null| Ok(rustix::stdio::dup2_stdin(null)?));
        no_more.and_then(|()| self.say(&standing.to_word())).map_err(NoPredecessor::GoesOn)?;
        // The other one kills this process if it goes on by itself. If nothing comes, it is gone, or hangs.
        if let Err(error) = self.hear(BEGIN) {
            tracing::warn!(%error, "the process before has not said that it has let go; this one begins");
        }
        Ok(Leaving::of(self.0.into_inner()))
    }

    fn say(&self, word: &str) -> io::Result<()> {
        let mut line = self.0.get_ref();
        line.write_all(format!("{word}\n").as_bytes())
    }

    fn hear(&mut self, expected: &str) -> io::Result<()> {
        let mut word = String::new();
        (&mut self.0).take(WORD).read_line(&mut word)?;
        if word.trim_end() == expected { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// A predecessor that has let go: it ends what it has begun.
#[derive(Debug, Clone)]
pub(crate) struct Leaving(watch::Receiver<()>);

impl Leaving {
    /// Nothing is ever sent: that process is gone when the sender is.
    fn of(line: UnixStream) -> Self {
        let (is_there, told) = watch::channel(());
        let waiting = std::thread::Builder::new().name("predecessor".to_owned()).spawn(move || {
            if let Err(error) = until_closed(&line) {
                tracing::warn!(%error, "can't tell when the process before has ended");
            }
            drop(is_there);
        });
        if let Err(error) = waiting {
            tracing::warn!(%error, "can't tell when the process before has ended");
        }
        Self(told)
    }

    /// Returns when it has ended.
    pub(crate) async fn gone(&self) {
        let mut told = self.0.clone();
        while told.changed().await.is_ok() {}
    }
}

fn until_closed(mut line: &UnixStream) -> io::Result<()> {
    line.set_read_timeout(None)?;
    let mut said = [0; 16];
    while line.read(&mut said)? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (UnixStream, Predecessor) {
        let (here, there) = UnixStream::pair().unwrap();
        (here, Predecessor(BufReader::new(there)))
    }

    fn standing() -> Standing {
        Standing { digest: "0123456789abcdef".to_owned(), is_current: true }
    }

    #[tokio::test]
    async fn this_process_takes_over_when_it_is_told_and_knows_when_the_other_is_gone() {
        let (mut old, mut predecessor) = pair();
        old.write_all(b"take\nbegin\n").unwrap();
        predecessor.ready().unwrap();
        let leaving = predecessor.take_over(&standing()).unwrap();
        let mut said = BufReader::new(old.try_clone().unwrap()).lines();
        assert_eq!(said.next().unwrap().unwrap(), format!("ready {}", std::process::id()));
        assert_eq!(said.next().unwrap().unwrap(), "taken 0123456789abcdef current");
        let (first, second) = (leaving.clone(), leaving);
        assert!(futures::poll!(std::pin::pin!(first.gone())).is_pending());
        drop((old, said));
        tokio::join!(first.gone(), second.gone());
    }

    #[test]
    fn before_it_has_taken_over_it_ends_with_the_other_and_afterwards_it_begins() {
        let (old, mut predecessor) = pair();
        old.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(matches!(predecessor.ready(), Err(NoPredecessor::GoesOn(_))));
        let (mut old, mut predecessor) = pair();
        old.write_all(b"take\n").unwrap();
        old.shutdown(std::net::Shutdown::Write).unwrap();
        predecessor.ready().unwrap();
        predecessor.take_over(&standing()).unwrap();
    }
}
