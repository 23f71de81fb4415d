//! Keeps the policies in memory that were asked for last: reading one takes longer than asking it.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use crate::learning::Policy;

/// Policies in memory, at most: a large one has three megabytes.
const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(31);

/// Policies by the id of their model. A model never changes, so neither does its policy.
#[derive(Debug)]
pub struct TrainedPolicies(Mutex<LruCache<String, Arc<Policy>>>);

impl Default for TrainedPolicies {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MOST)))
    }
}

impl TrainedPolicies {
    /// The policy of a model, if it is here.
    pub fn get(&self, model_id: &str) -> Option<Arc<Policy>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(model_id).cloned()
    }

    /// Keeps the policy of a model.
    pub fn keep(&self, model_id: &str, policy: Policy) -> Arc<Policy> {
        let policy = Arc::new(policy);
        let mut policies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        policies.put(model_id.to_owned(), Arc::clone(&policy));
        policy
    }
}
