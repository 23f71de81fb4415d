//! The life of a request: pending, accepted, completed and rated, or cancelled, or expired.

use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::Declined;
use super::pricing::{self, Parts, Standing};
use crate::python::{float, json, time::Stamp};
use crate::tables::Money;
use crate::tables::column::Record as _;
use crate::tables::own::marketplace::{
    Complexity, Confidentiality, Priority, RequestStatus, Service, ServiceRequest, ServiceStatus,
};

const DAY: i64 = 86_400;

/// How long a client waits who does not say how long: what the monolith had as `request_timeout`.
const DEFAULT_DAYS: i64 = 7;

/// How far a deadline may lie ahead.
const MOST_DAYS: i64 = 365;

/// How long after the deadline a service can be rated.
const RATING_DAYS: i64 = 30;

/// The columns that answers show.
pub const SHOWN: &[&str] = &[
    "id",
    "client_id",
    "service_id",
    "budget",
    "requirements",
    "deadline",
    "status",
    "assigned_agent",
    "accepted_at",
    "completed_at",
    "payment",
    "rating",
    "review",
    "created_at",
    "results_hash",
    "priority",
    "complexity",
    "confidentiality",
];

/// A request as a client describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct NewRequest {
    /// The name under which the client asks.
    pub client_id: String,
    /// What they ask for.
    pub service_id: String,
    budget: Money,
    requirements: String,
    deadline: Option<String>,
    priority: Priority,
    complexity: Complexity,
    confidentiality: Confidentiality,
}

impl NewRequest {
    /// The row of this request, which waits for its provider.
    pub fn into_row(
        self,
        id: String,
        caller: String,
        service: &Service,
        now: Stamp,
    ) -> Result<ServiceRequest, Declined> {
        if service.status != ServiceStatus::Active {
            return Err(Declined::Conflict("Service not active"));
        }
        // Its rating would count as a client's.
        if self.client_id == service.agent_id {
            return Err(Declined::senseless("An agent cannot ask for its own service"));
        }
        if self.budget < service.base_price {
            let price = float::repr(service.base_price.number());
            return Err(Declined::Senseless(format!("Budget below service price: {price}")));
        }
        let deadline = match &self.deadline {
            // Columns hold UTC, and what is shown at once is what is read back.
            Some(text) => Stamp::parse(text).and_then(|stamp| Stamp::parse(&stamp.stored())),
            None => Some(now.plus_seconds(DEFAULT_DAYS * DAY)),
        };
        let deadline = deadline
            .filter(|deadline| is_after(deadline, &now))
            .ok_or_else(|| Declined::senseless("Invalid deadline"))?;
        if is_after(&deadline, &now.plus_seconds(MOST_DAYS * DAY)) {
            return Err(Declined::senseless("Deadline too far in future"));
        }
        Ok(ServiceRequest {
            id,
            service_id: self.service_id,
            client_owner: caller,
            provider_owner: service.owner_id.clone(),
            client_id: self.client_id,
            budget: self.budget,
            requirements: self.requirements,
            deadline,
            status: RequestStatus::Pending,
            assigned_agent: None,
            accepted_at: None,
            completed_at: None,
            payment: Money::default(),
            rating: 0.into(),
            review: String::new(),
            created_at: now,
            results_hash: None,
            priority: self.priority,
            complexity: self.complexity,
            confidentiality: self.confidentiality,
            expires_at: Some(deadline),
        })
    }
}

fn is_after(one: &Stamp, other: &Stamp) -> bool {
    one.seconds_since(other) > 0.0
}

/// A request that concerns `caller`.
pub fn concerning(
    found: Option<ServiceRequest>,
    id: &str,
    caller: &str,
) -> Result<ServiceRequest, Declined> {
    let request = found.ok_or_else(|| Declined::Missing("Request", id.to_owned()))?;
    let concerned = [&request.client_owner, &request.provider_owner];
    let is_concerned = concerned.iter().any(|owner| *owner == caller);
    if is_concerned { Ok(request) } else { Err(Declined::WrongParty("Access denied")) }
}

/// The provider says yes; the payment is fixed by what the service costs now.
pub fn accept(
    request: &mut ServiceRequest,
    service: &Service,
    caller: &str,
    now: Stamp,
) -> Result<(), Declined> {
    if service.owner_id != caller {
        return Err(Declined::WrongParty("Not service provider"));
    }
    if request.status != RequestStatus::Pending {
        return Err(Declined::Conflict("Request not pending"));
    }
    in_time(request, now)?;
    request.status = RequestStatus::Accepted;
    request.assigned_agent = Some(service.agent_id.clone());
    request.accepted_at = Some(now);
    request.payment = Standing::of(service).price_within(request.budget);
    request.expires_at = None;
    Ok(())
}

