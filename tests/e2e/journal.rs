//! Whatever crashes in the middle of a flip, the table is the old or the new one and `history` tells which.

use std::time::Duration;

use e2e::load::Load;
use e2e::stack::{Kept, forced, run};
use e2e::{RouteSpec, Stack, wait};
use serde_json::{Value, json};

use crate::{NEW, OLD, stack};

/// Every step after which the command can be made to crash (in debug builds), and the outcome that `history` must tell of a
/// file, and of a database, where an intent and its generation come together or not at all.
#[cfg(debug_assertions)]
const STEPS: [(&str, &str, &str); 6] = [
    ("locked", "none", "none"),
    ("passed", "none", "none"),
    ("intended", "interrupted-before-write", "none"),
    ("written", "interrupted-after-write", "interrupted-after-write"),
    ("waited", "interrupted-after-write", "interrupted-after-write"),
    ("ended", "done", "done"),
];

async fn one_route(kept: Kept) -> Stack {
    stack().kept(kept).route(RouteSpec::new("w", "/w/{*rest}")).start().await
}

/// The journal without what the proxy recorded itself: tables that were changed by hand, the first one included.
async fn flips(stack: &Stack) -> Vec<Value> {
    let output = stack.migrate_ok(&["--output", "json", "history"]).await;
    let mut history: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(history["findings"], json!([]), "the journal is whole");
    let Value::Array(mut changes) = history["changes"].take() else { panic!("{history:#}") };
    changes.retain(|change| change["action"] != "edit");
    changes
}

/// What the table in force says, and that table and proxy agree on it.
async fn side_in_force(stack: &Stack) -> &'static str {
    let agreed = async || {
        let said = if stack.read_routes().contains("stage = \"service\"") { NEW } else { OLD };
        (stack.who_answers("/w/1").await == said).then_some(said)
    };
    wait::until("the proxy answers as the table says", e2e::LIMIT, agreed).await
}

#[cfg(debug_assertions)]
#[tokio::test]
async fn a_crash_of_migrate_at_any_step_leaves_a_table_that_history_explains() {
    for ((step, in_file, in_database), kept) in
        STEPS.into_iter().flat_map(|step| Kept::BOTH.map(|kept| (step, kept)))
    {
        let expected = if kept == Kept::File { in_file } else { in_database };
        let stack = one_route(kept).await;
        let mut command = stack.migrate_command(&forced(&["w", "--to", "service"]));
        command.env("MIGRATE_FAILPOINT", step);
        let crashed = run(command).await;
        assert_eq!(crashed.code, None, "after {step}: a signal ends it, {crashed:?}");

        let side = side_in_force(&stack).await;
        match flips(&stack).await.pop() {
            None => assert_eq!((expected, side), ("none", OLD), "after {step}"),
            Some(change) => {
                assert_eq!(change["outcome"], expected, "after {step}: {change:#}");
                let new_in_force = change["in_force"] == true;
                assert_eq!(new_in_force, side == NEW, "after {step}: {change:#}");
            }
        }
        // The next command goes on from there.
        stack.cut_over(&["w", "--to", "service"]).await;
        assert_eq!(side_in_force(&stack).await, NEW, "after {step}");
    }
}

