//! Rows of `agent_service_rl_agents`, `agent_service_rl_models` and `agent_service_rl_weights`.

use super::rows::cell;
use super::{Store, StoreError, Writing};
use crate::learning::{Algorithm, Environment};
use crate::tables::Cell;
use crate::tables::own::learning::{Learner, Model, Weights};

/// Which learners a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnerFilter {
    /// Whose.
    pub owner: String,
    /// Of this environment only.
    pub environment: Option<Environment>,
    /// Of this algorithm only.
    pub algorithm: Option<Algorithm>,
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

impl Store {
    /// The learner with this id.
    pub async fn learner_find(&self, id: &str) -> Result<Option<Learner>, StoreError> {
        self.find("find a learner", "WHERE id = ?", vec![id.into()]).await
    }

    /// The learners that pass the filter, newest first.
    pub async fn learner_list(&self, filter: &LearnerFilter) -> Result<Vec<Learner>, StoreError> {
        let mut conditions = "owner_id = ?".to_owned();
        let mut binds = vec![cell(&filter.owner)];
        if let Some(environment) = &filter.environment {
            conditions.push_str(" AND environment = ?");
            binds.push(cell(environment));
        }
        if let Some(algorithm) = &filter.algorithm {
            conditions.push_str(" AND algorithm = ?");
            binds.push(cell(algorithm));
        }
        binds.extend([Cell::Integer(filter.limit), Cell::Integer(filter.offset)]);
        let rest =
            format!("WHERE {conditions} ORDER BY created_at DESC, rowid DESC LIMIT ? OFFSET ?");
        self.select("list learners", &rest, binds).await
    }

    /// What a learner has learned.
    pub async fn model_of(&self, learner_id: &str) -> Result<Option<Model>, StoreError> {
        self.find("find a model", "WHERE learner_id = ?", vec![learner_id.into()]).await
    }

    /// The bytes of a model.
    pub async fn weights_find(&self, model_id: &str) -> Result<Option<Weights>, StoreError> {
        self.find("read a model", "WHERE model_id = ?", vec![model_id.into()]).await
    }
}

impl Writing {
    /// The learner with this id, as this transaction sees it.
    pub async fn learner_find(&mut self, id: &str) -> Result<Option<Learner>, StoreError> {
        self.find("find a learner", "WHERE id = ?", vec![id.into()]).await
    }

    /// Whether an owner has at least `count` learners.
    pub async fn learner_has(&mut self, owner: &str, count: i64) -> Result<bool, StoreError> {
        let rest = "WHERE owner_id = ? LIMIT 1 OFFSET ?";
        let binds = vec![owner.into(), Cell::Integer(count - 1)];
        let found: Option<Learner> = self.find("count learners", rest, binds).await?;
        Ok(found.is_some())
    }

    /// Writes a new learner.
    pub async fn learner_insert(&mut self, learner: &Learner) -> Result<(), StoreError> {
        self.insert("create a learner", learner).await
    }

    /// Removes a learner with its trainings and its model. A trainer that is at work for it finds its training gone.
    pub async fn learner_delete(&mut self, id: &str) -> Result<(), StoreError> {
        let doing = "delete a learner";
        self.model_delete(id).await?;
        let sql = "DELETE FROM agent_service_rl_jobs WHERE learner_id = ?";
        self.run(doing, sql, vec![id.into()]).await?;
        let sql = "DELETE FROM agent_service_rl_agents WHERE id = ?";
        self.run(doing, sql, vec![id.into()]).await.map(drop)
    }

    /// Puts a model in the place of the learner's former one.
    pub async fn model_put(&mut self, model: &Model, weights: &Weights) -> Result<(), StoreError> {
        self.model_delete(&model.learner_id).await?;
        self.insert("store a model", model).await?;
        self.insert("store a model", weights).await
    }

    async fn model_delete(&mut self, learner_id: &str) -> Result<(), StoreError> {
        let doing = "remove a model";
        let sql = "DELETE FROM agent_service_rl_weights WHERE model_id IN \
                   (SELECT id FROM agent_service_rl_models WHERE learner_id = ?)";
        self.run(doing, sql, vec![learner_id.into()]).await?;
        let sql = "DELETE FROM agent_service_rl_models WHERE learner_id = ?";
        self.run(doing, sql, vec![learner_id.into()]).await.map(drop)
    }
}
