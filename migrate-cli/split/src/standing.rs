//! Where a move stands, from what its two databases say, and which verb may come next. Pure.

use serde::Serialize;
use service::store::split::{Phase, Role};

/// What one database says of a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Which move it is.
    pub split: String,
    /// Which of the two databases this is.
    pub role: Role,
    /// How far it is.
    pub phase: Phase,
    /// The other database, without password.
    pub other: String,
    /// When the move began, as an instant in UTC.
    pub since: String,
}

/// Where a move stands. A crash at any point leaves one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// There is none.
    None,
    /// The target is made, and nothing notes changes yet; or a move is half given up.
    Begun,
    /// Rows are copied; what changes is noted.
    Copying,
    /// Every row is copied; what changes is carried over.
    Following,
    /// Nobody may write: the source is fenced, and the target is not in force yet.
    Switching,
    /// The target is in force.
    Moved,
    /// Nobody may write: the target is fenced, and gives back what was written in it.
    Returning,
    /// The source is in force again, and the target is not cleared up.
    Returned,
    /// The source is left for good, and the target still notes its changes.
    Finishing,
    /// The source is left for good.
    Finished,
    /// The move was given up.
    Abandoned,
}

/// What an operator may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Begin, copy, follow.
    Start,
    /// Put the target in force.
    Switch,
    /// Put the source in force again.
    Back,
    /// End the move after the switch.
    Finish,
    /// Give it up before the switch.
    Abort,
}

/// Two databases that don't belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the source {source_says}, and the target {target_says}: these are not the two databases of one move"
)]
pub struct Muddle {
    source_says: String,
    target_says: String,
}

impl Standing {
    /// What two databases come to.
    pub fn of(source: Option<&Mark>, target: Option<&Mark>) -> Result<Self, Muddle> {
        let is_one = source.zip(target).is_none_or(|(source, target)| source.split == target.split);
        let part = |mark: Option<&Mark>| mark.map(|mark| (mark.role, mark.phase));
        let standing = match (part(source), part(target)) {
            (None, None) => Some(Self::None),
            (Some((Role::Source, source)), target) => Self::of_source(source, target),
            (None, Some((Role::Target, Phase::Filling | Phase::Following | Phase::Returning))) => {
                Some(Self::Begun)
            }
            (None, Some((Role::Target, Phase::Abandoned))) => Some(Self::Abandoned),
            _ => None,
        };
        let says = |mark: Option<&Mark>| match mark {
            None => "is of no move".to_owned(),
            Some(mark) => format!(
                "is the {} of the move {} ({}, the other is {})",
                mark.role.word(),
                mark.split,
                mark.phase.word(),
                mark.other
            ),
        };
        let muddle = || Muddle { source_says: says(source), target_says: says(target) };
        standing.filter(|_| is_one).ok_or_else(muddle)
    }

    fn of_source(source: Phase, target: Option<(Role, Phase)>) -> Option<Self> {
        if target.is_some_and(|(role, _)| role != Role::Target) {
            return None;
        }
        match (source, target.map(|(_, phase)| phase)) {
            (Phase::Open, Some(Phase::Filling)) => Some(Self::Copying),
            (Phase::Open, Some(Phase::Following)) => Some(Self::Following),
            (Phase::Open, Some(Phase::Returning)) => Some(Self::Returned),
            (Phase::Fenced, Some(Phase::Following)) => Some(Self::Switching),
            (Phase::Fenced, Some(Phase::Open)) => Some(Self::Moved),
            (Phase::Fenced, Some(Phase::Returning)) => Some(Self::Returning),
            (Phase::Left, Some(Phase::Open)) => Some(Self::Finishing),
            (Phase::Left, None) => Some(Self::Finished),
            _ => None,
        }
    }

