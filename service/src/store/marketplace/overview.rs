//! Figures of the marketplace as a whole.

use crate::store::rows::whole;
use crate::store::{Store, StoreError};
use crate::tables::Cell;
use crate::tables::column::ColumnValue as _;
use crate::tables::money::Money;
use crate::tables::own::marketplace::ServiceType;

/// The figures of a category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryFigures {
    /// Which.
    pub service_type: ServiceType,
    /// Services that were listed.
    pub services: i64,
    /// Those that can be asked for.
    pub active: i64,
    /// The sum of their base prices.
    pub prices: Money,
    /// Jobs that were completed.
    pub completed_jobs: i64,
    /// What was paid for them.
    pub volume: Money,
    /// The services that a search would find first.
    pub popular: Vec<String>,
}

impl CategoryFigures {
    /// A category in which nothing has happened.
    pub const fn of(service_type: ServiceType) -> Self {
        let nothing = Money::ZERO;
        Self {
            service_type,
            services: 0,
            active: 0,
            prices: nothing,
            completed_jobs: 0,
            volume: nothing,
            popular: Vec::new(),
        }
    }
}

/// The figures of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Requests, whatever became of them.
    pub requests: i64,
    /// Those that wait for a provider.
    pub pending_requests: i64,
    /// Guilds.
    pub guilds: i64,
    /// What all agents together have earned.
    pub earnings: Money,
    /// The agents that have earned most, of those that offer something.
    pub top_agents: Vec<String>,
    /// What was paid on each day on which something was, in order.
    pub days: Vec<(String, Money)>,
    /// How many of these days belong to the last period, not to the one before it.
    pub recent: usize,
}

impl Store {
    /// The categories in which something is or was listed, with `popular` services of each.
    pub async fn market_categories(&self, popular: u8) -> Result<Vec<CategoryFigures>, StoreError> {
        let doing = "look at the categories";
        let mut categories: Vec<CategoryFigures> =
            ServiceType::ALL.iter().copied().map(CategoryFigures::of).collect();
        let mut of = |cell: Option<&Cell>, fill: &mut dyn FnMut(&mut CategoryFigures)| {
            let name = cell.cloned().map(ServiceType::read).and_then(Result::ok);
            if let Some(found) = categories.iter_mut().find(|c| Some(c.service_type) == name) {
                fill(found);
            }
        };
        let sql = "SELECT service_type, COUNT(*), COUNT(place), \
                   CAST(SUM(CASE WHEN place IS NOT NULL THEN base_price END) AS BIGINT) \
                   FROM agent_service_market_services GROUP BY service_type";
        for row in self.figures(doing, sql, Vec::new()).await? {
            of(row.first(), &mut |category| {
                category.services = number(&row, 1);
                category.active = number(&row, 2);
                category.prices = Money::steps(number(&row, 3));
            });
        }
        let sql = "SELECT service_type, CAST(SUM(completed_jobs) AS BIGINT), CAST(SUM(volume) AS BIGINT) \
                   FROM agent_service_market_sales GROUP BY service_type";
        for row in self.figures(doing, sql, Vec::new()).await? {
            of(row.first(), &mut |category| {
                category.completed_jobs = number(&row, 1);
                category.volume = Money::steps(number(&row, 2));
            });
        }
        for row in self.figures(doing, first_of_each(popular), Vec::new()).await? {
            of(row.first(), &mut |category| category.popular.extend(text(&row, 1)));
        }
        Ok(categories)
    }

    /// The figures of everything: the `top` agents, and what was paid since the day `earlier`, of which the days from
    /// `recent` on are the last period.
    pub async fn market_figures(
        &self,
        top: u8,
        earlier: &str,
        recent: &str,
    ) -> Result<Figures, StoreError> {
        let doing = "look at the marketplace";
        let one = async |sql: &str| -> Result<Vec<Cell>, StoreError> {
            Ok(self.figures(doing, sql, Vec::new()).await?.into_iter().next().unwrap_or_default())
        };
        let requests =
            one("SELECT COUNT(*), COUNT(expires_at) FROM agent_service_market_requests").await?;
        let guilds = one("SELECT COUNT(*) FROM agent_service_market_guilds").await?;
        let earnings =
            one("SELECT CAST(SUM(total_earnings) AS BIGINT) FROM agent_service_market_agents")
                .await?;
        let sql = "SELECT agent_id FROM agent_service_market_agents WHERE service_count > 0 \
                   ORDER BY total_earnings DESC, rowid LIMIT ?";
        let top = self.figures(doing, sql, vec![Cell::Integer(top.into())]).await?;
        let sql = "SELECT day, CAST(SUM(volume) AS BIGINT) FROM agent_service_market_sales WHERE day >= ? \
                   GROUP BY day ORDER BY day";
        let days = self.figures(doing, sql, vec![earlier.into()]).await?;
        let days: Vec<(String, Money)> = days
            .iter()
            .filter_map(|row| Some((text(row, 0)?, Money::steps(number(row, 1)))))
            .collect();
        Ok(Figures {
            requests: number(&requests, 0),
            pending_requests: number(&requests, 1),
            guilds: number(&guilds, 0),
            earnings: Money::steps(number(&earnings, 0)),
            top_agents: top.iter().filter_map(|row| text(row, 0)).collect(),
            recent: days.iter().filter(|(day, _)| day.as_str() >= recent).count(),
            days,
        })
    }
}

/// The best placed services of each category: a look into the index for each.
fn first_of_each(count: u8) -> String {
    let one = |service_type: &ServiceType| {
        let name = service_type.name();
        format!(
            "SELECT * FROM (SELECT service_type, id FROM agent_service_market_services \
             WHERE service_type = '{name}' AND place IS NOT NULL ORDER BY place, rowid LIMIT {count}) AS of_{name}"
        )
    };
    let all: Vec<String> = ServiceType::ALL.iter().map(one).collect();
    all.join(" UNION ALL ")
}

fn number(row: &[Cell], column: usize) -> i64 {
    row.get(column).map_or(0, whole)
}

fn text(row: &[Cell], column: usize) -> Option<String> {
    row.get(column).cloned().and_then(|cell| cell.text().ok())
}
