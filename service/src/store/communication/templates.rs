//! Rows of `agent_service_comm_templates`.

use crate::store::rows::cell;
use crate::store::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::own::communication::Template;

const WITH_ID: &str = "WHERE id = ?";

impl Store {
    /// The template with this id.
    pub async fn template_find(&self, id: &str) -> Result<Option<Template>, StoreError> {
        self.find("find a template", WITH_ID, vec![id.into()]).await
    }

    /// An owner's templates, newest first.
    pub async fn template_list(
        &self,
        owner: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Template>, StoreError> {
        let rest = "WHERE owner_id = ? ORDER BY rowid DESC LIMIT ? OFFSET ?";
        let binds = vec![owner.into(), Cell::Integer(limit), Cell::Integer(offset)];
        self.select("list templates", rest, binds).await
    }
}

impl Writing {
    /// The template with this id, as this transaction sees it.
    pub async fn template_find(&mut self, id: &str) -> Result<Option<Template>, StoreError> {
        self.find("find a template", WITH_ID, vec![id.into()]).await
    }

    /// Whether an owner has at least `count` templates.
    pub async fn template_has(&mut self, owner: &str, count: i64) -> Result<bool, StoreError> {
        let rest = "WHERE owner_id = ? LIMIT 1 OFFSET ?";
        let binds = vec![owner.into(), Cell::Integer(count - 1)];
        let found: Option<Template> = self.find("count templates", rest, binds).await?;
        Ok(found.is_some())
    }

    /// Writes a new template.
    pub async fn template_insert(&mut self, template: &Template) -> Result<(), StoreError> {
        self.insert("create a template", template).await
    }

    /// Removes a template.
    pub async fn template_delete(&mut self, id: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM agent_service_comm_templates WHERE id = ?";
        self.run("delete a template", sql, vec![id.into()]).await.map(drop)
    }

    /// Counts one more use of a template.
    pub async fn template_used(&mut self, template: &Template) -> Result<(), StoreError> {
        let sql =
            "UPDATE agent_service_comm_templates SET usage_count = usage_count + 1 WHERE id = ?";
        if self.run("count a use", sql, vec![cell(&template.id)]).await? == 0 {
            let first = Template { usage_count: 1.into(), ..template.clone() };
            self.insert("count a use", &first).await?;
        }
        Ok(())
    }
}
