//! Small pieces of JSON that others keep beside evidence: by route, basis and name, one for each proxy.

use std::collections::BTreeMap;

use serde_json::Value;

/// Longest text of a state, bytes.
pub const MAX_STATE_BYTES: usize = 256 << 10;
/// Most states that wait for the store.
const MAX_STATES: usize = 256;

/// A state that is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Longer than [`MAX_STATE_BYTES`].
    #[error("the state `{name}` of route `{route}` has {bytes} bytes, more than {MAX_STATE_BYTES}")]
    TooLarge {
        /// Whose.
        route: String,
        /// Which.
        name: &'static str,
        /// Of its text.
        bytes: usize,
    },
    /// Too many wait for the store already.
    #[error("the state `{name}` of route `{route}` is not kept: {MAX_STATES} wait for the store")]
    TooMany {
        /// Whose.
        route: String,
        /// Which.
        name: &'static str,
    },
}

/// What one proxy kept under a name.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredState {
    /// Kept by this proxy, maybe in an earlier run.
    pub is_own: bool,
    /// What it kept.
    pub json: Value,
}

/// States that wait for the store, by basis and name; a newer one replaces an older one.
#[derive(Debug, Default)]
pub(crate) struct States(BTreeMap<(i64, &'static str), String>);

impl States {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &'static str, &str)> {
        self.0.iter().map(|((basis, name), json)| (*basis, *name, json.as_str()))
    }

    pub(crate) fn get(&self, basis: i64, name: &'static str) -> Option<&str> {
        self.0.get(&(basis, name)).map(String::as_str)
    }

    pub(crate) fn set(
        &mut self,
        route: &str,
        basis: i64,
        name: &'static str,
        json: &Value,
    ) -> Result<(), StateError> {
        let text = json.to_string();
        if text.len() > MAX_STATE_BYTES {
            let bytes = text.len();
            return Err(StateError::TooLarge { route: route.to_owned(), name, bytes });
        }
        if self.0.len() >= MAX_STATES && !self.0.contains_key(&(basis, name)) {
            return Err(StateError::TooMany { route: route.to_owned(), name });
        }
        self.0.insert((basis, name), text);
        Ok(())
    }
}
