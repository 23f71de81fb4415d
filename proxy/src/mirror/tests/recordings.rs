//! What is recorded for those who listen.

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use routes::admin::{RecordedExchange, RecordingLine};

use super::super::Listener;
use super::backend::Manner;
use super::rig::{Rig, SMALL, json_headers};

fn exchange(rig: &Rig, listener: &mut Listener) -> RecordedExchange {
    let line = rig.wait(listener.next()).expect("an exchange passes");
    match serde_json::from_slice(&line).unwrap() {
        RecordingLine::Exchange(exchange) => *exchange,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_exchange_of_any_stage_is_recorded_whole_and_masked() {
    let rig = Rig::start(Manner::Refuse, SMALL);
    let mut listener = rig.mirror.feed().listen(None).unwrap();
    let mut headers = json_headers();
    headers.insert("x-api-key", HeaderValue::from_static("planted"));
    let target = "/monolith/1?page=2&token=planted";
    let mut recording = rig.record(&Method::PUT, target, &headers).unwrap();
    recording.request_body(b"twice");
    recording.restart();
    recording.request_body(br#"{"password": "planted", "#);
    recording.request_body(br#""name": "x"}"#);
    recording.head(StatusCode::BAD_GATEWAY, &HeaderMap::new());
    recording.body(b"the first attempt");
    recording.head(StatusCode::CREATED, &json_headers());
    recording.body(br#"{"secret": "planted"}"#);
    recording.finish();

    let exchange = exchange(&rig, &mut listener);
    assert_eq!((&*exchange.route, &*exchange.method, exchange.status), ("monolith", "PUT", 201));
    assert_eq!(exchange.target, "/monolith/1?page=2&token=***");
    assert_eq!(exchange.request_body.as_deref(), Some(r#"{"password":"***","name":"x"}"#));
    assert_eq!(exchange.body.as_deref(), Some(r#"{"secret":"***"}"#));
    assert!(exchange.request_headers.contains(&("x-api-key".into(), "***".into())));
    assert_eq!(listener.lost(), 0);
}

#[test]
fn a_body_that_is_too_long_is_left_out_and_what_does_not_fit_is_lost() {
    let rig = Rig::start(Manner::Refuse, SMALL);
    let mut listener = rig.mirror.feed().listen(None).unwrap();
    let record = || rig.record(&Method::GET, "/agent/1", &HeaderMap::new()).unwrap();
    let mut long = record();
    long.head(StatusCode::OK, &json_headers());
    long.body(&[b' '; 10_001]);
    long.finish();
    assert_eq!(exchange(&rig, &mut listener).body, None);

    // Four bodies of 8 kB and what goes with them are more than 30 kB.
    let mut many: Vec<_> = (0..4).map(|_| record()).collect();
    for recording in &mut many {
        recording.head(StatusCode::OK, &HeaderMap::new());
        recording.body(&[b'7'; 8_000]);
    }
    drop(many);
    let mut last = record();
    last.head(StatusCode::NO_CONTENT, &HeaderMap::new());
    last.finish();
    assert_eq!(exchange(&rig, &mut listener).status, 204);
    assert_eq!(listener.lost(), 1);
}

#[test]
fn what_has_no_answer_is_forgotten() {
    let rig = Rig::start(Manner::Refuse, SMALL);
    let mut listener = rig.mirror.feed().listen(None).unwrap();
    let mut upgrade = HeaderMap::new();
    upgrade.insert("upgrade", HeaderValue::from_static("websocket"));
    assert!(rig.record(&Method::GET, "/agent/1", &upgrade).is_none());
    rig.record(&Method::GET, "/agent/1", &HeaderMap::new()).unwrap().finish();
    let mut whole = rig.record(&Method::GET, "/agent/2", &HeaderMap::new()).unwrap();
    whole.head(StatusCode::OK, &HeaderMap::new());
    whole.finish();
    assert_eq!(exchange(&rig, &mut listener).target, "/agent/2");
    assert_eq!(listener.lost(), 0);
}
