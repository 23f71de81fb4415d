//! What a step of a move shows.

use std::fmt::{self, Write as _};

use serde::Serialize;
use split::beginning::Started;
use split::border::Border;
use split::canonical::Tally;
use split::compare::Compared;
use split::mover::{Copied, Pace};
use split::progress::Errand;
use split::{Mover, Place, SplitError, Standing};

use crate::output::Report;
use crate::style::{DIM, GOOD, STRONG, WARN, paint};

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(super) struct SplitReport {
    /// `planned`, `looked` or `done`.
    result: &'static str,
    from: String,
    to: String,
    standing: Standing,
    /// Changes that wait to be carried over.
    pending: u64,
    /// Rows that were copied, of tables that have any.
    copied: Vec<Copied>,
    /// How many rows were verified on both sides.
    verified: u64,
    /// What this command has copied and verified, and how fast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) now: Option<Started>,
    /// What stays behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) border: Option<Border>,
    /// How long nobody could write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pause_ms: Option<u64>,
    /// Changes that were carried over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) carried: Option<u64>,
    /// What both sides hold, where it was compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) compared: Vec<Compared>,
    /// What the service has to use now, without password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) database_url: Option<String>,
    /// How long `--run` took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run_ms: Option<u64>,
}

impl SplitReport {
    /// Where a move stands now.
    pub(super) async fn of(
        result: &'static str,
        mover: &mut Mover,
        from: &Place,
        to: &Place,
    ) -> Result<Self, SplitError> {
        let standing = mover.standing().await?;
        let is_marked = matches!(
            standing,
            Standing::Copying | Standing::Following | Standing::Switching | Standing::Moved
        );
        let (mut copied, verified) = if is_marked {
            (mover.progress(Errand::Copy).await?, mover.progress(Errand::Verify).await?)
        } else {
            (Vec::new(), Vec::new())
        };
        copied.retain(|table| table.rows > 0);
        Ok(Self {
            result,
            from: from.to_string(),
            to: to.to_string(),
            standing,
            pending: mover.pending(standing).await?,
            copied,
            verified: verified.iter().map(|table| table.rows).sum(),
            now: None,
            border: None,
            pause_ms: None,
            carried: None,
            compared: Vec::new(),
            database_url: None,
            run_ms: None,
        })
    }
}

/// `1 row`, `2 rows`.
fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// Rows, with their checksum where they were read.
fn tallied(tally: Tally) -> String {
    let rows = counted(tally.rows, "row");
    tally.checksum().map_or_else(|| rows.clone(), |checksum| format!("{rows} ({checksum})"))
}

/// What was done to some rows, and how fast.
fn told(what: &str, Pace { rows, took_ms, per_second }: &Pace) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
    let seconds = *took_ms as f64 / 1e3;
    format!("{what} {} in {seconds:.1} s ({per_second} a second)", counted(*rows, "row"))
}

/// What to do where a move stands.
const fn next(standing: Standing) -> &'static str {
    match standing {
        Standing::None | Standing::Abandoned => "begin with `migrate db split start`",
        Standing::Begun | Standing::Copying => "go on with `migrate db split start`",
        Standing::Following => {
            "`migrate db split switch` carries over what waits, and puts the target in force"
        }
        Standing::Switching => {
            "NOBODY MAY WRITE: run `migrate db split switch` again, or give the move up with `abort`"
        }
        Standing::Moved => "`migrate db split finish` ends the move, `back` takes it back",
        Standing::Returning => "NOBODY MAY WRITE: run `migrate db split back` again",
        Standing::Returned => "run `migrate db split back` again to clear up, or `switch`",
        Standing::Finishing => "run `migrate db split finish` again",
        Standing::Finished => "nothing: the old tables of the source are yours to drop",
    }
}

impl Report for SplitReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        writeln!(page, "{} → {}", paint(STRONG, &self.from), paint(STRONG, &self.to))?;
        let rows: u64 = self.copied.iter().map(|table| table.rows).sum();
        writeln!(
            page,
            "{} {}; waiting to be carried over: {}",
            paint(GOOD, "stands:"),
            self.standing.word(),
            counted(self.pending, "change")
        )?;
        if rows > 0 {
            writeln!(
                page,
                "{} {} of {}; verified on both sides: {}",
                paint(DIM, "copied:"),
                counted(rows, "row"),
                counted(self.copied.len() as u64, "table"),
                counted(self.verified, "row")
            )?;
        }
        if let Some(Started { copied, verified }) = &self.now {
            writeln!(
                page,
                "{} {}, {}",
                paint(DIM, "now:"),
                told("copied", copied),
                told("verified", verified)
            )?;
        }
        for table in &self.compared {
            if table.source != table.target {
                let (there, here) = (table.source, table.target);
                writeln!(
                    page,
                    "{} {}: {} at the source, {} at the target",
                    paint(WARN, "differs:"),
                    table.table,
                    tallied(there),
                    tallied(here)
                )?;
            }
        }
        if !self.compared.is_empty()
            && self.compared.iter().all(|table| table.source == table.target)
        {
            let rows: u64 = self.compared.iter().map(|table| table.source.rows).sum();
            let is_read = self.compared.iter().any(|table| table.source.checksum().is_some());
            writeln!(
                page,
                "{} {} of {} on both sides, {}",
                paint(GOOD, "the same:"),
                counted(rows, "row"),
                counted(self.compared.len() as u64, "table"),
                if is_read { "each compared" } else { "counted" }
            )?;
        }
        if let (Some(pause), Some(carried)) = (self.pause_ms, self.carried) {
            writeln!(
                page,
                "{} {}; nobody could write for {pause} ms",
                paint(GOOD, "carried over:"),
                counted(carried, "change")
            )?;
        }
        if let Some(took) = self.run_ms {
            writeln!(page, "{} in {took} ms", paint(GOOD, "the command was run:"))?;
        }
        if let Some(url) = &self.database_url {
            writeln!(page, "{} DATABASE_URL={url}", paint(STRONG, "for the service:"))?;
        }
        writeln!(page, "{} {}", paint(DIM, "next:"), next(self.standing))
    }
}
