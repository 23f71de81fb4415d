//! Whether a client can feel the shadow: mirroring off and on by turns, whatever the new backend does.
//!
//! The same proxy is measured with its route at stage `monolith` and at stage `shadow`, by turns within
//! a second: two processes of one binary differ by some per cent, and so does one of them from one second to the next.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::backend::Manner;
use crate::paced::{self, Latencies, SATURATING};
use crate::pair::{At, Ground, Proxy};
use crate::{Failure, report};

#[derive(Debug, clap::Args)]
pub(crate) struct ShadowArgs {
    /// Rounds; in each, every row is measured at saturation and at half of it.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Cycles (off, on, on, off) for each row and load in each round.
    #[arg(long, default_value_t = 6)]
    cycles: usize,
    /// Milliseconds of each part of a cycle.
    #[arg(long, default_value_t = 150)]
    slice: u64,
    /// Keep-alive connections.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// The proxy's binary; default: beside this one.
    #[arg(long)]
    proxy: Option<PathBuf>,
    /// The route table that the proxy runs with; targets and ports are replaced.
    #[arg(long, default_value = "routes.toml")]
    routes: PathBuf,
}

/// One row of the table.
pub(crate) struct Row {
    pub(crate) name: String,
    front: Front,
    pub(crate) half: Vec<Cycle>,
    pub(crate) full: Vec<Cycle>,
    /// What became of its copies, at half load and at saturation.
    pub(crate) copies: BTreeMap<Load, BTreeMap<String, f64>>,
}

/// The same load with mirroring off and on, at the same time as nearly as can be.
#[derive(Debug, Default)]
pub(crate) struct Cycle {
    pub(crate) off: Slices,
    pub(crate) on: Slices,
}

/// What the slices of a cycle found together.
#[derive(Debug, Default)]
pub(crate) struct Slices {
    pub(crate) latencies: Latencies,
    /// Seconds of load.
    pub(crate) length: f64,
    /// CPU seconds.
    pub(crate) cpu: f64,
}

/// How hard it is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Load {
    /// Half of what it reaches with mirroring off.
    Half,
    /// As much as it takes.
    Full,
}

/// Whether mirroring is on in the slices of a cycle: what drifts in one direction cancels out.
const CYCLE: [bool; 4] = [false, true, true, false];

enum Front {
    /// Its route is put from one stage to the other.
    Proxy(Proxy),
    /// Without and with its `mirror` directive.
    Nginx { off: At, on: At },
}

impl Front {
    /// Where to find it with mirroring off or on.
    async fn at(&self, is_on: bool) -> Result<&At, Failure> {
        match self {
            Self::Proxy(proxy) => {
                proxy.stage(if is_on { "shadow" } else { "monolith" }).await?;
                Ok(&proxy.front)
            }
            Self::Nginx { off, on } => Ok(if is_on { on } else { off }),
        }
    }

    async fn copies(&self) -> Result<BTreeMap<String, f64>, Failure> {
        match self {
            Self::Proxy(proxy) => proxy.copies().await,
            Self::Nginx { .. } => Ok(BTreeMap::new()),
        }
    }
}

impl Row {
    fn new(manner: Manner, front: Front) -> Self {
        let name = match front {
            Front::Proxy(_) => manner.name().to_owned(),
            Front::Nginx { .. } => format!("nginx, {}", manner.name()),
        };
        Self { name, front, half: Vec::new(), full: Vec::new(), copies: BTreeMap::new() }
    }

    /// Loads it by turns.
    async fn load(&mut self, load: Load, args: &ShadowArgs) -> Result<(), Failure> {
        let rate = if load == Load::Full { SATURATING } else { self.half_rate() };
        let copies = self.front.copies().await?;
        for _ in 0..args.cycles {
            let cycle = self.cycle(rate, args).await?;
            if load == Load::Full { self.full.push(cycle) } else { self.half.push(cycle) }
        }
        let all = self.copies.entry(load).or_default();
        for (name, count) in self.front.copies().await? {
            let before = copies.get(&name).copied().unwrap_or_default();
            *all.entry(name).or_default() += count - before;
        }
        Ok(())
    }

    async fn cycle(&self, rate: f64, args: &ShadowArgs) -> Result<Cycle, Failure> {
        let length = Duration::from_millis(args.slice);
        let mut cycle = Cycle::default();
        for is_on in CYCLE {
            let at = self.front.at(is_on).await?;
            let cpu = at.cpu_seconds()?;
            let ask = paced::Ask::backend(&at.url())?;
            let latencies = paced::latencies(&ask, rate, args.connections, length).await?;
            let slices = if is_on { &mut cycle.on } else { &mut cycle.off };
            slices.latencies.extend(latencies);
            slices.length += length.as_secs_f64();
            slices.cpu += at.cpu_seconds()? - cpu;
        }
        Ok(cycle)
    }

    /// Half of what it has reached with mirroring off so far.
    fn half_rate(&self) -> f64 {
        report::median(self.full.iter().map(|cycle| cycle.off.rate())) / 2.0
    }
}

impl Slices {
    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.answers() / self.length
    }
}

/// Measures and prints; every answer's status and bytes are checked on the way.
pub(crate) fn run(args: &ShadowArgs) -> Result<(), Failure> {
    let ground = Ground::new(args.proxy.clone(), &args.routes)?;
    let old = ground.backend("old", Manner::Fast)?;
    let (mut rows, mut news) = (Vec::new(), Vec::new());
    for manner in Manner::ALL {
        let new = ground.distant_backend(manner)?;
        rows.push(Row::new(manner, Front::Proxy(ground.proxy("monolith", &old, &new)?)));
        news.push(new);
    }
    for manner in [Manner::Fast, Manner::Slow] {
        // nginx waits for its copies, so it gets new backends that have their share of the CPU.
        let new = ground.backend(&format!("near-{}", manner.name()), manner)?;
        let (off, on) = (ground.nginx(&old, None)?, ground.nginx(&old, Some(&new))?);
        rows.push(Row::new(manner, Front::Nginx { off, on }));
        news.push(new);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for round in 1..=args.rounds {
            report::progress("shadow", round, args.rounds);
            for load in [Load::Full, Load::Half] {
                for row in &mut rows {
                    row.load(load, args).await?;
                }
            }
        }
        Ok::<_, Failure>(())
    })?;
    report::shadow(&rows);
    Ok(())
}
