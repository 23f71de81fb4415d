//! `switch` and `back`: which database is in force changes in one transaction, and at no moment are both.

use std::time::Duration;

use service::store::split::Phase;

use super::carried::Carried;
use super::compare::{Compared, Thoroughness, compare, same};
use super::error::SplitError;
use super::marks::OUTBOX;
use super::mover::{Ear, Mover, SHORT, Stopwatch, Told};
use super::replay;
use super::side::Side;
use super::standing::{Standing, Verb};

/// What a switch, or a way back, came to.
#[derive(Debug)]
pub struct Switched {
    /// Whether it was so already.
    pub was_so: bool,
    /// How long nobody could write, in milliseconds; of what this command has seen of it.
    pub pause_ms: u64,
    /// Changes that were carried over meanwhile.
    pub carried: u64,
    /// What both sides hold.
    pub compared: Vec<Compared>,
}

impl Switched {
    const fn already() -> Self {
        Self { was_so: true, pause_ms: 0, carried: 0, compared: Vec::new() }
    }
}

impl Mover {
    /// Puts the target in force. Where that fails, the source stays or is again in force.
    pub async fn switch(
        &mut self,
        thoroughness: Thoroughness,
        ear: Ear<'_>,
    ) -> Result<Switched, SplitError> {
        match self.allows(Verb::Switch).await? {
            Standing::Moved => return Ok(Switched::already()),
            Standing::Returned => self.clear_up_return().await?,
            _ => {}
        }
        self.refuse_unnoted().await?;
        let mut before = self.catch_up(SHORT, ear).await?;
        self.verify(ear).await?;
        before += self.catch_up(SHORT, ear).await?;
        let pause = Stopwatch::start();
        fence(&mut self.source, &self.tables, Phase::Fenced, self.patience).await?;
        ear(Told::Fenced);
        let (after, compared) = match self.settle(thoroughness, ear).await {
            Ok(settled) => settled,
            // Nothing has put the target in force: the source may be again.
            Err(why) => return Err(lift(&mut self.source, &self.tables, self.patience, why).await),
        };
        if let Err(why) = self.put_in_force().await {
            // What answers now has not committed, and will not.
            return match self.target.mark().await {
                Ok(Some(mark)) if mark.phase == Phase::Following => {
                    Err(lift(&mut self.source, &self.tables, self.patience, why).await)
                }
                _ => Err(unknown(&why)),
            };
        }
        Ok(Switched { was_so: false, pause_ms: pause.millis(), carried: before + after, compared })
    }

    /// Carries what was written at the target back, and puts the source in force again, in one transaction.
    pub async fn back(
        &mut self,
        thoroughness: Thoroughness,
        ear: Ear<'_>,
    ) -> Result<Switched, SplitError> {
        match self.allows(Verb::Back).await? {
            Standing::Following => return Ok(Switched::already()),
            Standing::Returned => {
                self.clear_up_return().await?;
                return Ok(Switched::already());
            }
            _ => {}
        }
        let pause = Stopwatch::start();
        fence(&mut self.target, &self.tables, Phase::Returning, self.patience).await?;
        ear(Told::Fenced);
        let (carried, compared) = match self.give_back(thoroughness, ear).await {
            Ok(given) => given,
            Err(why) => {
                // What answers now has rolled back, so the target may be in force again.
                return match self.source.mark().await {
                    Ok(Some(mark)) if mark.phase == Phase::Fenced => {
                        Err(lift(&mut self.target, &self.tables, self.patience, why).await)
                    }
                    _ => Err(unknown(&why)),
                };
            }
        };
        let pause_ms = pause.millis();
        self.clear_up_return().await?;
        Ok(Switched { was_so: false, pause_ms, carried, compared })
    }

    /// Carries over what is left, and compares.
    async fn settle(
        &mut self,
        thoroughness: Thoroughness,
        ear: Ear<'_>,
    ) -> Result<(u64, Vec<Compared>), SplitError> {
        let carried = self.drain(ear).await?;
        let compared = self.compare(thoroughness, ear).await?;
        same(&compared)?;
        Ok((carried, compared))
    }

