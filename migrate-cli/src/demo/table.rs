//! The demo's own table: the project's, with every address replaced by a free one and a gate for a demo's minute.

use std::path::Path;

use routes::RouteTable;

use crate::failure::Failure;

/// The route that the demo moves.
pub(super) const ROUTE: &str = "workflows";
/// What the demo needs of the table's backends.
const MONOLITH: &str = "monolith";
/// The new backend.
const SERVICE: &str = "agent-service";

/// What the demo has no days for: every write is rehearsed, and the gate is content with the samples of some seconds.
const FOR_A_MINUTE: [(&str, &str); 2] = [
    ("mirror.rehearse = 0.1 ", "mirror.rehearse = 1.0 "),
    (
        "gate = { min_samples = 100, min_match = 0.99, max_latency_ratio = 1.5 }",
        "gate = { min_samples = 25, min_match = 0.85, max_latency_ratio = 3.0 }",
    ),
];

/// Ports of the four listeners, all on loopback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    /// The old backend.
    pub(super) monolith: u16,
    /// The new backend.
    pub(super) service: u16,
    /// The proxy, for clients.
    pub(super) proxy: u16,
    /// The proxy's admin interface.
    pub(super) admin: u16,
}

/// The text of the demo's table; every route starts at the old backend.
pub(super) fn derive(path: &Path, text: &str, ports: Ports) -> Result<String, Failure> {
    let table = RouteTable::parse(path, text)?;
    let unfit = |what: &str| Failure::Other {
        message: format!("{} has no {what}, so the demo can't be played with it", path.display()),
        help: "run the demo in the project's folder, with its own routes.toml".to_owned(),
    };
    let target = |name: &str| {
        let backend = table.backends.iter().find(|backend| backend.name == name);
        let target = backend.and_then(|backend| backend.targets.first());
        target.map(|target| format!("{}:{}", target.host, target.port))
    };
    let route = table.route_named(ROUTE).ok_or_else(|| unfit("route `workflows`"))?;
    if route.stage != routes::Stage::Monolith {
        return Err(unfit("route `workflows` at stage monolith"));
    }
    let replaced = [
        (target(MONOLITH).ok_or_else(|| unfit("backend `monolith`"))?, ports.monolith),
        (target(SERVICE).ok_or_else(|| unfit("backend `agent-service`"))?, ports.service),
        (table.listen.http.to_string(), ports.proxy),
        (table.listen.admin.to_string(), ports.admin),
    ];
    let mut derived = text.to_owned();
    for (address, port) in replaced {
        derived = derived.replace(&address, &format!("127.0.0.1:{port}"));
    }
    for (theirs, ours) in FOR_A_MINUTE {
        derived = derived.replacen(theirs, ours, 1);
    }
    check(path, &derived, ports)
        .ok_or_else(|| unfit("addresses, mirror.rehearse and gate that can be replaced"))?;
    Ok(derived)
}

/// That every address became what it was to become.
fn check(path: &Path, derived: &str, ports: Ports) -> Option<()> {
    let table = RouteTable::parse(path, derived).ok()?;
    let port = |name: &str| {
        let backend = table.backends.iter().find(|backend| backend.name == name)?;
        backend.targets.first().map(|target| target.port)
    };
    let route = table.route_named(ROUTE)?;
    let fits = route.mirror.rehearse >= 1.0
        && route.gate.min_samples == 25
        && port(MONOLITH)? == ports.monolith
        && port(SERVICE)? == ports.service
        && table.listen.http.port() == ports.proxy
        && table.listen.admin.port() == ports.admin
        && table.proxies == [format!("http://127.0.0.1:{}", ports.admin)];
    fits.then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = Ports { monolith: 41_001, service: 41_002, proxy: 41_003, admin: 41_004 };

    #[test]
    fn the_projects_table_is_fit_for_the_demo() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../routes.toml"));
        let text = std::fs::read_to_string(path).unwrap();
        let derived = derive(path, &text, PORTS).unwrap();
        assert!(!derived.contains("127.0.0.1:80"), "an address is left");
        assert_eq!(derived.lines().count(), text.lines().count());
    }

    #[test]
    fn another_table_is_refused_with_what_it_lacks() {
        let table = crate::testing::TABLE.replace("PROXIES", "");
        let problem = derive(Path::new("routes.toml"), &table, PORTS).unwrap_err().to_string();
        assert_eq!(
            problem,
            "routes.toml has no route `workflows` at stage monolith, so the demo can't be played with it"
        );
    }
}
