//! `migrate deploy install`: what was rendered, on the machine, running.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::grid::{good, grid, lines, plain, warn};
use crate::installation::wanted::Wanted;
use crate::installation::{self, Commands, Machine, Record, Shell, Step, Trouble};
use crate::output::Report;

const AFTER: &str = "\
Copies what `migrate deploy render` wrote, makes users and folders, enables and starts the service and then the proxy; what runs already
in an older form is started anew; a proxy of which only the program changed is taken over from without a dropped connection, and the
service is left alone then. The route table is copied where the machine has none. When a step fails, everything is put back as it
was. What was there before is kept in /var/lib/strangler-installation, so that `migrate deploy uninstall` can put it back, also after a
run that was killed. A second run does what lacks. With --root another than /, the image of a machine is prepared, and nothing started.

Examples:
  migrate deploy install --from deployment --programs target/release --dry-run
  migrate deploy install --from deployment --programs target/release";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The folder that `migrate deploy render` has written to
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Copy the three programs from here to where the units run them; absent: they are there
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// The root of the machine
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// The service's unit
    #[arg(long, value_name = "NAME", default_value = "agent-service")]
    service: String,
    /// Replace files on the machine that somebody has edited, or that others have put there
    #[arg(long)]
    replace: bool,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct InstallReport {
    root: PathBuf,
    /// `planned` or `done`.
    result: &'static str,
    steps: Vec<StepReport>,
}

#[derive(Debug, Serialize)]
struct StepReport {
    step: &'static str,
    on: String,
    /// `planned`, `done`, or `unchanged`: it was so already.
    state: &'static str,
}

/// Installs.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let runs = is_this_machine(&args.root, context.dry_run)?;
    on(&Machine::new(&args.root, runs, &Shell), args, context).await
}

/// Whether the root is that of the machine that runs; then it must be one with systemd, and we its root.
pub(super) fn is_this_machine(root: &Path, is_dry_run: bool) -> Result<bool, Failure> {
    if root != Path::new("/") {
        return Ok(false);
    }
    let refused = |message: &str, help: &str| {
        Err(Failure::Refused { message: message.to_owned(), help: help.to_owned() })
    };
    if !Path::new("/run/systemd/system").exists() {
        refused(
            "systemd does not run on this machine",
            "prepare an image with --root DIR, or give the rendered files to whatever starts programs here",
        )
    } else if !is_dry_run && !rustix::process::geteuid().is_root() {
        refused("only root may change this machine", "run it with sudo, or look with --dry-run")
    } else {
        Ok(true)
    }
}

async fn on<C: Commands>(
    machine: &Machine<'_, C>,
    args: &Args,
    context: &Context,
) -> Result<Exit, Failure> {
    let wanted = wanted(args, context)?;
    refuse_to_overwrite(&wanted, args)?;
    let steps = installation::plan(&wanted, machine).await.map_err(|trouble| failed(&trouble))?;
    if !context.dry_run {
        let count = steps.iter().filter(|step| !step.is_so).count();
        let _confirmed = confirm::ask(
            context,
            format_args!("do {count} steps on {}? (--dry-run lists them)", args.root.display()),
        )?;
        let progress = context.printer.progress("installing");
        let went = installation::install(&wanted, &steps, machine).await;
        drop(progress);
        went.map_err(|unfinished| Failure::Other {
            message: unfinished.to_string(),
            help: "correct that and run it again; `migrate deploy check` says what else would fail"
                .to_owned(),
        })?;
    }
    let result = if context.dry_run { "planned" } else { "done" };
    let steps = steps.into_iter().map(|step| step_report(step, result)).collect();
    context.printer.show(&InstallReport { root: args.root.clone(), result, steps });
    Ok(Exit::Done)
}

fn step_report(step: Step, result: &'static str) -> StepReport {
    let state = if step.is_so { "unchanged" } else { result };
    StepReport { step: step.what.word(), on: step.on, state }
}

fn wanted(args: &Args, context: &Context) -> Result<Wanted, Failure> {
    let has_nginx = args.root.join("etc/nginx").exists();
    let wanted = Wanted::read(&args.from, args.programs.as_deref(), &args.service, has_nginx);
    let wanted = wanted.map_err(|unfit| Failure::Usage {
        message: unfit.to_string(),
        help: "name the folder that `migrate deploy render` wrote, the unit's name as it was said there, and a folder with \
               strangler-proxy, agent-service and migrate"
            .to_owned(),
    })?;
    // A table in a database is where the proxy's settings say already.
    match context.home.source() {
        "file" => Ok(wanted.with_table(&context.home.read()?)),
        _ => Ok(wanted),
    }
}

/// What somebody has written is not lost without being asked for.
fn refuse_to_overwrite(wanted: &Wanted, args: &Args) -> Result<(), Failure> {
    let record = Record::load(&args.root).map_err(|trouble| failed(&trouble))?;
    for file in wanted.files.iter().filter(|_| !args.replace) {
        let path = args.root.join(&file.path);
        let Ok(now) = std::fs::read(&path) else { continue };
        let is_ours = record.as_ref().is_some_and(|record| record.is_ours(&file.path, &now));
        if now != file.content && !is_ours {
            return Err(Failure::Refused {
                message: format!("{} says something else; nothing was changed", path.display()),
                help: "look at both, change what was rendered, or replace it with --replace"
                    .to_owned(),
            });
        }
    }
    Ok(())
}

/// A step that could not even be planned.
pub(super) fn failed(trouble: &Trouble) -> Failure {
    Failure::Other {
        message: trouble.to_string(),
        help: "nothing was changed; see that you may read this, and that systemd is installed"
            .to_owned(),
    }
}

impl Report for InstallReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        let mut table = grid(&["STEP", "ON", ""]);
        for step in &self.steps {
            let state = match step.state {
                "planned" => warn("would be done"),
                "done" => good("done"),
                _ => plain("was so already"),
            };
            table.add_row(vec![plain(step.step), plain(&step.on), state]);
        }
        page.push_str(&lines(&table));
        match self.result {
            "planned" => writeln!(page, "nothing was changed"),
            _ => writeln!(page, "back: migrate deploy uninstall"),
        }
    }
}