    /// One transaction at the target, with all that it needs to be in force, and to be left again.
    async fn put_in_force(&mut self) -> Result<(), SplitError> {
        let marks = self.target.marks();
        let mut all = vec![marks.make_outbox()];
        all.extend(self.for_each(|carried| marks.note(carried.table)));
        all.extend(self.for_each(|carried| marks.bind(carried.table)));
        all.extend(self.for_each(|carried| marks.lift(carried.table)));
        all.push(Side::phase_is(Phase::Open));
        // Before that, because a number that is drawn on is drawn for nothing.
        Self::count_on(&mut self.source, &mut self.target, &self.tables).await?;
        self.target.order(&all, self.patience).await?;
        self.target.look().await
    }

    async fn give_back(
        &mut self,
        thoroughness: Thoroughness,
        ear: Ear<'_>,
    ) -> Result<(u64, Vec<Compared>), SplitError> {
        let marks = self.source.marks();
        let lift = self.for_each(|carried| marks.lift(carried.table));
        let Self { source, target, tables, .. } = self;
        source
            .passing(async |source: &mut Side| {
                let carried = replay::all_at_once(target, source, tables).await?;
                ear(Told::Following(carried));
                // The source's triggers have noted what was carried; the target has it.
                source.run("empty the outbox", format!("DELETE FROM {OUTBOX}"), Vec::new()).await?;
                let mut tell = |table: &str| ear(Told::Comparing(table));
                let compared = compare(source, target, tables, thoroughness, &mut tell).await?;
                same(&compared)?;
                Self::count_on(target, source, tables).await?;
                for statement in &lift {
                    let lifted = source.session().order("lift the fence", statement).await;
                    lifted.map_err(|why| source.failed(why))?;
                }
                source
                    .run("put the source in force", Side::phase_is(Phase::Open), Vec::new())
                    .await?;
                Ok((carried, compared))
            })
            .await
    }

    /// Refuses a source with tables that nothing notes: a newer build of the service made them since.
    async fn refuse_unnoted(&mut self) -> Result<(), SplitError> {
        self.source.look().await?;
        let is_noted = |name: &str| {
            let found = self.source.schema.tables.get(name);
            found.is_some_and(|table| {
                table.triggers.iter().any(|name| name.starts_with("strangler_split_note"))
            })
        };
        let unnoted: Vec<&str> = self
            .tables
            .iter()
            .map(|carried| carried.table.name)
            .filter(|name| !is_noted(name))
            .collect();
        if unnoted.is_empty() {
            return Ok(());
        }
        Err(SplitError::Refused {
            message: format!("nothing notes what changes in {}", unnoted.join(", ")),
            help: "give the move up with `migrate db split abort`, and begin anew".to_owned(),
        })
    }
}

/// Refuses every write of a side, and says in the same transaction why.
async fn fence(
    side: &mut Side,
    tables: &[Carried],
    phase: Phase,
    patience: Duration,
) -> Result<(), SplitError> {
    let marks = side.marks();
    let mut all: Vec<String> =
        tables.iter().flat_map(|carried| marks.fence(carried.table)).collect();
    all.push(Side::phase_is(phase));
    side.order(&all, patience).await
}

/// Puts a side that was fenced in force again after an error; the error, with another one where that fails as well.
async fn lift(
    side: &mut Side,
    tables: &[Carried],
    patience: Duration,
    first: SplitError,
) -> SplitError {
    let marks = side.marks();
    let mut all: Vec<String> =
        tables.iter().flat_map(|carried| marks.lift(carried.table)).collect();
    all.push(Side::phase_is(Phase::Open));
    match side.order(&all, patience).await {
        Ok(()) => first,
        Err(then) => SplitError::Stuck { first: Box::new(first), then: Box::new(then) },
    }
}

/// The last step may have been taken, or not.
fn unknown(why: &SplitError) -> SplitError {
    let message =
        "it is not known which database is in force, and neither takes writes before that is";
    SplitError::Unknown { message, because: why.to_string() }
}
