//! Durations as written: `250ms`, `10s`, `2m`, `1h`.

use std::time::Duration;

/// Units with their length in milliseconds, longest first, so that printing finds the shortest form.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a whole number with a unit. `None`: not written that way, or more than can be counted in milliseconds.
pub fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, length) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let milliseconds = number.parse::<u64>().ok()?.checked_mul(length)?;
    Some(Duration::from_millis(milliseconds))
}

/// Prints a duration in the largest unit that leaves a whole number; what is finer than a millisecond is dropped.
pub fn print(duration: Duration) -> String {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (unit, length) = UNITS
        .into_iter()
        .find(|(_, length)| milliseconds >= *length && milliseconds.is_multiple_of(*length))
        .unwrap_or(("ms", 1));
    format!("{}{unit}", milliseconds / length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_units_and_refuses_the_rest() {
        assert_eq!(parse("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse("10s"), Some(Duration::from_secs(10)));
        assert_eq!(parse("2m"), Some(Duration::from_mins(2)));
        assert_eq!(parse("1h"), Some(Duration::from_hours(1)));
        for wrong in ["", "10", "s", "1.5s", "-1s", "10 s", "10S", "10sec", "99999999999999999999s"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(print(Duration::ZERO), "0ms");
        assert_eq!(print(Duration::from_secs(90)), "90s");
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(milliseconds in any::<u64>()) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse(&print(duration)), Some(duration));
        }

        #[test]
        fn any_text_reads_or_is_refused(text in "\\PC{0,12}") {
            if let Some(duration) = parse(&text) {
                prop_assert_eq!(parse(&print(duration)), Some(duration));
            }
        }
    }
}
