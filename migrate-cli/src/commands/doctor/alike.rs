//! Whether both backends take the same requests: the public host name, and long headers, targets and bodies.

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use routes::table::Limits;

use super::sides::{Pair, Side, Sides};
use crate::checks::{Checks, Wrong};

/// Where what is too long is put.
const LONG: HeaderName = HeaderName::from_static("x-migrate-doctor");
/// Bytes that a request has besides.
const REST: usize = 1024;
/// The longest body that is sent.
const MOST_BODY: u64 = 16 << 20;

type Identity<'i> = Option<&'i (HeaderName, HeaderValue)>;

fn headers(identity: Identity<'_>) -> HeaderMap {
    identity.into_iter().cloned().collect()
}

/// Whether the answer is the same under the public name.
pub(super) async fn host(
    sides: &Sides,
    host: Option<&HeaderValue>,
    identity: Identity<'_>,
    checks: &mut Checks,
) {
    checks.group("host name");
    let Some(host) = host else {
        return checks.skip("both answer under the public host name", "give it with --host NAME");
    };
    for side in sides.each() {
        let what = format!("{} answers under it as under its own", side.name);
        let asked = async {
            let own = side.get(headers(identity)).await?;
            let mut with = headers(identity);
            with.insert(HOST, host.clone());
            let public = side.get(with).await?;
            if own.status == public.status {
                return Ok(((), format!("{} {}", side.path, own.status)));
            }
            let found = format!("{} instead of {} for {}", public.status, own.status, side.path);
            let help = "add the name to the hosts that it answers for (allowed or trusted hosts)";
            Err(Wrong::new(found, help))
        };
        checks.check(what, asked).await;
    }
}

/// What is made long.
#[derive(Debug, Clone, Copy)]
enum Part {
    Header,
    Target,
    Body,
}

/// Whether what the proxy lets through is taken by both, or refused by both.
pub(super) async fn limits(
    sides: &Sides,
    limits: &Limits,
    identity: Identity<'_>,
    checks: &mut Checks,
) {
    checks.group("limits");
    let head = limits.max_header_bytes.saturating_sub(REST);
    let body = usize::try_from(limits.max_body_bytes.min(MOST_BODY)).unwrap_or(usize::MAX);
    let parts = [
        (Part::Header, "a header", sizes(&[4 << 10, 12 << 10], head)),
        (Part::Target, "a query", sizes(&[2 << 10, 12 << 10], head)),
        (Part::Body, "a body (OPTIONS)", sizes(&[64 << 10, 1 << 20], body)),
    ];
    for pair in sides.one_for_each() {
        for (part, what, sizes) in &parts {
            for size in sizes {
                let what = format!("{what} of {size} bytes is taken alike");
                match alike(pair, *part, *size, identity).await {
                    Ok(None) => {
                        checks.skip(what, "one of them answers before it has read it");
                    }
                    Ok(Some(found)) => checks.settle(what, Ok(found)),
                    Err(wrong) => checks.settle(what, Err(wrong)),
                }
            }
        }
    }
    let why = "nothing that could write is sent, so only limits before the handlers show";
    checks.skip("bodies of writes", why);
}

/// Those up to the last, and the last.
fn sizes(some: &[usize], last: usize) -> Vec<usize> {
    some.iter().copied().filter(|size| *size < last).chain([last]).collect()
}

/// What became of something long.
enum Taken {
    /// Answered as the same request without it.
    AsEver,
    /// In these words.
    Refused(String),
    /// The connection ended while it was sent, which a server may do that has answered already.
    Untold,
}

impl Taken {
    fn word(&self) -> &str {
        match self {
            Self::AsEver => "takes it",
            Self::Refused(why) => why,
            Self::Untold => "ends the connection",
        }
    }
}

/// What both do; `None`: it does not show.
async fn alike(
    pair: &Pair,
    part: Part,
    size: usize,
    identity: Identity<'_>,
) -> Result<Option<String>, Wrong> {
    let old = taken(&pair.old, part, size, identity).await?;
    let new = taken(&pair.new, part, size, identity).await?;
    match (&old, &new) {
        (Taken::Untold, _) | (_, Taken::Untold) => Ok(None),
        (Taken::AsEver, Taken::AsEver) => Ok(Some("both take it".to_owned())),
        (Taken::Refused(why), Taken::Refused(_)) => Ok(Some(format!("both refuse it: {why}"))),
        _ => {
            let [one, two] = [&pair.old.name, &pair.new.name];
            let found = format!("{one}: {}; {two}: {}", old.word(), new.word());
            Err(Wrong::new(found, "give both the same limit; see also `[limits]` of the table"))
        }
    }
}

async fn taken(
    side: &Side,
    part: Part,
    size: usize,
    identity: Identity<'_>,
) -> Result<Taken, Wrong> {
    let mut with = headers(identity);
    let (mut query, mut body, mut method) = (String::new(), None, Method::GET);
    let long = "x".repeat(size);
    match part {
        Part::Header => {
            let value = HeaderValue::from_str(&long);
            with.insert(LONG, value.unwrap_or(HeaderValue::from_static("x")));
        }
        Part::Target => query = format!("?migrate-doctor={long}"),
        Part::Body => (method, body) = (Method::OPTIONS, Some(Bytes::from(long))),
    }
    let plain = side.ask(method.clone(), "", headers(identity), None).await?;
    Ok(match (side.ask(method, &query, with, body).await, part) {
        (Ok(answer), _) if answer.status == plain.status => Taken::AsEver,
        (Ok(answer), _) => Taken::Refused(format!("answers {}", answer.status)),
        (Err(_), Part::Body) => Taken::Untold,
        // It answered without, so this is its way to refuse.
        (Err(_), _) => Taken::Refused("ends the connection".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_end_with_what_the_proxy_lets_through() {
        assert_eq!(sizes(&[4, 12], 31), [4, 12, 31]);
        assert_eq!(sizes(&[4, 12], 8), [4, 8]);
        assert_eq!(sizes(&[4, 12], 4), [4]);
    }
}
