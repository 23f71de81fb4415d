//! Whether memory is bounded: full load for minutes, with a new backend that takes every copy and never answers.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::backend::Manner;
use crate::paced::{self, SATURATING};
use crate::pair::{Ground, Proxy};
use crate::{Failure, process, report};

/// What the proxy may hold, bytes.
const BOUND: u64 = 150 << 20;

#[derive(Debug, clap::Args)]
pub(crate) struct MemoryArgs {
    /// Minutes of load.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Keep-alive connections.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// The proxy's binary; default: beside this one.
    #[arg(long)]
    proxy: Option<PathBuf>,
    /// The route table that the proxy runs with; targets and ports are replaced.
    #[arg(long, default_value = "routes.toml")]
    routes: PathBuf,
}

/// Loads, samples, prints, and fails where the bound was passed.
pub(crate) fn run(args: &MemoryArgs) -> Result<(), Failure> {
    let ground = Ground::new(args.proxy.clone(), &args.routes)?;
    let old = ground.backend("old", Manner::Fast)?;
    let new = ground.distant_backend(Manner::Hanging)?;
    let proxy = ground.proxy("shadow", &old, &new)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let most = runtime.block_on(load(&proxy, args))?;
    let copies = runtime.block_on(proxy.copies())?;
    report::copies("copies", &copies);
    if most > BOUND {
        return Err(format!("the proxy held {most} bytes, more than {BOUND}").into());
    }
    Ok(())
}

/// The most that the proxy held.
async fn load(proxy: &Proxy, args: &MemoryArgs) -> Result<u64, Failure> {
    let began = Instant::now();
    let total = Duration::try_from_secs_f64(args.minutes * 60.0)?;
    let slice = (total / 20).clamp(Duration::from_secs(1), Duration::from_secs(30));
    let mut most = 0;
    while began.elapsed() < total {
        let (rate, most_of_slice) = tokio::try_join!(
            async {
                let url = proxy.front.url();
                Ok(paced::run(&url, SATURATING, args.connections, slice).await?.rate)
            },
            watch(proxy.front.running.pid(), slice),
        )?;
        most = most.max(most_of_slice);
        report::memory(began.elapsed(), rate, most_of_slice, most);
    }
    Ok(most)
}

/// The most that a process held for this long, looked at ten times a second.
async fn watch(pid: u32, length: Duration) -> Result<u64, Failure> {
    let began = Instant::now();
    let mut most = 0;
    while began.elapsed() < length {
        most = most.max(process::resident_bytes(pid)?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(most)
}
