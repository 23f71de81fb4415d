//! Services: what a listing must have, what its owner changes, and how answers show it.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::pricing::out_of_bounds;
use super::{Declined, reputation};
use crate::python::time::Stamp;
use crate::tables::column::Record as _;
use crate::tables::own::marketplace::{PricingModel, Service, ServiceStatus, ServiceType};
use crate::tables::{Json, Money};

/// Fewest characters of a description.
const SHORTEST_DESCRIPTION: usize = 10;

/// The columns that answers show.
pub const SHOWN: &[&str] = &[
    "id",
    "agent_id",
    "service_type",
    "name",
    "description",
    "metadata",
    "base_price",
    "reputation",
    "status",
    "total_earnings",
    "completed_jobs",
    "rating_count",
    "listed_at",
    "last_updated",
    "guild_id",
    "tags",
    "capabilities",
    "requirements",
    "pricing_model",
    "estimated_duration",
    "availability",
];

/// A service as a client describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct NewService {
    /// The agent that offers it.
    pub agent_id: String,
    service_type: ServiceType,
    name: String,
    description: String,
    metadata: Value,
    base_price: Money,
    tags: Vec<String>,
    capabilities: Value,
    requirements: Value,
    pricing_model: PricingModel,
    estimated_duration: i64,
    availability: Value,
    /// The guild for which it is done.
    pub guild_id: Option<String>,
}

impl NewService {
    /// The row of this service, open to requests.
    pub fn into_row(
        self,
        id: String,
        owner: String,
        reputation: i64,
        now: Stamp,
    ) -> Result<Service, Declined> {
        let service = settled(Service {
            id,
            owner_id: owner,
            agent_id: self.agent_id,
            service_type: self.service_type,
            name: self.name,
            description: self.description,
            metadata: Json(self.metadata),
            base_price: self.base_price,
            pricing_model: self.pricing_model,
            estimated_duration: self.estimated_duration.into(),
            tags: Json(distinct(self.tags)),
            capabilities: Json(self.capabilities),
            requirements: Json(self.requirements),
            availability: Json(self.availability),
            guild_id: self.guild_id,
            status: ServiceStatus::Active,
            reputation: reputation.into(),
            completed_jobs: 0.into(),
            total_earnings: Money::default(),
            rating_sum: 0.into(),
            rating_count: 0.into(),
            place: None,
            search_text: String::new(),
            listed_at: now,
            last_updated: now,
        })?;
        if reputation < reputation::LEAST_TO_LIST {
            return Err(Declined::Senseless(format!("Insufficient reputation: {reputation}")));
        }
        Ok(service)
    }
}

/// The fields that a provider changes. Null is a value for the guild only.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ServiceChanges {
    name: Option<String>,
    description: Option<String>,
    metadata: Option<Value>,
    base_price: Option<Money>,
    tags: Option<Vec<String>>,
    capabilities: Option<Value>,
    requirements: Option<Value>,
    pricing_model: Option<PricingModel>,
    estimated_duration: Option<i64>,
    availability: Option<Value>,
    /// The guild for which it is done from now on.
    pub guild_id: GuildChange,
}

/// What becomes of a service's guild.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GuildChange {
    /// Nothing.
    #[default]
    Kept,
    /// It is this one, or none.
    To(Option<String>),
}

impl<'de> Deserialize<'de> for GuildChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::To)
    }
}

impl GuildChange {
    /// The guild that is new for the service.
    pub fn wanted(&self) -> Option<&str> {
        match self {
            Self::Kept => None,
            Self::To(guild) => guild.as_deref(),
        }
    }
}

