//! Instants as the monolith stores and sends them: naive UTC text, read back as leniently as Python reads.

use std::ops::Range;

use chrono::{
    DateTime, Datelike as _, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset as _,
    TimeDelta, TimeZone, Timelike as _, Utc,
};

/// The last year that Python's calendar knows.
const LAST_YEAR: i32 = 9999;

/// A stored instant: naive UTC, or with the zone that another writer left in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    clock: NaiveDateTime,
    zone: Option<FixedOffset>,
}

impl Stamp {
    /// The instant `now`, cut to microseconds because no column holds more.
    pub fn of(now: DateTime<Utc>) -> Self {
        Self { clock: to_micros(now.naive_utc()), zone: None }
    }

    /// Reads what Python's `datetime.fromisoformat` reads of a stored text: `T` or a blank, any number of
    /// fraction digits (cut to six), date only, an optional zone. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(clock) = usual(text) {
            return Some(Self { clock, zone: None });
        }
        let (date, rest) = (text.get(..10)?, text.get(10..)?);
        let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
        let mut rest = rest.chars();
        let Some(separator) = rest.next() else {
            return Some(Self { clock: date.and_time(NaiveTime::MIN), zone: None });
        };
        if separator.is_ascii_digit() {
            return None;
        }
        let (time, zone) = split_zone(rest.as_str())?;
        let (time, fraction) = time.split_once(['.', ',']).unwrap_or((time, "0"));
        let time = ["%H:%M:%S", "%H:%M"]
            .iter()
            .find_map(|form| NaiveTime::parse_from_str(time, form).ok())
            // Python knows no leap seconds.
            .filter(|time| time.nanosecond() == 0)?;
        let clock = date.and_time(time) + micros(fraction)?;
        Some(Self { clock, zone })
    }

    /// The text of a datetime column: `2026-11-22 10:28:51.272435`.
    pub fn stored(&self) -> String {
        written(self.utc(), ' ', true)
    }

    /// The text in a response: `2026-11-22T10:28:51.272435`, no fraction when it is zero, zone only if stored.
    pub fn sent(&self) -> String {
        let zone = match self.zone {
            None => String::new(),
            Some(offset) if offset.local_minus_utc() == 0 => "Z".to_owned(),
            Some(offset) => offset.to_string(),
        };
        format!("{}{zone}", iso(self.clock))
    }

    /// `isoformat()` of the aware instant: `2026-11-22T10:28:51.272435+00:00`.
    pub fn aware(&self) -> String {
        format!("{}+00:00", iso(self.utc()))
    }

    /// The compact form in identifiers: `20261122_102851`.
    pub fn compact(&self) -> String {
        self.utc().format("%Y%m%d_%H%M%S").to_string()
    }

    /// Milliseconds since 1970.
    pub fn millis(&self) -> i64 {
        self.utc().and_utc().timestamp_millis()
    }

    /// Microseconds since 1970.
    pub fn micros(&self) -> i64 {
        self.utc().and_utc().timestamp_micros()
    }

    /// This instant later by `seconds`, kept where the calendar ends.
    #[must_use]
    pub fn plus_seconds(&self, seconds: i64) -> Self {
        let later = TimeDelta::try_seconds(seconds).and_then(|d| self.clock.checked_add_signed(d));
        Self { clock: later.unwrap_or(self.clock), zone: self.zone }
    }

    /// This instant later by `seconds`; none where Python's calendar ends.
    pub fn checked_plus_seconds(&self, seconds: i64) -> Option<Self> {
        let later = self.clock.checked_add_signed(TimeDelta::try_seconds(seconds)?)?;
        (later.year() <= LAST_YEAR).then_some(Self { clock: later, zone: self.zone })
    }

    /// What the clocks of `zone` show at this instant, without saying which zone that is.
    #[must_use]
    pub fn on_the_wall(&self, zone: &impl TimeZone) -> Self {
        let offset = zone.offset_from_utc_datetime(&self.utc()).fix();
        let clock = self.utc().checked_add_offset(offset).unwrap_or(self.clock);
        Self { clock, zone: None }
    }

    /// This instant in UTC, without a zone: as a column gives it back.
    #[must_use]
    pub fn naive(&self) -> Self {
        Self { clock: self.utc(), zone: None }
    }

    /// Microseconds from `earlier` to this instant.
    pub fn micros_since(&self, earlier: &Self) -> i64 {
        (self.utc() - earlier.utc()).num_microseconds().unwrap_or(i64::MAX)
    }

    /// Seconds from `earlier` to this instant, with microseconds.
    pub fn seconds_since(&self, earlier: &Self) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "durations stay far below 2^53 microseconds"
        )]
        let micros = self.micros_since(earlier) as f64;
        micros / 1_000_000.0
    }

    fn utc(&self) -> NaiveDateTime {
        match self.zone {
            Some(offset) => self.clock.checked_sub_offset(offset).unwrap_or(self.clock),
            None => self.clock,
        }
    }
}

