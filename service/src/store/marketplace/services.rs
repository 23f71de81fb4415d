//! Rows of `agent_service_market_services` and `agent_service_market_tags`.

use crate::store::rows::{all_of, cell};
use crate::store::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::own::marketplace::{Service, ServiceStatus, Tag};

const FIND: &str = "find a service";

/// Which services a list shows, whether or not they can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFilter {
    /// Of this owner.
    pub owner: Option<String>,
    /// Of this agent.
    pub agent_id: Option<String>,
    /// With this status only.
    pub status: Option<ServiceStatus>,
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

impl Store {
    /// The service with this id.
    pub async fn market_service_find(&self, id: &str) -> Result<Option<Service>, StoreError> {
        self.find(FIND, "WHERE id = ?", vec![id.into()]).await
    }

    /// The services that pass the filter, newest first.
    pub async fn market_service_list(
        &self,
        filter: &ServiceFilter,
    ) -> Result<Vec<Service>, StoreError> {
        let (conditions, mut binds) = all_of([
            ("owner_id = ?", filter.owner.as_ref().map(cell)),
            ("agent_id = ?", filter.agent_id.as_ref().map(cell)),
            ("status = ?", filter.status.as_ref().map(cell)),
        ]);
        binds.extend([Cell::Integer(filter.limit), Cell::Integer(filter.offset)]);
        let rest = format!("WHERE {conditions} ORDER BY rowid DESC LIMIT ? OFFSET ?");
        self.select("list services", &rest, binds).await
    }
}

impl Writing {
    /// The service with this id, as this transaction sees it.
    pub async fn market_service_find(&mut self, id: &str) -> Result<Option<Service>, StoreError> {
        self.find(FIND, "WHERE id = ?", vec![id.into()]).await
    }

    /// Writes a new service that is found by these tags.
    pub async fn market_service_insert(
        &mut self,
        service: &Service,
        tags: &[&str],
    ) -> Result<(), StoreError> {
        self.insert("list a service", service).await?;
        self.tags_insert(service, tags).await
    }

    /// Writes a service.
    pub async fn market_service_update(&mut self, service: &Service) -> Result<(), StoreError> {
        self.update("write a service", service).await
    }

    /// Has a service found by these tags, and by no others.
    pub async fn market_service_tag(
        &mut self,
        service: &Service,
        tags: &[&str],
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM agent_service_market_tags WHERE service_id = ?";
        self.run("remove tags", sql, vec![cell(&service.id)]).await?;
        self.tags_insert(service, tags).await
    }

    async fn tags_insert(&mut self, service: &Service, tags: &[&str]) -> Result<(), StoreError> {
        for tag in tags {
            let row = Tag { tag: (*tag).to_owned(), service_id: service.id.clone() };
            self.insert("tag a service", &row).await?;
        }
        Ok(())
    }
}
