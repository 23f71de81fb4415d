//! Fifty flips forth and back under load: nothing lost, nothing answered by the wrong side, and how fast.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use e2e::load::{Exchange, Load, Report, quantile_of};
use e2e::stack::forced;
use e2e::{LIMIT, RouteSpec};
use notify::event::{EventKind, ModifyKind, RenameMode};
use notify::{RecursiveMode, Watcher as _};

use crate::{NEW, OLD, stack};

const FLIPS: usize = 50;

/// One flip as seen from outside.
#[derive(Debug)]
struct Flip {
    to: &'static str,
    /// When the command was started.
    began: Instant,
    /// When the file was renamed into place, as the kernel told.
    renamed: Instant,
    /// When the command had ended: every proxy had said that it follows.
    ended: Instant,
}

/// Tells when the table is replaced.
struct Renames {
    times: mpsc::Receiver<Instant>,
    _watcher: notify::RecommendedWatcher,
}

impl Renames {
    fn watch(table: PathBuf) -> Self {
        let (tell, times) = mpsc::channel();
        let folder = table.parent().unwrap().to_owned();
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let now = Instant::now();
                let event = event.unwrap();
                let arrived = EventKind::Modify(ModifyKind::Name(RenameMode::To));
                if event.kind == arrived && event.paths.contains(&table) {
                    tell.send(now).ok();
                }
            })
            .unwrap();
        watcher.watch(&folder, RecursiveMode::NonRecursive).unwrap();
        Self { times, _watcher: watcher }
    }

    fn next(&self) -> Instant {
        self.times.recv_timeout(LIMIT).expect("the command has renamed the table")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_flips_under_load_lose_nothing_and_mix_nothing_up() {
    let stack = stack().alone().route(RouteSpec::new("w", "/w/{*rest}")).start().await;
    let renames = Renames::watch(stack.routes_path());
    let load = Load::get("/w/1").start(stack.table.http);
    load.more(200).await;
    let mut flips = Vec::new();
    for flip in 0..FLIPS {
        let (to, words) = match flip % 2 {
            0 => (NEW, forced(&["w", "--to", "service"])),
            _ => (OLD, vec!["rollback", "w"]),
        };
        let began = Instant::now();
        stack.migrate_ok(&words).await;
        flips.push(Flip { to, began, ended: Instant::now(), renamed: renames.next() });
        load.more(40).await;
    }
    let report = load.stop().await;
    report.assert_all_answered(200);
    assert_eq!(report.reconnects, 0, "the connections stayed");
    assert_each_answered_by_its_generation(&report, &flips);
    print_times(&report, &flips);
    let table = stack.routes_report().await.generation;
    assert!(table.number >= FLIPS as u64);
    let history = stack.migrate_ok(&["--output", "json", "history", "--limit", "100"]).await;
    let history: serde_json::Value = serde_json::from_str(&history.stdout).unwrap();
    let changes: Vec<_> =
        history["changes"].as_array().unwrap().iter().filter(|c| c["action"] != "edit").collect();
    assert_eq!(changes.len(), FLIPS);
    assert!(changes.iter().all(|change| change["outcome"] == "done"), "{history:#}");
}

fn side(exchange: &Exchange) -> &str {
    &exchange.result.as_ref().unwrap().backend
}

/// A request that began after a flip had ended, and ended before the next began, can have seen one generation only.
fn assert_each_answered_by_its_generation(report: &Report, flips: &[Flip]) {
    let mut certain = 0;
    for (index, flip) in flips.iter().enumerate() {
        let next = flips.get(index + 1).map(|next| next.began);
        let seen = report.exchanges.iter().filter(|exchange| {
            exchange.began > flip.ended && next.is_none_or(|next| exchange.ended < next)
        });
        for exchange in seen {
            assert_eq!(side(exchange), flip.to, "flip {index}: {exchange:?}, {flip:?}");
            certain += 1;
        }
    }
    let first = flips[0].began;
    let before = report.exchanges.iter().filter(|exchange| exchange.ended < first);
    for exchange in before {
        assert_eq!(side(exchange), OLD);
    }
    eprintln!(
        "{} flips under load: {} requests, all answered; {certain} of them can be told to one generation, all by its side",
        flips.len(),
        report.exchanges.len(),
    );
    assert!(certain > flips.len() * 4, "the check had something to look at");
}

fn print_times(report: &Report, flips: &[Flip]) {
    let reactions: Vec<Duration> = flips.iter().map(|flip| reaction(report, flip)).collect();
    let quantile = |share| quantile_of(reactions.iter().copied(), share);
    let (p50, p99) = (quantile(0.5), quantile(0.99));
    eprintln!(
        "from the rename to the end of the first request on the new side: p50 {p50:?}, p99 {p99:?} over {} flips",
        flips.len()
    );
    // The promise is 5 ms and 25 ms; a machine that does other work gets more.
    assert!(p50 < Duration::from_millis(100), "p50 {p50:?}");
    assert!(p99 < Duration::from_secs(1), "p99 {p99:?}");
}

/// From the rename to the end of the first exchange that the new side answered; the kernel's word of the rename can be late.
fn reaction(report: &Report, flip: &Flip) -> Duration {
    let first = report
        .exchanges
        .iter()
        .filter(|exchange| exchange.ended > flip.began && side(exchange) == flip.to)
        .map(|exchange| exchange.ended)
        .min();
    first.expect("the new side answers").duration_since(flip.renamed)
}
