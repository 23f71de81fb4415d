//! Reads JSON text as Python's `json.loads` does: with NaN and infinities, whole numbers of any size, and deep nesting.

use serde_json::{Map, Number, Value};

use super::number;

/// The most levels of nesting. Python stops at about a thousand; nothing that recurses over so few is in danger.
const DEPTH: usize = 500;

/// The most digits of a whole number that Python reads.
const DIGITS: usize = 4300;

/// Why a text is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It is no JSON.
    #[error("is no JSON from character {0} on")]
    Syntax(usize),
    /// It goes past a limit that Python has as well.
    #[error("is nested too deeply, or holds a number with too many digits")]
    TooMuch,
    /// Half of a pair that makes one character, which no text can hold. The place is outermost first.
    #[error("holds half of a surrogate pair at {}", .0.join("."))]
    Surrogate(Vec<String>),
}

impl Unread {
    /// One level further out.
    fn within(mut self, part: impl FnOnce() -> String) -> Self {
        if let Self::Surrogate(place) = &mut self {
            place.insert(0, part());
        }
        self
    }
}

/// Reads one JSON value, with nothing but blanks around it. Of doubled keys the last counts.
pub fn read(text: &str) -> Result<Value, Unread> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0).and_then(|value| {
        reader.skip_blanks();
        if reader.at == text.len() { Ok(value) } else { Err(reader.fault()) }
    });
    // Positions are counted in characters, and only where somebody wants to know.
    value.map_err(|error| match error {
        Unread::Syntax(at) => {
            Unread::Syntax(text.get(..at).map_or(at, |before| before.chars().count()))
        }
        error => error,
    })
}

