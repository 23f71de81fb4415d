//! Asks an instance over HTTP how it is: on this machine only, briefly, and without believing it to be short.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::logic::health::Heard;
use reqwest::redirect::Policy;

/// Longest that an instance may take for its answer, all of it.
const LIMIT: Duration = Duration::from_secs(5);

/// Longest answer that is read. One that is longer counts as none.
const MOST: usize = 1024 * 1024;

/// Asks instances.
#[derive(Debug, Clone)]
pub struct Asker(reqwest::Client);

impl Asker {
    /// An asker that reaches this machine and nothing else, whatever the environment or a name server says.
    pub fn new() -> Result<Self, reqwest::Error> {
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(LIMIT)
            // Each look is a new one: a connection that has gone stale is no sign of ill health.
            .pool_max_idle_per_host(0)
            .resolve_to_addrs("localhost", &loopback.map(|address| SocketAddr::new(address, 0)))
            .build()?;
        Ok(Self(client))
    }

    /// What `path` of the instance at `endpoint` answers; none if it does not.
    pub async fn ask(&self, endpoint: &str, path: &str) -> Option<Heard> {
        let began = Instant::now();
        let url = format!("{endpoint}{path}");
        match self.hear(&url).await {
            Ok((status, body)) => {
                let body = body.and_then(|bytes| serde_json::from_slice(&bytes).ok());
                Some(Heard { status, body, seconds: micros(began.elapsed()) })
            }
            Err(error) => {
                let error = crate::http::error::chain(&error);
                tracing::debug!(url, error, "an instance did not answer");
                None
            }
        }
    }

    async fn hear(&self, url: &str) -> Result<(u16, Option<Vec<u8>>), reqwest::Error> {
        let mut answer = self.0.get(url).send().await?;
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if bytes.len() + chunk.len() > MOST {
                return Ok((status, None));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((status, Some(bytes)))
    }
}

/// Seconds, cut to microseconds as every duration that rows and answers show.
fn micros(spent: Duration) -> f64 {
    Duration::from_micros(u64::try_from(spent.as_micros()).unwrap_or(u64::MAX)).as_secs_f64()
}

#[cfg(test)]
pub(crate) mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::response::Redirect;
    use axum::routing::get;
    use http::StatusCode;
    use tokio::net::TcpListener;

    use super::*;

    /// An HTTP server on a free port of this machine; its address, as rows have it.
    pub(crate) async fn serve(router: Router) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // Ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://localhost:{port}")
    }

    #[tokio::test]
    async fn answers_are_heard_with_their_status() {
        let router = Router::new()
            .route("/health", get(|| async { r#"{"status": "healthy"}"# }))
            .route("/metrics", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, "no") }))
            .route("/away", get(|| async { Redirect::to("/health") }));
        let (endpoint, asker) = (serve(router).await, Asker::new().unwrap());
        let heard = asker.ask(&endpoint, "/health").await.unwrap();
        assert_eq!(
            (heard.status, heard.body),
            (200, Some(serde_json::json!({"status": "healthy"})))
        );
        assert!(heard.seconds > 0.0);
        let refused = asker.ask(&endpoint, "/metrics").await.unwrap();
        assert_eq!((refused.status, refused.body), (503, None));
        assert_eq!(
            asker.ask(&endpoint, "/away").await.unwrap().status,
            303,
            "nobody is sent elsewhere"
        );
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut_off() {
        let endless = || async {
            let chunk = bytes::Bytes::from(vec![b'1'; 64 * 1024]);
            Body::from_stream(futures::stream::repeat_with(move || {
                Ok::<_, std::io::Error>(chunk.clone())
            }))
        };
        let (endpoint, asker) =
            (serve(Router::new().route("/metrics", get(endless))).await, Asker::new().unwrap());
        let heard = asker.ask(&endpoint, "/metrics").await.unwrap();
        assert_eq!((heard.status, heard.body), (200, None));
    }

    #[tokio::test]
    async fn who_is_not_there_is_not_heard() {
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
        let asker = Asker::new().unwrap();
        assert_eq!(asker.ask(&format!("http://localhost:{port}"), "/health").await, None);
    }
}
