//! The two query parameters that ask for one page of a list, the same in every area that the monolith had no router for.

use crate::validation::shape::Field;
use crate::validation::{Kind, field};

/// `limit`, up to a hundred, and `offset`.
pub fn page(default: i32) -> [Field; 2] {
    page_up_to(100, default)
}

/// The same with more in one page.
pub fn page_up_to(most: i32, default: i32) -> [Field; 2] {
    [
        field("limit", Kind::integer_within(1, most)).default(default),
        field("offset", Kind::integer_within(0, i32::MAX)).default(0),
    ]
}
