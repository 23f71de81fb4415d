//! Numbers that stand in JSON texts and that `serde_json` can't hold: integers past 64 bits, numbers past every double,
//! and the `NaN` and `Infinity` that Python writes.

use serde::de::IgnoredAny;

/// A text in which each such number gave way to `null`.
#[derive(Debug)]
pub(super) struct Replaced {
    pub(super) text: Vec<u8>,
    /// What stood there, for each `null` of the text in order; nothing for those that were `null` before.
    pub(super) nulls: Vec<Option<String>>,
}

/// Replaces such numbers; `None` if there is none. The text need not be JSON, and is JSON afterwards only if all else in
/// it is.
pub(super) fn replaced(text: &[u8]) -> Option<Replaced> {
    let mut out = Vec::with_capacity(text.len());
    let mut nulls = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.first() {
        let length = match first {
            b'"' => string_length(rest),
            byte if is_of_word(*byte) => {
                rest.iter().position(|byte| !is_of_word(*byte)).unwrap_or(rest.len())
            }
            _ => 1,
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        match std::str::from_utf8(token) {
            Ok(word) if is_too_much(word) => {
                nulls.push(Some(word.to_owned()));
                out.extend_from_slice(b"null");
                continue;
            }
            Ok("null") => nulls.push(None),
            _ => {}
        }
        out.extend_from_slice(token);
    }
    nulls.iter().any(Option::is_some).then_some(Replaced { text: out, nulls })
}

const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// The string that a text begins with, quotes included; to the end if it has none.
fn string_length(text: &[u8]) -> usize {
    let mut is_escaped = false;
    for (index, byte) in text.iter().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_too_much(word: &str) -> bool {
    if is_not_finite(word) {
        return true;
    }
    let is_number = || serde_json::from_str::<IgnoredAny>(word).is_ok();
    if is_integer(word) {
        word.parse::<i64>().is_err() && word.parse::<u64>().is_err() && is_number()
    } else {
        word.contains(['e', 'E', '.'])
            && word.parse::<f64>().is_ok_and(f64::is_infinite)
            && is_number()
    }
}

/// Whether a word is one of those that Python writes for what is no number.
pub(super) fn is_not_finite(word: &str) -> bool {
    matches!(word, "NaN" | "Infinity" | "-Infinity")
}

pub(super) fn is_integer(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Option<(String, Vec<Option<String>>)> {
        let Replaced { text, nulls } = replaced(text.as_bytes())?;
        Some((String::from_utf8(text).unwrap(), nulls))
    }

    #[test]
    fn what_can_not_be_held_is_replaced() {
        let (text, nulls) = shown(
            r#"{"a": NaN, "b": [null, -Infinity, 18446744073709551616], "c": -9223372036854775809, "d": 1e400}"#,
        )
        .unwrap();
        assert_eq!(text, r#"{"a": null, "b": [null, null, null], "c": null, "d": null}"#);
        let words = nulls.iter().map(|word| word.as_deref().unwrap_or("")).collect::<Vec<_>>();
        assert_eq!(
            words,
            ["NaN", "", "-Infinity", "18446744073709551616", "-9223372036854775809", "1e400"]
        );
    }

    #[test]
    fn what_can_be_held_or_is_no_json_stays() {
        for text in [
            "",
            "18446744073709551615",
            "-9223372036854775808",
            "1e300",
            r#""NaN \" NaN""#,
            r#"{"Infinity": "18446744073709551616"}"#,
            "NaNs",
            "-NaN",
            "018446744073709551616",
            "99999999999999999999.",
            "1e-400",
            "\"open NaN",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn only_numbers_are_replaced(text in "[\\[\\]{}:,\"0-9a-cNInf\\\\.eE+\\- ]{0,60}") {
            if let Some((replaced, nulls)) = shown(&text) {
                let words: usize = nulls.iter().flatten().map(String::len).sum();
                let count = nulls.iter().flatten().count();
                prop_assert_eq!(replaced.len() + words, text.len() + 4 * count);
            }
        }
    }
}
