//! Finds out in which form of Unicode a JSON body was written, as RFC 4627 and Python do: by its first bytes.

use std::borrow::Cow;

/// The text of a body in UTF-8, UTF-16 or UTF-32, with or without a byte order mark; none where it is none of them.
pub fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let text: Cow<'_, str> = match Form::of(bytes) {
        Form::Utf8 => std::str::from_utf8(bytes).ok()?.into(),
        Form::Utf16(order) => {
            let (units, []) = bytes.as_chunks::<2>() else { return None };
            let units = units.iter().map(|unit| match order {
                Order::Big => u16::from_be_bytes(*unit),
                Order::Little => u16::from_le_bytes(*unit),
            });
            char::decode_utf16(units).collect::<Result<String, _>>().ok()?.into()
        }
        Form::Utf32(order) => {
            let (units, []) = bytes.as_chunks::<4>() else { return None };
            let units = units.iter().map(|unit| match order {
                Order::Big => u32::from_be_bytes(*unit),
                Order::Little => u32::from_le_bytes(*unit),
            });
            units.map(char::from_u32).collect::<Option<String>>()?.into()
        }
    };
    Some(match text {
        Cow::Borrowed(text) => text.strip_prefix(MARK).unwrap_or(text).into(),
        Cow::Owned(text) => text.strip_prefix(MARK).map(str::to_owned).unwrap_or(text).into(),
    })
}

/// The byte order mark.
const MARK: char = '\u{feff}';

enum Form {
    Utf8,
    Utf16(Order),
    Utf32(Order),
}

enum Order {
    Big,
    Little,
}

impl Form {
    /// By the mark, or by where the zeros of the first characters stand: JSON begins with ASCII.
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0, 0, _, _, ..] => Self::Utf32(Order::Big),
            [0xff, 0xfe, 0, 0, ..] | [_, 0, 0, 0, ..] => Self::Utf32(Order::Little),
            [0xfe, 0xff, ..] | [0, _, _, _, ..] | [0, _] => Self::Utf16(Order::Big),
            [0xff, 0xfe, ..] | [_, 0, _, _, ..] | [_, 0] => Self::Utf16(Order::Little),
            _ => Self::Utf8,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every form of a text, each with and without a mark.
    fn forms(text: &str) -> Vec<Vec<u8>> {
        [format!("{MARK}{text}"), text.to_owned()]
            .iter()
            .flat_map(|text| {
                let units: Vec<u16> = text.encode_utf16().collect();
                let codes: Vec<u32> = text.chars().map(u32::from).collect();
                [
                    text.as_bytes().to_vec(),
                    units.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
                    units.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
                    codes.iter().flat_map(|code| code.to_be_bytes()).collect(),
                    codes.iter().flat_map(|code| code.to_le_bytes()).collect(),
                ]
            })
            .collect()
    }

    proptest! {
        #[test]
        fn every_form_is_told_by_its_first_bytes(inside in "[ -~é✓\u{1F600}]{0,12}") {
            for text in [format!("[{inside}]"), "1".to_owned(), "{}".to_owned()] {
                for bytes in forms(&text) {
                    let found = decode(&bytes).map(Cow::into_owned);
                    prop_assert_eq!(found, Some(text.clone()), "{:?}", bytes);
                }
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..16)) {
            let _text = decode(&bytes);
        }
    }

    #[test]
    fn what_is_no_unicode_is_no_text() {
        assert_eq!(decode(b"{\"a\": \"\xff\"}"), None);
        assert_eq!(decode(b"\xff\xfe{"), None);
        assert_eq!(decode(b"\xff\xfe\x00\xd8"), None);
    }
}