struct Reader<'t> {
    text: &'t str,
    /// In bytes, between characters.
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fault(&self) -> Unread {
        Unread::Syntax(self.at)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes `word` if it is next.
    fn take(&mut self, word: &str) -> bool {
        let is_next = self.rest().starts_with(word);
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    fn value(&mut self, depth: usize) -> Result<Value, Unread> {
        if depth > DEPTH {
            return Err(Unread::TooMuch);
        }
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            _ => self.scalar(),
        }
    }

    fn scalar(&mut self) -> Result<Value, Unread> {
        for (word, value) in [("null", Value::Null), ("true", true.into()), ("false", false.into())]
        {
            if self.take(word) {
                return Ok(value);
            }
        }
        for word in ["NaN", "Infinity", "-Infinity"] {
            if self.take(word) {
                return Ok(number::hold(word));
            }
        }
        self.number()
    }

    fn array(&mut self, depth: usize) -> Result<Value, Unread> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.take("]") {
            return Ok(Value::Array(items));
        }
        loop {
            let item = self.value(depth + 1);
            items.push(item.map_err(|error| error.within(|| items.len().to_string()))?);
            self.skip_blanks();
            if self.take("]") {
                return Ok(Value::Array(items));
            }
            if !self.take(",") {
                return Err(self.fault());
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Unread> {
        self.at += 1;
        let mut map = Map::new();
        self.skip_blanks();
        if self.take("}") {
            return Ok(Value::Object(map));
        }
        loop {
            self.skip_blanks();
            let key =
                if self.peek() == Some(b'"') { self.string()? } else { return Err(self.fault()) };
            self.skip_blanks();
            if !self.take(":") {
                return Err(self.fault());
            }
            let item = self.value(depth + 1).map_err(|error| error.within(|| key.clone()))?;
            map.insert(key, item);
            self.skip_blanks();
            if self.take("}") {
                return Ok(Value::Object(map));
            }
            if !self.take(",") {
                return Err(self.fault());
            }
        }
    }

    fn string(&mut self) -> Result<String, Unread> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let plain = self.rest();
            let end = plain.bytes().position(|b| matches!(b, b'"' | b'\\' | ..0x20));
            let end = end.ok_or_else(|| self.fault())?;
            out.push_str(plain.get(..end).unwrap_or_default());
            self.at += end;
            if self.take("\"") {
                return Ok(out);
            }
            if !self.take("\\") {
                return Err(self.fault());
            }
            out.push(self.escape()?);
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char, Unread> {
        let plain = match self.peek() {
            Some(b'u') => return self.unicode(),
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(self.fault()),
        };
        self.at += 1;
        Ok(plain)
    }

    /// `uXXXX`, or two of them that make one character.
    fn unicode(&mut self) -> Result<char, Unread> {
        let first = self.unit()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        let second = if self.take("\\") && self.peek() == Some(b'u') { self.unit()? } else { 0 };
        let pair = [first, second].map(|unit| u16::try_from(unit).unwrap_or_default());
        match char::decode_utf16(pair).next() {
            Some(Ok(c)) => Ok(c),
            _ => Err(Unread::Surrogate(Vec::new())),
        }
    }

    /// The four digits behind `u`.
    fn unit(&mut self) -> Result<u32, Unread> {
        let digits = self.rest().get(1..5).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.fault())?;
        self.at += 5;
        Ok(unit)
    }

    fn number(&mut self) -> Result<Value, Unread> {
        let rest = self.rest();
        let end = number_end(rest).ok_or_else(|| self.fault())?;
        let text = rest.get(..end).unwrap_or_default();
        self.at += end;
        if text.contains(['.', 'e', 'E']) {
            let float: f64 = text.parse().map_err(|_why| Unread::Syntax(self.at))?;
            return Ok(match Number::from_f64(float) {
                Some(number) => Value::Number(number),
                None if float > 0.0 => number::hold("Infinity"),
                None => number::hold("-Infinity"),
            });
        }
        if let Ok(whole) = text.parse::<i64>() {
            return Ok(whole.into());
        }
        if let Ok(whole) = text.parse::<u64>() {
            return Ok(whole.into());
        }
        let digits = text.trim_start_matches('-').len();
        if digits > DIGITS { Err(Unread::TooMuch) } else { Ok(number::hold(text)) }
    }
}

/// How long the number is with which a text begins.
fn number_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits =
        |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let start = usize::from(text.starts_with('-'));
    let mut end = match bytes.get(start)? {
        b'0' => start + 1,
        b'1'..=b'9' => start + digits(start),
        _ => return None,
    };
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + signed);
        if exponent > 0 {
            end += 1 + signed + exponent;
        }
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::python::json::{sent, stored};

    #[test]
    fn reads_what_python_reads_and_serde_does_not() {
        let large = "123456789012345678901234567890";
        let text = format!(
            r#" {{"a": [NaN, -Infinity, 1e400, -1e400, {large}], "b": 18446744073709551615}} "#
        );
        let value = read(&text).unwrap();
        assert_eq!(
            stored(&value),
            format!(
                r#"{{"a": [NaN, -Infinity, Infinity, -Infinity, {large}], "b": 18446744073709551615}}"#
            )
        );
        assert_eq!(
            sent(&value),
            format!(r#"{{"a":[null,null,null,null,{large}],"b":18446744073709551615}}"#)
        );
        assert_eq!(read(r#"{"a": 1, "b": 2, "a": 3}"#).unwrap().to_string(), r#"{"a":3,"b":2}"#);
        assert_eq!(read("-0").unwrap(), json!(0));
        assert_eq!(read("-0.0").unwrap().to_string(), "-0.0");
    }

    #[test]
    fn what_python_does_not_read() {
        for (text, at) in [
            ("", 0),
            ("  ", 2),
            ("{", 1),
            ("[1,]", 3),
            ("{\"a\" 1}", 5),
            ("{1: 2}", 1),
            ("01", 1),
            ("1.", 1),
            ("-", 0),
            ("+1", 0),
            ("\"é\u{1}\"", 2),
            ("\"\\x\"", 2),
            ("\"\\u12g4\"", 2),
            ("\"\\u+123\"", 2),
            ("nul", 0),
            ("1 2", 2),
            ("'a'", 0),
        ] {
            assert_eq!(read(text), Err(Unread::Syntax(at)), "{text}");
        }
    }

    #[test]
    fn halves_of_pairs_are_found_with_their_place() {
        assert_eq!(read(r#""\ud83d\ude00""#).unwrap(), json!("\u{1F600}"));
        for text in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx""#, r#""\ud83d\n""#, r#""\ud83dA""#]
        {
            assert_eq!(read(text), Err(Unread::Surrogate(Vec::new())), "{text}");
        }
        let place = ["steps", "a", "1"].map(str::to_owned).to_vec();
        assert_eq!(read(r#"{"steps": {"a": [0, "\ud800"]}}"#), Err(Unread::Surrogate(place)));
    }

    #[test]
    fn limits() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&nested(200)).is_ok());
        assert_eq!(read(&nested(1500)), Err(Unread::TooMuch));
        assert_eq!(read(&"[".repeat(10_000_000)), Err(Unread::TooMuch));
        assert!(read(&"9".repeat(DIGITS)).is_ok());
        assert_eq!(read(&"9".repeat(DIGITS + 1)), Err(Unread::TooMuch));
    }

    proptest! {
        #[test]
        fn agrees_with_serde_where_both_read(text in r#"[\[\]{}":,0-9.eE+a-f\\u \-]{0,24}"#) {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                // Whole numbers past 64 bits become floats there.
                if let Ok(read) = read(&text) && !sent(&read).bytes().any(|b| b == b'e') {
                    prop_assert!(read == value || read.to_string().contains("number"));
                }
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _read = read(&text);
        }

        #[test]
        fn what_serde_writes_is_read(numbers in prop::collection::vec(any::<i64>(), 0..5), texts in prop::collection::vec(any::<String>(), 0..5), float in proptest::num::f64::NORMAL) {
            let value = json!({"n": numbers, "t": texts, "f": float});
            prop_assert_eq!(read(&value.to_string()), Ok(value.clone()));
            prop_assert_eq!(read(&stored(&value)), Ok(value));
        }
    }
}
