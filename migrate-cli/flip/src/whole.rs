//! A flip from its beginning to its end, for callers that have nobody to ask in between: the dashboard.

use std::future::Future;
use std::time::{Duration, Instant};

use home::Home;
use routes::RouteTable;

use crate::admin::AdminClient;
use crate::cutover_plan::{self, Wish};
use crate::failpoint::Step;
use crate::failure::FlipError;
use crate::follow::{Patience, ProxyFollow, follow};
use crate::gate::{self, Subject, Verdict};
use crate::permission::Confirmed;
use crate::plan::{Plan, Start};
use crate::protocol::{self, Desk, Ending};
use crate::rollback_plan::{self, Rollback, Target};
use crate::standing::Standing;

/// Who flips what, and why.
#[derive(Debug)]
pub struct Order<'a> {
    /// The table.
    pub home: &'a Home,
    /// Who, for the journal.
    pub who: &'a str,
    /// Why, for the journal.
    pub reason: &'a str,
    /// How long to wait for the proxies to follow.
    pub wait: Duration,
}

/// What came of a cutover.
#[derive(Debug)]
pub enum Cutover {
    /// Every route stands there already.
    NothingToDo,
    /// The gate said no; nothing was changed.
    Refused {
        /// What would have been done.
        plan: Plan,
        /// Why not.
        verdict: Verdict,
    },
    /// It was carried out, whatever the proxies made of it.
    Ended {
        /// What was done.
        plan: Plan,
        /// What the gate said; a verdict that does not pass was gone past.
        verdict: Verdict,
        /// How the waiting ended.
        ending: Ending,
    },
}

/// What came of a rollback.
#[derive(Debug)]
pub struct RolledBack {
    /// What was done.
    pub plan: Plan,
    /// How it was made, in sentences.
    pub notes: Vec<String>,
    /// What became of each proxy.
    pub proxies: Vec<ProxyFollow>,
}

/// Lock → plan → gate → journal → write → wait. With `force` a gate that refuses is gone past, and the journal says so.
///
/// Blocks the thread for as long as another change holds the lock, at most [`protocol::LOCK_PATIENCE`].
pub async fn cutover(
    order: &Order<'_>,
    wish: &Wish,
    force: bool,
    client: &AdminClient,
    stop: impl Future<Output = ()>,
) -> Result<Cutover, FlipError> {
    let what = format!("cutover {}", wish.routes.join(" "));
    let opened = protocol::open(order.home, order.who, &what)?;
    let Some((before, plan)) = planned(order.home, wish)? else { return Ok(Cutover::NothingToDo) };
    let verdict = gate::check(client, &before, &Subject::of_cutover(&before, &plan)).await;
    if !verdict.passed() && !force {
        return Ok(Cutover::Refused { plan, verdict });
    }
    let desk = Desk {
        home: order.home,
        held: &opened.held,
        who: order.who,
        reason: Some(verdict.reason(order.reason)),
        on_step: &ignore,
    };
    let given = Confirmed::given();
    let ending = protocol::cutover(&desk, &plan, client, order.wait, given, stop).await?;
    Ok(Cutover::Ended { plan, verdict, ending })
}

/// Lock → plan → journal → write, then the proxies are asked; `None` when there is nothing to take back.
///
/// Blocks like [`cutover`].
pub async fn rollback(
    order: &Order<'_>,
    route: &str,
    client: &AdminClient,
) -> Result<Option<RolledBack>, FlipError> {
    let opened = protocol::open(order.home, order.who, &format!("rollback {route}"))?;
    let standing = Standing::of(order.home);
    let journal = order.home.journal()?;
    let target = Target::Routes(vec![route.to_owned()]);
    let planned = rollback_plan::plan(order.home.path(), &standing, &journal, &target)?;
    let Some(Rollback { plan, notes }) = planned else { return Ok(None) };
    let desk = Desk {
        home: order.home,
        held: &opened.held,
        who: order.who,
        reason: Some(order.reason.to_owned()),
        on_step: &ignore,
    };
    let since: Instant = protocol::rollback(&desk, &plan, Confirmed::not_needed())?;
    drop(opened);
    let patience =
        Patience { since, limit: order.wait, insist: false, number: Some(plan.after().number) };
    let proxies = follow(client, &plan.table.proxies, &plan.after().digest, patience).await;
    Ok(Some(RolledBack { plan, notes, proxies }))
}

/// Reads the table and plans; `None` when there is nothing to do.
pub fn planned(home: &Home, wish: &Wish) -> Result<Option<(Box<RouteTable>, Plan)>, FlipError> {
    let (text, table) = Standing::of(home).into_good()?;
    let journal = home.journal()?;
    let start = Start {
        path: home.path(),
        in_file: Some(&text),
        before: Some(&table.generation),
        number: journal.next_number(Some(table.generation.number)),
    };
    let plan = cutover_plan::plan(start, &text, &table, wish)?;
    Ok(plan.map(|plan| (table, plan)))
}

fn ignore(_step: Step) {}
