//! Latencies of one side of one operation.

use std::time::Duration;

use hdrhistogram::Histogram;
use routes::admin::Latency;

/// Two digits that count: within 1 %, in about 6 KiB up to 100 ms.
const DIGITS: u8 = 2;

/// Anything longer is counted as this; every wait ends long before.
const MAX: Duration = Duration::from_hours(1);

/// A histogram in microseconds that grows with its largest value, up to [`MAX`].
#[derive(Debug)]
pub(super) struct Latencies(Histogram<u32>);

impl Default for Latencies {
    fn default() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the number of digits is a constant that is allowed"
        )]
        Self(Histogram::new(DIGITS).expect("two digits are allowed"))
    }
}

impl Latencies {
    pub(super) fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.min(MAX).as_micros()).unwrap_or(u64::MAX);
        // Growing can only fail past the range of 64 bits, which MAX is below.
        if self.0.record(micros).is_err() {
            self.0.saturating_record(micros);
        }
    }

    pub(super) fn report(&self) -> Latency {
        let at = |quantile| milliseconds(self.0.value_at_quantile(quantile));
        Latency {
            count: self.0.len(),
            p50: at(0.50),
            p95: at(0.95),
            p99: at(0.99),
            max: milliseconds(self.0.max()),
        }
    }
}

/// [`MAX`] in microseconds fits into 32 bits.
fn milliseconds(micros: u64) -> f64 {
    f64::from(u32::try_from(micros).unwrap_or(u32::MAX)) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_in_milliseconds_within_one_per_cent() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.report(), Latency::default());
        for ms in 1..=1000 {
            latencies.record(Duration::from_millis(ms));
        }
        latencies.record(Duration::from_secs(1_000_000));
        let report = latencies.report();
        assert_eq!(report.count, 1001);
        for (found, wanted) in [
            (report.p50, 501.0),
            (report.p95, 951.0),
            (report.p99, 991.0),
            (report.max, 3_600_000.0),
        ] {
            assert!((found / wanted - 1.0).abs() < 0.01, "{found} is not {wanted}");
        }
    }
}
