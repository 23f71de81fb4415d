//! Finds the places of one document that the compare rules speak of.

use std::collections::HashMap;

use routes::compare::CompareRules;
use serde_json::Value;
use serde_json_path::JsonPath;

/// What the rules say of one place: the first rule of each kind that names it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark<'r> {
    pub(super) ignore: Option<usize>,
    pub(super) timestamp: Option<usize>,
    pub(super) identifier: Option<usize>,
    pub(super) number: Option<usize>,
    pub(super) unordered: Option<(usize, &'r str)>,
}

impl Mark<'_> {
    /// What holds where either side's rules say so; the first rule, whichever side it is from.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            ignore: first(self.ignore, other.ignore),
            timestamp: first(self.timestamp, other.timestamp),
            identifier: first(self.identifier, other.identifier),
            number: first(self.number, other.number),
            unordered: first(self.unordered, other.unordered),
        }
    }
}

fn first<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

/// The marks of a document by address of the value: the document does not move while it is borrowed, and an address
/// is cheaper to look up than a path.
#[derive(Debug, Default)]
pub(super) struct Marks<'v, 'r> {
    by_address: HashMap<usize, Mark<'r>>,
    document: std::marker::PhantomData<&'v Value>,
}

impl<'v, 'r> Marks<'v, 'r> {
    pub(super) fn new(root: &'v Value, rules: &'r CompareRules) -> Self {
        let mut marks = Self::default();
        marks.all(&rules.ignore, root, |mark| &mut mark.ignore);
        marks.all(&rules.timestamp, root, |mark| &mut mark.timestamp);
        marks.all(&rules.identifier, root, |mark| &mut mark.identifier);
        marks.all(&rules.number, root, |mark| &mut mark.number);
        for (rule, (path, field)) in rules.unordered.iter().enumerate() {
            marks.each(path, root, |mark| {
                mark.unordered.get_or_insert((rule, field));
            });
        }
        marks
    }

    fn all(
        &mut self,
        paths: &[JsonPath],
        root: &'v Value,
        kind: for<'m> fn(&'m mut Mark<'r>) -> &'m mut Option<usize>,
    ) {
        for (rule, path) in paths.iter().enumerate() {
            self.each(path, root, |mark| {
                kind(mark).get_or_insert(rule);
            });
        }
    }

    fn each(&mut self, path: &JsonPath, root: &'v Value, set: impl Fn(&mut Mark<'r>)) {
        for value in path.query(root).all() {
            set(self.by_address.entry(std::ptr::from_ref(value).addr()).or_default());
        }
    }

    pub(super) fn of(&self, value: &'v Value) -> Mark<'r> {
        if self.by_address.is_empty() {
            return Mark::default();
        }
        self.by_address.get(&std::ptr::from_ref(value).addr()).copied().unwrap_or_default()
    }
}
