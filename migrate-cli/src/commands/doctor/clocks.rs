//! Whether the clocks agree, and whether both backends mean the same by a time without a zone.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use http::header::DATE;
use serde_json::Value;

use super::holders::{self, Holder};
use super::identity::Said;
use super::sides::{Side, Sides};
use crate::checks::{Checks, Wrong};

/// Members of answers that say when the answer was made.
const NOW: &str = "timestamp";

/// Looks at every backend.
pub(super) async fn check(sides: &Sides, max_skew: Duration, said: &[Said], checks: &mut Checks) {
    checks.group("clocks");
    for side in sides.each() {
        let what = format!("the clock of {} agrees with this one", side.name);
        let before = Utc::now();
        match side.get(http::HeaderMap::new()).await {
            Err(wrong) => checks.settle(what, Err(wrong)),
            Ok(answer) => {
                let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
                let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
                match date {
                    None => checks.skip(what, "its answers have no Date"),
                    Some(date) => {
                        let off = off(date.to_utc(), before, Utc::now());
                        checks.settle(what, judged(off, max_skew));
                    }
                }
            }
        }
    }
    checks.group("time zone");
    for side in sides.each() {
        zone(side, max_skew, said, checks);
    }
}

/// How far an instant is outside of a span; a `Date` has whole seconds.
fn off(instant: DateTime<Utc>, from: DateTime<Utc>, to: DateTime<Utc>) -> TimeDelta {
    let from = from - TimeDelta::seconds(1);
    if instant < from {
        instant - from
    } else if instant > to {
        instant - to
    } else {
        TimeDelta::zero()
    }
}

fn judged(off: TimeDelta, max_skew: Duration) -> Result<String, Wrong> {
    if off.abs().to_std().unwrap_or(Duration::MAX) <= max_skew {
        return Ok(format!("off by {:.1} s at most", seconds(off.abs())));
    }
    let (by, word) = (seconds(off.abs()), if off < TimeDelta::zero() { "behind" } else { "ahead" });
    let found = format!("{by:.0} s {word}");
    Err(Wrong::new(found, "let both machines follow a time server (`timedatectl`)"))
}

fn seconds(time: TimeDelta) -> f64 {
    time.as_seconds_f64()
}

/// By what its answers say, else by the process that listens there.
fn zone(side: &Side, max_skew: Duration, said: &[Said], checks: &mut Checks) {
    let what = format!("{} gives times in UTC, or with their zone", side.name);
    let mut times = said.iter().flat_map(|said| said.names.iter().zip(&said.answers));
    let time = times.find_map(|(name, answer)| {
        let time = (name == &side.name).then(|| member(&answer.body)).flatten()?;
        let date = answer.headers.get(DATE)?.to_str().ok()?;
        Some((time, DateTime::parse_from_rfc2822(date).ok()?.to_utc()))
    });
    if let Some((text, date)) = time {
        let Some(time) = read(text) else {
            return checks.skip(what, format!("`{NOW}` is `{text}`, which is no time"));
        };
        // Against its own `Date`: whether the clock is right is another question.
        return checks.settle(what, zoned(text, time - date, max_skew));
    }
    match process_zone(side) {
        Ok(zone)
            if matches!(
                zone.as_str(),
                "" | "UTC" | ":UTC" | "UTC0" | "Etc/UTC" | ":/etc/localtime"
            ) =>
        {
            let told =
                if zone.is_empty() { "no TZ of its own".to_owned() } else { format!("TZ={zone}") };
            checks.settle(what, Ok(format!("its answers name no time; its process has {told}")));
        }
        Ok(zone) => {
            let found = format!("its process runs with TZ={zone}");
            checks.settle(what, Err(Wrong::new(found, "run both with TZ=UTC")));
        }
        Err(why) => checks.skip(what, format!("its answers name no time, and {why}")),
    }
}

fn zoned(text: &str, off: TimeDelta, max_skew: Duration) -> Result<String, Wrong> {
    let most = i64::try_from(max_skew.as_secs()).unwrap_or(i64::MAX).saturating_add(1);
    if off.num_seconds().abs() <= most {
        return Ok(format!("`{NOW}`: {text}"));
    }
    let found = format!("`{NOW}` is {text}, {:+.2} h from its Date", off.as_seconds_f64() / 3600.0);
    Err(Wrong::new(found, "run both with TZ=UTC, or let times have their zone"))
}

/// The time that an answer says it was made at.
fn member(body: &Value) -> Option<&str> {
    let Value::Object(members) = body else { return None };
    let own = members.get(NOW).and_then(Value::as_str);
    own.or_else(|| members.values().find_map(member))
}

/// With a zone, or as UTC.
fn read(text: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    // Some write both an offset and a Z.
    let text = text.trim_end_matches('Z').trim_end_matches("+00:00");
    zoned.or_else(|| text.parse::<NaiveDateTime>().ok().map(|time| time.and_utc()))
}

/// What `TZ` says to the process that serves it; empty where it is not set.
fn process_zone(side: &Side) -> Result<String, &'static str> {
    let address = side.base.split_once("://").and_then(|(_, address)| address.parse().ok());
    let address = address.ok_or("who serves it is on another machine")?;
    let Holder::Process { pid, .. } = holders::of(address) else {
        return Err("who serves it can't be seen from here");
    };
    let environment = std::fs::read(Path::new("/proc").join(pid.to_string()).join("environ"));
    let environment = environment.map_err(|_problem| "its process belongs to another user")?;
    let zone = environment.split(|byte| *byte == 0).find_map(|line| line.strip_prefix(b"TZ="));
    Ok(zone.map_or_else(String::new, |zone| String::from_utf8_lossy(zone).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_is_taken_for_utc() {
        let utc = "2026-11-23T10:00:00Z".parse::<DateTime<Utc>>().unwrap();
        for text in
            ["2026-11-23T10:00:00", "2026-11-23T11:00:00+01:00", "2026-11-23T10:00:00+00:00Z"]
        {
            assert_eq!(read(text), Some(utc), "{text}");
        }
        assert_eq!(read("yesterday"), None);
        let skew = Duration::from_secs(2);
        assert!(zoned("x", TimeDelta::seconds(2), skew).is_ok());
        let wrong = zoned("x", TimeDelta::seconds(-5 * 3600 - 1), skew).unwrap_err();
        assert!(wrong.found.contains("-5.00 h"), "{}", wrong.found);
    }

    #[test]
    fn a_clock_may_be_off_by_the_second_that_a_date_leaves_out() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (from, to) = (at("2026-11-23T10:00:00.900Z"), at("2026-11-23T10:00:01.100Z"));
        assert_eq!(off(at("2026-11-23T10:00:00Z"), from, to), TimeDelta::zero());
        assert_eq!(off(at("2026-11-23T10:00:05Z"), from, to), TimeDelta::milliseconds(3900));
        assert!(
            judged(TimeDelta::seconds(-90), Duration::from_secs(2))
                .unwrap_err()
                .found
                .contains("90 s behind")
        );
    }
}
