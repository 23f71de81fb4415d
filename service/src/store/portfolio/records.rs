//! Rows about one portfolio each: trades, transfers, rebalancings, snapshots, risk and alerts.

use super::super::rows::{cell, count_of, whole};
use super::super::{Page, Store, StoreError, Writing};
use crate::logic::portfolio::performance::Trades;
use crate::python::time::Stamp;
use crate::tables::own::portfolio::{Assessment, Transfer};
use crate::tables::portfolio::{
    PortfolioAlert, PortfolioSnapshot, PortfolioTrade, RebalanceHistory, RiskMetrics,
};
use crate::tables::{Cell, Record};

/// A row that names its portfolio in `portfolio_id`, and of which a portfolio has many.
pub trait OfPortfolio: Record {}

impl OfPortfolio for PortfolioTrade {}
impl OfPortfolio for Transfer {}
impl OfPortfolio for RebalanceHistory {}
impl OfPortfolio for PortfolioSnapshot {}
impl OfPortfolio for PortfolioAlert {}

impl Store {
    /// The rows of a portfolio, newest first.
    pub async fn portfolio_rows<R: OfPortfolio>(
        &self,
        portfolio_id: i64,
        page: Page,
    ) -> Result<Vec<R>, StoreError> {
        let rest = "WHERE portfolio_id = ? ORDER BY rowid DESC LIMIT ? OFFSET ?";
        let binds = [Cell::Integer(portfolio_id)].into_iter().chain(page.binds()).collect();
        self.select("list what belongs to a portfolio", rest, binds).await
    }

    /// Alerts of a portfolio that are not over, newest first.
    pub async fn alert_list_open(
        &self,
        portfolio_id: i64,
        page: Page,
    ) -> Result<Vec<PortfolioAlert>, StoreError> {
        let rest = "WHERE portfolio_id = ? AND resolved_at IS NULL ORDER BY rowid DESC \
                    LIMIT ? OFFSET ?";
        let binds = [Cell::Integer(portfolio_id)].into_iter().chain(page.binds()).collect();
        self.select("list alerts", rest, binds).await
    }

    /// The newest snapshots of a portfolio since an instant, at most `limit`, the oldest first.
    pub async fn snapshots_since(
        &self,
        portfolio_id: i64,
        start: Stamp,
        limit: i64,
    ) -> Result<Vec<PortfolioSnapshot>, StoreError> {
        let rest = "WHERE portfolio_id = ? AND snapshot_date >= ? ORDER BY rowid DESC LIMIT ?";
        let binds = vec![Cell::Integer(portfolio_id), cell(&start), Cell::Integer(limit)];
        let mut found: Vec<PortfolioSnapshot> = self.select("read snapshots", rest, binds).await?;
        found.reverse();
        Ok(found)
    }

    /// How many trades a portfolio has made.
    pub async fn trade_counts(
        &self,
        portfolio_id: i64,
        start: Stamp,
    ) -> Result<Trades, StoreError> {
        let in_period = count_of("created_at >= ?");
        let sql =
            format!("SELECT COUNT(*), {in_period} FROM portfolio_trade WHERE portfolio_id = ?");
        let binds = vec![cell(&start), Cell::Integer(portfolio_id)];
        let counted = self.figures("count trades", sql, binds).await?;
        let mut counts = counted.iter().flatten().map(whole);
        let mut next = || counts.next().unwrap_or(0);
        Ok(Trades { total: next(), in_period: next() })
    }

    /// What was at risk in a portfolio when somebody last looked.
    pub async fn risk_find(&self, portfolio_id: i64) -> Result<Option<RiskMetrics>, StoreError> {
        self.find("find risk metrics", RISK, vec![Cell::Integer(portfolio_id)]).await
    }

    /// What the service's last assessment could not compute.
    pub async fn assessment_find(
        &self,
        portfolio_id: i64,
    ) -> Result<Option<Assessment>, StoreError> {
        let rest = "WHERE portfolio_id = ?";
        self.find("find an assessment", rest, vec![Cell::Integer(portfolio_id)]).await
    }
}

