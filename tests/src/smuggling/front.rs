//! Proxies before the recording backend.

use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::fronts::packaged;
use crate::port::PortGuard;
use crate::process::Process;
use crate::{Binaries, LIMIT, wait};

/// A running proxy. It ends when dropped.
#[derive(Debug)]
pub struct Front {
    /// What it is.
    pub name: &'static str,
    /// Where it takes HTTP/1.
    pub http1: SocketAddr,
    /// Where it takes HTTP/2 without TLS.
    pub http2: SocketAddr,
    _process: Process,
    _folder: TempDir,
}

impl Front {
    /// This one.
    pub async fn proxy(binaries: Binaries, backend: SocketAddr) -> Self {
        let folder = TempDir::new().unwrap();
        let table = folder.path().join("routes.toml");
        let text = format!(
            "format = 1\n[backends.monolith]\ntargets = [\"http://{backend}\"]\n[defaults]\nfallback = \"monolith\"\n"
        );
        std::fs::write(&table, text).unwrap();
        let mut command = Command::new(binaries.proxy);
        command.arg("--routes").arg(&table).args(["--h2c", "--admin", "127.0.0.1:0"]);
        let at = PortGuard::take().release();
        command.args(["--listen", &at.to_string()]);
        Self::start("this proxy", &command, folder, at, at).await
    }

    /// nginx; `None` where it is not installed.
    pub async fn nginx(backend: SocketAddr) -> Option<Self> {
        let (folder, program) = (TempDir::new().unwrap(), packaged("nginx")?);
        let (http1, http2) = (PortGuard::take().release(), PortGuard::take().release());
        let home = folder.path().display();
        let text = format!(
            "daemon off; master_process off; pid {home}/pid; error_log {home}/error.log crit;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f;\n\
             uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;\n\
             server {{ listen {http1}; listen {http2} http2;\n\
             location / {{ proxy_pass http://{backend}; proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }} }}\n"
        );
        let conf = folder.path().join("nginx.conf");
        std::fs::write(&conf, text).unwrap();
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).arg("-c").arg(&conf);
        Some(Self::start("nginx", &command, folder, http1, http2).await)
    }

    /// `HAProxy`; `None` where it is not installed.
    pub async fn haproxy(backend: SocketAddr) -> Option<Self> {
        let (folder, program) = (TempDir::new().unwrap(), packaged("haproxy")?);
        let (http1, http2) = (PortGuard::take().release(), PortGuard::take().release());
        let text = format!(
            "defaults\n  mode http\n  timeout connect 1s\n  timeout client 30s\n  timeout server 30s\n  http-reuse always\n\
             frontend all\n  bind {http1}\n  bind {http2} proto h2\n  default_backend old\n\
             backend old\n  server one {backend}\n"
        );
        let conf = folder.path().join("haproxy.cfg");
        std::fs::write(&conf, text).unwrap();
        let mut command = Command::new(program);
        command.arg("-db").arg("-f").arg(&conf);
        Some(Self::start("HAProxy", &command, folder, http1, http2).await)
    }

    async fn start(
        name: &'static str,
        command: &Command,
        folder: TempDir,
        http1: SocketAddr,
        http2: SocketAddr,
    ) -> Self {
        let process = Process::spawn(name, command, &folder.path().join("log"));
        for at in [http1, http2] {
            wait::until("the proxy listens", LIMIT, async || {
                TcpStream::connect(at).await.ok().map(drop)
            })
            .await;
        }
        Self { name, http1, http2, _process: process, _folder: folder }
    }
}
