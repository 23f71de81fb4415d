//! Requests over TLS to a real server, whose certificate an authority vouches for that only these tests trust.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use trust::is_distrusted;

use super::*;

/// The file of the authority that vouches for [`serve_tls`].
pub(crate) fn authority() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/outgoing/fixtures/ca.pem"))
}

/// The file of one that vouches for nobody here.
pub(crate) fn stranger() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/outgoing/fixtures/server.pem"))
}

/// A server that speaks TLS on a free port of this machine; its address.
pub(crate) async fn serve_tls(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let certificate =
        CertificateDer::from_pem_slice(include_bytes!("fixtures/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("fixtures/server.key")).unwrap();
    let tls = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TlsListener { listener, acceptor: TlsAcceptor::from(Arc::new(tls)) };
    // Ends with the test's runtime.
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("https://localhost:{port}")
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, peer) = self.listener.accept().await.unwrap();
            // Whoever does not trust the certificate goes away before it has said anything.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

#[tokio::test]
async fn only_those_are_asked_for_whom_an_authority_vouches() {
    let url = serve_tls(Router::new().route("/", get(|| async { "hello" }))).await;
    let ask = |authorities| outgoing(true, authorities).unwrap().get(url.parse().unwrap());
    assert_eq!(ask(Some(authority())).await.unwrap().status().as_u16(), 200);
    let wrong_name = url.replace("localhost", "127.0.0.1").parse().unwrap();
    let wrong_name = outgoing(true, Some(authority())).unwrap().get(wrong_name).await;
    for refused in [ask(Some(stranger())).await, wrong_name] {
        let error = refused.unwrap_err();
        assert!(error.is_connect() && is_distrusted(&error), "{error:?}");
    }
}

#[tokio::test]
async fn who_is_not_there_is_not_distrusted() {
    let nobody = outgoing(false, None).unwrap().get("http://127.0.0.1:1/".parse().unwrap()).await;
    assert!(!is_distrusted(&nobody.unwrap_err()));
}

#[test]
fn a_file_of_authorities_holds_some() {
    let said = |path: &Path| {
        let error = outgoing(true, Some(path)).unwrap_err();
        crate::http::error::chain(&error)
    };
    let empty = NamedTempFile::new().unwrap();
    assert!(said(empty.path()).contains("has no certificate"), "{}", said(empty.path()));
    let missing = said(Path::new("/nowhere/ca.pem"));
    assert!(missing.starts_with("TLS_CA_FILE /nowhere/ca.pem"), "{missing}");
    // Nobody looks at it where nothing is asked over TLS.
    outgoing(false, Some(Path::new("/nowhere/ca.pem"))).unwrap();
}
