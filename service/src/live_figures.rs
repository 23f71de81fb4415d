//! What `/v1/metrics` shows, which dashboards of the monolith read: counted here, as the monolith counts.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::logic::alerts::Figures;

/// How many of the last response times are kept.
const KEPT: usize = 100;

/// The figures of one process since its start.
#[derive(Debug)]
pub struct LiveFigures {
    started: Instant,
    requests: AtomicU64,
    errors: AtomicU64,
    response_times: Mutex<VecDeque<f64>>,
}

impl Default for LiveFigures {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            response_times: Mutex::new(VecDeque::with_capacity(KEPT)),
        }
    }
}

impl LiveFigures {
    /// Counts a request that has come.
    pub fn begin(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts its answer.
    pub fn end(&self, is_error: bool, spent: Duration) {
        if is_error {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
        let mut times = self.response_times.lock().unwrap_or_else(PoisonError::into_inner);
        if times.len() == KEPT {
            times.pop_front();
        }
        times.push_back(spent.as_secs_f64());
    }

    /// The figures now, with those of the process and the machine.
    pub fn now(&self) -> Figures {
        let times = self.response_times.lock().unwrap_or_else(PoisonError::into_inner);
        Figures {
            requests: self.requests.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            response_times: times.iter().copied().collect(),
            memory_mb: peak_memory_mb(&read("/proc/self/status")),
            cpu_percent: load_percent(&read("/proc/loadavg")),
            uptime: self.started.elapsed().as_secs_f64(),
        }
    }
}

/// A file of the kernel, which answers from memory; nothing where there is no such kernel.
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The most memory that the process has had, to two decimals, from the text of `/proc/self/status`.
fn peak_memory_mb(status: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    hundredths(kb.unwrap_or(0.0) / 1024.0)
}

/// The load of the last minute as the monolith shows it: times a hundred, and never more than that.
fn load_percent(loadavg: &str) -> f64 {
    let load = loadavg.split(' ').next().and_then(|load| load.parse::<f64>().ok());
    hundredths(load.unwrap_or(0.0) * 100.0).min(100.0)
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_response_times_are_kept() {
        let figures = LiveFigures::default();
        for second in 0..150 {
            figures.begin();
            figures.end(second % 3 == 0, Duration::from_secs(second));
        }
        let now = figures.now();
        assert_eq!((now.requests, now.errors, now.response_times.len()), (150, 50, 100));
        assert_eq!(
            (now.response_times[0].to_string(), now.response_times[99].to_string()),
            ("50".into(), "149".into())
        );
    }

    #[test]
    fn the_kernel_s_figures() {
        let near = |found: f64, wanted: f64| (found - wanted).abs() < 1e-9;
        assert!(near(peak_memory_mb("Name:\tx\nVmHWM:\t   94300 kB\nVmRSS:\t 1 kB\n"), 92.09));
        assert!(near(peak_memory_mb(""), 0.0));
        assert!(near(load_percent("0.39 1.00 2.00 1/100 1"), 39.0));
        assert!(near(load_percent("7.5 1.00"), 100.0) && near(load_percent("x"), 0.0));
    }
}
