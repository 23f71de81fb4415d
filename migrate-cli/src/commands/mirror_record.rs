//! `migrate mirror record`: exchanges that pass the proxies, into an HTTP Archive.

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use flip::admin::AdminClient;
use flip::cutover_plan::unknown;
use flip::standing::read_table;
use routes::admin::{RecordedExchange, RecordingEnd, RecordingLine};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Report;
use crate::recording::Writer;
use crate::style::{STRONG, WARN, paint};

use super::cutover::patience;
use super::status::proxy_addresses;

/// Lines of all proxies that wait to be written; who is faster waits.
const WAITING: usize = 64;
/// Longest line of a proxy, bytes: two bodies at their limit, escaped.
const MAX_LINE: usize = 64 << 20;

const AFTER: &str = "\
Secrets are masked by the proxy. The file appears when the recording ends: after --for, at --limit, at --max-bytes, or with Ctrl-C.

Examples:
  migrate mirror record --route workflows --out yesterday.har --for 10m
  migrate mirror replay yesterday.har --against http://127.0.0.1:8012";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// Where the HTTP Archive goes
    #[arg(long, value_name = "FILE.har")]
    out: PathBuf,

    /// Only exchanges of this route
    #[arg(long, value_name = "ROUTE")]
    route: Option<String>,

    /// How long
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = patience)]
    time: Duration,

    /// Most exchanges
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    limit: u64,

    /// Largest file, bytes
    #[arg(long, value_name = "N", default_value_t = 256 << 20)]
    max_bytes: u64,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct Recorded {
    file: String,
    exchanges: u64,
    /// Exchanges that the proxies could not hand over in time.
    lost: u64,
    /// Why it ended: `time`, `limit`, `size`, `stopped` (Ctrl-C) or `proxies` (all of them ended).
    ended: &'static str,
    /// Proxies that did not answer, or broke off.
    errors: Vec<String>,
}

/// What a proxy sends.
enum Heard {
    Exchange(Box<RecordedExchange>),
    Lost(u64),
    Error(String),
}

/// Records.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let table = read_table(&context.home)?;
    if let Some(name) = &args.route {
        table.route_named(name).ok_or_else(|| unknown(&table, name))?;
    }
    let failed = |problem: std::io::Error| Failure::Other {
        message: format!("{} can't be written: {problem}", args.out.display()),
        help: "name a file in a folder that exists and that you may write to".to_owned(),
    };
    let mut writer = Writer::begin(&args.out).map_err(failed)?;
    let client = context.admin_client()?;
    let (sender, mut heard) = mpsc::channel(WAITING);
    let mut listeners = JoinSet::new();
    let addresses = proxy_addresses(&table);
    let proxies = addresses.len();
    for address in addresses {
        listeners.spawn(listen(client.clone(), address, args.route.clone(), sender.clone()));
    }
    drop(sender);
    let progress = context.printer.progress("recording; Ctrl-C ends it");
    let (mut errors, mut lost) = (Vec::new(), 0);
    let mut over = std::pin::pin!(tokio::time::sleep(args.time));
    let mut stop = std::pin::pin!(tokio::signal::ctrl_c());
    let ended = loop {
        if writer.entries() >= args.limit {
            break "limit";
        }
        if writer.bytes() >= args.max_bytes {
            break "size";
        }
        tokio::select! {
            () = &mut over => break "time",
            _ = &mut stop => break "stopped",
            next = heard.recv() => match next {
                Some(Heard::Exchange(exchange)) => {
                    writer.add(&exchange).map_err(failed)?;
                    progress.say(format_args!("recording: {} exchanges; Ctrl-C ends it", writer.entries()));
                }
                Some(Heard::Lost(more)) => lost += more,
                Some(Heard::Error(error)) => errors.push(error),
                None => break "proxies",
            },
        }
    };
    drop(progress);
    if errors.len() == proxies && writer.entries() == 0 {
        return Err(Failure::NoProxy { tried: errors });
    }
    let report = Recorded {
        file: args.out.display().to_string(),
        exchanges: writer.entries(),
        lost,
        ended,
        errors,
    };
    writer.finish().map_err(failed)?;
    context.printer.show(&report);
    Ok(Exit::Done)
}

/// Listens to one proxy until it ends or nobody wants to hear more.
async fn listen(
    client: AdminClient,
    address: String,
    route: Option<String>,
    sender: mpsc::Sender<Heard>,
) {
    if let Err(error) = lines(&client, &address, route.as_deref(), &sender).await {
        let _nobody_listens = sender.send(Heard::Error(error)).await;
    }
}

async fn lines(
    client: &AdminClient,
    address: &str,
    route: Option<&str>,
    sender: &mpsc::Sender<Heard>,
) -> Result<(), String> {
    let mut stream = client.exchanges(address, route).await.map_err(|error| error.line())?;
    let (mut line, mut known_lost) = (Vec::new(), 0);
    while let Some(chunk) = stream.chunk().await.map_err(|e| format!("{address}: {e}"))? {
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            if line.len() + part.len() > MAX_LINE {
                return Err(format!("{address} sent a line of more than {MAX_LINE} bytes"));
            }
            line.extend_from_slice(part);
            if line.ends_with(b"\n") && !line.trim_ascii().is_empty() {
                let parsed = serde_json::from_slice::<RecordingLine>(&line);
                let heard = match parsed.map_err(|e| format!("{address} sent no exchange: {e}"))? {
                    RecordingLine::Exchange(exchange) => Heard::Exchange(exchange),
                    RecordingLine::Lost(lost) | RecordingLine::End(RecordingEnd { lost, .. }) => {
                        let before = std::mem::replace(&mut known_lost, lost);
                        Heard::Lost(lost.saturating_sub(before))
                    }
                };
                if sender.send(heard).await.is_err() {
                    return Ok(());
                }
            }
            if line.ends_with(b"\n") {
                line.clear();
            }
        }
    }
    Ok(())
}

impl Report for Recorded {
    fn human(&self, page: &mut String) -> fmt::Result {
        writeln!(page, "{} exchanges in {}", paint(STRONG, self.exchanges), self.file)?;
        if self.lost > 0 {
            writeln!(
                page,
                "{} {} more passed too fast to be recorded",
                paint(WARN, "lost"),
                self.lost
            )?;
        }
        for error in &self.errors {
            writeln!(page, "{} {error}", paint(WARN, "missing"))?;
        }
        Ok(())
    }
}
