//! The shape of `migrate status` and how people read it.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use flip::admin::AdminError;
use flip::plan::percent_at;
use flip::standing::Standing;
use home::Home;
use routes::admin::{
    BackendReport, CertificateReport, EvidenceReport, GuardReport, LostSource, RoutesReport,
};
use routes::generation::Generation;
use routes::{Digest, RouteTable, Stage};
use serde::Serialize;

use crate::grid::{bad, grid, lines, plain, warn};
use crate::output::Report;
use crate::style::{BAD, DIM, GOOD, STRONG, WARN, paint};

use super::history::History;
use super::routes_list::stage_cell;

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    file: String,
    /// `file` or `postgres`.
    source: &'static str,
    /// `null` where the file is damaged.
    generation: Option<Generation>,
    /// Why the file is damaged.
    damaged: Option<String>,
    routes: Vec<RouteState>,
    proxies: Vec<ProxyState>,
    /// Flips that a crash left without an end.
    interrupted: Vec<String>,
    history: History,
}

#[derive(Debug, Serialize)]
struct RouteState {
    name: String,
    stage: Stage,
    #[serde(skip_serializing_if = "Option::is_none")]
    canary_percent: Option<f64>,
    old: String,
    new: String,
    /// Over all proxies that answer.
    compared: u64,
    matched: u64,
    /// Mirrored requests that got no answer.
    failed: u64,
    /// Fingerprints of differences.
    differences: usize,
    failovers: u64,
    /// The guard took it back, and nobody has acknowledged it.
    #[serde(skip_serializing_if = "Option::is_none")]
    guard: Option<GuardReport>,
}

/// One proxy.
#[derive(Debug, Serialize)]
pub(crate) struct ProxyState {
    address: String,
    /// It has in force what is in the file.
    in_step: bool,
    generation: Option<Generation>,
    table: Option<String>,
    version: Option<String>,
    pid: Option<u32>,
    /// Why it refused a newer file.
    rejected: Vec<String>,
    /// Since when and why it can't reach the table's database; `null` while it can.
    lost: Option<LostSource>,
    /// What clients are served with; absent without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateReport>,
    backends: Vec<BackendReport>,
    /// Why it could not be asked.
    error: Option<String>,
    #[serde(skip)]
    failovers: Vec<(String, u64)>,
    #[serde(skip)]
    guarded: BTreeMap<String, GuardReport>,
    #[serde(skip)]
    evidence: Option<EvidenceReport>,
}

/// What the journal says.
#[derive(Debug)]
pub(crate) struct Log {
    /// Routes that the guard took back.
    pub(crate) guarded: BTreeMap<String, GuardReport>,
    /// Flips without an end.
    pub(crate) interrupted: Vec<String>,
    /// The last changes.
    pub(crate) history: History,
}

impl ProxyState {
    /// What one proxy answered, beside what is in the file.
    pub(crate) fn new(
        address: String,
        report: Result<RoutesReport, AdminError>,
        evidence: Option<EvidenceReport>,
        in_file: Option<&Digest>,
    ) -> Self {
        let mut state = Self {
            address,
            in_step: false,
            generation: None,
            table: None,
            version: None,
            pid: None,
            rejected: Vec::new(),
            lost: None,
            certificate: None,
            backends: Vec::new(),
            error: None,
            failovers: Vec::new(),
            guarded: BTreeMap::new(),
            evidence,
        };
        match report {
            Ok(report) => {
                state.in_step = Some(&report.generation.digest) == in_file;
                state.generation = Some(report.generation);
                state.table = Some(report.proxy.table);
                state.version = Some(report.proxy.version);
                state.pid = Some(report.proxy.pid);
                state.rejected =
                    report.rejected.map(|rejected| rejected.problems).unwrap_or_default();
                state.lost = report.source.lost;
                state.certificate = report.certificate;
                state.backends = report.backends;
                let failovers = report.routes.iter();
                state.failovers =
                    failovers.map(|route| (route.name.clone(), route.failovers)).collect();
                let guarded = report.routes.into_iter();
                state.guarded =
                    guarded.filter_map(|route| Some((route.name, route.guard?))).collect();
            }
            Err(error) => state.error = Some(error.line()),
        }
        state
    }
}

