//! From a table's backends to pools: names are resolved here, never on the path of a request.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use routes::Backend;
use trust::NoTrust;

use super::{Identity, Pool, Target, Trust};

/// Longest wait for a name. A table is published without an answer too: the health service keeps
/// asking.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Pools for the backends of a new table, in their order. A pool is kept as it is while the table
/// says the same about its backend, and a target keeps its health while it is checked the same way.
///
/// # Errors
/// A backend with TLS that can't be verified, by its name.
pub(crate) async fn pools(
    backends: &[Backend],
    before: &[Arc<Pool>],
    folder: &Path,
) -> Result<Vec<Arc<Pool>>, (String, NoTrust)> {
    let pools = backends.iter().map(async |backend| {
        pool(backend, before, folder).await.map_err(|error| (backend.name.clone(), error))
    });
    futures::future::try_join_all(pools).await
}

async fn pool(
    backend: &Backend,
    before: &[Arc<Pool>],
    folder: &Path,
) -> Result<Arc<Pool>, NoTrust> {
    let same_name = before.iter().find(|pool| pool.backend.name == backend.name);
    if let Some(pool) = same_name.filter(|pool| pool.backend == *backend) {
        return Ok(Arc::clone(pool));
    }
    let comparable = same_name
        .filter(|pool| pool.backend.health == backend.health && pool.backend.tls == backend.tls);
    let trust = backend.tls.as_ref().map(|tls| Trust::read(tls, folder)).transpose()?;
    let trust = trust.map(Arc::new);
    let targets = backend.targets.iter().map(async |server| {
        let known = comparable
            .and_then(|pool| pool.targets().iter().find(|target| target.server == *server));
        if let Some(target) = known {
            return Ok::<_, NoTrust>(Arc::clone(target));
        }
        let identity = identity(backend, server, trust.as_ref())?;
        Ok(Arc::new(Target::new(server.clone(), addresses(server).await, identity)))
    });
    let targets = futures::future::try_join_all(targets).await?;
    Ok(Arc::new(Pool::new(backend.clone(), targets)))
}

/// How a server proves that it is the one: by the name that the table gives it, or its host's.
fn identity(
    backend: &Backend,
    server: &routes::Target,
    trust: Option<&Arc<Trust>>,
) -> Result<Option<Identity>, NoTrust> {
    let named = backend.tls.as_ref().and_then(|tls| tls.server_name.as_deref());
    trust.map(|trust| Identity::new(trust, named.unwrap_or(&server.host))).transpose()
}

/// What a server's name stands for now; empty when it does not resolve in time.
pub(crate) async fn addresses(server: &routes::Target) -> Vec<SocketAddr> {
    if let Ok(address) = server.host.parse::<IpAddr>() {
        return vec![SocketAddr::new(address, server.port)];
    }
    let lookup = tokio::net::lookup_host((server.host.as_str(), server.port));
    match tokio::time::timeout(RESOLVE_TIMEOUT, lookup).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            tracing::warn!(host = %server.host, %error, "a target's name does not resolve");
            Vec::new()
        }
        Err(_) => {
            tracing::warn!(host = %server.host, "no answer for a target's name in time");
            Vec::new()
        }
    }
}

/// Whether a server is named by something that can come to stand for another address.
pub(crate) fn can_move(server: &routes::Target) -> bool {
    server.host.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(name: &str, ports: &[u16], response_timeout: u64) -> Backend {
        Backend {
            name: name.to_owned(),
            targets: ports
                .iter()
                .map(|port| routes::Target { host: "127.0.0.1".to_owned(), port: *port })
                .collect(),
            tls: None,
            http2: false,
            health: Some("/health".to_owned()),
            schema: None,
            health_interval: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(response_timeout),
            mirror_writes: routes::backend::MirrorWrites::Never,
            twin: None,
        }
    }

    async fn made(backends: &[Backend], before: &[Arc<Pool>]) -> Vec<Arc<Pool>> {
        pools(backends, before, Path::new(".")).await.unwrap()
    }

    #[tokio::test]
    async fn an_unchanged_backend_keeps_its_pool() {
        let before = made(&[backend("a", &[1], 1), backend("b", &[2], 1)], &[]).await;
        let after = made(&[backend("b", &[2], 1), backend("c", &[3], 1)], &before).await;
        assert!(Arc::ptr_eq(&after[0], &before[1]));
    }

    #[tokio::test]
    async fn a_changed_backend_keeps_the_health_of_the_targets_it_still_has() {
        let before = made(&[backend("a", &[1, 2], 1)], &[]).await;
        assert!(before[0].targets()[1].connect_failed());
        let after = made(&[backend("a", &[2, 3], 9)], &before).await;
        assert!(!Arc::ptr_eq(&after[0], &before[0]));
        assert!(!after[0].targets()[0].is_usable());
        assert!(after[0].targets()[1].is_usable());
    }

    #[tokio::test]
    async fn another_backend_s_target_is_not_taken_over() {
        let before = made(&[backend("a", &[1], 1)], &[]).await;
        let after = made(&[backend("b", &[1], 1)], &before).await;
        assert!(!Arc::ptr_eq(&after[0].targets()[0], &before[0].targets()[0]));
    }
}
