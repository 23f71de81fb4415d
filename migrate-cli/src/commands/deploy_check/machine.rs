//! What this machine says of a unit.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::{Verdict, below};
use crate::deployment::is_low;

/// How long `systemd-analyze` may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The exposure that a unit may have, in tenths, as `--threshold` takes it.
const EXPOSURE: &str = "20";

/// What a unit needs for a port below 1024.
const CAPABILITY: &str = "CAP_NET_BIND_SERVICE";

/// A machine, or a folder that is laid out as one.
#[derive(Debug)]
pub(super) struct Machine {
    root: PathBuf,
}

impl Machine {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The text of a unit.
    pub(super) fn unit(&self, unit: &str) -> Result<String, Verdict> {
        let path = self.unit_path(unit);
        std::fs::read_to_string(&path).map_err(|problem| {
            let help = "migrate deploy render --to DIR writes it; name its folder with --root";
            Verdict::fails(format!("{}: {problem}", path.display()), help)
        })
    }

    /// Whether there is something to run.
    pub(super) fn program(&self, unit: &str) -> Verdict {
        let Some(program) = values(unit, "ExecStart").next().and_then(|run| run.split(' ').next())
        else {
            return Verdict::fails("the unit has no ExecStart=", "render it again");
        };
        let is_run = |path: &Path| {
            path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
        };
        if is_run(&below(&self.root, program)) || is_run(Path::new(program)) {
            return Verdict::fits(program);
        }
        let found = format!("{program} is missing, or can't be executed");
        Verdict::fails(found, "copy it from target/release (`make build`), mode 0755")
    }

    /// Whether there is somebody to run it.
    pub(super) fn user(&self, unit: &str) -> Verdict {
        let Some(user) = values(unit, "User").next() else {
            return Verdict::fails("the unit runs as root", "render it again");
        };
        let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        if known.lines().any(|line| line.split(':').next() == Some(user)) {
            return Verdict::fits(user);
        }
        let made = below(&self.root, "etc/sysusers.d/strangler.conf");
        let made = std::fs::read_to_string(made).unwrap_or_default();
        let is_made = made.lines().any(|line| line.starts_with(&format!("u {user} ")));
        if is_made && self.root != Path::new("/") {
            return Verdict::fits(format!("{user}, which systemd-sysusers will make"));
        }
        let help = if is_made {
            "run systemd-sysusers".to_owned()
        } else {
            format!("make the user {user}")
        };
        Verdict::fails(format!("{user} is not in /etc/passwd"), help)
    }

    /// Whether its settings are there, and nobody but root changes them.
    pub(super) fn settings(&self, unit: &str) -> Verdict {
        let Some(file) = values(unit, "EnvironmentFile").find(|file| !file.starts_with('-')) else {
            return Verdict::not_looked_at("the unit names none");
        };
        let path = below(&self.root, file);
        match path.metadata() {
            Ok(it) if it.permissions().mode() & 0o022 != 0 => {
                let found = format!("{} may be written by others", path.display());
                Verdict::fails(found, format!("chmod go-w {}", path.display()))
            }
            Ok(_) => Verdict::fits(path.display().to_string()),
            Err(problem) => {
                let help = "copy what was rendered there".to_owned();
                Verdict::fails(format!("{}: {problem}", path.display()), help)
            }
        }
    }

    /// Whether nobody else reads its secrets, where it has some.
    pub(super) fn secrets(&self, unit: &str) -> Verdict {
        let file = values(unit, "EnvironmentFile").find_map(|file| file.strip_prefix('-'));
        let Some(file) = file else { return Verdict::not_looked_at("the unit names none") };
        let path = below(&self.root, file);
        match path.metadata() {
            Ok(it) if it.permissions().mode() & 0o077 != 0 => {
                let found = format!("{} may be read by others", path.display());
                Verdict::fails(found, format!("chmod 0600 {}", path.display()))
            }
            Ok(_) => Verdict::fits(format!("{}, read by its owner alone", path.display())),
            Err(problem) if problem.kind() == ErrorKind::NotFound => {
                Verdict::fits(format!("none so far; they belong to {file}"))
            }
            Err(problem) => Verdict::not_looked_at(format!("{}: {problem}", path.display())),
        }
    }

