//! Asks a server over HTTP, with TLS or without, within a time and a size.

mod way;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use routes::backend::BackendTls;
use routes::{Backend, RouteTable, Target};
use serde_json::Value;
use tower::ServiceExt as _;
use trust::{NoTrust, is_distrusted};
use url::Url;

use crate::checks::Wrong;
use crate::failure::Failure;
use way::Way;

/// The longest wait for a connection to a server that the table does not have.
const CONNECT: Duration = Duration::from_secs(5);
/// The largest answer that is read.
const MOST_BYTES: usize = 32 << 20;

/// Sends requests to the servers of one backend, or to one server that no backend has.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    /// Else why there is none.
    way: Result<Way, Arc<str>>,
    /// The longest wait for an answer.
    limit: Duration,
    /// What to do where nobody vouches for the server.
    help: Arc<str>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Null where it is no JSON.
    pub(crate) body: Value,
}

/// The same as it arrived, content codings not yet removed.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Silence {
    #[error("{0}")]
    Distrusted(Arc<str>),
    #[error("{0}")]
    Unconnected(String),
    #[error("{0}")]
    Broken(String),
    #[error("this is no address: {0}")]
    Unsendable(String),
    #[error("no answer within {0:?}")]
    Late(Duration),
    #[error("more than {0} bytes")]
    TooLarge(usize),
}

/// `http://host:port` or `https://host:port` of a server.
pub(crate) fn url_of(backend: &Backend, target: &Target) -> String {
    let scheme = if backend.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{target}")
}

impl Http {
    /// To a backend's servers, which prove who they are as the table says; paths in it are relative to `folder`.
    pub(crate) fn of_backend(backend: &Backend, folder: &Path, limit: Duration) -> Self {
        let help = format!(
            "see `tls` of [backends.{}]: `ca` has to hold the authority of its certificate, and `server_name` to be a name in it",
            backend.name
        );
        let way = Way::new(backend.tls.as_ref(), folder, limit.min(backend.connect_timeout));
        Self::new(way, limit, help)
    }

    /// To a server that was named on the command line: as to a backend's where the table has it, else as this machine trusts.
    pub(crate) fn of_url(
        url: &str,
        table: &RouteTable,
        folder: &Path,
        limit: Duration,
    ) -> Result<Self, Failure> {
        let parsed = Url::parse(url).ok().filter(|url| url.scheme() == "https");
        let connect = limit.min(CONNECT);
        let Some(parsed) = parsed else {
            return Ok(Self::new(Way::new(None, folder, connect), limit, String::new()));
        };
        let address = parsed.host_str().zip(parsed.port_or_known_default());
        let address = address.map(|(host, port)| format!("{host}:{port}"));
        let is_it = |target: &Target| Some(target.to_string()) == address;
        let mut of_table = table
            .backends
            .iter()
            .filter(|backend| backend.tls.is_some() && backend.targets.iter().any(is_it));
        let Some(first) = of_table.next() else {
            let help = "let this machine trust the authority of its certificate, or name it as a target in the table, with `tls`";
            let way = Way::new(Some(&BackendTls::default()), folder, connect);
            return Ok(Self::new(way, limit, help.to_owned()));
        };
        match of_table.find(|other| other.tls != first.tls) {
            None => Ok(Self::of_backend(first, folder, limit)),
            Some(other) => Err(Failure::Usage {
                message: format!(
                    "{url} is a server of {} and of {}, and the table has another `tls` for each",
                    first.name, other.name
                ),
                help: "name a table with --routes that has one of them only".to_owned(),
            }),
        }
    }

    fn new(way: Result<Way, NoTrust>, limit: Duration, help: String) -> Self {
        let way = way.map_err(|why| chain(&why).into());
        Self { way, limit, help: help.into() }
    }

    /// Whether it can be asked at all.
    pub(crate) fn ready(&self) -> Result<(), Failure> {
        self.way
            .as_ref()
            .map(|_way| ())
            .map_err(|why| Failure::Other { message: why.to_string(), help: self.help.to_string() })
    }

    /// What to do where nobody vouches for the server.
    pub(crate) fn help(&self) -> &str {
        &self.help
    }

    /// Asks for a URL; `help`: what to do where nobody answers.
    pub(crate) async fn ask(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Option<Bytes>,
        help: &str,
    ) -> Result<Answer, Wrong> {
        let told = format!("{method} {url}");
        let reply = self.send(method, url, headers, body.unwrap_or_default(), MOST_BYTES).await;
        let Reply { status, headers, body } =
            reply.map_err(|silence| self.wrong(&told, &silence, help))?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok(Answer { status: status.as_u16(), headers, body })
    }

    /// The same, of which at most so many bytes are read.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        mut headers: HeaderMap,
        body: Bytes,
        most: usize,
    ) -> Result<Reply, Silence> {
        let way = self.way()?;
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = address(url)?;
        *request.headers_mut() = headers;
        let asked = async {
            let answer = way.client.request(request).await.map_err(|why| {
                // Its own words say less than those of what it comes from.
                let cause = why.source().unwrap_or(&why);
                if why.is_connect() { unconnected(cause) } else { Silence::Broken(chain(cause)) }
            })?;
            let (head, body) = answer.into_parts();
            match Limited::new(body, most).collect().await {
                Ok(body) => {
                    let (status, headers) = (head.status, head.headers);
                    Ok(Reply { status, headers, body: body.to_bytes() })
                }
                Err(why) if why.is::<LengthLimitError>() => Err(Silence::TooLarge(most)),
                Err(why) => Err(Silence::Broken(chain(&*why))),
            }
        };
        tokio::time::timeout(self.limit, asked).await.unwrap_or(Err(Silence::Late(self.limit)))
    }

    /// Connects, with TLS where there is TLS, and asks nothing; `help`: what to do where nobody takes it.
    pub(crate) async fn connect(
        &self,
        url: &str,
        limit: Duration,
        help: &str,
    ) -> Result<(), Wrong> {
        let connected = async {
            let connecting = self.way()?.connector.clone().oneshot(address(url)?);
            let connected = tokio::time::timeout(limit, connecting).await;
            let connected = connected.map_err(|_elapsed| Silence::Late(limit))?;
            connected.map(drop).map_err(|why| unconnected(&*why))
        };
        connected.await.map_err(|silence| self.wrong(url, &silence, help))
    }

    fn way(&self) -> Result<&Way, Silence> {
        self.way.as_ref().map_err(|why| Silence::Distrusted(Arc::clone(why)))
    }

    fn wrong(&self, told: &str, silence: &Silence, help: &str) -> Wrong {
        let help = match silence {
            Silence::Distrusted(_) => &self.help,
            Silence::TooLarge(_) => "name a part of the API that answers less",
            _ => help,
        };
        Wrong::new(format!("{told}: {silence}"), help)
    }
}

/// What a URL means, its parts as they are sent.
fn address(url: &str) -> Result<Uri, Silence> {
    let unsendable = |why: &dyn Error| Silence::Unsendable(why.to_string());
    let url = Url::parse(url).map_err(|why| unsendable(&why))?;
    url.as_str().parse().map_err(|why: http::uri::InvalidUri| unsendable(&why))
}

fn unconnected(why: &(dyn Error + 'static)) -> Silence {
    let told = chain(why);
    if is_distrusted(why) { Silence::Distrusted(told.into()) } else { Silence::Unconnected(told) }
}

/// An error with all that it comes from.
fn chain(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        told = format!("{told}: {source}");
        cause = source.source();
    }
    told
}

#[cfg(test)]
mod tests;
