//! One of the two databases of a move, open: its marks, its transactions, its pages of rows.

use std::time::{Duration, Instant};

use service::schema::Schema;
use service::store::session::{Session, SessionError};
use service::store::split::{Phase, Role, STATE};
use service::tables::{Cell, Engine};

use super::carried::{Carried, Position, Row};
use super::error::SplitError;
use super::lock::Lock;
use super::marks::Marks;
use super::place::Place;
use super::standing::Mark;

/// How many blocks of a table are looked through for one page.
const BLOCKS: u64 = 64;

/// How long one attempt waits for locks of tables. Whoever wants to write waits behind it meanwhile; and it gives way before the
/// server looks for deadlocks.
const ATTEMPT: &str = "SET LOCAL lock_timeout = '500ms'";

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// An open database.
#[derive(Debug)]
pub struct Side {
    session: Session,
    marks: Marks,
    name: String,
    /// The tables that it has.
    pub schema: Schema,
    lock: Option<Lock>,
}

/// Some rows of a table.
#[derive(Debug)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// Where the next page begins; none where this is the last.
    pub next: Option<Position>,
}

impl Side {
    /// Opens a database. With `alone`, nobody else moves rows with it until it is closed.
    pub async fn open(place: &Place, create: bool, alone: bool) -> Result<Self, SplitError> {
        let name = place.to_string();
        let failed = |source| SplitError::Database { database: name.clone(), source };
        let mut session = place.open(create).await.map_err(failed)?;
        let marks = match session.engine() {
            Engine::Sqlite => Marks::in_file(),
            Engine::Postgres => {
                let found = session.fetch(
                    "see the schema",
                    "SELECT CAST(current_schema() AS text)",
                    Vec::new(),
                );
                let found = found.await.map_err(failed)?.pop().and_then(|mut row| row.pop());
                let Some(Cell::Text(schema)) = found else {
                    let problem = "there is no schema to make tables in".to_owned();
                    return Err(SplitError::Odd { database: name, problem });
                };
                Marks::on_server(&schema)
            }
        };
        let lock = if alone { Some(Lock::take(place, &mut session).await?) } else { None };
        let schema = session.schema().await.map_err(failed)?;
        Ok(Self { session, marks, name, schema, lock })
    }

    /// Which kind it is.
    pub const fn engine(&self) -> Engine {
        self.session.engine()
    }

    /// Its URL, without password.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The statements that mark it.
    pub const fn marks(&self) -> &Marks {
        &self.marks
    }

    /// To ask something.
    pub const fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// An error of this database.
    pub fn failed(&self, source: SessionError) -> SplitError {
        SplitError::Database { database: self.name.clone(), source }
    }

    /// Something that this database should not hold.
    pub fn odd(&self, problem: impl Into<String>) -> SplitError {
        SplitError::Odd { database: self.name.clone(), problem: problem.into() }
    }

    /// Looks at the tables again.
    pub async fn look(&mut self) -> Result<(), SplitError> {
        self.schema = self.session.schema().await.map_err(|why| self.failed(why))?;
        Ok(())
    }

    /// Every row that a query answers.
    pub async fn fetch(
        &mut self,
        doing: &str,
        sql: impl Into<String>,
        binds: Vec<Cell>,
    ) -> Result<Vec<Vec<Cell>>, SplitError> {
        let found = self.session.fetch(doing, sql, binds).await;
        found.map_err(|why| self.failed(why))
    }

    /// Runs a statement.
    pub async fn run(
        &mut self,
        doing: &str,
        sql: impl Into<String>,
        binds: Vec<Cell>,
    ) -> Result<u64, SplitError> {
        let done = self.session.run(doing, sql, binds).await;
        done.map_err(|why| self.failed(why))
    }

    /// A count.
    pub async fn count(&mut self, of: &str) -> Result<u64, SplitError> {
        let rows = self.fetch("count", format!("SELECT count(*) FROM {of}"), Vec::new()).await?;
        match rows.first().and_then(|row| row.first()) {
            Some(Cell::Integer(count)) => Ok(u64::try_from(*count).unwrap_or(0)),
            _ => Err(self.odd(format!("{of} can't be counted"))),
        }
    }

    /// What it says of a move.
    pub async fn mark(&mut self) -> Result<Option<Mark>, SplitError> {
        if !self.schema.tables.contains_key(STATE) {
            return Ok(None);
        }
        let sql = format!("SELECT split, role, phase, other, since FROM {STATE}");
        let rows = self.fetch("see where the move stands", sql, Vec::new()).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let texts: Vec<String> = row.into_iter().filter_map(|cell| cell.text().ok()).collect();
        let mark = match texts.as_slice() {
            [split, role, phase, other, since] => {
                Role::of(role).zip(Phase::of(phase)).map(|(role, phase)| Mark {
                    split: split.clone(),
                    role,
                    phase,
                    other: other.clone(),
                    since: since.clone(),
                })
            }
            _ => None,
        };
        let unread =
            || self.odd(format!("{STATE} holds something that this program does not know"));
        mark.map(Some).ok_or_else(unread)
    }

