//! Rows of `job`, from where the monolith's miners take them.

use super::{StoreError, Writing};
use crate::tables::jobs::Job;

impl Writing {
    /// Writes a new job.
    pub async fn job_insert(&mut self, job: &Job) -> Result<(), StoreError> {
        self.insert("record a job", job).await
    }
}
