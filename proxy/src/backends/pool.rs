//! A backend at run time: its targets, asked in turn, and how to connect to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use pingora::upstreams::peer::{ALPN, HttpPeer, PeerOptions};

use super::Target;
use super::build::{self, Build};
use super::target::Health;

/// How long an idle connection is kept. Below the 5 s after which common Python servers close
/// theirs: a connection that the other side is just closing costs a request a retry.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Targets of one pool that a request has tried: bit by index. A pool's targets past the 64th are
/// told apart by the 64th bit, which only means that fewer of them are tried.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tried(u64);

impl Tried {
    pub(crate) fn add(&mut self, index: usize) {
        self.0 |= 1 << index.min(63);
    }

    fn has(self, index: usize) -> bool {
        self.0 & (1 << index.min(63)) != 0
    }
}

/// A backend at run time. Kept across generations while the table says the same about it.
#[derive(Debug)]
pub(crate) struct Pool {
    /// What the table says.
    pub(crate) backend: routes::Backend,
    /// The name, shared with whoever needs to keep it.
    pub(crate) name: Arc<str>,
    targets: Vec<Arc<Target>>,
    next: AtomicUsize,
    options: PeerOptions,
    /// Set by the health service when it starts to check this pool.
    pub(crate) is_checked: AtomicBool,
    /// The build that its servers name; outlives their being down.
    pub(crate) build: Build,
}

impl Pool {
    pub(crate) fn new(backend: routes::Backend, targets: Vec<Arc<Target>>) -> Self {
        let mut options = PeerOptions::new();
        options.connection_timeout = Some(backend.connect_timeout);
        options.total_connection_timeout = Some(backend.connect_timeout);
        options.read_timeout = Some(backend.response_timeout);
        options.write_timeout = Some(backend.response_timeout);
        options.idle_timeout = Some(IDLE_TIMEOUT);
        options.alpn = match (backend.http2, &backend.tls) {
            (false, _) => ALPN::H1,
            (true, None) => ALPN::H2,
            (true, Some(_)) => ALPN::H2H1,
        };
        let pool = Self {
            name: backend.name.as_str().into(),
            backend,
            targets,
            next: AtomicUsize::new(0),
            options,
            is_checked: AtomicBool::new(false),
            build: Build::default(),
        };
        pool.note_build();
        pool
    }

    /// The targets in order of the table.
    pub(crate) fn targets(&self) -> &[Arc<Target>] {
        &self.targets
    }

    /// Puts the builds of its healthy targets together. Without one the backend keeps the build that it had: being down for
    /// a moment makes nothing of what is known of it untrue.
    pub(crate) fn note_build(&self) {
        let healthy = || self.targets.iter().filter(|target| target.health() == Health::Healthy);
        if healthy().next().is_some() {
            self.build.set(build::of_all(&healthy().filter_map(|one| one.build.get()).collect()));
        }
    }

    /// At least one target may be asked.
    pub(crate) fn is_usable(&self) -> bool {
        self.targets.iter().any(|target| target.is_usable())
    }

    /// The next usable target that was not tried, in turn.
    pub(crate) fn pick(&self, tried: Tried) -> Option<(usize, &Arc<Target>)> {
        self.in_turn(|index, target| target.is_usable() && !tried.has(index))
    }

    /// The next target that was not tried, usable or not: for a backend that nobody stands in for.
    pub(crate) fn pick_any(&self, tried: Tried) -> Option<(usize, &Arc<Target>)> {
        self.in_turn(|index, _| !tried.has(index))
    }

    fn in_turn(&self, accept: impl Fn(usize, &Target) -> bool) -> Option<(usize, &Arc<Target>)> {
        let count = self.targets.len();
        let first = match count {
            0 => return None,
            1 => 0,
            _ => self.next.fetch_add(1, Ordering::Relaxed),
        };
        (0..count)
            .map(|step| first.wrapping_add(step) % count)
            .filter_map(|index| self.targets.get(index).map(|target| (index, target)))
            .find(|(index, target)| accept(*index, target))
    }

    /// How pingora is to connect to a target; `None` while its name does not resolve.
    pub(crate) fn peer(&self, target: &Target) -> Option<HttpPeer> {
        let is_secure = target.identity.is_some();
        let mut peer = HttpPeer::new(target.address()?, is_secure, String::new());
        peer.options = self.options.clone();
        if let Some(identity) = &target.identity {
            identity.demand_of(&mut peer);
        }
        Some(peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(count: u16) -> Pool {
        let servers: Vec<_> = (0..count)
            .map(|port| routes::Target { host: "127.0.0.1".to_owned(), port: 8000 + port })
            .collect();
        let targets = servers
            .iter()
            .map(|server| {
                let address = format!("{}:{}", server.host, server.port).parse().unwrap();
                Arc::new(Target::new(server.clone(), vec![address], None))
            })
            .collect();
        Pool::new(backend(servers), targets)
    }

    fn backend(targets: Vec<routes::Target>) -> routes::Backend {
        routes::Backend {
            name: "monolith".to_owned(),
            targets,
            tls: None,
            http2: false,
            health: None,
            schema: None,
            health_interval: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(30),
            mirror_writes: routes::backend::MirrorWrites::Never,
            twin: None,
        }
    }

    #[test]
    fn targets_are_asked_in_turn() {
        let pool = pool(3);
        let asked: Vec<_> = (0..6).map(|_| pool.pick(Tried::default()).unwrap().0).collect();
        assert_eq!(asked, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn an_unhealthy_target_is_skipped_and_still_found_as_a_last_resort() {
        let pool = pool(2);
        assert!(pool.targets()[0].connect_failed());
        for _ in 0..4 {
            assert_eq!(pool.pick(Tried::default()).unwrap().0, 1);
        }
        let mut tried = Tried::default();
        tried.add(1);
        assert!(pool.pick(tried).is_none());
        assert_eq!(pool.pick_any(tried).unwrap().0, 0);
        tried.add(0);
        assert!(pool.pick_any(tried).is_none());
    }

    #[test]
    fn its_build_is_that_of_its_healthy_targets_and_outlives_them() {
        let pool = pool(2);
        let checked = |index: usize, build: Option<&str>| {
            let target = &pool.targets()[index];
            target.build.set(build.map(Into::into));
            target.checked(true);
            pool.note_build();
            pool.build.get()
        };
        assert_eq!(pool.build.get(), None);
        assert_eq!(checked(0, Some("a")).as_deref(), Some("a"));
        assert_eq!(checked(1, Some("b")).as_deref(), Some("mixed: a, b"));
        assert_eq!(checked(0, Some("b")).as_deref(), Some("b"));
        for target in pool.targets() {
            target.connect_failed();
        }
        pool.note_build();
        assert_eq!(pool.build.get().as_deref(), Some("b"));
        assert_eq!(checked(0, None), None);
    }

    #[test]
    fn a_pool_without_targets_picks_nothing() {
        assert!(pool(0).pick_any(Tried::default()).is_none());
        assert!(!pool(0).is_usable());
    }

    #[test]
    fn a_peer_has_the_limits_of_its_backend() {
        let pool = pool(1);
        let peer = pool.peer(&pool.targets()[0]).unwrap();
        assert_eq!(peer.options.connection_timeout, Some(Duration::from_secs(1)));
        assert_eq!(peer.options.read_timeout, Some(Duration::from_secs(30)));
    }
}
