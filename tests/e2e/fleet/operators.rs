//! Several who change one table at once: operators, and the guards of several proxies.

use e2e::Answer;
use e2e::load::Load;
use e2e::stack::{forced, run};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_operators_one_wins_and_the_other_is_told() {
    let fleet = Fleet::start().await;
    let mut told = 0;
    for round in 0..6 {
        let (w, v) = match round % 2 {
            0 => (forced(&["w", "--to", "service"]), forced(&["v", "--to", "service"])),
            _ => (vec!["rollback", "w"], vec!["rollback", "v"]),
        };
        let [w, v] = [w, v].map(|words| tokio::spawn(run(fleet.stack.migrate_command(&words))));
        let outputs = [w.await.unwrap(), v.await.unwrap()];
        assert!(outputs.iter().any(|output| output.code == Some(0)), "{outputs:#?}");
        for output in outputs.iter().filter(|output| output.code != Some(0)) {
            assert_eq!(output.code, Some(1), "{output:#?}");
            let reason = ["is changing postgres:", "was edited while this change was prepared"];
            assert!(reason.iter().any(|reason| output.stderr.contains(reason)), "{output:#?}");
            told += 1;
        }
        let table = fleet.stack.read_routes();
        let wanted = if round % 2 == 0 { "stage = \"service\"" } else { "stage = \"shadow\"" };
        let stages = table.lines().filter(|line| *line == wanted).count();
        let won = outputs.iter().filter(|output| output.code == Some(0)).count();
        assert_eq!(stages, won, "{outputs:#?}\n{table}");
        // Whoever was told runs the command again.
        for (name, output) in ["w", "v"].into_iter().zip(&outputs) {
            if output.code != Some(0) {
                match round % 2 {
                    0 => fleet.stack.cut_over(&[name, "--to", "service"]).await,
                    _ => fleet.stack.migrate_ok(&["rollback", name]).await,
                };
            }
        }
    }
    eprintln!("6 rounds of two operators at once: {told} were told");
    let history = fleet.json(&["history"]).await;
    assert_eq!(history["findings"], Value::Array(Vec::new()));
    let flips = history["changes"].as_array().unwrap();
    let done = flips.iter().filter(|flip| flip["action"] != "edit");
    assert_eq!(done.clone().count(), 12, "{history:#}");
    assert!(done.into_iter().all(|flip| flip["outcome"] == "done"), "{history:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_guards_take_a_route_back_once() {
    let mut fleet = Fleet::start().await;
    fleet.stack.cut_over(&["w", "--to", "service"]).await;
    fleet.stack.new.fake().answer(Answer::status(500));
    let loads: Vec<_> =
        fleet.proxies.iter().map(|proxy| Load::get("/w/1").start(proxy.http)).collect();
    wait::until("every proxy has the route back, and the table says so", LIMIT, async || {
        let routes = fleet.reports().await.into_iter().map(|mut report| report.routes.remove(0));
        let is_back = |guard: routes::admin::GuardReport| guard.written;
        routes.into_iter().all(|route| route.guard.is_some_and(is_back)).then_some(())
    })
    .await;
    for load in loads {
        load.stop().await.assert_all_answered(200);
    }
    let history = fleet.json(&["history"]).await;
    let flips = history["changes"].as_array().unwrap();
    let guards: Vec<&Value> = flips.iter().filter(|flip| flip["action"] == "guard").collect();
    assert_eq!(guards.len(), 1, "{history:#}");
    assert_eq!(guards[0]["outcome"], "done");
    let status = fleet.json(&["status"]).await;
    assert_eq!(status["routes"][0]["guard"]["to"], "shadow", "{status:#}");
    fleet.stack.migrate_ok(&["guard", "acknowledge", "w"]).await;
    wait::until("every proxy has heard of it", LIMIT, async || {
        fleet.reports().await.iter().all(|report| report.routes[0].guard.is_none()).then_some(())
    })
    .await;
}
