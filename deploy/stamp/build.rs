//! Asks Git and the clock, for release builds only: a stamp would make a debug build compile everything anew at each commit.

use std::path::Path;
use std::process::Command;
use std::{env, io};

use chrono::{DateTime, Utc};

/// A commit that is known where there is no repository: a source package, a container.
const COMMIT: &str = "BUILD_COMMIT";

/// Seconds since 1970: <https://reproducible-builds.org/specs/source-date-epoch/>.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

fn main() -> io::Result<()> {
    use io::Write as _;
    let mut out = io::stdout().lock();
    for name in [COMMIT, EPOCH] {
        writeln!(out, "cargo::rerun-if-env-changed={name}")?;
    }
    if set("PROFILE").as_deref() == Some("debug") {
        writeln!(out, "cargo::rerun-if-changed=build.rs")?;
        return writeln!(out, "cargo::rustc-env=STAMP=debug build");
    }
    // Every commit and every checkout writes one of them.
    for file in ["HEAD", "logs/HEAD", "index"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file])
            && Path::new(&path).exists()
        {
            writeln!(out, "cargo::rerun-if-changed={path}")?;
        }
    }
    let commit = set(COMMIT).or_else(|| {
        git(&["describe", "--always", "--abbrev=10", "--exclude=*", "--dirty=-changed"])
    });
    let commit = commit.unwrap_or_else(|| "unknown".to_owned());
    writeln!(out, "cargo::rustc-env=STAMP=commit {commit}, built {}", day())
}

fn git(arguments: &[&str]) -> Option<String> {
    // Else `describe --dirty` writes the index anew, and that very file having changed, the next build would ask again.
    let mut git = Command::new("git");
    let output = git.env("GIT_OPTIONAL_LOCKS", "0").args(arguments).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !said.is_empty()).then_some(said)
}

fn day() -> String {
    let epoch = set(EPOCH).and_then(|seconds| seconds.parse().ok());
    let moment = epoch.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    moment.unwrap_or_else(Utc::now).format("%Y-%m-%d").to_string()
}

fn set(name: &str) -> Option<String> {
    env::var_os(name)?.into_string().ok()
}
