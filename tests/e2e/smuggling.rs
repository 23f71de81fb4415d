//! No request reaches a backend in two readings, whatever a client sends.

use std::fmt::Write as _;

use e2e::smuggling::{Front, Outcome, Recorder, attack, corpus, over_http2};

use crate::BINARIES;

/// Every attempt at one proxy, over HTTP/1 and HTTP/2.
async fn attempts(front: &Front, recorder: &Recorder) -> Vec<Outcome> {
    let mut outcomes = attack(front.http1, recorder, &corpus()).await;
    outcomes.extend(attack(front.http2, recorder, &over_http2()).await);
    outcomes
}

fn word(outcome: &Outcome) -> String {
    let status = if outcome.status == 0 { "none".to_owned() } else { outcome.status.to_string() };
    let reached = if outcome.reached.is_empty() { "" } else { " passed" };
    let safe = if outcome.is_safe() { "" } else { " TWO READINGS" };
    format!("{status}{reached}{safe}")
}

#[tokio::test]
async fn nothing_reaches_a_backend_in_two_readings() {
    let recorder = Recorder::start().await;
    let front = Front::proxy(BINARIES, recorder.address()).await;
    let outcomes = attempts(&front, &recorder).await;
    let mut unsafe_ones = String::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.is_safe()) {
        let Outcome { name, status, reached, quarrels } = outcome;
        writeln!(unsafe_ones, "{name}: {status}, {reached:?}\n  {}", quarrels.join("\n  "))
            .unwrap();
    }
    assert!(unsafe_ones.is_empty(), "\n{unsafe_ones}");
    // What is meant well gets through, or the rest would show nothing.
    for name in [
        "plain request, pipelined follow-up",
        "CL leading zeros",
        "trailer",
        "h2: plain",
        "h2: plain body",
    ] {
        let outcome = outcomes.iter().find(|outcome| outcome.name == name).unwrap();
        assert_eq!(outcome.reached, [1], "{name}: {}", outcome.status);
    }
    let refused = outcomes.iter().filter(|outcome| outcome.reached.is_empty()).count();
    eprintln!("{} attempts, {refused} of them refused", outcomes.len());
}

#[tokio::test]
#[ignore = "needs nginx and HAProxy: `make smuggling`"]
async fn beside_nginx_and_haproxy() {
    let recorder = Recorder::start().await;
    let mut columns = Vec::new();
    let own = Front::proxy(BINARIES, recorder.address()).await;
    let nginx = Front::nginx(recorder.address()).await.expect("nginx is installed");
    let haproxy = Front::haproxy(recorder.address()).await.expect("HAProxy is installed");
    for front in [&own, &nginx, &haproxy] {
        columns.push((front.name, attempts(front, &recorder).await));
    }
    eprintln!(
        "| attempt | {} | {} | {} |\n| --- | --- | --- | --- |",
        columns[0].0, columns[1].0, columns[2].0
    );
    for (row, outcome) in columns[0].1.iter().enumerate() {
        let words: Vec<String> = columns.iter().map(|(_, all)| word(&all[row])).collect();
        eprintln!("| {} | {} |", outcome.name, words.join(" | "));
    }
    for (name, all) in &columns {
        let count = all.iter().filter(|outcome| !outcome.is_safe()).count();
        eprintln!("{name}: {count} of {} in two readings", all.len());
    }
    assert!(columns[0].1.iter().all(Outcome::is_safe));
}
