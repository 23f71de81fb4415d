//! Waiting until proxies have a generation in force, all at the same time.

use std::time::{Duration, Instant};

use routes::Digest;
use routes::generation::Generation;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::admin::{AdminClient, AdminError};

/// Longest single long-poll; the proxy allows at most 30 s.
const LONGEST_POLL: Duration = Duration::from_secs(25);

/// The same where a later generation may come instead.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Time between two questions to a proxy that answered without having the generation, or did not answer.
const PACE: Duration = Duration::from_millis(50);

/// What became of one proxy.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Follow {
    /// It has the generation in force.
    Followed {
        /// Milliseconds from the write until it said so.
        after_ms: f64,
    },
    /// It refused the text.
    Rejected {
        /// Why, one line per problem.
        problems: Vec<String>,
    },
    /// It answers, yet has another generation in force.
    Behind {
        /// The one in force.
        generation: Generation,
        /// The table that it follows, and whether it can't reach it.
        table: String,
    },
    /// It has a later one in force: somebody has flipped since.
    Overtaken {
        /// The one in force.
        generation: Generation,
    },
    /// It does not answer.
    Unreachable {
        /// Why.
        error: String,
    },
}

impl Follow {
    /// It has the generation in force.
    pub fn followed(&self) -> bool {
        matches!(self, Self::Followed { .. })
    }

    /// It answers, yet has neither this generation in force nor a later one.
    pub fn strays(&self) -> bool {
        matches!(self, Self::Rejected { .. } | Self::Behind { .. })
    }

    /// In words.
    pub fn describe(&self) -> String {
        match self {
            Self::Followed { after_ms } => format!("followed after {after_ms:.1} ms"),
            Self::Rejected { problems } => format!("rejected the table: {}", problems.join("; ")),
            Self::Behind { generation, table } => format!(
                "still has generation {} ({}) in force, of {table}",
                generation.number, generation.digest
            ),
            Self::Overtaken { generation } => format!(
                "has generation {} ({}) in force already, which came later",
                generation.number, generation.digest
            ),
            Self::Unreachable { error } => error.clone(),
        }
    }
}

/// One proxy and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProxyFollow {
    /// Its admin address, as the table has it.
    pub proxy: String,
    /// What became of it.
    #[serde(flatten)]
    pub follow: Follow,
}

/// How long to wait, and whether for proxies that do not answer as well.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// When the text was written.
    pub since: Instant,
    /// How long to wait in all.
    pub limit: Duration,
    /// Go on asking a proxy that does not answer; else one refusal is its answer.
    pub insist: bool,
    /// The generation's number, where others may flip while this is waited for: a greater one ends the waiting.
    pub number: Option<u64>,
}

/// Waits for every proxy; the result is in the order of `proxies`.
pub async fn follow(
    client: &AdminClient,
    proxies: &[String],
    digest: &Digest,
    patience: Patience,
) -> Vec<ProxyFollow> {
    let mut waits = JoinSet::new();
    for (place, proxy) in proxies.iter().cloned().enumerate() {
        let (client, digest) = (client.clone(), digest.clone());
        waits.spawn(async move {
            let follow = follow_one(&client, &proxy, &digest, patience).await;
            (place, ProxyFollow { proxy, follow })
        });
    }
    let mut results = waits.join_all().await;
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

async fn follow_one(
    client: &AdminClient,
    proxy: &str,
    digest: &Digest,
    patience: Patience,
) -> Follow {
    loop {
        let left = patience.limit.saturating_sub(patience.since.elapsed());
        let poll = if patience.number.is_some() { LOOK_AGAIN } else { LONGEST_POLL };
        let answer = client.routes_when(proxy, digest, left.min(poll)).await;
        let is_over = patience.since.elapsed() + PACE >= patience.limit;
        match answer {
            Ok(report) if report.generation.digest == *digest => {
                let after_ms = milliseconds(patience.since.elapsed());
                return Follow::Followed { after_ms };
            }
            Ok(report) => {
                let refused =
                    report.rejected.filter(|rejected| rejected.digest.as_ref() == Some(digest));
                if let Some(rejected) = refused {
                    return Follow::Rejected { problems: rejected.problems };
                }
                if patience.number.is_some_and(|number| report.generation.number > number) {
                    return Follow::Overtaken { generation: report.generation };
                }
                if is_over {
                    let table = match report.source.lost {
                        Some(lost) => format!("{} ({})", report.proxy.table, lost.describe()),
                        None => report.proxy.table,
                    };
                    return Follow::Behind { generation: report.generation, table };
                }
            }
            // Waiting does not make an address right or another server a proxy.
            Err(error) if is_over || !patience.insist || !is_transient(&error) => {
                return Follow::Unreachable { error: error.line() };
            }
            Err(_) => {}
        }
        sleep(PACE).await;
    }
}

/// In milliseconds, to the microsecond.
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn is_transient(error: &AdminError) -> bool {
    matches!(error, AdminError::Unreachable { .. } | AdminError::Status { .. })
}