impl Status {
    /// Puts together what was found.
    pub(crate) fn new(
        home: &Home,
        standing: &Standing,
        table: Option<&RouteTable>,
        proxies: Vec<ProxyState>,
        log: Log,
    ) -> Self {
        let Log { guarded, interrupted, history } = log;
        let states = table.map(|table| route_states(table, &proxies, &guarded));
        let routes = states.unwrap_or_default();
        Self {
            file: home.path().display().to_string(),
            source: home.source(),
            generation: standing.generation().cloned(),
            damaged: match standing {
                Standing::Good { .. } => None,
                Standing::Damaged { problem, .. } => Some(problem.to_string()),
            },
            routes,
            proxies,
            interrupted,
            history,
        }
    }
}

fn route_states(
    table: &RouteTable,
    proxies: &[ProxyState],
    journaled: &BTreeMap<String, GuardReport>,
) -> Vec<RouteState> {
    let states = table.routes.iter().map(|route| {
        let mut state = RouteState {
            name: route.name.clone(),
            stage: route.stage,
            canary_percent: percent_at(route.stage, route.canary.percent),
            old: table.backend(route.old).name.clone(),
            new: table.backend(route.new).name.clone(),
            compared: 0,
            matched: 0,
            failed: 0,
            differences: 0,
            failovers: 0,
            guard: journaled.get(&route.name).cloned(),
        };
        for proxy in proxies {
            state.count(proxy);
        }
        state
    });
    states.collect()
}

impl RouteState {
    fn count(&mut self, proxy: &ProxyState) {
        // What is written stands in the journal, which also knows of an acknowledgement before every proxy does.
        if let Some(guard) = proxy.guarded.get(&self.name).filter(|guard| !guard.written) {
            self.guard.get_or_insert_with(|| guard.clone());
        }
        let failovers = proxy.failovers.iter().filter(|(name, _)| *name == self.name);
        self.failovers += failovers.map(|(_, count)| count).sum::<u64>();
        let evidence = proxy.evidence.iter().flat_map(|evidence| &evidence.routes);
        for operation in
            evidence.filter(|seen| seen.route == self.name).flat_map(|seen| &seen.operations)
        {
            self.compared += operation.compared;
            self.matched += operation.matched;
            self.failed += operation.failed.values().sum::<u64>();
            self.differences += operation.differences.len();
        }
    }
}

