//! Changes of a text by their places, put into it at once.

use std::ops::Range;

/// What goes, and what comes in its place.
#[derive(Debug, Default)]
pub(super) struct Splices(Vec<(Range<usize>, String)>);

impl Splices {
    /// Takes a part out; parts that go may overlap.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        self.put(range, "");
    }

    /// Puts something in the place of a part, or before a byte.
    pub(super) fn put(&mut self, range: Range<usize>, with: &str) {
        self.0.push((range, with.to_owned()));
    }

    /// The text with all of them.
    ///
    /// # Errors
    /// Where something was to be put into a part that goes, or that something else takes the place of: the byte.
    pub(super) fn apply(mut self, text: &str) -> Result<String, usize> {
        // What comes before a byte stands before what takes the place of it.
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let mut new = String::with_capacity(text.len());
        let mut reached = 0;
        let mut was_put = false;
        for (range, with) in &self.0 {
            if range.start < reached && (was_put || !with.is_empty()) {
                return Err(range.start);
            }
            if range.start >= reached {
                new.push_str(text.get(reached..range.start).ok_or(range.start)?);
                was_put = false;
            }
            new.push_str(with);
            was_put |= !with.is_empty();
            reached = reached.max(range.end);
        }
        new.push_str(text.get(reached..).ok_or(reached)?);
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(splices: &[(Range<usize>, &str)]) -> Result<String, usize> {
        let mut all = Splices::default();
        for (range, with) in splices {
            all.put(range.clone(), with);
        }
        all.apply("0123456789")
    }

    #[test]
    fn parts_that_go_may_overlap() {
        assert_eq!(applied(&[(3..6, ""), (1..4, ""), (2..3, "")]).unwrap(), "06789");
        assert_eq!(applied(&[(1..3, ""), (3..4, ""), (9..10, "")]).unwrap(), "045678");
    }

    #[test]
    fn what_comes_stands_where_it_is_put() {
        assert_eq!(applied(&[(3..3, "a"), (3..5, ""), (1..3, "b")]).unwrap(), "0ba56789");
        assert_eq!(applied(&[(10..10, "a"), (0..0, "b")]).unwrap(), "b0123456789a");
    }

    #[test]
    fn nothing_is_put_into_what_goes() {
        assert_eq!(applied(&[(1..5, ""), (3..3, "a")]), Err(3));
        assert_eq!(applied(&[(1..5, "a"), (3..7, "")]), Err(3));
        assert_eq!(applied(&[(1..5, "a"), (1..5, "a")]), Err(1));
        assert_eq!(applied(&[(9..12, "")]), Err(12));
    }
}
