//! Where log lines go, and the report of a failed start.
//!
//! A line is handed to a thread that writes it: a log that nobody reads, or a full disk, must not
//! hold up a request. What the thread can't keep up with is dropped, and told once it can.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::{Config, LogFormat};

/// Most lines that wait to be written.
const WAITING_LINES: usize = 8192;
/// Longest wait for the last lines when the program ends.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

enum Message {
    Line(Vec<u8>),
    /// Answered when every line before it is written.
    Flush(SyncSender<()>),
}

/// The running log.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

/// Starts the log. Lines of pingora, which speaks `log`, come along.
pub(crate) fn start(config: &Config) -> Log {
    let log = Log::to(io::stderr());
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse_lossy(&config.log);
    let writer = log.clone();
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone());
    // A second start in one process keeps the first log.
    let _started = match config.log_format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    log
}

/// Writes why the program could not start, once and in full.
pub(crate) fn report(report: &miette::Report) {
    let mut output = io::stderr();
    let Some(problems) = report.downcast_ref::<routes::Problems>() else {
        let _closed_output = writeln!(output, "{report:?}");
        return;
    };
    let file = problems.file.display();
    let _closed_output = writeln!(output, "error: {file} is not a valid route table");
    let source = Arc::new(miette::NamedSource::new(file.to_string(), problems.text.clone()));
    for problem in &problems.problems {
        let problem = miette::Report::new(problem.clone()).with_source_code(Arc::clone(&source));
        let _closed_output = writeln!(output, "{problem:?}");
    }
}

impl Log {
    fn to(output: impl Write + Send + 'static) -> Self {
        let (queue, lines) = sync_channel(WAITING_LINES);
        let dropped = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&dropped);
        let writer = std::thread::Builder::new().name("log".to_owned());
        if writer.spawn(move || write_lines(&lines, &told, output)).is_err() {
            // Without the thread every line is dropped; there is nowhere to say so.
            dropped.fetch_add(1, Ordering::Relaxed);
        }
        Self { queue, dropped }
    }

    /// Waits until what was logged is written, though not for long.
    pub(crate) fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.queue.try_send(Message::Flush(done)).is_ok() {
            let _in_time = written.recv_timeout(FLUSH_LIMIT);
        }
    }
}

impl Write for Log {
    /// Called once for each line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Message::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_lines(messages: &Receiver<Message>, dropped: &AtomicU64, output: impl Write) {
    let mut output = io::BufWriter::new(output);
    while let Ok(first) = messages.recv() {
        // What has come meanwhile is written in one go.
        let mut next = Some(first);
        let mut flushed = Vec::new();
        while let Some(message) = next {
            match message {
                // A closed output is no reason to stop: nobody else empties the queue.
                Message::Line(line) => drop(output.write_all(&line)),
                Message::Flush(done) => flushed.push(done),
            }
            next = messages.try_recv().ok();
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _closed_output = writeln!(output, "{lost} log lines were dropped");
        }
        let _closed_output = output.flush();
        for done in flushed {
            let _nobody_waits = done.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// An output that can be blocked.
    #[derive(Clone, Default)]
    struct Slow(Arc<Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_order_and_a_stuck_output_stops_nobody() {
        let output = Slow::default();
        let mut log = Log::to(output.clone());
        log.write_all(b"first\n").unwrap();
        Log::flush(&log);
        let stuck = output.0.lock().unwrap();
        assert_eq!(*stuck, b"first\n");
        for _ in 0..WAITING_LINES * 3 {
            log.write_all(b"x\n").unwrap();
        }
        drop(stuck);
        Log::flush(&log);
        let mut text = String::new();
        // The flush itself may have found the queue full; the writer is at work all the same.
        while !text.contains("log lines were dropped") {
            text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
            std::thread::yield_now();
        }
    }
}
