//! A Python client of a service: its OpenAPI document (`document`, with the types of `types`), the functions that importers used
//! (`functions`), and both as the text of a module (`module`). Data in, text out; `read` is where the document comes from.

pub(crate) mod python;
pub(crate) mod types;
pub(crate) mod document;
pub(crate) mod functions;
pub(crate) mod module;
pub(crate) mod read;

#[cfg(test)]
mod tests;