/// The provider has delivered. Of the results only a hash is kept; what is to be paid is parted.
pub fn complete(
    request: &mut ServiceRequest,
    caller: &str,
    results: Map<String, Value>,
    now: Stamp,
) -> Result<Parts, Declined> {
    if request.provider_owner != caller {
        return Err(Declined::WrongParty("Not assigned agent"));
    }
    if request.status != RequestStatus::Accepted {
        return Err(Declined::Conflict("Request not accepted"));
    }
    in_time(request, now)?;
    request.status = RequestStatus::Completed;
    request.completed_at = Some(now);
    request.results_hash = Some(results_hash(&Value::Object(results)));
    Ok(pricing::parts(request.payment))
}

/// The client rates what was delivered, once.
pub fn rate(
    request: &mut ServiceRequest,
    caller: &str,
    rating: i64,
    review: String,
    now: Stamp,
) -> Result<(), Declined> {
    if request.client_owner != caller {
        return Err(Declined::WrongParty("Not request client"));
    }
    if request.status != RequestStatus::Completed {
        return Err(Declined::Conflict("Request not completed"));
    }
    if !(1..=5).contains(&rating) {
        return Err(Declined::senseless("Invalid rating"));
    }
    if request.rating.get() != Some(0) {
        return Err(Declined::Conflict("Request already rated"));
    }
    if is_after(&now, &request.deadline.plus_seconds(RATING_DAYS * DAY)) {
        return Err(Declined::Conflict("Rating period expired"));
    }
    request.rating = rating.into();
    request.review = review;
    Ok(())
}

/// Whether a rating counts for the service: nobody makes their own name.
pub fn counts(request: &ServiceRequest) -> bool {
    request.client_owner != request.provider_owner
}

/// One of the two calls it off before it is completed. Nothing is to be paid.
pub fn cancel(request: &mut ServiceRequest) -> Result<(), Declined> {
    if !matches!(request.status, RequestStatus::Pending | RequestStatus::Accepted) {
        return Err(Declined::Conflict("Request neither pending nor accepted"));
    }
    request.status = RequestStatus::Cancelled;
    request.payment = Money::default();
    request.expires_at = None;
    Ok(())
}

fn in_time(request: &ServiceRequest, now: Stamp) -> Result<(), Declined> {
    if is_after(&now, &request.deadline) {
        return Err(Declined::Conflict("Request expired"));
    }
    Ok(())
}

/// SHA-256 of `json.dumps(results, sort_keys=True)`.
fn results_hash(results: &Value) -> String {
    hex::encode(Sha256::digest(json::sorted(results)))
}

