//! One number for a value as the compare rules see it: values that compare equal have equal digests.
//!
//! Only tolerance and most allowed gaps are left out. Digests find partners in linear time; the partners are then
//! compared for real, so a collision of two digests can't hide a difference between the members of a set.

use std::collections::HashMap;

use serde_json::Value;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::document::Document;
use super::marks::{Mark, Marks};
use super::scalar::{Exact, Numeric};
use super::time::is_time;

/// One document, its marks and the digests that were needed so far.
#[derive(Debug)]
pub(super) struct Digests<'v, 'r> {
    pub(super) document: &'v Document,
    pub(super) marks: Marks<'v, 'r>,
    /// A member that is `null` counts as absent.
    skips_null: bool,
    /// Of arrays and objects, so that nested arrays do not cost the square of their depth.
    known: HashMap<usize, u64>,
    /// Digests made or looked up.
    pub(super) steps: u64,
}

impl<'v, 'r> Digests<'v, 'r> {
    pub(super) fn new(document: &'v Document, marks: Marks<'v, 'r>, skips_null: bool) -> Self {
        Self { document, marks, skips_null, known: HashMap::new(), steps: 0 }
    }

    pub(super) fn of(&mut self, value: &'v Value) -> u64 {
        let mark = self.marks.of(value);
        if mark.ignore.is_some() { 1 } else { self.of_content(value, mark) }
    }

    /// The digest of a value whatever the rules say of its place, but for `mark`.
    pub(super) fn of_content(&mut self, value: &'v Value, mark: Mark<'_>) -> u64 {
        self.steps += 1;
        if let Some(number) = Numeric::of(value, self.document) {
            return of_number(number, mark);
        }
        match value {
            Value::Null => 2,
            Value::Bool(false) => 3,
            Value::Bool(true) => 4,
            Value::String(text) if mark.timestamp.is_some() && is_time(text) => 7,
            Value::String(_) if mark.identifier.is_some() => 8,
            Value::String(text) => xxh3_64_with_seed(text.as_bytes(), 9),
            _ => self.of_container(value),
        }
    }

    fn of_container(&mut self, value: &'v Value) -> u64 {
        let address = std::ptr::from_ref(value).addr();
        if let Some(known) = self.known.get(&address) {
            return *known;
        }
        let digest = match value {
            Value::Array(elements) if self.marks.of(value).unordered.is_some() => {
                // A sum does not depend on the order.
                let sum = elements.iter().map(|element| mix(20, self.of(element)));
                mix(21, sum.fold(0, u64::wrapping_add))
            }
            Value::Array(elements) => {
                elements.iter().fold(22, |above, element| mix(above, self.of(element)))
            }
            Value::Object(members) => {
                let mut sum = 0_u64;
                for (name, member) in members {
                    // An ignored member may be absent on the other side.
                    let is_absent = self.marks.of(member).ignore.is_some()
                        || (self.skips_null && member.is_null());
                    if !is_absent {
                        sum = sum.wrapping_add(mix(xxh3_64(name.as_bytes()), self.of(member)));
                    }
                }
                mix(23, sum)
            }
            _scalar => 0,
        };
        self.known.insert(address, digest);
        digest
    }
}

fn of_number(number: Numeric<'_>, mark: Mark<'_>) -> u64 {
    if (mark.number.is_some() && !number.is_not_finite())
        || (mark.identifier.is_some() && number.integer().is_some())
    {
        return 10;
    }
    match number.exact() {
        Exact::Integer(integer) => xxh3_64_with_seed(&integer.to_le_bytes(), 11),
        Exact::Large(digits) => xxh3_64_with_seed(digits.as_bytes(), 12),
        Exact::Float(float) => xxh3_64_with_seed(&float.to_bits().to_le_bytes(), 13),
        Exact::Word(word) => xxh3_64_with_seed(word.as_bytes(), 14),
    }
}

fn mix(above: u64, digest: u64) -> u64 {
    xxh3_64_with_seed(&digest.to_le_bytes(), above)
}