/// A share in per cent, cut (not rounded) so that 100 % means all.
pub(crate) fn percent_text(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let hundredths = u128::from(part) * 10_000 / u128::from(whole);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

impl Report for Status {
    fn human(&self, page: &mut String) -> fmt::Result {
        write!(page, "{}  ", paint(STRONG, &self.file))?;
        match (&self.generation, &self.damaged) {
            (Some(generation), _) => {
                writeln!(page, "generation {} ({})", generation.number, generation.digest)?;
            }
            (None, damaged) => {
                let why = damaged.as_deref().unwrap_or("damaged");
                writeln!(
                    page,
                    "{}; the routes below are those of the last good one",
                    paint(BAD, why)
                )?;
            }
        }
        writeln!(page)?;
        page.push_str(&lines(&self.route_grid()));
        for route in &self.routes {
            route.alarm(page)?;
        }
        writeln!(page)?;
        for proxy in &self.proxies {
            proxy.human(page)?;
        }
        for flip in &self.interrupted {
            writeln!(
                page,
                "{} {flip}; the next cutover or rollback journals that",
                paint(WARN, "interrupted:")
            )?;
        }
        writeln!(page, "\n{}", paint(STRONG, "last changes"))?;
        self.history.human(page)
    }
}

impl Status {
    fn route_grid(&self) -> comfy_table::Table {
        let mut table = grid(&[
            "ROUTE",
            "STAGE",
            "OLD → NEW",
            "COMPARED",
            "MATCHED",
            "DIFFERENCES",
            "FAILED",
            "FAILOVERS",
        ]);
        // Where no proxy answers, nobody knows the counts, and a zero would be a lie.
        let is_known = self.proxies.iter().any(|proxy| proxy.error.is_none());
        for route in &self.routes {
            if !is_known {
                let route_cells = [
                    plain(&route.name),
                    stage_cell(route.stage, route.canary_percent),
                    plain(format!("{} → {}", route.old, route.new)),
                ];
                let unknown = std::iter::repeat_n(plain("–"), 5);
                table.add_row(route_cells.into_iter().chain(unknown));
                continue;
            }
            let matched = percent_text(route.matched, route.compared);
            let counted = |count: u64| if count == 0 { plain(count) } else { warn(count) };
            table.add_row(vec![
                plain(&route.name),
                stage_cell(route.stage, route.canary_percent),
                plain(format!("{} → {}", route.old, route.new)),
                plain(route.compared),
                if route.matched < route.compared { bad(matched) } else { plain(matched) },
                if route.differences == 0 { plain(0) } else { bad(route.differences) },
                counted(route.failed),
                counted(route.failovers),
            ]);
        }
        table
    }
}

impl RouteState {
    /// What the guard did, until it is acknowledged.
    fn alarm(&self, page: &mut String) -> fmt::Result {
        let Some(guard) = &self.guard else { return Ok(()) };
        let at = guard.at.format("%Y-%m-%d %H:%M:%S");
        let what = format!(
            "the guard took {} back: {} → {} at {at}: {}",
            self.name, guard.from, guard.to, guard.reason
        );
        writeln!(page, "\n{}", paint(BAD, what))?;
        if !guard.written {
            let unwritten = "  the table does not say so yet; the proxy goes on trying to write it";
            writeln!(page, "{}", paint(BAD, unwritten))?;
        }
        writeln!(page, "  seen? migrate guard acknowledge {}", self.name)
    }
}

impl ProxyState {
    fn human(&self, page: &mut String) -> fmt::Result {
        write!(page, "{}  ", paint(STRONG, format_args!("proxy {}", self.address)))?;
        if let Some(error) = &self.error {
            return writeln!(page, "{}", paint(BAD, error));
        }
        let generation = self.generation.as_ref().map_or_else(String::new, |generation| {
            format!("generation {} ({})", generation.number, generation.digest)
        });
        if self.in_step {
            writeln!(page, "{}", paint(GOOD, format_args!("follows the table: {generation}")))?;
        } else {
            let table = self.table.as_deref().unwrap_or_default();
            writeln!(
                page,
                "{}",
                paint(BAD, format_args!("out of step with the table: {generation} of {table}"))
            )?;
        }
        for problem in &self.rejected {
            writeln!(page, "  {} {problem}", paint(BAD, "rejected"))?;
        }
        if let Some(lost) = &self.lost {
            writeln!(page, "  {}", paint(BAD, lost.describe()))?;
        }
        if let Some(certificate) = &self.certificate {
            let style = if certificate.rejected.is_some() { BAD } else { DIM };
            writeln!(page, "  {}", paint(style, certificate.describe()))?;
        }
        for backend in &self.backends {
            let targets = backend.targets.iter().map(|target| {
                let word = if target.healthy { "healthy" } else { "unhealthy" };
                format!("{} {word}", target.address)
            });
            let targets: Vec<String> = targets.collect();
            let style = if backend.healthy { GOOD } else { BAD };
            writeln!(page, "  backend {}  {}", paint(style, &backend.name), targets.join(", "))?;
        }
        if self.evidence.is_none() {
            writeln!(page, "  {}", paint(DIM, "its evidence could not be read"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::percent_text;

    #[test]
    fn a_share_is_never_rounded_up_to_all() {
        assert_eq!(percent_text(99_999, 100_000), "99.99 %");
        assert_eq!(percent_text(7, 7), "100.00 %");
        assert_eq!(percent_text(0, 0), "–");
        assert_eq!(percent_text(u64::MAX, u64::MAX), "100.00 %");
    }
}
