//! Which stage each route of a cutover goes to, and that none goes back.

use routes::edit::Change;
use routes::journal::{Action, Move};
use routes::{Route, RouteTable, Stage};

use crate::failure::FlipError;

use crate::plan::{Plan, Start, percent_at};

/// What the operator asked for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Names of the routes.
    pub routes: Vec<String>,
    /// The stage; `None`: the next one.
    pub to: Option<Stage>,
    /// The canary percent; `None`: as the table says.
    pub percent: Option<f64>,
}

/// Plans a cutover; `None` when every route already is where it was to go.
pub fn plan(
    start: Start<'_>,
    text: &str,
    table: &RouteTable,
    wish: &Wish,
) -> Result<Option<Plan>, FlipError> {
    let mut changes = Vec::new();
    let mut moves: Vec<Move> = Vec::new();
    for name in &wish.routes {
        let route = table.route_named(name).ok_or_else(|| unknown(table, name))?;
        let seen = moves.iter().any(|step| step.route == *name);
        if let Some(step) = step(route, wish)?
            && !seen
        {
            changes.push(Change::SetStage {
                route: step.route.clone(),
                stage: step.to,
                percent: wish.percent,
            });
            moves.push(step);
        }
    }
    if moves.is_empty() {
        return Ok(None);
    }
    Plan::new(Action::Cutover, start, text, &changes, moves).map(Some)
}

/// A name that no route has.
pub fn unknown(table: &RouteTable, name: &str) -> FlipError {
    FlipError::UnknownRoute {
        name: name.to_owned(),
        nearest: table.nearest_route(name).map(str::to_owned),
    }
}

/// The stage after this one.
fn next(stage: Stage) -> Stage {
    match stage {
        Stage::Monolith => Stage::Shadow,
        Stage::Shadow => Stage::Canary,
        Stage::Canary | Stage::Service => Stage::Service,
    }
}

/// One route's move; `None` when it stands there already.
fn step(route: &Route, wish: &Wish) -> Result<Option<Move>, FlipError> {
    let to = match (wish.to, wish.percent) {
        (Some(to), _) => to,
        // A percent alone is about the canary, also where the route is there already.
        (None, Some(_)) if route.stage <= Stage::Canary => Stage::Canary,
        (None, _) => next(route.stage),
    };
    if to < route.stage {
        return Err(FlipError::GoesBack { route: route.name.clone(), from: route.stage, to });
    }
    if wish.percent.is_some() && to != Stage::Canary {
        return Err(FlipError::PercentElsewhere { route: route.name.clone(), to });
    }
    let percent = percent_at(to, wish.percent.unwrap_or(route.canary.percent));
    if to == route.stage && percent == percent_at(route.stage, route.canary.percent) {
        return Ok(None);
    }
    Ok(Some(Move { route: route.name.clone(), from: route.stage, to, percent }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    /// Two routes; `executions` is the one that moves.
    const TABLE: &str = r#"format = 1
# The table of the tests.

[backends.monolith]
targets = ["http://127.0.0.1:8011"]

[backends.agent-service]
targets = ["http://127.0.0.1:8012"]

[defaults]
old = "monolith"
new = "agent-service"
fallback = "monolith"

[[routes]]
name = "workflows"
path = "/api/v1/agent/workflows/{*rest}"
stage = "shadow" # read only so far
canary = { percent = 10, sticky = "header:x-api-key" }

[[routes]]
name = "executions"
path = "/api/v1/agent/executions/{id}"
stage = "monolith"
"#;

    fn stages() -> impl Strategy<Value = Stage> {
        proptest::sample::select(Stage::ALL.to_vec())
    }

    proptest! {
        /// Whatever is asked for, a cutover never moves a route back, and what it writes is a valid table that says so.
        #[test]
        fn no_route_goes_back(
            standing in stages(),
            to in proptest::option::of(stages()),
            percent in proptest::option::of(0_u32..=100),
        ) {
            let path = Path::new("routes.toml");
            let text = TABLE
                .replace("stage = \"monolith\"", &format!("stage = \"{standing}\""));
            let table = RouteTable::parse(path, &text).unwrap();
            let start = Start {
                path,
                in_file: Some(&text),
                before: Some(&table.generation),
                number: 1,
            };
            let wish = Wish {
                routes: vec!["executions".to_owned()],
                to,
                percent: percent.map(f64::from),
            };
            match plan(start, &text, &table, &wish) {
                Ok(Some(plan)) => {
                    let after = plan.table.route_named("executions").unwrap();
                    prop_assert!(after.stage >= standing);
                    prop_assert_eq!(after.stage, plan.moves[0].to);
                    prop_assert_eq!(plan.table.generation.number, 1);
                    let other = plan.table.route_named("workflows").unwrap();
                    prop_assert_eq!(other.stage, Stage::Shadow);
                }
                Ok(None) => prop_assert!(to.is_none_or(|to| to == standing)),
                Err(FlipError::GoesBack { from, to, .. }) => prop_assert!(to < from),
                Err(FlipError::PercentElsewhere { .. }) => prop_assert!(percent.is_some()),
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            }
        }
    }
}
