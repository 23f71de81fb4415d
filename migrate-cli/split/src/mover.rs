//! The two databases of a move, open together: where it stands, and what every verb needs.

use std::time::{Duration, Instant};

use serde::Serialize;
use service::store::split::Phase;
use service::tables::{self, Cell, Engine};

use super::carried::Carried;
use super::compare::{Compared, Thoroughness, compare};
use super::copy::copy;
use super::error::SplitError;
use super::place::Place;
use super::progress::Errand;
use super::replay;
use super::side::Side;
use super::standing::{Standing, Verb};
use super::verify::verify;

/// An outbox with fewer entries is carried out in no time.
pub(crate) const SHORT: u64 = 100;

/// What a mover does, for whoever watches.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// So many rows of so many are copied; the table that is being copied.
    Copying(&'a str, u64, u64),
    /// So many changes were carried over since the command began.
    Following(u64),
    /// So many rows of so many are verified; the table that is being verified.
    Verifying(&'a str, u64, u64),
    /// A table is compared.
    Comparing(&'a str),
    /// Nobody may write from here on.
    Fenced,
}

/// Hears what is done.
pub type Ear<'e> = &'e mut dyn FnMut(Told<'_>);

/// The two databases.
#[derive(Debug)]
pub struct Mover {
    /// Where the tables come from.
    pub(crate) source: Side,
    /// Where they go.
    pub(crate) target: Side,
    /// From the source to the target; parents before their children.
    pub(crate) tables: Vec<Carried>,
    /// How long to wait for locks of tables.
    pub(crate) patience: Duration,
}

/// How many rows of a table are copied, or verified.
#[derive(Debug, Clone, Serialize)]
pub struct Copied {
    /// The table.
    pub table: &'static str,
    /// The rows so far.
    pub rows: u64,
}

/// A span of time, as it is told.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds so far.
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// How many rows, and how long they took.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Pace {
    /// The rows.
    pub rows: u64,
    /// In milliseconds.
    pub took_ms: u64,
    /// Rows in a second, on the average.
    pub per_second: u64,
}

impl Pace {
    fn of(rows: u64, took: Stopwatch) -> Self {
        let took_ms = took.millis();
        Self { rows, took_ms, per_second: rows.saturating_mul(1000) / took_ms.max(1) }
    }
}

impl Mover {
    /// Opens both, for something that is done by one mover at a time.
    pub async fn open(
        from: &Place,
        to: &Place,
        verb: Verb,
        patience: Duration,
    ) -> Result<Self, SplitError> {
        let source = Side::open(from, false, true).await?;
        let target = Side::open(to, verb == Verb::Start, true).await?;
        Ok(Self::of(source, target, patience))
    }

    /// Opens both to look at.
    pub async fn look(from: &Place, to: &Place) -> Result<Self, SplitError> {
        let (source, target) =
            (Side::open(from, false, false).await?, Side::open(to, false, false).await?);
        Ok(Self::of(source, target, Duration::ZERO))
    }

    fn of(source: Side, target: Side, patience: Duration) -> Self {
        let (from, to) = (source.engine(), target.engine());
        let tables = tables::ALL.iter().map(|table| Carried::new(table, from, to)).collect();
        Self { source, target, tables, patience }
    }

    /// Where the move stands.
    pub async fn standing(&mut self) -> Result<Standing, SplitError> {
        let (source, target) = (self.source.mark().await?, self.target.mark().await?);
        Ok(Standing::of(source.as_ref(), target.as_ref())?)
    }

    /// Where the move stands, if a verb makes sense there.
    pub async fn allows(&mut self, verb: Verb) -> Result<Standing, SplitError> {
        let standing = self.standing().await?;
        standing.allows(verb).map(|()| standing).map_err(|help| SplitError::Refused {
            message: format!("this makes no sense where the move stands ({})", standing.word()),
            help: help.to_owned(),
        })
    }

    /// How many changes wait to be carried over, in either direction.
    pub async fn pending(&mut self, standing: Standing) -> Result<u64, SplitError> {
        match standing {
            Standing::Copying | Standing::Following | Standing::Switching => {
                self.source.pending().await
            }
            Standing::Moved | Standing::Returning => self.target.pending().await,
            _ => Ok(0),
        }
    }

    /// How far each table is copied, or verified.
    pub async fn progress(&mut self, errand: Errand) -> Result<Vec<Copied>, SplitError> {
        let mut all = Vec::with_capacity(self.tables.len());
        for carried in &self.tables {
            let rows = self.target.progress(errand, carried).await?.rows;
            all.push(Copied { table: carried.table.name, rows });
        }
        Ok(all)
    }

    /// Compares both sides. While the source is written, what waits in its outbox differs.
    pub async fn compare(
        &mut self,
        thoroughness: Thoroughness,
        ear: Ear<'_>,
    ) -> Result<Vec<Compared>, SplitError> {
        let Self { source, target, tables, .. } = self;
        compare(source, target, tables, thoroughness, &mut |table| ear(Told::Comparing(table)))
            .await
    }

    /// Copies every row that is not copied yet.
    pub(crate) async fn copy(&mut self, ear: Ear<'_>) -> Result<Pace, SplitError> {
        let (took, of) = (Stopwatch::start(), self.rows_of_source().await?);
        let (mut before, mut rows) = (0, 0);
        for carried in &self.tables {
            let mut now = 0;
            let mut tell = |copied: u64| {
                now = copied;
                ear(Told::Copying(carried.table.name, before + copied, of));
            };
            rows += copy(&mut self.source, &mut self.target, carried, &mut tell).await?;
            before += now;
        }
        self.target
            .run("say that every row is copied", Side::phase_is(Phase::Following), Vec::new())
            .await?;
        Ok(Pace::of(rows, took))
    }

    /// Verifies every row that is not verified yet.
    pub(crate) async fn verify(&mut self, ear: Ear<'_>) -> Result<Pace, SplitError> {
        let (took, of) = (Stopwatch::start(), self.rows_of_source().await?);
        let (mut before, mut rows) = (0, 0);
        for carried in &self.tables {
            let mut now = 0;
            let mut tell = |verified: u64| {
                now = verified;
                ear(Told::Verifying(carried.table.name, before + verified, of));
            };
            rows += verify(&mut self.source, &mut self.target, carried, &mut tell).await?;
            before += now;
        }
        Ok(Pace::of(rows, took))
    }

    async fn rows_of_source(&mut self) -> Result<u64, SplitError> {
        let mut rows = 0;
        for carried in &self.tables {
            rows += self.source.count(carried.table.name).await?;
        }
        Ok(rows)
    }

    /// Carries changes over until no more than so many are left, if writers let it come to that; how many it were.
    pub(crate) async fn catch_up(&mut self, left: u64, ear: Ear<'_>) -> Result<u64, SplitError> {
        let began = Instant::now();
        let mut carried = 0;
        while self.source.pending().await? > left
            && began.elapsed() < self.patience.max(Duration::from_mins(1))
        {
            carried += self.step(carried, ear).await?;
        }
        Ok(carried)
    }

    /// Carries every change over. It ends where nobody writes the source.
    pub(crate) async fn drain(&mut self, ear: Ear<'_>) -> Result<u64, SplitError> {
        let mut carried = 0;
        loop {
            let now = self.step(carried, ear).await?;
            if now == 0 {
                return Ok(carried);
            }
            carried += now;
        }
    }

    /// Carries some changes over; how many it were.
    pub async fn step(&mut self, before: u64, ear: Ear<'_>) -> Result<u64, SplitError> {
        let now = replay::step(&mut self.source, &mut self.target, &self.tables).await? as u64;
        if now > 0 {
            ear(Told::Following(before + now));
        }
        Ok(now)
    }

    /// The statements that `make` says for every table, one after the other.
    pub(crate) fn for_each(&self, make: impl Fn(&Carried) -> Vec<String>) -> Vec<String> {
        self.tables.iter().flat_map(make).collect()
    }

    /// Lets a server count on where the other side has stopped: the keys that it draws, and the numbers of rows.
    pub(crate) async fn count_on(
        giver: &mut Side,
        taker: &mut Side,
        tables: &[Carried],
    ) -> Result<(), SplitError> {
        if taker.engine() == Engine::Sqlite {
            return Ok(());
        }
        for carried in tables {
            let (Some(column), name) = (carried.counting(), carried.table.name) else { continue };
            let drawn = match giver.engine() {
                Engine::Sqlite => format!("SELECT COALESCE(MAX({column}), 0) FROM {name}"),
                Engine::Postgres => format!(
                    "SELECT COALESCE(pg_sequence_last_value(CAST(pg_get_serial_sequence('{name}', '{column}') AS regclass)), 0)"
                ),
            };
            let drawn = giver.fetch("see what was drawn", drawn, Vec::new()).await?;
            let drawn = drawn.into_iter().flatten().next().unwrap_or(Cell::Integer(0));
            let sql = format!(
                "SELECT setval(pg_get_serial_sequence('{name}', '{column}'), GREATEST(CAST(? AS bigint), \
                 (SELECT COALESCE(MAX({column}), 0) FROM {name}), 0) + 1, false)"
            );
            taker.fetch("count on", sql, vec![drawn]).await?;
        }
        Ok(())
    }

    /// Ends both connections.
    pub async fn close(self) -> Result<(), SplitError> {
        self.source.close().await?;
        self.target.close().await
    }
}
