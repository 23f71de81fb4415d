//! Security policies: create, list, show, change, delete. Whether their owners count is up to the manner.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::openapi::of_table;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::policies::{self, NewPolicy};
use crate::store::policies::PolicyFilter;
use crate::store::{StoreError, Writing};
use crate::tables::Record;
use crate::tables::security::{Policy, SecurityLevel};
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The part of the path that names the policy.
const ID: &str = "policy_id";

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("name", Kind::text()),
        field("description", Kind::text()),
        field("security_level", Kind::Choice(SecurityLevel::WORDS)),
    ])
});

static FILTER: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("security_level", Kind::Choice(SecurityLevel::WORDS)).optional(),
        field("is_active", Kind::Boolean).optional(),
    ])
});

#[derive(Debug, Deserialize)]
struct Query {
    security_level: Option<SecurityLevel>,
    is_active: Option<bool>,
}

/// `POST /security/policies`: the query names it, the body has its rules.
pub fn create() -> Action {
    Action::new("Create a security policy", async |work: Work, mut input: Input| {
        let rules = std::mem::take(&mut input.body);
        let new: NewPolicy = input.query()?;
        let mut writing = work.store.write().await?;
        let id = writing.free_id::<Policy>(|| work.id("policy_", 8)).await?;
        let cells = new.into_cells(&rules, id, work.now(), work.store.engine());
        let cells = cells.map_err(ApiError::Invalid)?;
        let policy = writing.policy_insert(cells, &input.caller).await.map_err(taken)?;
        writing.audit(&work, policies::created(&policy)).await?;
        writing.commit().await?;
        Ok(Reply::ok(&policy.to_json()))
    })
    .query(&NEW)
    .any_object()
    .refuses(&[409])
    .answers(schema)
}

/// `GET /security/policies`.
pub fn list() -> Action {
    Action::new("List security policies", async |work: Work, mut input: Input| {
        let Query { security_level, is_active } = input.query()?;
        let owner = work.only_of().map(str::to_owned);
        let filter = PolicyFilter { security_level, is_active, owner };
        let found = work.store.policy_list(&filter).await?;
        Ok(Reply::rows(&found))
    })
    .query(&FILTER)
    .answers(list_schema)
}

/// `GET /security/policies/{policy_id}`.
pub fn show() -> Action {
    Action::new("Show a security policy", async |work: Work, input: Input| {
        let policy = work.store.policy_find(input.part(ID)).await?;
        let owner = work.store.policy_owner(input.part(ID)).await?;
        let policy = policies::reachable(policy, owner.as_ref(), work.only_of())?;
        Ok(Reply::ok(&policy.to_json()))
    })
    .refuses(&[403, 404])
    .answers(schema)
}

/// `PUT /security/policies/{policy_id}`.
pub fn change() -> Action {
    Action::new("Change the columns that are sent", async |work: Work, mut input: Input| {
        let updates = std::mem::take(&mut input.body);
        let id = input.part(ID);
        let mut writing = work.store.write().await?;
        let policy = reachable(&mut writing, &work, id).await?;
        let cells = policies::updated_cells(&policy, &updates, work.now(), work.store.engine());
        let cells = cells.map_err(ApiError::Invalid)?;
        let policy = writing.policy_update(id, cells).await.map_err(taken)?;
        let event = policies::updated(&policy, id, &updates, input.caller.clone());
        writing.audit(&work, event).await?;
        writing.commit().await?;
        Ok(Reply::ok(&policy.to_json()))
    })
    .any_object()
    .refuses(&[403, 404, 409])
    .answers(schema)
}

/// `DELETE /security/policies/{policy_id}`.
pub fn remove() -> Action {
    Action::new("Delete a security policy", async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let policy = reachable(&mut writing, &work, input.part(ID)).await?;
        writing.audit(&work, policies::deleted(&policy, input.caller)).await?;
        writing.policy_delete(&policy.id).await?;
        writing.commit().await?;
        Ok(Reply::ok(&json!({"message": "Policy deleted successfully"})))
    })
    .refuses(&[403, 404])
    .answers(super::message_schema)
}

/// A policy that is not kept from the caller, as a transaction sees it.
async fn reachable(writing: &mut Writing, work: &Work, id: &str) -> Result<Policy, ApiError> {
    let policy = writing.policy_find(id).await?;
    let owner = writing.policy_owner(id).await?;
    Ok(policies::reachable(policy, owner.as_ref(), work.only_of())?)
}

fn taken(error: StoreError) -> ApiError {
    if error.is_taken() {
        Denied::Conflict("A policy with this name or id already exists").into()
    } else {
        error.into()
    }
}

fn schema() -> Value {
    of_table(&Policy::TABLE)
}

fn list_schema() -> Value {
    json!({"type": "array", "items": schema()})
}
