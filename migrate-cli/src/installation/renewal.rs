//! How a unit that runs comes to a new form of itself.

use std::path::Path;

use super::machine::{Commands, Machine};
use super::wanted::PROXY;
use super::{Trouble, steps::What};

/// The programs that are installed, with the unit that runs each; the last is run by operators.
const PROGRAMS: [&str; 3] = [PROXY, "agent-service", "migrate"];

/// What has to be done with a unit that runs once these files, below the machine's root, are others; `None`: nothing.
pub(super) async fn renewal<C: Commands>(
    machine: &Machine<'_, C>,
    unit: &str,
    changed: &[&Path],
) -> Result<Option<What>, Trouble> {
    match needed(unit, changed) {
        // One that was installed by an earlier version, or was changed by hand, knows no other way.
        Some(What::HandOver) if !machine.can_hand_over(unit).await? => Ok(Some(What::Restart)),
        needed => Ok(needed),
    }
}

fn needed(unit: &str, changed: &[&Path]) -> Option<What> {
    let own = if unit == PROXY { PROXY } else { "agent-service" };
    let name = |path: &Path| PROGRAMS.into_iter().find(|program| path.ends_with(program));
    let programs: Vec<Option<&str>> = changed
        .iter()
        // A folder of settings may be called like a program.
        .map(|path| name(path).filter(|_| !path.starts_with("etc")))
        .collect();
    if programs.contains(&None) {
        // A unit's file, or settings: they count from its next start on.
        Some(What::Restart)
    } else if !programs.contains(&Some(own)) {
        None
    } else if unit == PROXY {
        Some(What::HandOver)
    } else {
        Some(What::Restart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(unit: &str, changed: &[&str]) -> Option<What> {
        needed(unit, &changed.iter().map(Path::new).collect::<Vec<_>>())
    }

    #[test]
    fn each_unit_is_renewed_for_what_it_runs_and_both_for_settings() {
        let (proxy, migrate) = ("usr/local/bin/strangler-proxy", "usr/local/bin/migrate");
        assert_eq!(of(PROXY, &[proxy, migrate]), Some(What::HandOver));
        assert_eq!(of("agents", &[proxy, migrate]), None);
        assert_eq!(of(PROXY, &["opt/agent-service"]), None);
        assert_eq!(of("agents", &["opt/agent-service"]), Some(What::Restart));
        let unit = "etc/systemd/system/strangler-proxy.service";
        assert_eq!(of(PROXY, &[proxy, unit]), Some(What::Restart));
        assert_eq!(of("agents", &[unit]), Some(What::Restart));
        assert_eq!(of(PROXY, &[]), None);
    }
}
