//! Rows of `meta_learning_models`, and of `agent_service_meta_trainings`: which of them the service has yet to train.

use super::rows::{all_of, cell};
use super::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::own::MetaTraining;
use crate::tables::performance::{LearningStrategy, MetaModel};

/// Which models a list shows.
#[derive(Debug, Clone, Default)]
pub struct MetaModelFilter {
    /// Only those that stand so.
    pub status: Option<String>,
    /// Only those that learn so.
    pub meta_strategy: Option<LearningStrategy>,
    /// At most so many.
    pub limit: u8,
}

impl Store {
    /// The models that pass the filter, newest first.
    pub async fn meta_model_list(
        &self,
        filter: &MetaModelFilter,
    ) -> Result<Vec<MetaModel>, StoreError> {
        let (conditions, mut binds) = all_of([
            ("status = ?", filter.status.as_ref().map(cell)),
            ("meta_strategy = ?", filter.meta_strategy.as_ref().map(cell)),
        ]);
        binds.push(Cell::Integer(filter.limit.into()));
        let rest = format!("WHERE {conditions} ORDER BY created_at DESC LIMIT ?");
        self.select("list meta-learning models", &rest, binds).await
    }

    /// The trainings that have been recorded longest and have not ended, at most `limit`.
    pub async fn meta_training_list(&self, limit: u8) -> Result<Vec<MetaTraining>, StoreError> {
        let rest = "ORDER BY recorded_at, rowid LIMIT ?";
        self.select("list trainings", rest, vec![Cell::Integer(limit.into())]).await
    }
}

impl Writing {
    /// The model with this business key, as this transaction sees it.
    pub async fn meta_model_find(
        &mut self,
        model_id: &str,
    ) -> Result<Option<MetaModel>, StoreError> {
        let rest = "WHERE model_id = ?";
        self.find("find a meta-learning model", rest, vec![model_id.into()]).await
    }

    /// Writes a new model.
    pub async fn meta_model_insert(&mut self, model: &MetaModel) -> Result<(), StoreError> {
        self.insert("create a meta-learning model", model).await
    }

    /// Writes every column of a model that was found in this transaction.
    pub async fn meta_model_update(&mut self, model: &MetaModel) -> Result<(), StoreError> {
        self.update("update a meta-learning model", model).await
    }

    /// Records that the service has a model to train.
    pub async fn meta_training_insert(
        &mut self,
        training: &MetaTraining,
    ) -> Result<(), StoreError> {
        self.insert("record a training", training).await
    }

    /// Forgets a training. Says whether it was still recorded.
    pub async fn meta_training_remove(&mut self, model_id: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM agent_service_meta_trainings WHERE model_id = ?";
        Ok(self.run("end a training", sql, vec![model_id.into()]).await? > 0)
    }
}
