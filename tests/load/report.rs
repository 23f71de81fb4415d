//! The tables that a benchmark prints; the only writer of its output.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what this file is for")]

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use crate::paced::Figures;
use crate::services::{Compared, Measured};
use crate::shadow::{Cycle, Row, Slices};
use crate::subjects::Subject;
use crate::wrk::Load;

/// What the saturating rounds found.
#[derive(Debug, Default)]
pub(crate) struct Saturation {
    rounds: BTreeMap<Subject, Vec<(Load, f64)>>,
}

impl Saturation {
    /// Adds one round of one subject; `cpu` are the seconds its processes used.
    pub(crate) fn add(&mut self, subject: Subject, load: &Load, cpu: f64) {
        self.rounds.entry(subject).or_default().push((*load, cpu));
    }

    /// Median of the answers a second.
    pub(crate) fn median_rate(&self, subject: Subject) -> f64 {
        self.median(subject, |(load, _)| load.rate)
    }

    fn median(&self, subject: Subject, figure: impl Fn(&(Load, f64)) -> f64) -> f64 {
        median(self.rounds.get(&subject).into_iter().flatten().map(figure))
    }

    /// CPU microseconds for one request.
    fn cpu(&self, subject: Subject) -> f64 {
        self.median(subject, |(load, cpu)| cpu * 1e6 / load.requests)
    }

    /// Median of the ratio to bare pingora, taken round by round: the machine's speed drifts between rounds.
    fn cpu_ratio(&self, subject: Subject) -> f64 {
        let per_request = |(load, cpu): &(Load, f64)| cpu / load.requests;
        let rounds = |subject| self.rounds.get(&subject).into_iter().flatten();
        median(
            rounds(subject)
                .zip(rounds(Subject::BarePingora))
                .map(|(own, bare)| per_request(own) / per_request(bare)),
        )
    }
}

/// What the paced rounds found.
#[derive(Debug, Default)]
pub(crate) struct PacedFigures {
    rounds: BTreeMap<Subject, Vec<Figures>>,
}

impl PacedFigures {
    /// Adds one round of one subject.
    pub(crate) fn add(&mut self, subject: Subject, figures: Figures) {
        self.rounds.entry(subject).or_default().push(figures);
    }

    fn median(&self, subject: Subject, figure: impl Fn(&Figures) -> f64) -> f64 {
        median(self.rounds.get(&subject).into_iter().flatten().map(figure))
    }
}

/// The one in the middle.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What is about to be measured.
pub(crate) fn heading(rounds: usize, seconds: u64, connections: usize) {
    println!(
        "{rounds} interleaved rounds, {seconds} s each, {connections} keep-alive connections, about 1 kB of JSON;"
    );
    println!("each proxy with one thread; logs off everywhere; medians of the rounds.\n");
}

/// One line that overwrites itself on a terminal and says nothing elsewhere.
pub(crate) fn progress(what: &str, round: usize, rounds: usize) {
    if std::io::stderr().is_terminal() {
        eprint!("\r{what}: round {round} of {rounds} …  ");
        drop(std::io::stderr().flush());
    }
}

/// The table of the saturating rounds.
pub(crate) fn saturation(found: &Saturation) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
    println!(
        "{:<23} {:>9} {:>9} {:>9} {:>13} {:>16}",
        "at saturation", "req/s", "p50 ms", "p99 ms", "CPU µs/req", "CPU of bare"
    );
    for subject in Subject::ALL {
        let ratio = match subject {
            Subject::Direct => "-".to_owned(),
            _ => format!("{:.2}", found.cpu_ratio(subject)),
        };
        println!(
            "{:<23} {:>9.0} {:>9.2} {:>9.2} {:>13.1} {:>16}",
            subject.name(),
            found.median_rate(subject),
            found.median(subject, |(load, _)| load.p50),
            found.median(subject, |(load, _)| load.p99),
            found.cpu(subject),
            ratio
        );
    }
    println!(
        "(direct: the backend's own CPU. Mirroring at saturation sends and compares what its bounds let through and drops the rest.)\n"
    );
}

/// The table of the paced rounds at one rate, which is some share of the most that the paced load can drive.
pub(crate) fn paced(share: &str, rate: f64, found: &PacedFigures) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
    let heading = format!("{rate:.0} req/s, {share}");
    println!("{heading:<23} {:>9} {:>9}", "p50 ms", "p99 ms");
    for subject in [Subject::Proxy, Subject::ProxyMirroring] {
        println!(
            "{:<23} {:>9.3} {:>9.3}",
            subject.name(),
            found.median(subject, |figures| figures.p50),
            found.median(subject, |figures| figures.p99)
        );
    }
    let ratio = |figure: fn(&Figures) -> f64| {
        found.median(Subject::ProxyMirroring, figure) / found.median(Subject::Proxy, figure)
    };
    println!(
        "{:<23} {:>9.2} {:>9.2}",
        "mirroring on / off",
        ratio(|figures| figures.p50),
        ratio(|figures| figures.p99)
    );
    println!();
}

/// What the paced rounds are a share of, and what bounds them.
pub(crate) fn shared_cores(most: f64) {
    println!(
        "(of the {most:.0} req/s that the paced load drives through the proxy. Load, both backends and the copies share this\n machine's cores with it: where these are full, copies cost clients what the cores lack.)"
    );
}

