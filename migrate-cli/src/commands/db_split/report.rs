//! What a step of a move shows.

use std::fmt::{self, Write as _};

use serde::Serialize;
use split::border::Border;
use split::mover::Copied;
use split::verify::Compared;
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
        let mut copied = if is_marked { mover.copied().await? } else { Vec::new() };
        copied.retain(|table| table.rows > 0);
        Ok(Self {
            result,
            from: from.to_string(),
            to: to.to_string(),
            standing,
            pending: mover.pending(standing).await?,
            copied,
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

/// What to do where a move stands.
const fn next(standing: Standing) -> &'static str {
    match standing {
        Standing::None | Standing::Abandoned => "begin with `migrate db split start`",
        Standing::Begun | Standing::Copying => "go on with `migrate db split start`",
        Standing::Following => "`migrate db split switch` puts the target in force",
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
                "{} {} of {}",
                paint(DIM, "copied:"),
                counted(rows, "row"),
                counted(self.copied.len() as u64, "table")
            )?;
        }
        for table in &self.compared {
            if table.source != table.target {
                let (there, here) = (table.source, table.target);
                writeln!(
                    page,
                    "{} {}: {} rows ({}) at the source, {} ({}) at the target",
                    paint(WARN, "differs:"),
                    table.table,
                    there.rows,
                    there.checksum(),
                    here.rows,
                    here.checksum()
                )?;
            }
        }
        if !self.compared.is_empty()
            && self.compared.iter().all(|table| table.source == table.target)
        {
            let rows: u64 = self.compared.iter().map(|table| table.source.rows).sum();
            writeln!(
                page,
                "{} {} of {} on both sides",
                paint(GOOD, "the same:"),
                counted(rows, "row"),
                counted(self.compared.len() as u64, "table")
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