/// A request as answers show it.
pub fn shown(request: &ServiceRequest) -> Value {
    Value::Object(request.shown(SHOWN))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::services::tests::service;
    use super::*;

    fn at(text: &str) -> Stamp {
        Stamp::parse(text).unwrap()
    }

    fn now() -> Stamp {
        at("2026-11-22 10:00:00")
    }

    fn new(fields: &Value) -> Result<ServiceRequest, Declined> {
        let mut body = json!({
            "client_id": "c", "service_id": "svc_1", "budget": 20, "requirements": "",
            "priority": "normal", "complexity": "medium", "confidentiality": "public",
        });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let new: NewRequest = serde_json::from_value(body).unwrap();
        new.into_row("req_1".to_owned(), "bob".to_owned(), &service(), now())
    }

    fn request() -> ServiceRequest {
        new(&json!({})).unwrap()
    }

    fn accepted() -> ServiceRequest {
        let mut request = request();
        accept(&mut request, &service(), "alice", now()).unwrap();
        request
    }

    fn completed() -> ServiceRequest {
        let mut request = accepted();
        complete(&mut request, "alice", Map::new(), now()).unwrap();
        request
    }

    #[test]
    fn a_budget_and_a_deadline_have_the_bounds_of_the_monolith() {
        for (fields, words) in [
            (json!({"client_id": service().agent_id}), "An agent cannot ask for its own service"),
            (json!({"budget": 9.99}), "Budget below service price: 10.0"),
            (json!({"deadline": "2026-11-22 10:00:00"}), "Invalid deadline"),
            (json!({"deadline": "2026-11-22T12:00:00+02:00"}), "Invalid deadline"),
            (json!({"deadline": "2027-11-22 10:00:00.000001"}), "Deadline too far in future"),
        ] {
            assert_eq!(new(&fields).unwrap_err(), Declined::senseless(words), "{fields}");
        }
        for (fields, deadline) in [
            (json!({"budget": 10}), "2026-11-29T10:00:00"),
            (json!({"deadline": "2026-11-22 10:00:00.000001"}), "2026-11-22T10:00:00.000001"),
            (json!({"deadline": "2027-11-22T12:00:00+02:00"}), "2027-11-22T10:00:00"),
        ] {
            let request = new(&fields).unwrap();
            assert_eq!(request.deadline.sent(), deadline);
            assert_eq!(request.expires_at, Some(request.deadline));
        }
    }

    #[test]
    fn only_what_is_active_is_asked_for() {
        let mut closed = service();
        closed.status = ServiceStatus::Suspended;
        let new: NewRequest = serde_json::from_value(shown(&request())).unwrap();
        let refused = new.into_row("req_1".to_owned(), "bob".to_owned(), &closed, now());
        assert_eq!(refused.unwrap_err(), Declined::Conflict("Service not active"));
    }

    #[test]
    fn a_request_from_its_beginning_to_its_rating() {
        let mut request = request();
        accept(&mut request, &service(), "alice", now()).unwrap();
        // 10 x (1 + .5 x 1000/10000)
        assert_eq!((request.payment, request.expires_at), (Money::of(10.5), None));
        assert_eq!(request.assigned_agent.as_deref(), Some("a"));
        let results = json!({"b": [1, 2.0], "a": "ü"}).as_object().unwrap().clone();
        let parts = complete(&mut request, "alice", results, now()).unwrap();
        assert_eq!((parts.fee, parts.earned), (Money::of(0.2625), Money::of(10.2375)));
        // hashlib.sha256(json.dumps({"b": [1, 2.0], "a": "ü"}, sort_keys=True).encode()).hexdigest()
        assert_eq!(request.results_hash.as_deref(), Some(HASH));
        rate(&mut request, "bob", 4, "good".to_owned(), now()).unwrap();
        assert_eq!((request.rating.get(), request.review.as_str()), (Some(4), "good"));
    }

    const HASH: &str = "bc3bd7efddd057f225832457616c82e1543c706e00612b4f3bfe064d4509c99a";

    #[test]
    fn everything_at_its_time_only() {
        let conflict = |words| Err(Declined::Conflict(words));
        for mut request in [accepted(), completed()] {
            let accepted = accept(&mut request, &service(), "alice", now());
            assert_eq!(accepted, conflict("Request not pending"));
        }
        for mut request in [request(), completed()] {
            let completed = complete(&mut request, "alice", Map::new(), now());
            assert_eq!(completed.map(drop), conflict("Request not accepted"));
        }
        for mut request in [request(), accepted()] {
            let rated = rate(&mut request, "bob", 5, String::new(), now());
            assert_eq!(rated, conflict("Request not completed"));
        }
        let mut twice = completed();
        rate(&mut twice, "bob", 5, String::new(), now()).unwrap();
        assert_eq!(
            rate(&mut twice, "bob", 1, String::new(), now()),
            conflict("Request already rated")
        );
        for mut request in [request(), accepted()] {
            assert_eq!(cancel(&mut request), Ok(()));
            assert_eq!((request.expires_at, request.payment), (None, Money::default()));
            assert!(cancel(&mut request).is_err());
        }
        assert!(cancel(&mut completed()).is_err());
    }

    #[test]
    fn everything_by_whom_it_concerns_only() {
        let wrong = |words| Err(Declined::WrongParty(words));
        let accepted_by = accept(&mut request(), &service(), "bob", now());
        assert_eq!(accepted_by, wrong("Not service provider"));
        let completed_by = complete(&mut accepted(), "bob", Map::new(), now());
        assert_eq!(completed_by.map(drop), wrong("Not assigned agent"));
        let rated_by = rate(&mut completed(), "alice", 5, String::new(), now());
        assert_eq!(rated_by, wrong("Not request client"));
        assert!(concerning(Some(request()), "req_1", "mallory").is_err());
        for caller in ["alice", "bob"] {
            assert!(concerning(Some(request()), "req_1", caller).is_ok());
        }
        assert_eq!(
            concerning(None, "req_1", "bob").unwrap_err().to_string(),
            "Request not found: req_1"
        );
    }

    #[test]
    fn deadlines_hold_for_what_follows() {
        let deadline = request().deadline;
        let late = deadline.plus_seconds(1);
        assert!(accept(&mut request(), &service(), "alice", deadline).is_ok());
        assert_eq!(
            accept(&mut request(), &service(), "alice", late),
            Err(Declined::Conflict("Request expired"))
        );
        assert!(complete(&mut accepted(), "alice", Map::new(), late).is_err());
        let last = deadline.plus_seconds(30 * DAY);
        assert!(rate(&mut completed(), "bob", 5, String::new(), last).is_ok());
        assert_eq!(
            rate(&mut completed(), "bob", 5, String::new(), last.plus_seconds(1)),
            Err(Declined::Conflict("Rating period expired"))
        );
        for rating in [0, 6, -1, i64::MAX] {
            assert_eq!(
                rate(&mut completed(), "bob", rating, String::new(), now()),
                Err(Declined::senseless("Invalid rating"))
            );
        }
    }
}