impl ServiceChanges {
    /// The service with the changes.
    pub fn apply(self, mut service: Service, now: Stamp) -> Result<Service, Declined> {
        set(&mut service.name, self.name);
        set(&mut service.description, self.description);
        set(&mut service.metadata, self.metadata.map(Json));
        set(&mut service.base_price, self.base_price);
        set(&mut service.tags, self.tags.map(distinct).map(Json));
        set(&mut service.capabilities, self.capabilities.map(Json));
        set(&mut service.requirements, self.requirements.map(Json));
        set(&mut service.pricing_model, self.pricing_model);
        set(&mut service.estimated_duration, self.estimated_duration.map(Into::into));
        set(&mut service.availability, self.availability.map(Json));
        if let GuildChange::To(guild) = self.guild_id {
            service.guild_id = guild;
        }
        service.last_updated = now;
        settled(service)
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// The service with what follows from its fields, if they are in bounds.
fn settled(mut service: Service) -> Result<Service, Declined> {
    if let Some(problem) = out_of_bounds(service.base_price) {
        return Err(Declined::senseless(problem));
    }
    if service.description.chars().count() < SHORTEST_DESCRIPTION {
        return Err(Declined::senseless("Description too short"));
    }
    service.search_text = search_text(&service);
    put_in_place(&mut service);
    Ok(service)
}

/// Gives a service its place in search results.
pub fn put_in_place(service: &mut Service) {
    let (sum, count) = ratings(service);
    let reputation = service.reputation.get().unwrap_or(0);
    let is_open = service.status == ServiceStatus::Active;
    service.place = is_open.then(|| reputation::place(sum, count, reputation).into());
}

/// Opens or closes a service to requests.
pub fn turn(mut service: Service, status: ServiceStatus, now: Stamp) -> Result<Service, Declined> {
    if service.status == status {
        return Err(Declined::Conflict(match status {
            ServiceStatus::Active => "Service is active already",
            ServiceStatus::Inactive => "Service is inactive already",
            ServiceStatus::Suspended => "Service is suspended already",
        }));
    }
    if service.status == ServiceStatus::Inactive && status == ServiceStatus::Suspended {
        return Err(Declined::Conflict("Service not active"));
    }
    service.status = status;
    service.last_updated = now;
    put_in_place(&mut service);
    Ok(service)
}

/// Notes a rating from 1 to 5 and the reputation that the provider has after it.
pub fn rate(service: &mut Service, rating: i64, reputation: i64) {
    let (sum, count) = ratings(service);
    service.rating_sum = sum.saturating_add(rating).into();
    service.rating_count = count.saturating_add(1).into();
    service.reputation = reputation.into();
    put_in_place(service);
}

/// What a completed job adds to a service.
pub fn credit(service: &mut Service, earned: Money, now: Stamp) {
    let jobs = service.completed_jobs.get().unwrap_or(0);
    service.completed_jobs = jobs.saturating_add(1).into();
    service.total_earnings = service.total_earnings + earned;
    service.last_updated = now;
}

/// A service, if there is one.
pub fn found(found: Option<Service>, id: &str) -> Result<Service, Declined> {
    found.ok_or_else(|| Declined::Missing("Service", id.to_owned()))
}

/// A service that `caller` may change.
pub fn owned(service: Option<Service>, id: &str, caller: &str) -> Result<Service, Declined> {
    let service = found(service, id)?;
    let is_owner = service.owner_id == caller;
    if is_owner { Ok(service) } else { Err(Declined::WrongParty("Not service provider")) }
}

/// A service as answers show it. Its owner's key is nobody's business.
pub fn shown(service: &Service) -> Value {
    let (sum, count) = ratings(service);
    let mut shown: Map<String, Value> = service.shown(SHOWN);
    shown.insert("average_rating".to_owned(), reputation::mean(sum, count).into());
    Value::Object(shown)
}

/// Working days, as the monolith has it for everybody.
pub fn working_days() -> [(&'static str, bool); 7] {
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        .map(|day| (day, !day.starts_with('s')))
}

/// The tags of a stored service.
pub fn tags(service: &Service) -> Vec<&str> {
    service.tags.0.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn ratings(service: &Service) -> (i64, i64) {
    (service.rating_sum.get().unwrap_or(0), service.rating_count.get().unwrap_or(0))
}

fn distinct(tags: Vec<String>) -> Value {
    let mut seen: Vec<String> = Vec::with_capacity(tags.len());
    for tag in tags {
        if !seen.contains(&tag) {
            seen.push(tag);
        }
    }
    json!(seen)
}

/// What the monolith looks texts up in, in lower case: the name, the description and each tag. No text that is looked for has
/// a line break, so none is found across two of them.
fn search_text(service: &Service) -> String {
    let mut lines = vec![single_line(&service.name), single_line(&service.description)];
    lines.extend(tags(service).into_iter().map(single_line));
    lines.join("\n")
}

/// A text as it is looked for.
pub fn single_line(text: &str) -> String {
    text.to_lowercase().replace(['\n', '\r'], " ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const NOW: &str = "2026-11-22 10:00:00";

    fn new(fields: &Value) -> Result<Service, Declined> {
        let mut body = json!({
            "agent_id": "a", "service_type": "translation", "name": "German to Polish",
            "description": "Technical texts", "metadata": {}, "base_price": 10, "tags": ["German", "de", "de"],
            "capabilities": [], "requirements": [], "pricing_model": "fixed", "estimated_duration": 2,
            "availability": {},
        });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let new: NewService = serde_json::from_value(body).unwrap();
        new.into_row("svc_1".to_owned(), "alice".to_owned(), 1000, Stamp::parse(NOW).unwrap())
    }

    /// A service of alice's agent `a`.
    pub(crate) fn service() -> Service {
        new(&json!({})).unwrap()
    }

    #[test]
    fn a_listing_has_the_bounds_of_the_monolith() {
        for (fields, words) in [
            (json!({"base_price": 0.0001}), "Price below minimum: 0.001"),
            (json!({"base_price": 1000.5}), "Price above maximum: 1000.0"),
            (json!({"description": "too short"}), "Description too short"),
            // The price is looked at first.
            (json!({"base_price": 0, "description": ""}), "Price below minimum: 0.001"),
        ] {
            assert_eq!(new(&fields).unwrap_err(), Declined::senseless(words), "{fields}");
        }
        assert!(new(&json!({"base_price": 0.001, "description": "żółć żółć!"})).is_ok());
    }

    #[test]
    fn who_has_lost_their_reputation_lists_nothing() {
        let mut body = service().shown(SHOWN);
        body.insert("agent_id".to_owned(), "a".into());
        let new: NewService = serde_json::from_value(Value::Object(body)).unwrap();
        let listed = |reputation| {
            let now = Stamp::parse(NOW).unwrap();
            new.clone().into_row("svc_1".to_owned(), "alice".to_owned(), reputation, now)
        };
        assert!(listed(500).is_ok());
        assert_eq!(listed(499).unwrap_err().to_string(), "Insufficient reputation: 499");
    }

    #[test]
    fn texts_are_looked_for_in_name_description_and_tags() {
        assert_eq!(service().search_text, "german to polish\ntechnical texts\ngerman\nde");
        assert_eq!(tags(&service()), ["German", "de"]);
    }

    #[test]
    fn changes_are_checked_as_listings_are() {
        let now = Stamp::parse("2026-11-23 10:00:00").unwrap();
        let change = |fields: Value| {
            serde_json::from_value::<ServiceChanges>(fields).unwrap().apply(service(), now)
        };
        assert_eq!(
            change(json!({"base_price": 0})).unwrap_err().to_string(),
            "Price below minimum: 0.001"
        );
        let changed = change(json!({"name": "To Polish", "tags": [], "guild_id": "g"})).unwrap();
        assert_eq!((changed.guild_id.as_deref(), changed.last_updated), (Some("g"), now));
        assert_eq!(changed.search_text, "to polish\ntechnical texts");
        let unchanged = change(json!({})).unwrap();
        assert_eq!((unchanged.guild_id, unchanged.name), (None, service().name));
    }

    #[test]
    fn only_what_is_open_has_a_place() {
        let now = Stamp::parse(NOW).unwrap();
        let suspended = turn(service(), ServiceStatus::Suspended, now).unwrap();
        assert_eq!((suspended.place.clone(), service().place.unwrap().get()), (None, Some(-1000)));
        assert!(turn(suspended.clone(), ServiceStatus::Suspended, now).is_err());
        let inactive = turn(suspended, ServiceStatus::Inactive, now).unwrap();
        assert!(turn(inactive.clone(), ServiceStatus::Suspended, now).is_err());
        assert!(turn(inactive, ServiceStatus::Active, now).unwrap().place.is_some());
    }

    #[test]
    fn ratings_make_a_running_mean() {
        let mut rated = service();
        rate(&mut rated, 5, 1200);
        rate(&mut rated, 4, 1300);
        let shown = shown(&rated);
        assert_eq!(
            (&shown["average_rating"], &shown["rating_count"], &shown["reputation"]),
            (&json!(4.5), &json!(2), &json!(1300))
        );
        assert!(shown.get("owner_id").is_none() && shown.get("search_text").is_none());
    }
}
