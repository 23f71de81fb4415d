//! The field that tells the elements of a reordered array apart, found in excerpts of both orders.

use serde_json::{Deserializer, Value};

/// Most fields that are kept as candidates.
const MAX_CANDIDATES: usize = 8;

/// Fields that every shown element has with a value of its own, on both sides; the best name first. Empty where there
/// is none: the elements themselves are the key then.
pub(super) fn candidates(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (elements(old), elements(new));
    let Some(Value::Object(first)) = old.first() else { return Vec::new() };
    let mut fields: Vec<String> =
        first.keys().filter(|field| is_key(field, &old) && is_key(field, &new)).cloned().collect();
    fields.sort_by_key(|field| rank(field));
    fields.truncate(MAX_CANDIDATES);
    fields
}

/// The whole elements at the beginning of an array's text, which may be cut off.
fn elements(excerpt: &str) -> Vec<Value> {
    let Some(mut rest) = excerpt.trim_start().strip_prefix('[') else { return Vec::new() };
    let mut elements = Vec::new();
    loop {
        let mut stream = Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(element)) = stream.next() else { return elements };
        rest = rest.get(stream.byte_offset()..).unwrap_or_default().trim_start();
        let is_last = rest.starts_with(']');
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            // A number that was cut off reads like a shorter one.
            None if !is_last => return elements,
            None => {
                elements.push(element);
                return elements;
            }
        }
        elements.push(element);
    }
}

/// Whether a field has a text or number in every element, and no two the same.
fn is_key(field: &str, elements: &[Value]) -> bool {
    let mut values: Vec<String> = Vec::new();
    for element in elements {
        match element.get(field) {
            Some(value @ (Value::String(_) | Value::Number(_))) => values.push(value.to_string()),
            _ => return false,
        }
    }
    let count = values.len();
    values.sort_unstable();
    values.dedup();
    values.len() == count && count > 0
}

/// Names that keys have come first.
fn rank(field: &str) -> u8 {
    match field {
        "id" | "uuid" => 0,
        field if field.ends_with("_id") || field.ends_with("Id") => 1,
        "key" | "name" | "slug" => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_key_is_unique_on_both_sides() {
        let old = r#"[{"kind":"a","name":"x","id":1},{"kind":"a","name":"y","id":2}]"#;
        let new = r#"[{"kind":"a","name":"y","id":2},{"kind":"a","name":"x","id":1}]"#;
        assert_eq!(candidates(old, new), ["id", "name"]);
    }

    #[test]
    fn a_cut_excerpt_is_read_as_far_as_it_goes() {
        let cut = r#"[{"n":1,"t":"a"},{"n":2,"t":"a"},{"n":3,"t":"…"#;
        assert_eq!(elements(cut).len(), 2);
        assert_eq!(candidates(cut, r#"[{"n":3,"t":"a"},{"n":1"#), ["n"]);
        assert_eq!(elements("[1,2,34…"), [Value::from(1), Value::from(2)]);
    }

    #[test]
    fn plain_elements_are_their_own_key() {
        assert!(candidates("[1,2]", "[2,1]").is_empty());
        assert!(candidates("[{\"a\":1},{\"b\":2}]", "[{\"b\":2},{\"a\":1}]").is_empty());
        assert!(candidates("no array", "").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read(old in ".{0,80}", new in r#"\[?[\[\]{}",:a0-9 ]{0,80}"#) {
            candidates(&old, &new);
            candidates(&new, &old);
        }
    }
}
