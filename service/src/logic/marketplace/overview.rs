//! What the marketplace is as a whole: its categories, and its figures.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::store::marketplace::overview::{CategoryFigures, Figures};
use crate::tables::Money;
use crate::tables::own::marketplace::ServiceType;

/// A category with more services than this is trending.
const TRENDING: i64 = 10;

/// How many categories and agents are named as the first.
pub const FIRST: u8 = 5;

/// How many services of a category are named as popular.
pub const POPULAR: u8 = 3;

/// How many days a trend has.
pub const DAYS: i64 = 30;

/// Every category, in order; those without services as well.
pub fn categories(figures: &[CategoryFigures]) -> Value {
    let one = |service_type: &ServiceType| {
        let found = figures.iter().find(|figures| figures.service_type == *service_type);
        let nothing = CategoryFigures::of(*service_type);
        let figures = found.unwrap_or(&nothing);
        json!({
            "name": service_type.word(),
            "description": format!("Services related to {}", service_type.word()),
            "service_count": figures.services,
            "active_services": figures.active,
            "completed_jobs": figures.completed_jobs,
            "total_volume": figures.volume.number(),
            "average_price": mean(figures.prices, figures.active).number(),
            "is_active": figures.active > 0,
            "trending": figures.services > TRENDING,
            "popular_services": figures.popular,
        })
    };
    ServiceType::ALL.iter().map(one).collect()
}

/// The marketplace in figures.
pub fn analytics(figures: &Figures, categories: &[CategoryFigures]) -> Value {
    let active = categories.iter().map(|category| category.active).sum();
    let prices = categories.iter().map(|category| category.prices).sum();
    let services: i64 = categories.iter().map(|category| category.services).sum();
    let (before, after) = figures.days.split_at(figures.days.len().saturating_sub(figures.recent));
    let volume = |days: &[(String, Money)]| days.iter().map(|(_, volume)| *volume).sum::<Money>();
    let trend: Map<String, Value> =
        after.iter().map(|(day, volume)| (day.clone(), volume.number().into())).collect();
    json!({
        "total_services": services,
        "active_services": active,
        "total_requests": figures.requests,
        "pending_requests": figures.pending_requests,
        "total_volume": figures.earnings.number(),
        "total_guilds": figures.guilds,
        "average_service_price": mean(prices, active).number(),
        "popular_categories": popular(categories),
        "top_agents": figures.top_agents,
        "revenue_trends": trend,
        "growth_metrics": {
            "volume_last_30_days": volume(after).number(),
            "volume_30_days_before": volume(before).number(),
        },
    })
}

/// The categories with the most active services; of equal ones the first in order.
fn popular(categories: &[CategoryFigures]) -> Vec<&'static str> {
    let mut active: Vec<_> = categories.iter().filter(|category| category.active > 0).collect();
    let order = |category: &CategoryFigures| {
        ServiceType::ALL.iter().position(|service_type| *service_type == category.service_type)
    };
    active.sort_by_key(|category| (-category.active, order(category)));
    active.into_iter().take(FIRST.into()).map(|category| category.service_type.word()).collect()
}

/// The mean of amounts; 0 of none.
fn mean(sum: Money, count: i64) -> Money {
    let mean = sum.exact().checked_div(Decimal::from(count));
    mean.map(Money::round).unwrap_or_default()
}
