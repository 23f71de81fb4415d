//! `docs/tutorial.md`, command by command: what the page says is printed is printed. Only the ports are others.

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use e2e::port::PortGuard;
use e2e::process::Process;
use e2e::programs::{project, python};
use e2e::wait;

use crate::BINARIES;

/// The whole page; a debug build on a busy machine takes half a minute.
const PATIENCE: Duration = Duration::from_mins(5);
/// Ports that the page uses.
const PORTS: [&str; 4] = ["8080", "8081", "8011", "8012"];
/// Stands before commands that prepare what the test has already.
const NOT_RUN: &str = "<!-- not run";
/// Printed after each block of commands, with its number.
const MARK: &str = "=== ran block ";

/// Commands, and what has to be seen when they run.
#[derive(Debug, Default)]
struct Block {
    /// Of the page, 1-based.
    line: usize,
    commands: String,
    /// Parts of one line of output each; `…` stands for anything.
    printed: Vec<String>,
}

/// What is in the page between the fences.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut fence, mut is_run) = ("", true);
    for (number, line) in (1..).zip(page.lines()) {
        match (fence, line) {
            ("", "```sh") => {
                fence = "sh";
                blocks.push(Block { line: number, ..Block::default() });
            }
            ("", "```text") => fence = "text",
            ("", line) if line.starts_with("```") => {
                panic!("line {number}: a fence of no known kind")
            }
            ("", line) => is_run &= !line.starts_with(NOT_RUN),
            (_, "```") => {
                fence = "";
                if !is_run {
                    blocks.pop();
                    is_run = true;
                }
            }
            ("sh", line) => writeln!(blocks.last_mut().unwrap().commands, "{line}").unwrap(),
            (_, line) => blocks.last_mut().unwrap().printed.push(line.to_owned()),
        }
    }
    blocks
}

fn script(blocks: &[Block]) -> String {
    let mut script = String::from(
        "set -eu\ntrap 'exit 1' TERM\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n",
    );
    for (number, block) in blocks.iter().enumerate() {
        writeln!(script, "{}echo; echo '{MARK}{number}'", block.commands).unwrap();
    }
    script
}

/// Whether the parts of `wanted` stand in `line`, one after the other.
fn shows(line: &str, wanted: &str) -> bool {
    let mut rest = Some(line);
    for part in wanted.split('…').map(str::trim) {
        rest = rest.and_then(|rest| rest.split_once(part)).map(|(_, after)| after);
    }
    rest.is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tutorial_prints_what_it_says() {
    let page = std::fs::read_to_string(project().join("docs/tutorial.md")).unwrap();
    let ports: Vec<PortGuard> = PORTS.iter().map(|_| PortGuard::take()).collect();
    let page = ports
        .iter()
        .zip(PORTS)
        .fold(page, |page, (guard, port)| page.replace(port, &guard.address().port().to_string()));
    let blocks = blocks(&page);
    assert!(blocks.len() > 12, "the page has lost its commands: {blocks:#?}");

    let folder = tempfile::tempdir().unwrap();
    let programs = folder.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    let binaries = [
        ("strangler-proxy", BINARIES.proxy),
        ("agent-service", BINARIES.service),
        ("migrate", BINARIES.migrate),
    ];
    for (name, binary) in binaries {
        symlink(binary, programs.join(name)).unwrap();
    }
    let place = folder.path().join("tutorial");
    std::fs::create_dir(&place).unwrap();
    let path = [programs, python().parent().unwrap().to_owned()];
    let inherited = std::env::var_os("PATH").unwrap();
    let path = path.into_iter().chain(std::env::split_paths(&inherited));
    let mut command = Command::new("bash");
    command
        .args(["-c", &script(&blocks)])
        .current_dir(&place)
        .env("STRANGLER", project())
        .env("PATH", std::env::join_paths(path).unwrap())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100");
    drop(ports.into_iter().map(PortGuard::release).collect::<Vec<_>>());
    let mut run = Process::spawn("tutorial", &command, &folder.path().join("output.txt"));
    let ended = wait::until("the tutorial has ended", PATIENCE, async || run.ended()).await;

    let output = run.output();
    let mut rest = output.as_str();
    for (number, block) in blocks.iter().enumerate() {
        let mark = format!("{MARK}{number}\n");
        let (printed, after) = rest.split_once(&mark).unwrap_or_else(|| {
            panic!(
                "docs/tutorial.md:{}: these commands failed: {}\n{rest}",
                block.line, block.commands
            )
        });
        let mut lines = printed.lines();
        for wanted in &block.printed {
            assert!(
                lines.any(|line| shows(line, wanted)),
                "docs/tutorial.md:{}: `{wanted}` is not printed there:\n{printed}",
                block.line
            );
        }
        rest = after;
    }
    assert!(ended.success(), "{ended}: {rest}");
}

#[test]
fn a_line_is_told_by_its_parts_in_their_order() {
    assert!(shows("good: 49 passed, 0 failed", "good: … passed, 0 failed"));
    assert!(!shows("good: 49 failed, 0 passed", "good: … passed, … failed"));
    assert!(!shows("bad", "good"));
}

#[test]
fn commands_and_what_they_print_are_read_from_a_page() {
    let page = "a\n```sh\none\n```\n```text\n1\n```\n<!-- not run: x -->\n```sh\ntwo\n```\n```sh\nthree\n```\n";
    let read = blocks(page);
    let all: Vec<_> = read.iter().map(|block| (block.line, block.commands.as_str())).collect();
    assert_eq!(all, [(2, "one\n"), (12, "three\n")]);
    assert_eq!(read[0].printed, ["1"]);
}
