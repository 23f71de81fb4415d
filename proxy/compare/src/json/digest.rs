//! One number for a value as the compare rules see it: values that compare equal have equal digests.
//!
//! Only tolerance is left out. Digests find partners in linear time; the partners are then compared for real, so
//! a collision of two digests can't hide a difference between the members of a set.

use std::collections::HashMap;

use serde_json::Value;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::marks::Marks;
use super::scalar::{Exact, exact, is_time};

/// The marks of one document and the digests that were needed so far.
#[derive(Debug)]
pub(super) struct Digests<'v, 'r> {
    pub(super) marks: Marks<'v, 'r>,
    /// Of arrays and objects, so that nested arrays do not cost the square of their depth.
    known: HashMap<*const Value, u64>,
}

impl<'v, 'r> Digests<'v, 'r> {
    pub(super) fn new(marks: Marks<'v, 'r>) -> Self {
        Self { marks, known: HashMap::new() }
    }

    pub(super) fn of(&mut self, value: &'v Value) -> u64 {
        let mark = self.marks.of(value);
        if mark.is_ignored { 1 } else { self.of_content(value, mark.is_timestamp) }
    }

    /// The digest of a value whatever the rules say of its place.
    pub(super) fn of_content(&mut self, value: &'v Value, is_timestamp: bool) -> u64 {
        match value {
            Value::Null => 2,
            Value::Bool(false) => 3,
            Value::Bool(true) => 4,
            Value::Number(number) => match exact(number) {
                Exact::Integer(integer) => xxh3_64_with_seed(&integer.to_le_bytes(), 5),
                Exact::Float(float) => xxh3_64_with_seed(&float.to_bits().to_le_bytes(), 6),
            },
            Value::String(text) if is_timestamp && is_time(text) => 7,
            Value::String(text) => xxh3_64_with_seed(text.as_bytes(), 8),
            Value::Array(_) | Value::Object(_) => self.of_container(value),
        }
    }

    fn of_container(&mut self, value: &'v Value) -> u64 {
        let address = std::ptr::from_ref(value);
        if let Some(known) = self.known.get(&address) {
            return *known;
        }
        let digest = match value {
            Value::Array(elements) if self.marks.of(value).unordered.is_some() => {
                // A sum does not depend on the order.
                let sum = elements.iter().map(|element| mix(9, self.of(element)));
                mix(10, sum.fold(0, u64::wrapping_add))
            }
            Value::Array(elements) => {
                elements.iter().fold(11, |above, element| mix(above, self.of(element)))
            }
            Value::Object(members) => {
                let mut sum = 0_u64;
                for (name, member) in members {
                    // An ignored member may be absent on the other side.
                    if !self.marks.of(member).is_ignored {
                        sum = sum.wrapping_add(mix(xxh3_64(name.as_bytes()), self.of(member)));
                    }
                }
                mix(12, sum)
            }
            _scalar => 0,
        };
        self.known.insert(address, digest);
        digest
    }
}

fn mix(above: u64, digest: u64) -> u64 {
    xxh3_64_with_seed(&digest.to_le_bytes(), above)
}
