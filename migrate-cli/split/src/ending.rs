//! `finish` and `abort`: what a move made is taken away.

use service::store::split::{Phase, STATE};

use super::error::SplitError;
use super::marks::{OUTBOX, PROGRESS, VERIFIED, remove};
use super::mover::Mover;
use super::side::Side;
use super::standing::{Standing, Verb};

impl Mover {
    /// Ends a move after the switch. The target is a database like any other then. The source keeps its old rows, and the fence
    /// around them unless `lift` says otherwise; there is no way back any more.
    pub async fn finish(&mut self, lift: bool) -> Result<(), SplitError> {
        let standing = self.allows(Verb::Finish).await?;
        if standing == Standing::Moved {
            let marks = self.source.marks();
            let mut all = self.for_each(|carried| marks.note_no_more(carried.table));
            all.push(remove(OUTBOX));
            all.push(Side::phase_is(Phase::Left));
            self.source.order(&all, self.patience).await?;
        }
        if standing != Standing::Finished {
            let marks = self.target.marks();
            let mut all = self.for_each(|carried| marks.note_no_more(carried.table));
            all.extend(self.for_each(|carried| marks.remove_fence(carried.table)));
            all.extend(marks.remove_fences());
            all.extend([OUTBOX, PROGRESS, VERIFIED, STATE].map(remove));
            self.target.order(&all, self.patience).await?;
            self.target.look().await?;
        }
        if lift { self.unmark_source().await } else { Ok(()) }
    }

    /// Gives a move up before the switch: the source is as it was. The target keeps what it has, and its fence, and may be the
    /// target of another move.
    pub async fn abort(&mut self) -> Result<(), SplitError> {
        let standing = self.allows(Verb::Abort).await?;
        if matches!(standing, Standing::None | Standing::Abandoned) {
            return Ok(());
        }
        if standing != Standing::Begun {
            self.unmark_source().await?;
        }
        let marks = self.target.marks();
        let mut all = self.for_each(|carried| marks.note_no_more(carried.table));
        all.push(remove(OUTBOX));
        all.push(Side::phase_is(Phase::Abandoned));
        self.target.order(&all, self.patience).await
    }

    async fn unmark_source(&mut self) -> Result<(), SplitError> {
        let marks = self.source.marks();
        let mut all = self.for_each(|carried| marks.note_no_more(carried.table));
        all.extend(self.for_each(|carried| marks.remove_fence(carried.table)));
        all.extend(marks.remove_fences());
        all.extend([OUTBOX, STATE].map(remove));
        self.source.order(&all, self.patience).await?;
        self.source.look().await
    }
}