fn iso(clock: NaiveDateTime) -> String {
    written(clock, 'T', false)
}

/// `2026-11-22`, the separator, `10:28:51`, and microseconds where there are any or `always`. Lists write thousands of instants,
/// and chrono reads its format anew for each.
fn written(clock: NaiveDateTime, separator: char, always: bool) -> String {
    let mut out = String::with_capacity(26);
    match u32::try_from(clock.year()) {
        Ok(year @ ..10_000) => digits(&mut out, year, 4),
        _ => out.push_str(&clock.format("%Y").to_string()),
    }
    let (month, day) = (clock.month(), clock.day());
    let (hour, minute, second) = (clock.hour(), clock.minute(), clock.second());
    let parts = [('-', month), ('-', day), (separator, hour), (':', minute), (':', second)];
    for (before, number) in parts {
        out.push(before);
        digits(&mut out, number, 2);
    }
    let micros = clock.and_utc().timestamp_subsec_micros();
    if always || micros != 0 {
        out.push('.');
        digits(&mut out, micros, 6);
    }
    out
}

/// The last `count` decimal digits of a number, with zeros in front.
fn digits(out: &mut String, number: u32, count: u32) {
    let places = (0..count).rev().map(|place| number / 10_u32.pow(place) % 10);
    out.extend(places.filter_map(|digit| char::from_digit(digit, 10)));
}

/// An instant in the form of nearly every column: `2026-11-22 10:28:51.272435`, or with a `T`.
fn usual(text: &str) -> Option<NaiveDateTime> {
    let bytes = text.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':'), (19, b'.')];
    let has_marks = marks.iter().all(|(at, mark)| bytes.get(*at) == Some(mark));
    if bytes.len() != 26 || !has_marks || !matches!(bytes.get(10), Some(b' ' | b'T')) {
        return None;
    }
    let number = |range: Range<usize>| {
        bytes.get(range)?.iter().try_fold(0, |number: u32, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
        })
    };
    let year = i32::try_from(number(0..4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(5..7)?, number(8..10)?)?;
    date.and_hms_micro_opt(number(11..13)?, number(14..16)?, number(17..19)?, number(20..26)?)
}

fn to_micros(clock: NaiveDateTime) -> NaiveDateTime {
    let nanos = i64::from(clock.and_utc().timestamp_subsec_nanos() % 1_000);
    clock - TimeDelta::nanoseconds(nanos)
}

/// The fraction digits as microseconds; digits past the sixth are cut as Python cuts them.
fn micros(fraction: &str) -> Option<TimeDelta> {
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let six: String = fraction.chars().chain("000000".chars()).take(6).collect();
    six.parse().ok().map(TimeDelta::microseconds)
}

