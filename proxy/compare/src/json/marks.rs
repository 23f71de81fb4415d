//! Finds the places of one document that the compare rules speak of.

use std::collections::HashMap;

use routes::compare::CompareRules;
use serde_json::Value;

/// What the rules say of one place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark<'r> {
    pub(super) is_ignored: bool,
    pub(super) is_timestamp: bool,
    /// The field that keys an array compared as a set; empty: the whole element.
    pub(super) unordered: Option<&'r str>,
}

impl Mark<'_> {
    /// What holds where either side's rules say so.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            is_ignored: self.is_ignored || other.is_ignored,
            is_timestamp: self.is_timestamp || other.is_timestamp,
            unordered: self.unordered.or(other.unordered),
        }
    }
}

/// The marks of a document by address of the value: the document does not move while it is borrowed, and an address
/// is cheaper to look up than a path.
#[derive(Debug, Default)]
pub(super) struct Marks<'v, 'r> {
    by_address: HashMap<*const Value, Mark<'r>>,
    document: std::marker::PhantomData<&'v Value>,
}

impl<'v, 'r> Marks<'v, 'r> {
    pub(super) fn new(root: &'v Value, rules: &'r CompareRules) -> Self {
        let mut marks = Self::default();
        for path in &rules.ignore {
            marks.each(path, root, |mark| mark.is_ignored = true);
        }
        for path in &rules.timestamp {
            marks.each(path, root, |mark| mark.is_timestamp = true);
        }
        for (path, field) in &rules.unordered {
            marks.each(path, root, |mark| mark.unordered = Some(field));
        }
        marks
    }

    fn each(
        &mut self,
        path: &serde_json_path::JsonPath,
        root: &'v Value,
        set: impl Fn(&mut Mark<'r>),
    ) {
        for value in path.query(root).all() {
            set(self.by_address.entry(std::ptr::from_ref(value)).or_default());
        }
    }

    pub(super) fn of(&self, value: &'v Value) -> Mark<'r> {
        if self.by_address.is_empty() {
            return Mark::default();
        }
        self.by_address.get(&std::ptr::from_ref(value)).copied().unwrap_or_default()
    }
}
