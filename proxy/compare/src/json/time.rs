//! What is a time, and in which ways two backends write the same one.

use chrono::{DateTime, NaiveDateTime};
use routes::admin::{Gap, Grade};

/// Longest text that can be a time: date, time, nine digits, zone, and some room.
const MAX_TIME: usize = 40;

/// Length of `2026-01-02T03:04:05`.
const TO_SECONDS: usize = 19;

/// What Python programs write that append a `Z` to `isoformat()` of a time that has a zone. No standard knows it.
const DOUBLE_ZONE: &str = "+00:00Z";

/// Whether a text is a time: RFC 3339 with or without zone (or [`DOUBLE_ZONE`]), with `T` or a blank, with up to nine digits
/// of fraction.
pub(super) fn is_time(text: &str) -> bool {
    if !(TO_SECONDS..=MAX_TIME).contains(&text.len()) || fraction_digits(text) > 9 {
        return false;
    }
    let has_no_zone = |text| {
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
            .iter()
            .any(|format| NaiveDateTime::parse_from_str(text, format).is_ok())
    };
    DateTime::parse_from_rfc3339(text).is_ok()
        || has_no_zone(text.strip_suffix(DOUBLE_ZONE).unwrap_or(text))
}

fn fraction_digits(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count())
}

/// The gaps between two texts that are the same time written in two ways, and how bad that is; `None` if they are not.
pub(super) fn gaps(old: &str, new: &str) -> Option<([Option<Gap>; 2], Grade)> {
    let (old_seconds, old_rest) = old.split_at_checked(TO_SECONDS)?;
    let (new_seconds, new_rest) = new.split_at_checked(TO_SECONDS)?;
    if old_seconds != new_seconds || !is_time(old) || !is_time(new) {
        return None;
    }
    let ((old_fraction, old_zone), (new_fraction, new_zone)) = (parts(old_rest), parts(new_rest));
    if old_fraction.trim_end_matches('0') != new_fraction.trim_end_matches('0') {
        return None;
    }
    let fraction = (old_fraction != new_fraction).then_some(Gap::Microseconds);
    if old_zone == new_zone {
        return Some(([fraction, None], Grade::Cosmetic));
    }
    let is_utc = |zone| matches!(zone, "Z" | "z" | "+00:00" | "-00:00" | DOUBLE_ZONE);
    // Many a client takes a time without zone as one of its own zone, and does not read one with two.
    let grade = match (is_utc(old_zone), is_utc(new_zone)) {
        (true, true) if [old_zone, new_zone].contains(&DOUBLE_ZONE) => Grade::Value,
        (true, true) => Grade::Cosmetic,
        (true, false) if new_zone.is_empty() => Grade::Value,
        (false, true) if old_zone.is_empty() => Grade::Value,
        _ => return None,
    };
    Some(([Some(Gap::TimeZone), fraction], grade))
}

/// Digits of the fraction, and the zone.
fn parts(rest: &str) -> (&str, &str) {
    let Some(rest) = rest.strip_prefix('.') else { return ("", rest) };
    rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_of_both_sides_parse() {
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.123456+00:00",
            "2026-01-02 03:04:05.123456",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05.1",
            "2026-01-02 03:04:05-05:30",
            "2026-01-02T03:04:05.123456789Z",
            "2026-01-02T03:04:05.123456+00:00Z",
        ] {
            assert!(is_time(text), "{text}");
        }
        for text in [
            "",
            "2026-01-02",
            "now",
            "2026-13-02T03:04:05Z",
            "2026-01-02T03:04:05.1234567890Z",
            "2026-01-02T03:04:05Z+00:00Z",
            "12",
        ] {
            assert!(!is_time(text), "{text}");
        }
    }

    #[test]
    fn one_time_in_two_forms_has_a_gap() {
        let (zone, digits) = (Gap::TimeZone, Gap::Microseconds);
        for (old, new, wanted) in [
            ("", "Z", Some(([Some(zone), None], Grade::Value))),
            ("Z", "+00:00", Some(([Some(zone), None], Grade::Cosmetic))),
            (".000000", "", Some(([Some(digits), None], Grade::Cosmetic))),
            (".120", ".12", Some(([Some(digits), None], Grade::Cosmetic))),
            (".000000", "Z", Some(([Some(zone), Some(digits)], Grade::Value))),
            (".1Z", ".100+00:00", Some(([Some(zone), Some(digits)], Grade::Cosmetic))),
            ("+00:00Z", "Z", Some(([Some(zone), None], Grade::Value))),
            ("+00:00Z", "+00:00", Some(([Some(zone), None], Grade::Value))),
            ("+00:00Z", "+02:00", None),
            (".1", ".2", None),
            (".123456", "", None),
            ("Z", "+02:00", None),
            ("", "+02:00", None),
            ("Z", " UTC", None),
        ] {
            let write = |rest: &str| format!("2026-01-02T03:04:05{rest}");
            assert_eq!(gaps(&write(old), &write(new)), wanted, "{old} {new}");
            assert_eq!(gaps(&write(new), &write(old)), wanted, "{new} {old}");
        }
        assert_eq!(gaps("2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"), None);
        assert_eq!(gaps("ééééééééééé", "2026-01-02T03:04:06Z"), None);
    }

    proptest! {
        #[test]
        fn any_texts_are_or_are_not_times(old in ".{0,60}", new in ".{0,60}") {
            let _ = is_time(&old);
            prop_assert_eq!(gaps(&old, &new), gaps(&new, &old));
        }
    }
}
