//! Looks for services that can be asked for, the best first.

use crate::store::rows::cell;
use crate::store::{Store, StoreError};
use crate::tables::Cell;
use crate::tables::column::Record as _;
use crate::tables::money::Money;
use crate::tables::own::marketplace::{Service, ServiceType};

/// Prices and texts are compared in so many of the best, and no more: neither has an index.
const COMPARED: i64 = 20_000;

/// A text is in another if taking it out leaves less. No character of it is a wildcard.
const CONTAINS: &str = "REPLACE(search_text, ?, '') <> search_text";

/// What is looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Of this type.
    pub service_type: Option<ServiceType>,
    /// With any of these tags; none: whatever the tags.
    pub tags: Vec<String>,
    /// With a place no further down.
    pub last_place: Option<i64>,
    /// At this price at least.
    pub min_price: Option<Money>,
    /// At this price at most.
    pub max_price: Option<Money>,
    /// With this text, in lower case, in name, description or a tag.
    pub text: Option<String>,
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

impl Search {
    /// What follows `WHERE`, and what is bound for it.
    fn conditions(&self) -> (String, Vec<Cell>) {
        let (indexed, mut binds) = self.indexed();
        let mut compared = Vec::new();
        for (condition, value) in [
            ("base_price >= ?", self.min_price.as_ref().map(cell)),
            ("base_price <= ?", self.max_price.as_ref().map(cell)),
            (CONTAINS, self.text.as_ref().filter(|text| !text.is_empty()).map(cell)),
        ] {
            if let Some(value) = value {
                compared.push(condition);
                binds.push(value);
            }
        }
        if compared.is_empty() {
            return (indexed, binds);
        }
        let table = Service::TABLE.name;
        let conditions = format!(
            "rowid IN (SELECT rowid FROM {table} WHERE {indexed} ORDER BY place, rowid \
             LIMIT {COMPARED}) AND {}",
            compared.join(" AND ")
        );
        (conditions, binds)
    }

    /// The conditions that an index answers.
    fn indexed(&self) -> (String, Vec<Cell>) {
        let mut conditions = vec!["place IS NOT NULL".to_owned()];
        let mut binds = Vec::new();
        if let Some(service_type) = &self.service_type {
            conditions.push("service_type = ?".to_owned());
            binds.push(cell(service_type));
        }
        if let Some(last) = self.last_place {
            conditions.push("place <= ?".to_owned());
            binds.push(Cell::Integer(last));
        }
        if !self.tags.is_empty() {
            let places = vec!["?"; self.tags.len()].join(", ");
            conditions.push(format!(
                "id IN (SELECT service_id FROM agent_service_market_tags WHERE tag IN ({places}))"
            ));
            binds.extend(self.tags.iter().map(cell));
        }
        (conditions.join(" AND "), binds)
    }
}

impl Store {
    /// The services that are found, by rating and reputation, both descending; of equal ones the oldest first.
    pub async fn market_search(&self, search: &Search) -> Result<Vec<Service>, StoreError> {
        let (conditions, mut binds) = search.conditions();
        binds.extend([Cell::Integer(search.limit), Cell::Integer(search.offset)]);
        let rest = format!("WHERE {conditions} ORDER BY place, rowid LIMIT ? OFFSET ?");
        self.select("search services", &rest, binds).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApp;

    fn anything() -> Search {
        Search {
            service_type: None,
            tags: Vec::new(),
            last_place: None,
            min_price: None,
            max_price: None,
            text: None,
            limit: 50,
            offset: 0,
        }
    }

    /// What SQLite would do, step by step.
    async fn plan(store: &Store, search: &Search) -> String {
        let (conditions, mut binds) = search.conditions();
        binds.extend([Cell::Integer(search.limit), Cell::Integer(search.offset)]);
        let select = Service::TABLE.select();
        let sql = format!(
            "EXPLAIN QUERY PLAN {select} WHERE {conditions} ORDER BY place, rowid LIMIT ? OFFSET ?"
        );
        let steps = store.figures("explain a search", sql, binds).await.unwrap();
        let steps = steps.iter().filter_map(|step| step.last().cloned()?.text().ok());
        steps.collect::<Vec<_>>().join("; ")
    }

    #[tokio::test]
    async fn no_search_goes_through_the_whole_table() {
        let test = TestApp::on_file().await;
        let tags = vec!["de".to_owned()];
        let text = Some("words".to_owned());
        let min_price = Some(Money::of(5.0));
        let service_type = Some(ServiceType::Writing);
        for (search, is_in_order) in [
            (anything(), true),
            (Search { last_place: Some(-4), ..anything() }, true),
            (Search { service_type, ..anything() }, true),
            (Search { service_type, last_place: Some(-4), ..anything() }, true),
            (Search { tags: tags.clone(), ..anything() }, false),
            (Search { text: text.clone(), ..anything() }, false),
            (Search { service_type, tags, min_price, text, ..anything() }, false),
        ] {
            let plan = plan(&test.app.store, &search).await;
            assert!(!plan.contains("SCAN agent_service"), "{search:?}: {plan}");
            // Without a sort, the first page costs as much as it is long.
            assert_eq!(!plan.contains("TEMP B-TREE"), is_in_order, "{search:?}: {plan}");
        }
    }
}