/// The first risk metrics of a portfolio are the ones that count, as in the monolith.
const RISK: &str = "WHERE portfolio_id = ? ORDER BY id LIMIT 1";

impl Writing {
    /// Writes a new trade, and gives it with its number.
    pub async fn trade_insert(
        &mut self,
        trade: &PortfolioTrade,
    ) -> Result<PortfolioTrade, StoreError> {
        self.insert_numbered("record a trade", trade).await
    }

    /// Writes a new transfer.
    pub async fn transfer_insert(&mut self, transfer: &Transfer) -> Result<(), StoreError> {
        self.insert("record a transfer", transfer).await
    }

    /// Writes a new rebalancing.
    pub async fn rebalance_insert(
        &mut self,
        rebalance: &RebalanceHistory,
    ) -> Result<RebalanceHistory, StoreError> {
        self.insert_numbered("record a rebalancing", rebalance).await
    }

    /// Writes a new snapshot, and gives it with its number.
    pub async fn snapshot_insert(
        &mut self,
        snapshot: &PortfolioSnapshot,
    ) -> Result<PortfolioSnapshot, StoreError> {
        self.insert_numbered("take a snapshot", snapshot).await
    }

    /// The newest snapshots of a portfolio, at most `limit`, the oldest first, as this transaction sees them.
    pub async fn snapshots_newest(
        &mut self,
        portfolio_id: i64,
        limit: i64,
    ) -> Result<Vec<PortfolioSnapshot>, StoreError> {
        let rest = "WHERE portfolio_id = ? ORDER BY rowid DESC LIMIT ?";
        let binds = vec![Cell::Integer(portfolio_id), Cell::Integer(limit)];
        let mut found: Vec<PortfolioSnapshot> = self.select("read snapshots", rest, binds).await?;
        found.reverse();
        Ok(found)
    }

    /// Puts risk metrics in the place of the portfolio's former ones, and gives them with their number.
    pub async fn risk_put(
        &mut self,
        metrics: &RiskMetrics,
        assessment: &Assessment,
    ) -> Result<RiskMetrics, StoreError> {
        let doing = "store risk metrics";
        let sql = "DELETE FROM agent_service_portfolio_assessments WHERE portfolio_id = ?";
        self.run(doing, sql, vec![cell(&assessment.portfolio_id)]).await?;
        self.insert(doing, assessment).await?;
        let known: Option<RiskMetrics> =
            self.find(doing, RISK, vec![cell(&metrics.portfolio_id)]).await?;
        let Some(known) = known else { return self.insert_numbered(doing, metrics).await };
        let metrics = RiskMetrics { id: known.id, ..metrics.clone() };
        self.update(doing, &metrics).await?;
        Ok(metrics)
    }

    /// Every alert of a portfolio that is not over, at most one page of a thousand.
    pub async fn alert_list_open(
        &mut self,
        portfolio_id: i64,
    ) -> Result<Vec<PortfolioAlert>, StoreError> {
        let rest = "WHERE portfolio_id = ? AND resolved_at IS NULL ORDER BY rowid LIMIT 1000";
        self.select("look for alerts", rest, vec![Cell::Integer(portfolio_id)]).await
    }

    /// The alert with this number, as this transaction sees it.
    pub async fn alert_find(&mut self, id: i64) -> Result<Option<PortfolioAlert>, StoreError> {
        self.find("find an alert", "WHERE id = ?", vec![Cell::Integer(id)]).await
    }

    /// Writes a new alert.
    pub async fn alert_insert(
        &mut self,
        alert: &PortfolioAlert,
    ) -> Result<PortfolioAlert, StoreError> {
        self.insert_numbered("raise an alert", alert).await
    }

    /// Writes every column of an alert that was found in this transaction.
    pub async fn alert_update(&mut self, alert: &PortfolioAlert) -> Result<(), StoreError> {
        self.update("update an alert", alert).await
    }
}
