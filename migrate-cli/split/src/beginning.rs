//! `start`: the marks on both sides, then every row.

use chrono::Utc;
use serde::Serialize;
use service::store::split::{Phase, Role, STATE};
use service::tables::{Cell, Table};

use super::border::Border;
use super::error::SplitError;
use super::marks::{OUTBOX, PROGRESS, VERIFIED, make_progress, remove};
use super::mover::{Ear, Mover, Pace, SHORT};
use super::side::Side;
use super::standing::{Standing, Verb};

/// What `start` would make.
#[derive(Debug)]
pub struct Plan {
    /// What stays behind.
    pub border: Border,
    /// The statements at the target, in one transaction.
    pub target: Vec<String>,
    /// The statements at the source, in one transaction.
    pub source: Vec<String>,
}

/// What `start` has done.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Started {
    /// Rows that were copied now.
    pub copied: Pace,
    /// Rows that were verified now.
    pub verified: Pace,
}

impl Mover {
    /// What `start` would make, as far as it is not made.
    ///
    /// # Errors
    ///
    /// The databases don't fit: the source lacks tables, or has columns that would be lost and `anyway` does not say that they may
    /// be; the target has rows of somebody else's.
    pub async fn plan(&mut self, anyway: bool) -> Result<Plan, SplitError> {
        let standing = self.allows(Verb::Start).await?;
        let carried: Vec<&'static Table> =
            self.tables.iter().map(|carried| carried.table).collect();
        let border = Border::of(&carried, &self.source.schema);
        refuse(&border, anyway)?;
        let is_new = matches!(standing, Standing::None | Standing::Abandoned);
        if standing == Standing::None {
            self.refuse_rows().await?;
        }
        let target = if is_new { self.at_target() } else { Vec::new() };
        let source =
            if is_new || standing == Standing::Begun { self.at_source() } else { Vec::new() };
        Ok(Plan { border, target, source })
    }

    /// Begins the move or goes on with it: afterwards every row is at the target and verified, what changes is noted, and as good as
    /// nothing waits to be carried over.
    pub async fn start(&mut self, plan: &Plan, ear: Ear<'_>) -> Result<Started, SplitError> {
        if !plan.target.is_empty() {
            self.mark_target(plan).await?;
        }
        if !plan.source.is_empty() {
            self.mark_source(plan).await?;
        }
        let mut copied = Pace::default();
        match self.standing().await? {
            Standing::Copying => copied = self.copy(ear).await?,
            Standing::Returned => self.clear_up_return().await?,
            _ => {}
        }
        self.catch_up(SHORT, ear).await?;
        let verified = self.verify(ear).await?;
        self.catch_up(0, ear).await?;
        Ok(Started { copied, verified })
    }

    fn at_target(&self) -> Vec<String> {
        let (marks, engine) = (self.target.marks(), self.target.engine());
        let mut all = marks.make_state();
        all.extend(make_progress());
        all.extend(self.for_each(|carried| carried.table.create_statements(engine)));
        all.extend(self.for_each(|carried| marks.unbind(carried.table)));
        all.extend(marks.prepare_fences());
        all.extend(self.for_each(|carried| marks.fence(carried.table)));
        all
    }

    fn at_source(&self) -> Vec<String> {
        let marks = self.source.marks();
        let mut all = marks.make_state();
        all.push(marks.make_outbox());
        all.extend(marks.prepare_fences());
        all.extend(self.for_each(|carried| marks.note(carried.table)));
        all
    }

    async fn mark_target(&mut self, plan: &Plan) -> Result<(), SplitError> {
        let split = uuid::Uuid::new_v4().simple().to_string();
        let mut all = plan.target.clone();
        // What another move that was given up has left: nobody could write it since.
        all.extend(self.for_each(|carried| vec![format!("DELETE FROM {}", carried.table.name)]));
        all.extend([PROGRESS, VERIFIED].map(|table| format!("DELETE FROM {table}")));
        // The one row comes before what the fence asks it.
        let open = state(&split, Role::Target, Phase::Filling, self.source.name(), 1);
        all.insert(self.target.marks().make_state().len(), open);
        all.insert(self.target.marks().make_state().len(), format!("DELETE FROM {STATE}"));
        all.push(format!("UPDATE {STATE} SET passing = 0"));
        self.target.order(&all, self.patience).await?;
        self.target.look().await
    }

    async fn mark_source(&mut self, plan: &Plan) -> Result<(), SplitError> {
        let Some(target) = self.target.mark().await? else {
            return Err(self.target.odd("the mark that was just made is gone"));
        };
        let mut all = plan.source.clone();
        all.push(state(&target.split, Role::Source, Phase::Open, self.target.name(), 0));
        self.source.order(&all, self.patience).await?;
        self.source.look().await
    }

    /// Rows that no move has brought are somebody else's.
    async fn refuse_rows(&mut self) -> Result<(), SplitError> {
        for carried in &self.tables {
            let name = carried.table.name;
            if !self.target.schema.tables.contains_key(name) {
                continue;
            }
            let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT 1) AS found");
            let found = self.target.fetch("look for rows", sql, Vec::new()).await?;
            if found.first().and_then(|row| row.first()) != Some(&Cell::Integer(0)) {
                return Err(SplitError::Refused {
                    message: format!(
                        "{} has rows in {name} already; nothing was changed",
                        self.target.name()
                    ),
                    help: "name an empty database for the target".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Makes a target that has given back what was written in it one that follows again.
    pub(crate) async fn clear_up_return(&mut self) -> Result<(), SplitError> {
        let marks = self.target.marks();
        let mut all = self.for_each(|carried| marks.note_no_more(carried.table));
        all.push(remove(OUTBOX));
        all.extend(self.for_each(|carried| marks.unbind(carried.table)));
        all.push(Side::phase_is(Phase::Following));
        self.target.order(&all, self.patience).await?;
        self.target.look().await
    }
}

fn refuse(border: &Border, anyway: bool) -> Result<(), SplitError> {
    let refused =
        |message: String, help: &str| Err(SplitError::Refused { message, help: help.to_owned() });
    if !border.missing_tables.is_empty() {
        let message = format!("the source lacks the tables {}", border.missing_tables.join(", "));
        return refused(message, "make them: `migrate schema apply`");
    }
    if !border.rewritten_columns.is_empty() {
        let message = format!("the source has JSONB in {}", border.rewritten_columns.join(", "));
        return refused(
            message,
            "only columns of JSON come back as they were written: change their type first",
        );
    }
    if !border.unknown_columns.is_empty() && !anyway {
        let message = format!("the service knows nothing of {}", border.unknown_columns.join(", "));
        return refused(
            message,
            "what they hold would stay behind; if it may: --force --reason \"…\"",
        );
    }
    Ok(())
}

/// The statement that writes what a database says of a move. Its texts are put into it, because it stands among others that nothing
/// is bound to.
fn state(split: &str, role: Role, phase: Phase, other: &str, passing: u8) -> String {
    format!(
        "INSERT INTO {STATE} (id, split, role, phase, other, since, passing) VALUES (1, '{split}', '{}', '{}', '{}', '{}', {passing})",
        role.word(),
        phase.word(),
        other.replace('\'', "''"),
        Utc::now().format("%Y-%m-%d %H:%M:%S"),
    )
}
