//! Latencies of one side of one operation.

use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{
    DeserializeError, Deserializer, Serializer as _, V2SerializeError, V2Serializer,
};
use routes::admin::Latency;

/// Two digits that count: within 1 %, in about 12 KiB up to 100 ms.
const DIGITS: u8 = 2;

/// Anything longer is counted as this; every wait ends long before.
const MAX: Duration = Duration::from_hours(1);

/// A histogram in microseconds that grows with its largest value, up to [`MAX`]; none before the first value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies(Option<Histogram<u64>>);

impl Latencies {
    pub(crate) fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.min(MAX).as_micros()).unwrap_or(u64::MAX);
        let histogram = self.0.get_or_insert_with(empty);
        // Growing can only fail past the range of 64 bits, which MAX is below.
        if histogram.record(micros).is_err() {
            histogram.saturating_record(micros);
        }
    }

    /// Adds what another has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        let Some(theirs) = &other.0 else { return };
        match &mut self.0 {
            // Adding grows this one where it must, and fails only where it may not grow.
            Some(ours) => {
                let _grown = ours.add(theirs);
            }
            none => *none = Some(theirs.clone()),
        }
    }

    /// In the V2 format of <https://github.com/HdrHistogram>; nothing for no values.
    pub(crate) fn to_bytes(&self) -> Result<Option<Vec<u8>>, V2SerializeError> {
        let Some(histogram) = &self.0 else { return Ok(None) };
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(histogram, &mut bytes)?;
        Ok(Some(bytes))
    }

    pub(crate) fn from_bytes(bytes: Option<&[u8]>) -> Result<Self, DeserializeError> {
        let Some(mut bytes) = bytes else { return Ok(Self::default()) };
        let mut histogram = Deserializer::new().deserialize(&mut bytes)?;
        histogram.auto(true);
        Ok(Self(Some(histogram)))
    }

    pub(crate) fn report(&self) -> Latency {
        let Some(histogram) = &self.0 else { return Latency::default() };
        let at = |quantile| milliseconds(histogram.value_at_quantile(quantile));
        Latency {
            count: histogram.len(),
            p50: at(0.50),
            p95: at(0.95),
            p99: at(0.99),
            max: milliseconds(histogram.max()),
        }
    }
}

#[expect(clippy::expect_used, reason = "the number of digits is a constant that is allowed")]
fn empty() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("two digits are allowed")
}

/// [`MAX`] in microseconds fits into 32 bits.
fn milliseconds(micros: u64) -> f64 {
    f64::from(u32::try_from(micros).unwrap_or(u32::MAX)) / 1000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Latencies {
        let mut latencies = Latencies::default();
        for ms in values {
            latencies.record(Duration::from_millis(*ms));
        }
        latencies
    }

    #[test]
    fn quantiles_are_in_milliseconds_within_one_per_cent() {
        assert_eq!(Latencies::default().report(), Latency::default());
        let mut latencies = of(&(1..=1000).collect::<Vec<_>>());
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

    #[test]
    fn what_is_no_histogram_is_an_error() {
        for bytes in
            [&b""[..], b"garbage that is long enough for a header, and more of it, and more"]
        {
            assert!(Latencies::from_bytes(Some(bytes)).is_err());
        }
    }

    proptest! {
        #[test]
        fn merged_and_stored_is_as_if_recorded_in_one(
            one in proptest::collection::vec(0..4_000_000_u64, 0..50),
            two in proptest::collection::vec(0..4_000_000_u64, 0..50),
        ) {
            let stored = of(&one).to_bytes().unwrap();
            let mut merged = Latencies::from_bytes(stored.as_deref()).unwrap();
            merged.merge(&of(&two));
            let all: Vec<_> = one.iter().chain(&two).copied().collect();
            prop_assert_eq!(merged.report(), of(&all).report());
        }
    }
}
