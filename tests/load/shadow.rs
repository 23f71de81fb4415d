//! Whether a client can feel the shadow: mirroring off and on, whatever the new backend does, in interleaved rounds.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::backend::Manner;
use crate::paced::{self, Figures, SATURATING};
use crate::pair::{At, Ground, Proxy};
use crate::{Failure, report};

#[derive(Debug, clap::Args)]
pub(crate) struct ShadowArgs {
    /// Rounds; in each, every row is measured once at half load and once at saturation.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds of load for each row and load in each round.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
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
    /// By round.
    pub(crate) half: Vec<Figures>,
    pub(crate) full: Vec<Figures>,
    /// CPU microseconds of the proxy for one answer at saturation, by round.
    pub(crate) cpu: Vec<f64>,
    /// What became of its copies, at half load and at saturation, over all rounds.
    pub(crate) copies: [BTreeMap<String, f64>; 2],
}

enum Front {
    Proxy(Proxy),
    Nginx(At),
}

impl Row {
    fn new(name: &str, front: Front) -> Self {
        let (half, full, cpu) = (Vec::new(), Vec::new(), Vec::new());
        Self { name: name.to_owned(), front, half, full, cpu, copies: Default::default() }
    }

    fn at(&self) -> &At {
        match &self.front {
            Front::Proxy(proxy) => &proxy.front,
            Front::Nginx(at) => at,
        }
    }

    /// Loads it once; `which`: 0 at half load, 1 at saturation.
    async fn load(&mut self, rate: f64, which: usize, args: &ShadowArgs) -> Result<(), Failure> {
        let length = Duration::from_secs(args.seconds);
        let copies = self.counted().await?;
        let cpu = self.at().cpu_seconds()?;
        let figures = paced::run(&self.at().url(), rate, args.connections, length).await?;
        let cpu = self.at().cpu_seconds()? - cpu;
        for (name, count) in self.counted().await? {
            let before = copies.get(&name).copied().unwrap_or_default();
            if let Some(all) = self.copies.get_mut(which) {
                *all.entry(name).or_default() += count - before;
            }
        }
        if which == 0 {
            self.half.push(figures);
        } else {
            self.full.push(figures);
            self.cpu.push(cpu * 1e6 / (figures.rate * length.as_secs_f64()));
        }
        Ok(())
    }

    async fn counted(&self) -> Result<BTreeMap<String, f64>, Failure> {
        match &self.front {
            Front::Proxy(proxy) => proxy.copies().await,
            Front::Nginx(_) => Ok(BTreeMap::new()),
        }
    }
}

/// Measures and prints; every answer's status and bytes are checked on the way.
pub(crate) fn run(args: &ShadowArgs) -> Result<(), Failure> {
    let ground = Ground::new(args.proxy.clone(), &args.routes)?;
    let old = ground.backend("old", Manner::Fast)?;
    let news: Vec<(Manner, At)> = Manner::ALL
        .into_iter()
        .map(|manner| Ok((manner, ground.backend(manner.name(), manner)?)))
        .collect::<Result<_, Failure>>()?;
    let mut rows = Vec::new();
    for (manner, new) in &news {
        if *manner == Manner::Fast {
            rows.push(Row::new("off", Front::Proxy(ground.proxy("monolith", &old, new)?)));
        }
        let name = format!("on, {}", manner.name());
        rows.push(Row::new(&name, Front::Proxy(ground.proxy("shadow", &old, new)?)));
    }
    rows.push(Row::new("nginx, off", Front::Nginx(ground.nginx(&old, None)?)));
    for (manner, new) in &news {
        if matches!(manner, Manner::Fast | Manner::Slow) {
            let name = format!("nginx, {}", manner.name());
            rows.push(Row::new(&name, Front::Nginx(ground.nginx(&old, Some(new))?)));
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let half = runtime.block_on(rounds(&mut rows, args))?;
    report::shadow(args.rounds, half, &rows);
    Ok(())
}

/// The rate that was taken for half of saturation.
async fn rounds(rows: &mut [Row], args: &ShadowArgs) -> Result<f64, Failure> {
    let off = rows.first().ok_or("nothing to measure")?.at().url();
    let length = Duration::from_secs(args.seconds);
    // The first run only warms up.
    paced::run(&off, SATURATING, args.connections, length).await?;
    let half = paced::run(&off, SATURATING, args.connections, length).await?.rate / 2.0;
    for round in 1..=args.rounds {
        report::progress("shadow", round, args.rounds);
        for (which, rate) in [half, SATURATING].into_iter().enumerate() {
            for row in &mut *rows {
                row.load(rate, which, args).await?;
            }
        }
    }
    Ok(half)
}
