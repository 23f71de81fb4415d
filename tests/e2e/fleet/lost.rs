//! A fleet without its database: it goes on, says so, and is back by itself.

use std::time::Duration;

use e2e::load::Load;
use e2e::stack::run;

use super::*;

/// Waits until every proxy says that it has lost the database, or that it has it.
async fn all_say(fleet: &Fleet, is_lost: bool) {
    wait::until("every proxy has noticed", LIMIT, async || {
        let reports = fleet.reports().await;
        reports.iter().all(|report| report.source.lost.is_some() == is_lost).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_go_on_without_the_database_and_flips_with_it() {
    let mut fleet = Fleet::start().await;
    fleet.stack.cut_over(&["w", "--to", "service"]).await;
    let load = Load::get("/w/1").pause(Duration::from_millis(2)).start(fleet.proxies[1].http);
    load.more(50).await;
    let before = fleet.reports().await;
    fleet.stack.postgres.as_mut().unwrap().kill();
    all_say(&fleet, true).await;
    load.more(100).await;
    for (report, before) in fleet.reports().await.iter().zip(&before) {
        assert_eq!(report.generation, before.generation);
        let lost = report.source.lost.as_ref().unwrap();
        assert!(lost.why.contains("postgres:") && !lost.from_copy, "{lost:?}");
    }
    let since = "strangler_table_source_lost_timestamp_seconds";
    assert!(fleet.stack.metric(since, &[]).await > 1e9);
    let log = fleet.proxies[0].process.output();
    assert!(log.contains("the last good generation stays in force"), "{log}");

    // Without a table `migrate` knows no proxy, but for a copy on this machine.
    let status = fleet.stack.migrate(&["status"]).await;
    assert_eq!(status.code, Some(1), "{status:#?}");
    assert!(status.stderr.contains("failed to read postgres:"), "{status:#?}");
    let copy = fleet.stack.folder().join("copy-0.toml");
    std::fs::copy(&copy, fleet.stack.folder().join("routes.toml.copy")).unwrap();
    let status = fleet.stack.migrate(&["status"]).await;
    let told = format!("proxy http://{}", fleet.proxies[2].admin);
    assert!(status.stdout.contains(&told), "{status:#?}");
    assert!(status.stdout.contains("without the table's database since 20"), "{status:#?}");
    let refused = fleet.stack.migrate(&["rollback", "w"]).await;
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("the proxies go on"), "{refused:#?}");

    fleet.stack.postgres.as_mut().unwrap().begin().await;
    all_say(&fleet, false).await;
    assert!(fleet.stack.metric(since, &[]).await < 1.0);
    fleet.stack.migrate_ok(&["rollback", "w"]).await;
    assert_eq!(fleet.sides("/w/1").await, [OLD; PROXIES]);
    load.stop().await.assert_all_answered(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_starts_from_its_copy_and_not_without_one() {
    let mut fleet = Fleet::start().await;
    fleet.stack.cut_over(&["w", "--to", "service"]).await;
    let in_force = fleet.reports().await[0].generation.clone();
    let copy = fleet.stack.folder().join("copy-1.toml");
    wait::until("the copy is that of the generation in force", LIMIT, async || {
        let copied = std::fs::read_to_string(&copy).ok()?;
        copied.contains(&format!("generation = {}\n", in_force.number)).then_some(())
    })
    .await;
    fleet.stack.postgres.as_mut().unwrap().kill();
    let Proxy { mut process, http, admin } = fleet.proxies.remove(1);
    process.kill();

    std::fs::rename(&copy, copy.with_extension("away")).unwrap();
    let mut command = Proxy::command(&fleet.stack, 1, http, admin);
    command.env("NO_COLOR", "1");
    let refused = run(command).await;
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    for told in ["there is no copy of it yet", "failed to read postgres:", "migrate routes pull"] {
        assert!(refused.stderr.contains(told), "{told}: {}", refused.stderr);
    }
    std::fs::rename(copy.with_extension("away"), &copy).unwrap();
    fleet.proxies.insert(1, Proxy::start(&fleet.stack, 1, http, admin).await);
    let report = fleet.proxies[1].report(&fleet.stack).await;
    assert_eq!(report.generation, in_force);
    assert!(report.source.lost.unwrap().from_copy);
    assert_eq!(fleet.sides("/w/1").await, [NEW; PROXIES]);

    fleet.stack.postgres.as_mut().unwrap().begin().await;
    all_say(&fleet, false).await;
    fleet.stack.migrate_ok(&["rollback", "w"]).await;
    assert_eq!(fleet.sides("/w/1").await, [OLD; PROXIES]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_guard_did_without_the_database_is_written_once_it_is_back() {
    let mut fleet = Fleet::start().await;
    fleet.stack.cut_over(&["w", "--to", "service"]).await;
    fleet.stack.postgres.as_mut().unwrap().kill();
    all_say(&fleet, true).await;
    fleet.stack.new.fake().answer(e2e::Answer::status(500));
    let load = Load::get("/w/1").start(fleet.proxies[2].http);
    let taken = wait::until("the guard acts", LIMIT, async || {
        let route = fleet.proxies[2].report(&fleet.stack).await.routes.remove(0);
        route.guard.filter(|guard| !guard.written)
    })
    .await;
    load.stop().await.assert_all_answered(200);
    fleet.stack.postgres.as_mut().unwrap().begin().await;
    wait::until("the others follow", LIMIT, async || {
        let stages = fleet.reports().await.into_iter().map(|report| report.routes[0].stage);
        stages.into_iter().all(|stage| stage == taken.to).then_some(())
    })
    .await;
    let history = fleet.json(&["history"]).await;
    let last = history["changes"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["action"], &last["outcome"]), (&"guard".into(), &"done".into()), "{history}");
}