#[cfg(debug_assertions)]
#[tokio::test]
async fn a_crash_while_the_table_before_is_put_back_leaves_one_of_the_two() {
    for kept in Kept::BOTH {
        let mut stack = one_route(kept).await;
        stack.recorded().await;
        stack.proxy().signal(rustix::process::Signal::STOP);
        let words = [&forced(&["w", "--to", "service"])[..], &["--wait", "300ms"]].concat();
        let mut command = stack.migrate_command(&words);
        command.env("MIGRATE_FAILPOINT", "restored");
        let crashed = run(command).await;
        assert_eq!(crashed.code, None, "a signal ends it, {crashed:?}");
        stack.proxy().signal(rustix::process::Signal::CONT);
        // In a file the text before is back already; in a database that and its entry come together or not at all.
        let (side, outcome) = match kept {
            Kept::File => (OLD, "interrupted-before-write"),
            Kept::Postgres => (NEW, "interrupted-after-write"),
        };
        assert_eq!(side_in_force(&stack).await, side);
        assert_eq!(flips(&stack).await[0]["outcome"], outcome);
        stack.cut_over(&["w", "--to", "service"]).await;
        assert_eq!(side_in_force(&stack).await, NEW);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_migrate_at_any_moment_leaves_the_old_table_or_the_new_one() {
    for kept in Kept::BOTH {
        let stack = one_route(kept).await;
        let load = Load::get("/w/1").pause(Duration::from_millis(1)).start(stack.table.http);
        let mut sides = [0, 0];
        for round in 0..20_u64 {
            let before = stack.read_routes();
            let words = if before.contains("stage = \"service\"") {
                vec!["rollback", "w"]
            } else {
                forced(&["w", "--to", "service"])
            };
            let mut command = stack.migrate_command(&words);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            let mut child = command.spawn().unwrap();
            let began = std::time::Instant::now();
            let pace = if kept == Kept::File { 2 } else { 9 };
            let moment = Duration::from_millis(round * pace);
            wait::until("the moment has come", e2e::LIMIT, async || {
                (began.elapsed() >= moment).then_some(())
            })
            .await;
            child.kill().unwrap();
            child.wait().unwrap();
            // What a killed client had sent is carried out before its lock is free.
            drop(stack.home.lock("a test", e2e::LIMIT).unwrap());
            assert_eq!(stack.migrate(&["routes", "validate"]).await.code, Some(0), "round {round}");
            let side = side_in_force(&stack).await;
            sides[usize::from(side == NEW)] += 1;
            let flips = flips(&stack).await;
            let in_force = flips.iter().rfind(|flip| flip["in_force"] == true);
            if let Some(flip) = in_force {
                assert_eq!(
                    flip["moves"][0]["to"] == "service",
                    side == NEW,
                    "round {round}: {flips:#?}"
                );
            } else {
                assert_eq!(side, OLD, "round {round}: {flips:#?}");
            }
        }
        eprintln!(
            "20 kills of migrate ({kept:?}): {} left the old side in force, {} the new one",
            sides[0], sides[1]
        );
        load.stop().await.assert_all_answered(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_the_proxy_in_the_middle_of_a_flip_puts_the_old_table_back() {
    for kept in Kept::BOTH {
        let mut stack = one_route(kept).await;
        let before = stack.read_routes();
        stack.recorded().await;
        // Stopped, it can't follow: the command is in the middle of its flip until the kill.
        stack.proxy().signal(rustix::process::Signal::STOP);
        let mut command = stack
            .migrate_command(&["cutover", "w", "--to", "service", "--force", "--reason", "test"]);
        command.args(["--wait", "3s"]);
        let flip = tokio::spawn(run(command));
        let written = async || (stack.read_routes() != before).then_some(());
        wait::until("the new generation is written", e2e::LIMIT, written).await;
        stack.proxy().kill();
        let output = flip.await.unwrap();
        assert_eq!(output.code, Some(4), "{output:#?}");
        assert_eq!(stack.read_routes(), before);
        let flips = flips(&stack).await;
        assert_eq!(flips[0]["outcome"], "put-back", "{flips:#?}");
        stack.start_proxy().await;
        assert_eq!(stack.who_answers("/w/1").await, OLD);
        stack.cut_over(&["w", "--to", "service"]).await;
        assert_eq!(stack.who_answers("/w/1").await, NEW);
    }
}

#[tokio::test]
async fn comments_and_order_survive_every_flip() {
    for kept in Kept::BOTH {
        let stack = one_route(kept).await;
        let before = stack.read_routes();
        for words in [
            vec!["cutover", "w", "--to", "shadow"],
            forced(&["w", "--to", "service"]),
            vec!["rollback", "--to", "1"],
        ] {
            stack.migrate_ok(&words).await;
        }
        let after = stack.read_routes();
        let differing: Vec<_> = similar::TextDiff::from_lines(&before, &after)
            .iter_all_changes()
            .filter(|change| change.tag() != similar::ChangeTag::Equal)
            .map(|change| change.to_string())
            .collect();
        assert!(
            differing
                .iter()
                .all(|line| line.starts_with("generation") || line.starts_with("stage")),
            "{differing:#?}"
        );
        assert!(after.contains("# The table of a test. This comment must survive every flip."));
    }
}

#[tokio::test]
async fn two_operators_are_kept_apart() {
    for kept in Kept::BOTH {
        let mut stack = one_route(kept).await;
        let before = stack.read_routes();
        stack.recorded().await;
        stack.proxy().signal(rustix::process::Signal::STOP);
        let first = stack.migrate_command(&[
            "cutover", "w", "--to", "service", "--force", "--reason", "x", "--wait", "8s",
        ]);
        let first = tokio::spawn(run(first));
        let written = async || (stack.read_routes() != before).then_some(());
        wait::until("the first is in the middle", e2e::LIMIT, written).await;
        let second = stack.migrate(&["rollback", "w"]).await;
        assert_eq!(second.code, Some(1), "{second:#?}");
        assert!(second.stderr.contains("is changing"), "{}", second.stderr);
        stack.proxy().signal(rustix::process::Signal::CONT);
        assert_eq!(first.await.unwrap().code, Some(0));
    }
}
