//! How far a table is on its way, kept at the target: a mover that was killed goes on there.

use service::tables::Cell;

use super::carried::{Carried, Position};
use super::error::SplitError;
use super::marks::{PROGRESS, VERIFIED};
use super::side::{Page, Side};

/// What goes through a table page by page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// Rows are copied.
    Copy,
    /// What was copied is looked at again, on both sides.
    Verify,
}

/// How far a table is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The rows so far.
    pub rows: u64,
    /// Whether that is all of them.
    pub is_done: bool,
    /// Where the next page begins.
    pub position: Position,
}

impl Errand {
    const fn table(self) -> &'static str {
        match self {
            Self::Copy => PROGRESS,
            Self::Verify => VERIFIED,
        }
    }
}

impl Progress {
    const START: Self = Self { rows: 0, is_done: false, position: Position::Start };

    /// Behind a page.
    pub fn pass(&mut self, page: &Page) {
        self.rows += page.rows.len() as u64;
        match &page.next {
            Some(next) => self.position.clone_from(next),
            None => self.is_done = true,
        }
    }
}

impl Side {
    /// How far a table is.
    pub async fn progress(
        &mut self,
        errand: Errand,
        carried: &Carried,
    ) -> Result<Progress, SplitError> {
        let at = errand.table();
        let sql = format!("SELECT position, copied, is_done FROM {at} WHERE tbl = ?");
        let rows = self.fetch("see how far it is", sql, vec![carried.table.name.into()]).await?;
        match rows.first().map(Vec::as_slice) {
            None => Ok(Progress::START),
            Some([Cell::Text(position), Cell::Integer(rows), Cell::Integer(is_done)])
                if let Some(position) = Position::of(position) =>
            {
                let rows = u64::try_from(*rows).unwrap_or(0);
                Ok(Progress { rows, is_done: *is_done != 0, position })
            }
            Some(_) => {
                Err(self.odd(format!("{at} holds something that this program does not know")))
            }
        }
    }

    /// Writes down how far a table is.
    pub async fn is_so_far(
        &mut self,
        errand: Errand,
        carried: &Carried,
        progress: &Progress,
    ) -> Result<(), SplitError> {
        let sql = format!(
            "INSERT INTO {} (tbl, position, copied, is_done) VALUES (?, ?, ?, ?) ON CONFLICT (tbl) DO UPDATE SET \
             position = EXCLUDED.position, copied = EXCLUDED.copied, is_done = EXCLUDED.is_done",
            errand.table()
        );
        let binds = vec![
            carried.table.name.into(),
            Cell::Text(progress.position.word()),
            Cell::Integer(i64::try_from(progress.rows).unwrap_or(i64::MAX)),
            Cell::Integer(i64::from(progress.is_done)),
        ];
        self.run("write down how far it is", sql, binds).await.map(drop)
    }
}
