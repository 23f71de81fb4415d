//! Child processes that end with the benchmark, and the CPU time they used.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;

/// A child process, ended when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts a command with its output in `log`, and waits until it accepts connections.
    pub(crate) fn start(
        command: &mut Command,
        log: &Path,
        ready: SocketAddr,
    ) -> Result<Self, Failure> {
        let output = File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|e| format!("can't start {}: {e}", command.get_program().display()))?;
        let mut running = Self { child };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect_timeout(&ready, Duration::from_millis(200)).is_err() {
            if let Some(status) = running.child.try_wait()? {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                return Err(format!("{command:?} ended with {status}:\n{said}").into());
            }
            if Instant::now() > deadline {
                return Err(format!("{command:?} does not listen on {ready}").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }

    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // nginx and HAProxy have workers, which end when their master is asked to; what does not listen is killed.
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        let deadline = Instant::now() + Duration::from_secs(5);
        while asked.is_ok() && Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A loopback port that was free a moment ago.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// CPU seconds (user and system) that a process and its children have used (proc(5), fields 14 and 15 of `stat`).
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64, Failure> {
    let mut ticks = 0;
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((head, tail)) = stat.rsplit_once(')') else { continue };
        let own = head.split(' ').next().and_then(|n| n.parse::<u32>().ok()) == Some(pid);
        let fields: Vec<&str> = tail.split_whitespace().collect();
        let parent = fields.get(1).and_then(|n| n.parse::<u32>().ok()) == Some(pid);
        if own || parent {
            ticks += [11, 12]
                .iter()
                .filter_map(|&at| fields.get(at).and_then(|n| n.parse::<u64>().ok()))
                .sum::<u64>();
        }
    }
    // Linux reports in USER_HZ, which is 100 on every architecture that runs this.
    #[expect(clippy::cast_precision_loss, reason = "a benchmark's tick count is far below 2^52")]
    Ok(ticks as f64 / 100.0)
}

/// Memory of a process, bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// All that is in it, pages that several processes share divided by how many they are.
    pub(crate) all: u64,
    /// Of that, what is in no file: what the system could not take away without swapping.
    pub(crate) anonymous: u64,
}

impl Memory {
    /// Of a process now (proc(5), `Pss` and `Pss_Anon` of `smaps_rollup`).
    pub(crate) fn of(pid: u32) -> Result<Self, Failure> {
        let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let bytes = |name: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes =
                line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            kilobytes.map(|kilobytes| kilobytes * 1024)
        };
        let [all, anonymous] = ["Pss:", "Pss_Anon:"].map(bytes);
        let (Some(all), Some(anonymous)) = (all, anonymous) else {
            return Err("no Pss in the process's smaps_rollup".into());
        };
        Ok(Self { all, anonymous })
    }
}

/// Memory that a process holds now, bytes (proc(5), `VmRSS` of `status`).
pub(crate) fn resident_bytes(pid: u32) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kilobytes.ok_or("no VmRSS in the process's status")? * 1024)
}
