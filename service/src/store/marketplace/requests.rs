//! Rows of `agent_service_market_requests`, and of `agent_service_market_sales`, what came of them.

use crate::python::time::Stamp;
use crate::store::rows::{all_of, cell};
use crate::store::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::money::Money;
use crate::tables::own::marketplace::{RequestStatus, Sales, ServiceRequest, ServiceType};

const FIND: &str = "find a request";

/// On which side of a request somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Who asks.
    Client,
    /// Who is asked.
    Provider,
}

/// Which requests a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFilter {
    /// Whose.
    pub owner: String,
    /// What they are in it.
    pub side: Side,
    /// Of this service only.
    pub service_id: Option<String>,
    /// With this status only.
    pub status: Option<RequestStatus>,
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

impl Store {
    /// The request with this id.
    pub async fn market_request_find(
        &self,
        id: &str,
    ) -> Result<Option<ServiceRequest>, StoreError> {
        self.find(FIND, "WHERE id = ?", vec![id.into()]).await
    }

    /// The requests that pass the filter, newest first.
    pub async fn market_request_list(
        &self,
        filter: &RequestFilter,
    ) -> Result<Vec<ServiceRequest>, StoreError> {
        let owner = match filter.side {
            Side::Client => "client_owner = ?",
            Side::Provider => "provider_owner = ?",
        };
        let (conditions, mut binds) = all_of([
            (owner, Some(cell(&filter.owner))),
            ("service_id = ?", filter.service_id.as_ref().map(cell)),
            ("status = ?", filter.status.as_ref().map(cell)),
        ]);
        binds.extend([Cell::Integer(filter.limit), Cell::Integer(filter.offset)]);
        let rest = format!("WHERE {conditions} ORDER BY rowid DESC LIMIT ? OFFSET ?");
        self.select("list requests", &rest, binds).await
    }

    /// Whether a request waits although its deadline is over. Only reads, so that nobody is locked out for nothing.
    pub async fn market_request_overdue(&self, now: Stamp) -> Result<bool, StoreError> {
        let rest = "WHERE expires_at < ? LIMIT 1";
        let found: Option<ServiceRequest> =
            self.find("look for overdue requests", rest, vec![cell(&now)]).await?;
        Ok(found.is_some())
    }
}

impl Writing {
    /// The request with this id, as this transaction sees it.
    pub async fn market_request_find(
        &mut self,
        id: &str,
    ) -> Result<Option<ServiceRequest>, StoreError> {
        self.find(FIND, "WHERE id = ?", vec![id.into()]).await
    }

    /// Whether at least `count` requests of an owner wait for a provider or for results.
    pub async fn market_requests_reach(
        &mut self,
        owner: &str,
        count: i64,
    ) -> Result<bool, StoreError> {
        let rest = "WHERE status IN ('PENDING', 'ACCEPTED') AND client_owner = ? LIMIT 1 OFFSET ?";
        let binds = vec![owner.into(), Cell::Integer(count - 1)];
        Ok(self.find::<ServiceRequest>("count requests", rest, binds).await?.is_some())
    }

    /// Writes a new request.
    pub async fn market_request_insert(
        &mut self,
        request: &ServiceRequest,
    ) -> Result<(), StoreError> {
        self.insert("record a request", request).await
    }

    /// Writes a request.
    pub async fn market_request_update(
        &mut self,
        request: &ServiceRequest,
    ) -> Result<(), StoreError> {
        self.update("write a request", request).await
    }

    /// Calls off what nobody has accepted of a service that is withdrawn.
    pub async fn market_requests_cancel(&mut self, service_id: &str) -> Result<u64, StoreError> {
        let sql = "UPDATE agent_service_market_requests SET status = 'CANCELLED', expires_at = NULL \
                   WHERE service_id = ? AND status = 'PENDING'";
        self.run("cancel requests", sql, vec![service_id.into()]).await
    }

    /// Ends some of the requests whose deadline is over, the oldest first. Says how many.
    pub async fn market_requests_expire(
        &mut self,
        now: Stamp,
        most: u8,
    ) -> Result<u64, StoreError> {
        let sql = "UPDATE agent_service_market_requests SET status = 'EXPIRED', expires_at = NULL \
                   WHERE id IN (SELECT id FROM agent_service_market_requests WHERE expires_at < ? \
                   ORDER BY expires_at LIMIT ?)";
        self.run("expire requests", sql, vec![cell(&now), Cell::Integer(most.into())]).await
    }

    /// Adds a completed job to what was sold on a day in a category.
    pub async fn market_sale_add(
        &mut self,
        service_type: ServiceType,
        day: &str,
        payment: Money,
    ) -> Result<(), StoreError> {
        let doing = "note a sale";
        let rest = "WHERE service_type = ? AND day = ?";
        let binds = vec![cell(&service_type), day.into()];
        let Some(mut sales) = self.find::<Sales>(doing, rest, binds).await? else {
            let day = day.to_owned();
            let first = Sales { service_type, day, completed_jobs: 1.into(), volume: payment };
            return self.insert(doing, &first).await;
        };
        sales.completed_jobs = sales.completed_jobs.get().unwrap_or(0).saturating_add(1).into();
        sales.volume = sales.volume + payment;
        self.update(doing, &sales).await
    }
}
