//! `migrate status`: where everything stands, as far as it can be seen from here.

use flip::admin::{AdminClient, AdminError};
use flip::interrupted;
use flip::standing::Standing;
use home::{Copied, Home};
use routes::RouteTable;
use routes::admin::{EvidenceReport, RoutesReport};
use routes::journal::Journal;
use tokio::task::JoinSet;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

use super::history;
use super::status_report::{Log, ProxyState, Status};

/// Changes shown.
const LAST_CHANGES: usize = 5;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  migrate status --output json | jq '.proxies[].in_step'\n\n\
    Exit code 0 also where a proxy does not answer or is out of step: it is told, not judged. 1: the table is damaged.")]
pub(crate) struct Args {}

/// Shows where everything stands.
pub(crate) async fn run(_args: &Args, context: &Context) -> Result<Exit, Failure> {
    let standing = Standing::of(&context.home);
    let journal = journal(&standing, context)?;
    let client = context.admin_client()?;
    let last_good;
    let table = match &standing {
        Standing::Good { table, .. } => Some(table.as_ref()),
        // The proxies go on with the last good table, so that is where their addresses are.
        Standing::Damaged { .. } => {
            last_good = journal
                .last_in_force()
                .map(|(_, text)| text.to_owned())
                .or_else(|| copied(&context.home))
                .and_then(|text| RouteTable::parse(context.home.path(), &text).ok());
            last_good.as_ref()
        }
    };
    let addresses = table.map(proxy_addresses).unwrap_or_default();
    let answers = {
        let _progress = context.printer.progress("asking the proxies");
        ask_all(&client, &addresses).await
    };
    let digest = standing.digest();
    let proxies = answers.into_iter().map(|(address, report, evidence)| {
        ProxyState::new(address, report, evidence, digest.as_ref())
    });
    let status = Status::new(
        &context.home,
        &standing,
        table,
        proxies.collect(),
        Log {
            guarded: journal.guarded(table),
            interrupted: interrupted::find(&journal, digest.as_ref())
                .iter()
                .map(interrupted::describe)
                .collect(),
            history: history::of(journal, digest.as_ref(), LAST_CHANGES),
        },
    );
    context.printer.show(&status);
    match standing {
        Standing::Good { .. } => Ok(Exit::Done),
        Standing::Damaged { problem, .. } => {
            Failure::from(problem).report_to_people(&context.printer);
            Ok(Exit::Failed)
        }
    }
}

/// The journal. Where the table can't be read either, a database that is lost must not hide what the proxies say.
fn journal(standing: &Standing, context: &Context) -> Result<Journal, Failure> {
    match (context.home.journal(), standing) {
        (Err(error), Standing::Damaged { text: None, .. }) => {
            Ok(Journal { findings: vec![error.to_string()], ..Journal::default() })
        }
        (journal, _) => Ok(journal?),
    }
}

/// The copy that a proxy on this machine keeps of a table in a database.
fn copied(home: &Home) -> Option<String> {
    match home.copy(None)?.read() {
        Ok(Copied::Text(text)) => Some(text),
        _ => None,
    }
}

/// The proxies that the table lists; where it lists none, the one that would run with its own `listen.admin`.
pub(crate) fn proxy_addresses(table: &RouteTable) -> Vec<String> {
    if table.proxies.is_empty() {
        vec![format!("http://{}", table.listen.admin)]
    } else {
        table.proxies.clone()
    }
}

type Answer = (String, Result<RoutesReport, AdminError>, Option<EvidenceReport>);

async fn ask_all(client: &AdminClient, addresses: &[String]) -> Vec<Answer> {
    let mut questions = JoinSet::new();
    for (place, address) in addresses.iter().cloned().enumerate() {
        let client = client.clone();
        questions.spawn(async move {
            let report = client.routes(&address).await;
            let evidence = match &report {
                Ok(_) => client.evidence(&address, None).await.ok(),
                Err(_) => None,
            };
            (place, (address, report, evidence))
        });
    }
    let mut answers = questions.join_all().await;
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