/// Whether the shadow is felt: each row against itself with mirroring off.
pub(crate) fn shadow(rows: &[Row]) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
    println!(
        "Mirroring off and on by turns in the same process; every answer was 200 with the backend's own bytes."
    );
    println!(
        "Medians of the cycles (off, on, on, off); on/off: the median of each cycle's ratio, and its 68 % interval."
    );
    println!(
        "New backends of the proxy run on CPU that nobody else wants, as if on a machine of their own; nginx's do not.\n"
    );
    for (title, decimals, pick, figure) in FIGURES {
        println!("{title:<34} {:>10} {:>10}   on/off", "off", "on");
        for row in rows {
            let cycles = pick(row);
            let each = |of: fn(&Cycle) -> &Slices| cycles.iter().map(move |one| figure(of(one)));
            let (off, on) = (median(each(|one| &one.off)), median(each(|one| &one.on)));
            let (ratio, [low, high]) =
                middle(cycles.iter().map(|one| figure(&one.on) / figure(&one.off)));
            println!(
                "{:<34} {off:>10.decimals$} {on:>10.decimals$}   {ratio:.2} [{low:.2}, {high:.2}]",
                row.name
            );
        }
        println!();
    }
    for row in rows {
        for (load, counts) in &row.copies {
            copies(&format!("{}, {load:?}", row.name).to_lowercase(), counts);
        }
    }
}

/// Title, decimals, which cycles, and what of them.
type Figure = (&'static str, usize, fn(&Row) -> &[Cycle], fn(&Slices) -> f64);

const FIGURES: [Figure; 4] = [
    ("p50 at half load, ms", 3, |row| &row.half, |slices| slices.latencies.quantiles().0),
    ("p99 at half load, ms", 2, |row| &row.half, |slices| slices.latencies.quantiles().1),
    ("answers a second at saturation", 0, |row| &row.full, Slices::rate),
    (
        "CPU µs an answer at saturation",
        1,
        |row| &row.full,
        |slices| 1e6 * slices.cpu / slices.latencies.answers(),
    ),
];

/// The median of some ratios, and where it lies with a probability of two thirds (by order statistics: no assumption of how
/// they are distributed).
fn middle(ratios: impl Iterator<Item = f64>) -> (f64, [f64; 2]) {
    let mut sorted: Vec<f64> = ratios.collect();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let spread = sorted.len().isqrt().div_ceil(2);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    (at(half), [at(half.saturating_sub(spread)), at(half + spread)])
}

/// What became of copies: how many of each, and their share.
pub(crate) fn copies(name: &str, counts: &BTreeMap<String, f64>) {
    let total: f64 = counts.values().sum();
    if total > 0.0 {
        let shares = counts.iter().filter(|(_, count)| **count > 0.0).map(|(outcome, count)| {
            format!("{outcome} {count:.0} ({:.1} %)", 100.0 * count / total)
        });
        println!("{name:<21} {}", shares.collect::<Vec<_>>().join(", "));
    }
}

/// The service beside the monolith's stand-in.
pub(crate) fn services(found: &[Compared], rounds: usize, seconds: u64, connections: usize) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
    println!(
        "{rounds} interleaved rounds, {seconds} s each, {connections} keep-alive connections; a fresh database for each operation and"
    );
    println!("program; medians of the rounds, and of the ratios round by round.");
    let mut heading = None;
    for Compared { engine, operation, rounds, .. } in found {
        if heading.replace(*engine) != Some(*engine) {
            println!(
                "\n{:<32} {:>9} {:>9} {:>9} {:>10} {:>13}",
                engine.name(),
                "req/s",
                "p50 ms",
                "p99 ms",
                "memory MB",
                "anonymous MB"
            );
        }
        let line = |program: &str, figures: [f64; 5], decimals: [usize; 5]| {
            print!("{:<32}", format!("{}, {program}", operation.name()));
            for ((figure, decimals), width) in figures.iter().zip(decimals).zip([9, 9, 9, 10, 13]) {
                print!(" {figure:>width$.decimals$}");
            }
            println!();
        };
        for (program, at) in [("Python stand-in", 0), ("agent service", 1)] {
            let figures = FIGURES_OF_SERVICES
                .map(|figure| median(rounds.iter().filter_map(|both| both.get(at)).map(figure)));
            line(program, figures, [0, 2, 2, 1, 1]);
        }
        let ratios = FIGURES_OF_SERVICES
            .map(|figure| median(rounds.iter().map(|[old, new]| figure(new) / figure(old))));
        line("service / stand-in", ratios, [2; 5]);
    }
    let syncs = found.iter().flat_map(|compared| compared.syncs.iter().copied());
    println!(
        "(memory: all that is in it, shared pages by halves (Pss), without PostgreSQL's own processes; anonymous: of that, what is\n \
         in no file. A page is written and synced in {:.2} ms here, by a bare loop between the rounds.)",
        median(syncs)
    );
}

/// What of one round the columns show.
const FIGURES_OF_SERVICES: [fn(&Measured) -> f64; 5] = [
    |measured| measured.rate,
    |measured| measured.p50,
    |measured| measured.p99,
    |measured| megabytes(measured.memory.all),
    |measured| megabytes(measured.memory.anonymous),
];

/// One line of a memory run.
pub(crate) fn memory(elapsed: Duration, rate: f64, now: u64, most: u64) {
    println!(
        "{:>5.1} min  {rate:>7.0} req/s  {:>6.1} MB, at most {:.1} MB",
        elapsed.as_secs_f64() / 60.0,
        megabytes(now),
        megabytes(most)
    );
}

#[expect(clippy::cast_precision_loss, reason = "bytes of one process, far below 2^52")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The one report of a benchmark that could not run.
pub(crate) fn failure(failure: &dyn std::error::Error) {
    eprintln!("bench: {failure}");
}
