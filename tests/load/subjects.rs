//! What is measured, and how each subject is started and configured.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Failure;
use crate::process::{self, Running};

/// One way from the load generator to the backend. Each proxy works with one thread (nginx: one worker).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// No proxy at all.
    Direct,
    /// [`crate::bare_pingora`].
    BarePingora,
    /// This proxy, route at stage `monolith`.
    Proxy,
    /// This proxy, route at stage `shadow`: every answer is compared with the new backend's.
    ProxyMirroring,
    /// nginx, keep-alive upstream.
    Nginx,
    /// nginx with its `mirror` directive.
    NginxMirroring,
    /// HAProxy.
    HaProxy,
}

impl Subject {
    /// Every subject, in the order of the table.
    pub(crate) const ALL: [Self; 7] = [
        Self::Direct,
        Self::BarePingora,
        Self::Proxy,
        Self::ProxyMirroring,
        Self::Nginx,
        Self::NginxMirroring,
        Self::HaProxy,
    ];

    /// As the tables call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::BarePingora => "bare pingora",
            Self::Proxy => "this proxy",
            Self::ProxyMirroring => "this proxy, mirroring",
            Self::Nginx => "nginx",
            Self::NginxMirroring => "nginx, mirroring",
            Self::HaProxy => "HAProxy",
        }
    }
}

/// Everything that runs during a benchmark; all of it ends when this is dropped.
pub(crate) struct Bench {
    subjects: Vec<(Subject, SocketAddr, Running)>,
    _new_backend: Running,
    _folder: TempDir,
}

impl Bench {
    /// Starts both backends and every subject.
    pub(crate) fn start(proxy: Option<PathBuf>, routes: &Path) -> Result<Self, Failure> {
        let own = std::env::current_exe()?;
        let proxy = proxy.unwrap_or_else(|| own.with_file_name("strangler-proxy"));
        let folder = tempfile::tempdir()?;
        let dir = folder.path();
        let start = |name: &str, command: &mut Command, ready| {
            Running::start(command, &dir.join(format!("{name}.log")), ready)
        };
        let backend = |name: &str| -> Result<(SocketAddr, Running), Failure> {
            let at = process::free_address()?;
            let mut command = Command::new(&own);
            command.args(["backend", "--listen", &at.to_string()]);
            Ok((at, start(name, &mut command, at)?))
        };
        let (old, old_backend) = backend("old-backend")?;
        let (new, new_backend) = backend("new-backend")?;
        let mut subjects = vec![(Subject::Direct, old, old_backend)];

        let at = process::free_address()?;
        let mut command = Command::new(&own);
        command.args(["bare-pingora", "--listen", &at.to_string(), "--upstream", &old.to_string()]);
        subjects.push((Subject::BarePingora, at, start("bare-pingora", &mut command, at)?));

        let table = std::fs::read_to_string(routes)
            .map_err(|e| format!("can't read {}: {e}", routes.display()))?;
        for (subject, stage) in [(Subject::Proxy, "monolith"), (Subject::ProxyMirroring, "shadow")]
        {
            let (at, admin) = (process::free_address()?, process::free_address()?);
            let file = dir.join(format!("{stage}.toml"));
            std::fs::write(&file, table_for(&table, stage, old, new, admin))?;
            let mut command = Command::new(&proxy);
            command.arg("--routes").arg(&file).args(["--listen", &at.to_string()]);
            command.args(["--admin", &admin.to_string(), "--threads", "1", "--log", "warn"]);
            subjects.push((subject, at, start(&format!("proxy-{stage}"), &mut command, at)?));
        }
        for (subject, mirrored) in [(Subject::Nginx, None), (Subject::NginxMirroring, Some(new))] {
            let at = process::free_address()?;
            let home = dir.join(subject.name().replace([' ', ','], "-"));
            std::fs::create_dir(&home)?;
            std::fs::write(home.join("nginx.conf"), nginx_conf(&home, at, old, mirrored))?;
            let mut command = Command::new(packaged("nginx")?);
            command.arg("-p").arg(&home).arg("-c").arg(home.join("nginx.conf"));
            subjects.push((subject, at, start(subject.name(), &mut command, at)?));
        }
        let at = process::free_address()?;
        let file = dir.join("haproxy.cfg");
        std::fs::write(&file, haproxy_cfg(at, old))?;
        let mut command = Command::new(packaged("haproxy")?);
        command.arg("-db").arg("-f").arg(&file);
        subjects.push((Subject::HaProxy, at, start("haproxy", &mut command, at)?));
        Ok(Self { subjects, _new_backend: new_backend, _folder: folder })
    }

    /// The URL that a subject is asked for.
    pub(crate) fn url(&self, subject: Subject) -> String {
        let at = self.find(subject).map_or_else(String::new, |(_, at, _)| at.to_string());
        format!("http://{at}/api/v1/agents/workflows/agent_0123abcd")
    }

    /// CPU seconds that a subject's processes have used so far.
    pub(crate) fn cpu_seconds(&self, subject: Subject) -> Result<f64, Failure> {
        let (_, _, running) = self.find(subject).ok_or("a subject was not started")?;
        process::cpu_seconds(running.pid())
    }

    fn find(&self, subject: Subject) -> Option<&(Subject, SocketAddr, Running)> {
        self.subjects.iter().find(|(candidate, _, _)| *candidate == subject)
    }
}

/// Debian puts servers where a user's PATH does not look.
pub(crate) fn packaged(name: &str) -> Result<PathBuf, Failure> {
    ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists())
        .ok_or_else(|| format!("{name} is missing; install it: apt-get install {name}").into())
}

/// The real table with this run's addresses; the route that is measured gets its stage.
/// The route that is measured, of the table that the proxy runs with.
pub(crate) const ROUTE: &str = "workflows-api";

pub(crate) fn table_for(
    table: &str,
    stage: &str,
    old: SocketAddr,
    new: SocketAddr,
    admin: SocketAddr,
) -> String {
    let marker = format!("name = \"{ROUTE}\"");
    let (before, after) = table.split_once(&marker).unwrap_or((table, ""));
    let after = after.replacen("stage = \"monolith\"", &format!("stage = \"{stage}\""), 1);
    format!("{before}{marker}{after}")
        .replace("127.0.0.1:8011", &old.to_string())
        .replace("127.0.0.1:8012", &new.to_string())
        .replace("127.0.0.1:8081", &admin.to_string())
        // All of the load comes from one client.
        .replace("max_requests_per_client = 10000", "max_requests_per_client = 4000000000")
}

pub(crate) fn nginx_conf(
    home: &Path,
    at: SocketAddr,
    old: SocketAddr,
    mirrored: Option<SocketAddr>,
) -> String {
    let home = home.display();
    let forward = "proxy_http_version 1.1; proxy_set_header Connection \"\";";
    let (directive, location) = mirrored.map_or_else(Default::default, |new| {
        (
            "mirror /mirrored;".to_owned(),
            format!(
                "location = /mirrored {{ internal; proxy_pass http://new$request_uri; {forward} }}
  }} upstream new {{ server {new}; keepalive 64;"
            ),
        )
    });
    format!(
        "daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  upstream old {{ server {old}; keepalive 64; }}
  server {{ listen {at}; keepalive_requests 1000000000;
    location / {{ {directive} proxy_pass http://old; {forward} }}
    {location}
  }}
}}"
    )
}

fn haproxy_cfg(at: SocketAddr, old: SocketAddr) -> String {
    format!(
        "global
  nbthread 1
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  http-reuse always
frontend all
  bind {at}
  default_backend old
backend old
  server one {old}
"
    )
}