/// Splits `10:28:51+02:00` into the time and its zone.
fn split_zone(text: &str) -> Option<(&str, Option<FixedOffset>)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time, FixedOffset::east_opt(0)));
    }
    let Some(at) = text.rfind(['+', '-']) else {
        return Some((text, None));
    };
    let (time, zone) = text.split_at(at);
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone.chars().skip(1).filter(|c| *c != ':').collect();
    let (hours, minutes) =
        (digits.get(..2)?, digits.get(2..).filter(|m| !m.is_empty()).unwrap_or("0"));
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if minutes > 59 {
        return None;
    }
    Some((time, Some(FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_python_accepts_from_another_writer() {
        let cases = [
            ("2026-01-02 03:04:05.000006", "2026-01-02T03:04:05.000006"),
            ("2026-01-02 03:04:05", "2026-01-02T03:04:05"),
            ("2026-01-02 03:04:05.123", "2026-01-02T03:04:05.123000"),
            ("2026-01-02T03:04:05.123456", "2026-01-02T03:04:05.123456"),
            ("2026-01-02 03:04:05.123456789", "2026-01-02T03:04:05.123456"),
            ("2026-01-02", "2026-01-02T00:00:00"),
            ("2026-01-02 03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02 03:04:05+00:00", "2026-01-02T03:04:05Z"),
            ("2026-01-02 03:04:05.5+02:00", "2026-01-02T03:04:05.500000+02:00"),
        ];
        for (stored, sent) in cases {
            assert_eq!(Stamp::parse(stored).map(|s| s.sent()).as_deref(), Some(sent), "{stored}");
        }
        for text in [
            "",
            "1763800000",
            "soon",
            "2026-13-01",
            "2026-01-02 3",
            "2026-01-02 03:04:05.x",
            "2026-01-02 03:04:60",
            "2026-01-02 03:04:60.000000",
            "2026-02-30 03:04:05.000000",
            "2026-01-02 03:04:05.00000x",
            "żółć 03:04:05",
        ] {
            assert_eq!(Stamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_zone_is_taken_off_before_storing_and_subtracting() {
        let east = Stamp::parse("2026-01-02 03:04:05+02:00").unwrap();
        let utc = Stamp::parse("2026-01-02 01:04:04.5").unwrap();
        assert_eq!(east.stored(), "2026-01-02 01:04:05.000000");
        assert!((east.seconds_since(&utc) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn clocks_on_the_wall_differ_by_zone_and_calendars_end() {
        let noon = Stamp::parse("2026-11-22 12:00:00.5").unwrap();
        let new_york = FixedOffset::west_opt(5 * 3600).unwrap();
        assert_eq!(noon.on_the_wall(&new_york).sent(), "2026-11-22T07:00:00.500000");
        assert_eq!(noon.on_the_wall(&Utc), noon);
        assert_eq!(
            noon.checked_plus_seconds(60).map(|s| s.sent()).as_deref(),
            Some("2026-11-22T12:01:00.500000")
        );
        assert_eq!(noon.checked_plus_seconds(8000 * 365 * 86_400), None);
        assert_eq!(noon.checked_plus_seconds(i64::MAX), None);
    }

    proptest! {
        #[test]
        fn stored_text_reads_back(micros in 0_i64..4_102_444_800_000_000) {
            let stamp = Stamp::of(DateTime::from_timestamp_micros(micros).unwrap());
            prop_assert_eq!(Stamp::parse(&stamp.stored()), Some(stamp));
            prop_assert_eq!(Stamp::parse(&stamp.sent()), Some(stamp));
            prop_assert_eq!(stamp.stored().len(), 26);
        }

        #[test]
        fn written_instants_are_as_chrono_formats_them(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
            let stamp = Stamp::of(DateTime::from_timestamp_micros(micros).unwrap());
            let clock = stamp.clock;
            prop_assert_eq!(stamp.stored(), clock.format("%Y-%m-%d %H:%M:%S%.6f").to_string());
            let whole = clock.with_nanosecond(0).unwrap();
            prop_assert_eq!(iso(whole), whole.format("%Y-%m-%dT%H:%M:%S").to_string());
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _parsed = Stamp::parse(&text);
        }
    }
}
