//! Saturating load by `wrk`: as many requests as the subject can answer.

use std::process::Command;

use crate::Failure;

/// What one run of `wrk` says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Answers.
    pub(crate) requests: f64,
    /// Answers a second.
    pub(crate) rate: f64,
    /// Median latency, milliseconds.
    pub(crate) p50: f64,
    /// 99th percentile, milliseconds.
    pub(crate) p99: f64,
}

/// Loads a URL for some seconds with one thread.
pub(crate) fn run(url: &str, connections: usize, seconds: u64) -> Result<Load, Failure> {
    let out = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--latency", url])
        .output()
        .map_err(|e| format!("can't run wrk: {e}; install it: apt-get install wrk"))?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(format!("wrk saw errors at {url}:\n{text}").into());
    }
    parse(&text).ok_or_else(|| format!("wrk said something else than expected:\n{text}").into())
}

fn parse(text: &str) -> Option<Load> {
    let after =
        |label: &str| text.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    let requests = text.lines().find_map(|line| line.split_once(" requests in "))?.0.trim();
    Some(Load {
        requests: requests.parse().ok()?,
        rate: after("Requests/sec:")?.parse().ok()?,
        p50: milliseconds(after("50%")?)?,
        p99: milliseconds(after("99%")?)?,
    })
}

fn milliseconds(text: &str) -> Option<f64> {
    let (number, factor) = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)]
        .into_iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let text = "Running 2s test @ http://127.0.0.1:1/\n  Latency Distribution\n     50%  713.00us\n     75%    1.00ms\n     90%    2.00ms\n     99%   18.10ms\n  50600 requests in 2.00s, 50.00MB read\nRequests/sec:  25300.10\nTransfer/sec:     25.00MB\n";
        let load = parse(text).expect("a report");
        assert_eq!(
            format!("{load:?}"),
            "Load { requests: 50600.0, rate: 25300.1, p50: 0.713, p99: 18.1 }"
        );
    }

    #[test]
    fn something_else_is_no_report() {
        assert!(parse("unable to connect").is_none());
    }
}