    /// In words.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "there is none",
            Self::Begun => "begun",
            Self::Copying => "copying",
            Self::Following => "following",
            Self::Switching => "in the middle of a switch",
            Self::Moved => "moved",
            Self::Returning => "in the middle of a way back",
            Self::Returned => "returned",
            Self::Finishing => "in the middle of its end",
            Self::Finished => "finished",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether a verb makes sense here; else what to do.
    pub fn allows(self, verb: Verb) -> Result<(), &'static str> {
        const START: &str = "begin with `migrate db split start`";
        const MOVED: &str = "the target is in force: take the tables back with `migrate db split back`, or end the move with \
            `migrate db split finish`";
        const OVER: &str = "the move is over, and there is no way back any more; for another one name another target";
        const BACK: &str = "a way back is under way: `migrate db split back` ends it";
        const NOT_MOVED: &str = "the target is not in force yet: `migrate db split switch` comes first; \
            `migrate db split abort` gives the move up";
        const NOT_COPIED: &str =
            "not every row is copied: `migrate db split start` goes on with that";
        const SWITCH: &str = "a switch is under way: `migrate db split switch` ends it, `migrate db split abort` gives it up with \
            the move";
        let makes_sense = match verb {
            Verb::Start => matches!(
                self,
                Self::None
                    | Self::Abandoned
                    | Self::Begun
                    | Self::Copying
                    | Self::Following
                    | Self::Returned
            ),
            Verb::Switch => {
                matches!(self, Self::Following | Self::Returned | Self::Switching | Self::Moved)
            }
            Verb::Back => {
                matches!(self, Self::Following | Self::Returned | Self::Moved | Self::Returning)
            }
            Verb::Finish => matches!(self, Self::Moved | Self::Finishing | Self::Finished),
            Verb::Abort => {
                !matches!(self, Self::Moved | Self::Returning | Self::Finishing | Self::Finished)
            }
        };
        if makes_sense {
            return Ok(());
        }
        Err(match self {
            Self::None | Self::Begun | Self::Abandoned => START,
            Self::Copying if verb == Verb::Switch => NOT_COPIED,
            Self::Copying | Self::Following | Self::Returned => NOT_MOVED,
            Self::Switching => SWITCH,
            Self::Moved => MOVED,
            Self::Returning => BACK,
            Self::Finishing | Self::Finished => OVER,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Verb; 5] = [Verb::Start, Verb::Switch, Verb::Back, Verb::Finish, Verb::Abort];

    fn mark(role: Role, phase: Phase) -> Mark {
        let text = || "x".to_owned();
        Mark { split: text(), role, phase, other: text(), since: text() }
    }

    fn every() -> Vec<Option<Mark>> {
        let roles = [Role::Source, Role::Target];
        let marks =
            roles.into_iter().flat_map(|role| Phase::ALL.map(|phase| Some(mark(role, phase))));
        std::iter::once(None).chain(marks).collect()
    }

    #[test]
    fn at_most_one_of_the_two_is_ever_in_force_and_there_is_always_a_way_on() {
        for source in every() {
            for target in every() {
                let Ok(standing) = Standing::of(source.as_ref(), target.as_ref()) else { continue };
                // A database without a mark is like any other; but the target is made by the move, which marks it first.
                let takes = |mark: &Option<Mark>| {
                    mark.as_ref().is_some_and(|mark| mark.phase == Phase::Open)
                };
                let by_source = source.is_none() || takes(&source);
                assert!(!(by_source && takes(&target)), "{standing:?}");
                assert!(ALL.iter().any(|verb| standing.allows(*verb).is_ok()), "{standing:?}");
            }
        }
    }

    #[test]
    fn where_nobody_may_write_there_is_a_way_out() {
        assert_eq!(Standing::Switching.allows(Verb::Switch), Ok(()));
        assert_eq!(Standing::Switching.allows(Verb::Abort), Ok(()));
        assert_eq!(Standing::Returning.allows(Verb::Back), Ok(()));
    }

    #[test]
    fn rows_of_a_target_in_force_are_never_given_up() {
        for standing in
            [Standing::Moved, Standing::Returning, Standing::Finishing, Standing::Finished]
        {
            assert!(standing.allows(Verb::Abort).is_err() && standing.allows(Verb::Start).is_err());
        }
    }

    #[test]
    fn databases_of_two_moves_are_told() {
        let source = mark(Role::Source, Phase::Open);
        let target = Mark { split: "y".to_owned(), ..mark(Role::Target, Phase::Following) };
        let muddle = Standing::of(Some(&source), Some(&target)).unwrap_err();
        insta::assert_snapshot!(muddle, @"the source is the source of the move x (open, the other is x), and the target is the target of the move y (following, the other is x): these are not the two databases of one move");
        assert!(Standing::of(Some(&target), Some(&source)).is_err());
        let other = Mark { split: "x".to_owned(), ..target };
        assert_eq!(Standing::of(Some(&source), Some(&other)), Ok(Standing::Following));
    }
}
