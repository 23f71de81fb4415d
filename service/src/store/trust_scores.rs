//! Rows of `agent_trust_scores`.

use super::rows::{all_of, cell, count_of, page, whole};
use super::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::column::Record as _;
use crate::tables::security::TrustScore;

/// Which trust scores a list shows.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustFilter {
    /// Of entities of this type.
    pub entity_type: Option<String>,
    /// Of this entity.
    pub entity_id: Option<String>,
    /// Of this trust score at least.
    pub min_score: Option<f64>,
    /// Of this trust score at most.
    pub max_score: Option<f64>,
    /// At most so many; negative is as many as a list may have.
    pub limit: i64,
    /// After so many; negative is none.
    pub offset: i64,
}

/// How many entities there are, and how far they are trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TrustCounts {
    /// All of them.
    pub total: i64,
    /// The mean of their trust scores; none where there is none.
    pub average: Option<f64>,
    /// Those up to 20, up to 40, up to 60, up to 80, and above.
    pub by_score: [i64; 5],
    /// Those of 80 and more.
    pub high: i64,
    /// Those below 20.
    pub low: i64,
}

/// The monolith lets two rows of one entity come into being; the first one counts.
const OF_ENTITY: &str = "WHERE entity_type = ? AND entity_id = ? ORDER BY rowid LIMIT 1";

impl Store {
    /// The trust score of an entity.
    pub async fn trust_find(&self, kind: &str, id: &str) -> Result<Option<TrustScore>, StoreError> {
        self.find("find a trust score", OF_ENTITY, vec![kind.into(), id.into()]).await
    }

    /// The trust scores that pass the filter, highest first.
    pub async fn trust_list(&self, filter: &TrustFilter) -> Result<Vec<TrustScore>, StoreError> {
        let (conditions, mut binds) = all_of([
            ("entity_type = ?", filter.entity_type.as_ref().map(cell)),
            ("entity_id = ?", filter.entity_id.as_ref().map(cell)),
            ("trust_score >= ?", filter.min_score.map(Cell::Real)),
            ("trust_score <= ?", filter.max_score.map(Cell::Real)),
        ]);
        binds.extend(page(filter.limit, filter.offset));
        let rest = format!("WHERE {conditions} ORDER BY trust_score DESC LIMIT ? OFFSET ?");
        self.select("list trust scores", &rest, binds).await
    }

    /// How many entities there are.
    pub async fn trust_counts(&self) -> Result<TrustCounts, StoreError> {
        let counts = [
            "trust_score <= 20",
            "trust_score > 20 AND trust_score <= 40",
            "trust_score > 40 AND trust_score <= 60",
            "trust_score > 60 AND trust_score <= 80",
            "trust_score > 80",
            "trust_score >= 80",
            "trust_score < 20",
        ]
        .map(count_of)
        .join(", ");
        let sql = format!("SELECT COUNT(*), AVG(trust_score), {counts} FROM agent_trust_scores");
        let rows = self.figures("count trust scores", sql, Vec::new()).await?;
        let mut cells = rows.into_iter().flatten();
        let total = cells.next().as_ref().map_or(0, whole);
        let average =
            if let Some(Cell::Real(average)) = cells.next() { Some(average) } else { None };
        let mut next = || cells.next().as_ref().map_or(0, whole);
        let by_score = std::array::from_fn(|_| next());
        Ok(TrustCounts { total, average, by_score, high: next(), low: next() })
    }
}

impl Writing {
    /// The trust score of an entity, as this transaction sees it.
    pub async fn trust_find(
        &mut self,
        kind: &str,
        id: &str,
    ) -> Result<Option<TrustScore>, StoreError> {
        self.find("find a trust score", OF_ENTITY, vec![kind.into(), id.into()]).await
    }

    /// Writes a new trust score.
    pub async fn trust_insert(&mut self, score: &TrustScore) -> Result<(), StoreError> {
        self.insert("create a trust score", score).await
    }

    /// Writes a trust score anew.
    pub async fn trust_update(&mut self, score: &TrustScore) -> Result<(), StoreError> {
        let mut binds = score.cells();
        binds.push(cell(&score.id));
        self.run("update a trust score", TrustScore::TABLE.update(), binds).await.map(drop)
    }
}
