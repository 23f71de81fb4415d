//! The way to a server: by a plain connection, or by one on which it proves who it is first.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{
    DefaultServerNameResolver, FixedServerNameResolver, HttpsConnector, ResolveServerName,
};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use routes::backend::BackendTls;
use trust::{NoTrust, Trust};

/// Makes connections, and keeps them for the next request.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) client: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    pub(super) connector: HttpsConnector<HttpConnector>,
}

impl Way {
    /// With `tls`, `https://` is the only way; without, no certificate would do. `limit`: the longest wait for a connection.
    pub(super) fn new(
        tls: Option<&BackendTls>,
        folder: &Path,
        limit: Duration,
    ) -> Result<Self, NoTrust> {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_nodelay(true);
        plain.set_connect_timeout(Some(limit));
        let config = match tls {
            Some(tls) => {
                let ca = tls.ca.as_ref().map(|file| folder.join(file));
                Trust::read(ca.as_deref(), tls.verify)?.config
            }
            None => trust::nobody()?,
        };
        let name: Arc<dyn ResolveServerName + Send + Sync> =
            match tls.and_then(|tls| tls.server_name.as_deref()) {
                Some(name) => Arc::new(FixedServerNameResolver::new(trust::server_name(name)?)),
                None => Arc::new(DefaultServerNameResolver::default()),
            };
        let connector = HttpsConnector::new(plain, config, tls.is_some(), name);
        let client = legacy::Client::builder(TokioExecutor::new()).build(connector.clone());
        Ok(Self { client, connector })
    }
}
