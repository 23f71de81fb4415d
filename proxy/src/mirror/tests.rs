//! The mirror against backends that behave and backends that do not.

mod backend;
mod rig;
mod controls;
mod verifies;
mod recordings;
mod rehearsals;

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use routes::admin::DifferenceKind;

use super::client::NoAnswer;
use backend::Manner;
use evidence::Failure;
use rig::{Rig, SMALL, json_headers};

const JSON: &[u8] = br#"{"id": 1, "name": "a"}"#;

#[test]
fn the_mirrored_request_is_the_primarys_with_the_other_path_and_the_mark() {
    let rig = Rig::start(Manner::Answer(JSON.to_vec()), SMALL);
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "agents.example.org"),
        ("x-request-id", "req-1"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-api-key", "k"),
        ("x-strangler-mirror", "forged"),
        ("connection", "keep-alive, x-hop"),
        ("x-hop", "1"),
        ("te", "trailers"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    rig.exchange(&Method::GET, "/agent/w%20f/7?limit=2&q=%2F", &headers, JSON);
    rig.until_report(|route| route.operations.iter().any(|found| found.matched == 1));
    let seen = rig.backend.seen();
    assert_eq!(seen.len(), 1);
    let head = seen[0].to_ascii_lowercase();
    assert!(head.starts_with("get /new/w%20f/7?limit=2&q=%2f http/1.1\r\n"), "{head}");
    for line in [
        "host: agents.example.org",
        "x-request-id: req-1",
        "x-forwarded-for: 192.0.2.7",
        "x-api-key: k",
    ] {
        assert_eq!(head.matches(line).count(), 1, "{line} in {head}");
    }
    for line in ["forged", "x-hop", "te:", "connection:"] {
        assert!(!head.contains(line), "{line} in {head}");
    }
    let mark = head.split("x-strangler-mirror: ").nth(1).unwrap();
    assert_eq!(mark.split("\r\n").next().unwrap().len(), 32);
}

#[test]
fn a_difference_is_found_and_named_by_its_path() {
    let rig = Rig::start(Manner::Answer(br#"{"name": "b", "id": 1}"#.to_vec()), SMALL);
    rig.exchange(&Method::GET, "/agent/7?token=planted", &HeaderMap::new(), JSON);
    let route = rig.until_report(|route| !route.operations.is_empty());
    let operation = &route.operations[0];
    assert_eq!(operation.operation, "GET /agent/{id}");
    assert_eq!((operation.compared, operation.matched), (1, 0));
    let group = &operation.differences[0];
    assert_eq!((group.kind, group.path.as_str()), (DifferenceKind::Value, "$.name"));
    let example = group.examples.first().unwrap();
    assert_eq!((example.old.as_str(), example.new.as_str()), ("\"a\"", "\"b\""));
    assert_eq!(example.request, "GET /agent/7?token=***");
    assert_eq!(example.request_id, "req-0");
    assert_eq!(example.old_body.as_deref(), Some(r#"{"id":1,"name":"a"}"#));
    assert_eq!(example.new_body.as_deref(), Some(r#"{"name":"b","id":1}"#));
    assert_eq!(operation.new_latency.count, 1);
    assert!(
        rig.metrics()
            .contains(r#"mirrored_requests_total{route="agents",outcome="differed",reason=""} 1"#)
    );
}

#[test]
fn another_build_of_the_new_backend_begins_anew() {
    let rig = Rig::start(Manner::Answer(JSON.to_vec()), SMALL);
    let exchange = || rig.exchange(&Method::GET, "/agent/7", &HeaderMap::new(), JSON);
    let until = |build: Option<&str>, matched: u64| {
        rig.until_report(|route| {
            let basis = route.basis.as_ref();
            basis.is_some_and(|basis| basis.build.as_deref() == build)
                && route.operations.iter().any(|found| found.matched == matched)
        })
    };
    exchange();
    until(None, 1);
    rig.build.set(Some("a".into()));
    for matched in 1..=2 {
        exchange();
        until(Some("a"), matched);
    }
    rig.build.set(Some("mixed: a, b".into()));
    exchange();
    until(Some("mixed: a, b"), 1);
}

#[test]
fn compressed_answers_compare_equal_to_plain_ones() {
    let rig = Rig::start(Manner::Gzip(JSON.to_vec()), SMALL);
    rig.exchange(&Method::GET, "/agent/7", &HeaderMap::new(), JSON);
    rig.until_report(|route| route.operations.iter().any(|found| found.matched == 1));
}

#[test]
fn heads_are_compared_without_bodies() {
    let rig = Rig::start(Manner::Answer(vec![b' '; 50_000]), SMALL);
    rig.exchange(&Method::HEAD, "/agent/7", &HeaderMap::new(), b"");
    rig.until_report(|route| route.operations.iter().any(|found| found.matched == 1));
}

#[test]
fn a_hanging_backend_takes_no_time_of_the_client_and_bounded_room() {
    let rig = Rig::start(Manner::Hang, SMALL);
    let started = Instant::now();
    for _ in 0..200 {
        rig.exchange(&Method::GET, "/agent/7", &HeaderMap::new(), JSON);
        // Four in all, so two for one route.
        assert!(rig.mirror.held.slots.held() <= 2);
    }
    // A client that waited for a single one of them would have waited for the time-out.
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    let route = rig.until_report(|route| {
        route.operations.iter().any(|found| found.failed.get("timeout") == Some(&2))
    });
    assert_eq!(route.dropped.get("in_flight"), Some(&198));
    rig.until_nothing_is_held();
}

#[test]
fn failures_of_the_other_backend_are_told_apart() {
    for (manner, reason) in [
        (Manner::Reset, "reset"),
        (Manner::Refuse, "connect"),
        (Manner::Garbage, "protocol"),
        (Manner::CutOff, "reset"),
        (Manner::BrokenGzip, "undecodable"),
    ] {
        let rig = Rig::start(manner.clone(), SMALL);
        rig.exchange(&Method::GET, "/agent/7", &HeaderMap::new(), JSON);
        let route = rig.until_report(|route| !route.operations.is_empty());
        let failed: Vec<_> = route.operations[0].failed.iter().collect();
        assert_eq!(failed, [(&reason.to_owned(), &1)], "{manner:?}");
        assert_eq!(route.operations[0].compared, 0);
        rig.until_nothing_is_held();
    }
}

#[test]
fn an_answer_without_end_is_cut_off_and_counted() {
    let rig = Rig::start(Manner::Endless, SMALL);
    rig.exchange(&Method::GET, "/agent/7", &HeaderMap::new(), JSON);
    rig.until_report(|route| route.dropped.get("too_large") == Some(&1));
    rig.until("the connection to be closed", || rig.backend.was_cut_off());
    rig.until_nothing_is_held();
}

#[test]
fn an_announced_large_answer_is_not_read() {
    let rig = Rig::start(Manner::Answer(vec![b' '; 50_000]), SMALL);
    rig.exchange(&Method::GET, "/agent/7", &HeaderMap::new(), JSON);
    rig.until_report(|route| route.dropped.get("too_large") == Some(&1));
}

#[test]
fn a_kept_connection_that_the_server_closed_is_no_failure() {
    let rig = Rig::start(Manner::CloseUnannounced(JSON.to_vec()), SMALL);
    for number in 1..=20 {
        rig.exchange(&Method::GET, "/agent/7", &HeaderMap::new(), JSON);
        rig.until_report(|route| route.operations.iter().any(|found| found.matched == number));
    }
    assert!(rig.report().operations[0].failed.is_empty());
}

#[test]
fn a_write_goes_out_whole_and_only_once() {
    let ask = |manner: Manner, method: Method| {
        let rig = Rig::start(manner, SMALL);
        let answer = rig.ask(&method, br#"{"name": "a"}"#);
        (answer, rig.backend.seen())
    };
    let (answer, seen) = ask(Manner::Answer(JSON.to_vec()), Method::POST);
    assert_eq!(answer.unwrap().status, StatusCode::OK);
    assert!(seen[0].contains("content-length: 13\r\n"), "{seen:?}");
    assert!(seen[0].ends_with("\r\n\r\n{\"name\": \"a\"}"), "{seen:?}");

    let reset = NoAnswer::Failed(Failure::Reset);
    let (answer, seen) = ask(Manner::Reset, Method::POST);
    assert_eq!((answer.unwrap_err(), seen.len()), (reset, 1));
    let (answer, seen) = ask(Manner::Reset, Method::GET);
    assert_eq!((answer.unwrap_err(), seen.len()), (reset, 1));
}

#[test]
fn what_does_not_fit_on_the_primarys_side_is_dropped_by_reason() {
    let rig = Rig::start(Manner::Answer(JSON.to_vec()), SMALL);
    let begin = || rig.begin(&Method::GET, "/agent/7", &HeaderMap::new()).unwrap();
    let head = json_headers();

    let mut too_large = begin();
    too_large.head(StatusCode::OK, &head);
    for _ in 0..11 {
        too_large.body(&[b' '; 1000]);
    }
    too_large.finish();

    let mut announced = begin();
    let mut long = head.clone();
    long.insert("content-length", HeaderValue::from_static("10001"));
    announced.head(StatusCode::OK, &long);
    announced.finish();

    // One route may hold 15,000 bytes: two captures of 9,000 are too much.
    let (mut fits, mut does_not) = (begin(), begin());
    for capture in [&mut fits, &mut does_not] {
        capture.head(StatusCode::OK, &head);
        capture.body(&[b' '; 9000]);
    }
    does_not.finish();

    drop(fits);

    let mut stream = begin();
    let mut events = HeaderMap::new();
    events.insert("content-type", HeaderValue::from_static("text/event-stream; charset=utf-8"));
    stream.head(StatusCode::OK, &events);
    stream.body(b"data: 1\n\n");
    stream.finish();

    let counts: Vec<_> = rig.report().dropped.into_iter().collect();
    let expected = [("bytes", 1), ("client_gone", 1), ("stream", 1), ("too_large", 2)];
    assert_eq!(counts, expected.map(|(reason, count)| (reason.to_owned(), count)));
    assert_eq!(rig.mirror.held.slots.held(), 0);
    assert_eq!(rig.mirror.held.bytes.held(), 0);
    assert!(rig.backend.seen().is_empty());
}

#[test]
fn only_reads_that_may_be_sent_are_mirrored() {
    let rig = Rig::start(Manner::Answer(JSON.to_vec()), SMALL);
    let with = |name: &'static str, value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        headers
    };
    let none = HeaderMap::new();
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        assert!(rig.begin(&method, "/agent/7", &none).is_none(), "{method}");
    }
    assert!(rig.begin(&Method::GET, "/monolith/7", &none).is_none());
    assert!(rig.begin(&Method::GET, "/never/7", &none).is_none());
    assert!(rig.report().dropped.is_empty());

    assert!(rig.begin(&Method::GET, "/agent/7", &with("upgrade", "websocket")).is_none());
    assert!(rig.begin(&Method::GET, "/agent/7", &with("content-length", "3")).is_none());
    assert!(rig.begin(&Method::GET, "/agent/7", &with("transfer-encoding", "chunked")).is_none());
    assert!(rig.begin_at(None, &Method::GET, "/agent/7", &none).is_none());
    rig.mirror.stop();
    assert!(rig.begin(&Method::GET, "/agent/7", &none).is_none());
    let counts: Vec<_> = rig.report().dropped.into_iter().collect();
    let expected = [("request_body", 2), ("stopped", 1), ("unhealthy", 1), ("upgrade", 1)];
    assert_eq!(counts, expected.map(|(reason, count)| (reason.to_owned(), count)));
}

#[test]
fn a_sample_is_a_share() {
    let rig = Rig::start(Manner::Answer(JSON.to_vec()), SMALL);
    let sampled = (0..4000)
        .filter(|_| rig.begin(&Method::GET, "/half/7", &HeaderMap::new()).is_some())
        .count();
    // Twelve standard deviations on each side.
    assert!((1620..2380).contains(&sampled), "{sampled}");
}

#[test]
fn a_rate_lets_so_many_through_and_the_rest_is_not_sampled() {
    let rig = Rig::start(Manner::Answer(JSON.to_vec()), SMALL);
    let begin = || rig.begin(&Method::GET, "/slowly/7", &HeaderMap::new()).is_some();
    // One in a thousand seconds.
    assert!(begin());
    assert!((0..100).all(|_| !begin()));
    let report = rig.report_of("slowly");
    assert_eq!(report.dropped.into_iter().collect::<Vec<_>>(), [("client_gone".to_owned(), 1)]);
}

#[test]
fn many_clients_and_a_slow_backend_never_exceed_the_bounds() {
    let rig = Rig::start(Manner::Slow(JSON.to_vec(), Duration::from_millis(20)), SMALL);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..300 {
                    rig.exchange(&Method::GET, "/agent/7", &HeaderMap::new(), JSON);
                    assert!(rig.mirror.held.slots.held() <= 4);
                    assert!(rig.mirror.held.bytes.held() <= 30_000);
                }
            });
        }
    });
    rig.until_nothing_is_held();
    let route = rig.report();
    let compared: u64 = route.operations.iter().map(|operation| operation.compared).sum();
    let dropped: u64 = route.dropped.values().sum();
    assert!(compared > 0);
    assert_eq!(compared + dropped, 1200);
    assert!(rig.backend.most_at_once() <= 2);
}
