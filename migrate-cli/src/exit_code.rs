//! The exit codes of `migrate`: an interface that scripts rely on.

/// How a command ended, as the process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for is done, or was so already.
    Done = 0,
    /// It failed: a file can't be read, the table is not valid, nobody answers.
    Failed = 1,
    /// The command line asks for something that does not exist or makes no sense.
    Usage = 2,
    /// A check refused it; nothing was changed.
    Refused = 3,
    /// Not every proxy in `[proxies]` followed. After `cutover` the generation before is in force again; after
    /// `rollback` the new one stays in the file.
    NotFollowed = 4,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