    /// Does something in one transaction, all of it or nothing.
    pub async fn together<T>(
        &mut self,
        begin: &str,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, SplitError>,
    ) -> Result<T, SplitError> {
        let begun = self.session.order("begin", begin).await;
        begun.map_err(|why| self.failed(why))?;
        let done = work(self).await;
        let ended = match &done {
            Ok(_) => self.session.order("commit", "COMMIT").await,
            Err(_) => Ok(()),
        };
        if done.is_err() || ended.is_err() {
            // A connection that does not take this is lost, and its transaction with it.
            let _lost = self.session.order("roll back", "ROLLBACK").await;
        }
        ended.map_err(|why| self.failed(why))?;
        done
    }

    /// Writes past the fence, all of it or nothing. Nobody else sees that the fence lets somebody pass.
    pub async fn passing<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, SplitError>,
    ) -> Result<T, SplitError> {
        let begin = self.begin();
        self.together(begin, async |side: &mut Self| {
            side.run("pass the fence", format!("UPDATE {STATE} SET passing = 1"), Vec::new())
                .await?;
            let done = work(side).await?;
            side.run("close the fence", format!("UPDATE {STATE} SET passing = 0"), Vec::new())
                .await?;
            Ok(done)
        })
        .await
    }

    /// Reads several things as they were at one moment.
    pub async fn snapshot<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, SplitError>,
    ) -> Result<T, SplitError> {
        let begin = match self.engine() {
            Engine::Sqlite => "BEGIN",
            Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        self.together(begin, work).await
    }

    /// Runs statements that lock tables, all of them or none; gives way to those who write, and tries again for so long.
    pub async fn order(
        &mut self,
        statements: &[String],
        patience: Duration,
    ) -> Result<(), SplitError> {
        let began = Instant::now();
        loop {
            let begin = self.begin();
            let is_server = self.engine() == Engine::Postgres;
            let done = self.together(begin, async |side: &mut Self| {
                let limit = is_server.then_some(ATTEMPT);
                for statement in limit.into_iter().chain(statements.iter().map(String::as_str)) {
                    let run = side.session.order("make the marks of the move", statement).await;
                    run.map_err(|why| side.failed(why))?;
                }
                Ok(())
            });
            match done.await {
                Err(SplitError::Database { source, .. })
                    if source.is_locked_out() && began.elapsed() < patience =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    /// The statement that says another phase.
    pub fn phase_is(phase: Phase) -> String {
        format!("UPDATE {STATE} SET phase = '{}'", phase.word())
    }

    /// A page of a table.
    pub async fn page(
        &mut self,
        carried: &Carried,
        from: &Position,
        most: usize,
    ) -> Result<Page, SplitError> {
        let doing = format!("read rows of {}", carried.table.name);
        if !carried.is_read_by_place(self.engine()) {
            let (sql, binds) = carried.page(self.engine(), from, 0, most);
            let rows = self.fetch(&doing, sql, binds).await?;
            let is_full = rows.len() >= most;
            let (rows, last) = self.without_places(carried, rows)?;
            return Ok(Page { rows, next: last.filter(|_| is_full) });
        }
        let size = format!(
            "SELECT pg_relation_size('{}') / CAST(current_setting('block_size') AS bigint)",
            carried.table.name
        );
        let blocks = match self
            .fetch(&doing, size, Vec::new())
            .await?
            .first()
            .and_then(|row| row.first())
        {
            Some(Cell::Integer(blocks)) => u64::try_from(*blocks).unwrap_or(0),
            _ => return Err(self.odd(format!("the size of {} is not known", carried.table.name))),
        };
        let mut from = from.clone();
        loop {
            let block = if let Position::Place(block, _) = from { block } else { 0 };
            if block >= blocks {
                return Ok(Page { rows: Vec::new(), next: None });
            }
            let until = block + BLOCKS;
            let (sql, binds) = carried.page(self.engine(), &from, until, most);
            let rows = self.fetch(&doing, sql, binds).await?;
            let is_full = rows.len() >= most;
            let (rows, last) = self.without_places(carried, rows)?;
            let next = last.filter(|_| is_full).unwrap_or(Position::Place(until, 0));
            if !rows.is_empty() {
                return Ok(Page { rows, next: Some(next) });
            }
            from = next;
        }
    }

    /// Ends the connection and lets go of the lock.
    pub async fn close(self) -> Result<(), SplitError> {
        let Self { session, name, lock, .. } = self;
        let closed = session.close().await;
        drop(lock);
        closed.map_err(|source| SplitError::Database { database: name, source })
    }

    /// Takes what tells a row's place off each row, and says the last one's.
    fn without_places(
        &self,
        carried: &Carried,
        mut rows: Vec<Row>,
    ) -> Result<(Vec<Row>, Option<Position>), SplitError> {
        let Some(place) = rows.last().and_then(|row| row.last()) else { return Ok((rows, None)) };
        let unread = || self.odd(format!("a row of {} has no place", carried.table.name));
        let last = Position::behind(place).ok_or_else(unread)?;
        if !carried.with_number {
            for row in &mut rows {
                row.pop();
            }
        }
        Ok((rows, Some(last)))
    }

    const fn begin(&self) -> &'static str {
        match self.engine() {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN",
        }
    }
}
