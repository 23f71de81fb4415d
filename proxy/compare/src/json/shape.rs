//! When two identifiers are of one shape, so that both could have been made by the same generator.

/// How many digits a number that is counted up may gain or lose.
const GROWTH: usize = 1;

/// A piece of this many characters is no word, digits or not.
const LONG: usize = 16;

/// Whether two texts are identifiers of one shape: the same punctuation at the same places, and between it pieces
/// that are equal or that differ as generated pieces do. Words never do: `paused` is not `active` made anew.
pub(super) fn same_text(old: &str, new: &str) -> bool {
    let is_punctuation = |character: char| !character.is_ascii_alphanumeric();
    if !old.chars().filter(|c| is_punctuation(*c)).eq(new.chars().filter(|c| is_punctuation(*c))) {
        return false;
    }
    let pieces = || old.split(is_punctuation).zip(new.split(is_punctuation));
    let mut differing = pieces().filter(|(old, new)| old != new).peekable();
    differing.peek().is_none()
        || differing.clone().any(|(old, new)| is_generated(old) || is_generated(new))
            && differing.all(|(old, new)| same_piece(old, new))
}

/// Whether two integers are identifiers of one shape, given their digits with sign.
pub(super) fn same_integer(old: &str, new: &str) -> bool {
    old.starts_with('-') == new.starts_with('-') && old.len().abs_diff(new.len()) <= GROWTH
}

fn is_generated(piece: &str) -> bool {
    piece.len() >= LONG || piece.bytes().any(|byte| byte.is_ascii_digit())
}

fn same_piece(old: &str, new: &str) -> bool {
    let all = |piece: &str, is: fn(&u8) -> bool| piece.bytes().all(|byte| is(&byte));
    if old.is_empty() || new.is_empty() {
        return false;
    }
    if all(old, u8::is_ascii_digit) && all(new, u8::is_ascii_digit) {
        return same_integer(old, new);
    }
    let has = |piece: &str, is: fn(&u8) -> bool| piece.bytes().any(|byte| is(&byte));
    let is_hex = all(old, u8::is_ascii_hexdigit) && all(new, u8::is_ascii_hexdigit);
    let one_case = |piece| [has(piece, u8::is_ascii_lowercase), has(piece, u8::is_ascii_uppercase)];
    let (old_case, new_case) = (one_case(old), one_case(new));
    // Hexadecimal is written in one case or the other; a piece of digits alone shows none.
    let is_one_case =
        !is_hex || old_case == new_case || old_case == [false; 2] || new_case == [false; 2];
    // Letters alone are a word, unless they are hexadecimal by chance.
    let is_no_word = is_hex || is_generated(old) || is_generated(new);
    old.len() == new.len() && is_one_case && is_no_word
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identifiers_of_one_generator_have_one_shape() {
        for (old, new, is_same) in [
            ("550e8400-e29b-41d4-a716-446655440000", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", true),
            ("wf_0a1b", "wf_9c2d", true),
            ("wf_0a1b", "ex_9c2d", false),
            ("wf_0a1b", "wf_9c2d0", false),
            ("wf_0a1b", "wf-9c2d", false),
            ("0a1b", "0A1B", false),
            ("0a1b", "1234", true),
            ("job-9", "job-10", true),
            ("job-9", "job-1000", false),
            ("active", "paused", false),
            ("a1", "", false),
            ("", "", true),
            ("QwErTyUiOpAsDfGh", "hGfDsApOiUyTrEwQ", true),
            ("aZ3kQ9", "7bXw2P", true),
            ("é1", "é2", true),
            ("é1", "è2", false),
        ] {
            assert_eq!(same_text(old, new), is_same, "{old} {new}");
            assert_eq!(same_text(new, old), is_same, "{new} {old}");
        }
        assert!(same_integer("9", "10"));
        assert!(!same_integer("9", "100"));
        assert!(!same_integer("-9", "9"));
    }

    proptest! {
        #[test]
        fn shape_is_symmetric_and_of_itself(old in "[a-f0-9_-]{0,8}", new in ".{0,8}") {
            prop_assert!(same_text(&old, &old));
            prop_assert_eq!(same_text(&old, &new), same_text(&new, &old));
        }

        #[test]
        fn uuids_have_one_shape(old: u128, new: u128) {
            let uuid = |bits: u128| {
                let hex = format!("{bits:032x}");
                format!("{}-{}-4{}", &hex[..8], &hex[8..12], &hex[13..])
            };
            prop_assert!(same_text(&uuid(old), &uuid(new)));
        }
    }
}
