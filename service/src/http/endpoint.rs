//! What an endpoint is: who may ask, what it takes, what it does, and how the documentation shows it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use futures::future::BoxFuture;
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{ApiError, Reply};
use crate::compatibility::Compatibility;
use crate::validation::Shape;
use crate::work::Work;

/// A described part of a request, made on first use.
pub type LazyShape = LazyLock<Shape>;

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// Anybody in the monolith's manner, which asks for no key there; otherwise who has one of `ADMIN_API_KEYS`.
    Unguarded,
    /// Who has one of `ADMIN_API_KEYS`.
    Admin,
    /// Who has one of `CLIENT_API_KEYS`.
    Client,
}

impl Access {
    /// Whether the endpoint asks for a key.
    pub const fn asks_for_a_key(self, compatibility: Compatibility) -> bool {
        match self {
            Self::Open => false,
            Self::Unguarded => compatibility.guards_every_endpoint(),
            Self::Admin | Self::Client => true,
        }
    }
}

/// What body an endpoint reads.
#[derive(Debug, Clone, Copy)]
pub enum BodyKind {
    /// None; what is sent is not looked at.
    None,
    /// An object with these fields.
    Model(&'static LazyShape),
    /// An object with these fields, each of which the monolith reads for itself: where there is no object, each is missing,
    /// and null counts as absent.
    Parts(&'static LazyShape),
    /// Any object.
    Dictionary,
    /// Any object; none and null count as an empty one.
    OptionalDictionary,
}

/// What a checked request brings to its handler.
#[derive(Debug)]
pub struct Input {
    /// The user, as the key names them. Empty where no key is asked for.
    pub caller: String,
    /// The parts of the path.
    pub path: BTreeMap<String, String>,
    /// The checked query.
    pub query: Map<String, Value>,
    /// The checked body.
    pub body: Map<String, Value>,
    /// The last event that the client has seen of a stream that it takes up again (`Last-Event-ID`).
    pub last_event_id: Option<String>,
}

impl Input {
    /// A part of the path.
    pub fn part(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// The checked query as a struct with the same fields.
    pub fn query<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        typed(std::mem::take(&mut self.query))
    }

    /// The checked body as a struct with the same fields.
    pub fn body<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        typed(std::mem::take(&mut self.body))
    }
}

/// A shape and its struct are written side by side; where they disagree, that is a mistake of this program.
fn typed<T: DeserializeOwned>(map: Map<String, Value>) -> Result<T, ApiError> {
    serde_json::from_value(Value::Object(map)).map_err(|error| {
        ApiError::Internal(format!("a checked request does not fit its own type: {error}"))
    })
}

type Run = Arc<dyn Fn(Work, Input) -> BoxFuture<'static, Result<Reply, ApiError>> + Send + Sync>;

/// What an endpoint does, apart from where it stands.
#[derive(Clone)]
pub struct Action {
    /// Who may ask.
    pub access: Access,
    /// What the parts of the path take, where that is not any text.
    pub path: Option<&'static LazyShape>,
    /// What the query takes.
    pub query: Option<&'static LazyShape>,
    /// What the body is.
    pub body: BodyKind,
    /// A body for the documentation, where the fields do not say enough.
    pub example: Option<fn() -> Value>,
    /// One line for the documentation.
    pub about: &'static str,
    /// The status of a good answer.
    pub success: StatusCode,
    /// The media type of a good answer.
    pub media: &'static str,
    /// The statuses of refusals, besides 401 and 422.
    pub refusals: &'static [u16],
    /// The schema of a good answer.
    pub answer: Option<fn() -> Value>,
    /// The handler. Only the dispatcher calls it, which decides what it may reach.
    pub(super) run: Run,
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action").field("about", &self.about).finish_non_exhaustive()
    }
}

impl Action {
    /// An action for administrators that takes neither query nor body, until told otherwise.
    pub fn new<F, R>(about: &'static str, run: F) -> Self
    where
        F: Fn(Work, Input) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Reply, ApiError>> + Send + 'static,
    {
        Self {
            access: Access::Admin,
            path: None,
            query: None,
            body: BodyKind::None,
            example: None,
            about,
            success: StatusCode::OK,
            media: "application/json",
            refusals: &[],
            answer: None,
            run: Arc::new(move |work, input| Box::pin(run(work, input))),
        }
    }

    /// Open to anybody, whatever the manner: it tells nothing of any user.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.access = Access::Open;
        self
    }

    /// Open to anybody in the monolith's manner.
    #[must_use]
    pub fn unguarded(mut self) -> Self {
        self.access = Access::Unguarded;
        self
    }

    /// For clients.
    #[must_use]
    pub fn for_clients(mut self) -> Self {
        self.access = Access::Client;
        self
    }

    /// Takes these parts of the path.
    #[must_use]
    pub fn path(mut self, shape: &'static LazyShape) -> Self {
        self.path = Some(shape);
        self
    }

    /// Takes this query.
    #[must_use]
    pub fn query(mut self, shape: &'static LazyShape) -> Self {
        self.query = Some(shape);
        self
    }

    /// Takes a body with these fields.
    #[must_use]
    pub fn body(mut self, shape: &'static LazyShape) -> Self {
        self.body = BodyKind::Model(shape);
        self
    }

    /// Takes a body of these parts.
    #[must_use]
    pub fn parts(mut self, shape: &'static LazyShape) -> Self {
        self.body = BodyKind::Parts(shape);
        self
    }

    /// Takes any object as its body.
    #[must_use]
    pub fn any_object(mut self) -> Self {
        self.body = BodyKind::Dictionary;
        self
    }

    /// Takes any object as its body, or none.
    #[must_use]
    pub fn any_object_or_none(mut self) -> Self {
        self.body = BodyKind::OptionalDictionary;
        self
    }

    /// This body works when it is tried.
    #[must_use]
    pub fn example(mut self, example: fn() -> Value) -> Self {
        self.example = Some(example);
        self
    }

    /// A good answer is 201.
    #[must_use]
    pub fn creates(mut self) -> Self {
        self.success = StatusCode::CREATED;
        self
    }

    /// May refuse with these statuses.
    #[must_use]
    pub fn refuses(mut self, statuses: &'static [u16]) -> Self {
        self.refusals = statuses;
        self
    }

    /// A good answer is a text of this media type.
    #[must_use]
    pub fn answers_text(mut self, media: &'static str) -> Self {
        self.media = media;
        self
    }

    /// A good answer has this schema.
    #[must_use]
    pub fn answers(mut self, schema: fn() -> Value) -> Self {
        self.answer = Some(schema);
        self
    }
}

/// An action at its method and path.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path below the mount, with parameters in braces.
    pub path: &'static str,
    /// What it does.
    pub action: Action,
}

/// `GET` of a path.
pub fn get(path: &'static str, action: Action) -> Endpoint {
    Endpoint { method: Method::GET, path, action }
}

/// `POST` to a path.
pub fn post(path: &'static str, action: Action) -> Endpoint {
    Endpoint { method: Method::POST, path, action }
}

/// `PUT` to a path.
pub fn put(path: &'static str, action: Action) -> Endpoint {
    Endpoint { method: Method::PUT, path, action }
}

/// `DELETE` of a path.
pub fn delete(path: &'static str, action: Action) -> Endpoint {
    Endpoint { method: Method::DELETE, path, action }
}

/// Endpoints that stand together, under every prefix of `mounts`.
#[derive(Debug, Clone)]
pub struct Group {
    /// The name in the documentation.
    pub name: &'static str,
    /// The prefixes.
    pub mounts: &'static [&'static str],
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
}