    /// Whether each port is free, and the unit may take it. What is installed may have taken it itself.
    pub(super) fn ports(&self, unit: &str, listens: &[SocketAddr]) -> Vec<Verdict> {
        if self.root == Path::new("/") {
            let why = "what is installed may run, and listen there itself";
            return vec![Verdict::not_looked_at(why)];
        }
        let own = if listens.is_empty() { self.address(unit) } else { None };
        let all: Vec<SocketAddr> = listens.iter().copied().chain(own).collect();
        if all.is_empty() {
            return vec![Verdict::not_looked_at("no address is known")];
        }
        all.into_iter().map(|address| port(unit, address)).collect()
    }

    /// What the settings of a service say.
    fn address(&self, unit: &str) -> Option<SocketAddr> {
        let file = values(unit, "EnvironmentFile").find(|file| !file.starts_with('-'))?;
        let settings = std::fs::read_to_string(below(&self.root, file)).ok()?;
        let port = values(&settings, "APP_PORT").next()?.parse().ok()?;
        let host = values(&settings, "APP_HOST").next().and_then(|host| host.parse().ok());
        Some(SocketAddr::new(host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), port))
    }

    /// Whether systemd understands the unit.
    pub(super) async fn verify(&self, unit: &str) -> Verdict {
        let mut command = Command::new("systemd-analyze");
        command.args(["verify", "--man=no", "--recursive-errors=no"]).arg(self.unit_path(unit));
        match said(command).await {
            Err(why) => Verdict::not_looked_at(why),
            Ok((true, said)) if said.is_empty() => Verdict::fits("nothing is said against it"),
            Ok((true, said)) => Verdict::fits(said),
            Ok((false, said)) => {
                // It says the same of every time that a unit is named.
                let mut lines: Vec<&str> = said.lines().collect();
                lines.dedup();
                Verdict::fails(lines.join("\n"), "see systemd.unit(5), or render it again")
            }
        }
    }

    /// Whether the unit is locked in well enough.
    pub(super) async fn security(&self, unit: &str) -> Verdict {
        let mut command = Command::new("systemd-analyze");
        command.args(["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE]);
        command.arg(self.unit_path(unit));
        match said(command).await {
            Err(why) => Verdict::not_looked_at(why),
            Ok((fits, said)) => {
                let level = said.lines().rev().find(|line| line.contains("exposure level"));
                match (fits, level) {
                    (true, Some(level)) => Verdict::fits(level.trim_start_matches(['→', ' '])),
                    (false, Some(level)) => Verdict::fails(
                        level.trim_start_matches(['→', ' ']),
                        "at most 2.0: take back what was loosened, or render it again",
                    ),
                    (_, None) => Verdict::not_looked_at(said),
                }
            }
        }
    }

    fn unit_path(&self, unit: &str) -> PathBuf {
        below(&self.root, &format!("etc/systemd/system/{unit}.service"))
    }
}

/// Whoever looks may be root, and the unit is not.
fn port(unit: &str, address: SocketAddr) -> Verdict {
    let is_let = values(unit, "AmbientCapabilities").any(|all| all.contains(CAPABILITY));
    if is_low(address.port()) && !is_let {
        let found = format!("{address}: the unit may not take a port below 1024");
        let help = format!("render it again from this table: it lacks {CAPABILITY}");
        return Verdict::fails(found, help);
    }
    match TcpListener::bind(address) {
        Ok(_free) => Verdict::fits(format!("{address} is free")),
        Err(problem) if problem.kind() == ErrorKind::PermissionDenied => {
            Verdict::not_looked_at(format!("{address}: {problem}; root can look"))
        }
        Err(problem) => {
            let help = "stop who listens there, or choose another port";
            Verdict::fails(format!("{address}: {problem}"), help)
        }
    }
}

/// What a setting is set to, time by time.
fn values<'t>(text: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    text.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix('='))
}

/// Whether a program ended well, and what it said; or why it can't be asked.
async fn said(mut command: Command) -> Result<(bool, String), String> {
    command.stdin(Stdio::null()).kill_on_drop(true).env("LC_ALL", "C.UTF-8");
    let output = match tokio::time::timeout(PATIENCE, command.output()).await {
        Err(_elapsed) => return Err(format!("systemd-analyze still runs after {PATIENCE:?}")),
        Ok(Err(problem)) if problem.kind() == ErrorKind::NotFound => {
            return Err("systemd-analyze is not installed here".to_owned());
        }
        Ok(Err(problem)) => return Err(format!("systemd-analyze: {problem}")),
        Ok(Ok(output)) => output,
    };
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&said).trim().to_owned()))
}
