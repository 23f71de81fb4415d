//! How many pairs of answers are compared in a second on one core: the aim is 5,000 of 2 kB of JSON.

use std::hint::black_box;
use std::io::Write;

use compare::{Answer, Question, Rules, compare};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use routes::compare::CompareRules;
use serde_json::{Value, json};
use serde_json_path::JsonPath;

const LIMIT: usize = 1 << 20;

/// A list of workflows of about 2 kB. Every pair differs in what real pairs differ in: members in another order, times
/// in another form, numbers spelled otherwise.
fn document(is_old: bool, name: &str) -> String {
    let workflow = |number: u32| -> Value {
        let time =
            if is_old { "2026-01-02T03:04:05.123456" } else { "2026-01-02T03:04:05.123456Z" };
        let id = format!("wf_{number:016x}");
        let steps = json!({"s1": {"kind": "inference", "cost": 0.25}, "s2": {"kind": "verify"}});
        if is_old {
            json!({"id": id, "name": name, "steps": steps, "tags": ["a", "b", "c"], "budget": 10,
                "is_public": false, "created_at": time, "updated_at": time, "owner_id": "0xabcdef"})
        } else {
            json!({"owner_id": "0xabcdef", "updated_at": time, "created_at": time,
                "is_public": false, "budget": 10.0, "tags": ["a", "b", "c"], "steps": steps,
                "name": name, "id": id})
        }
    };
    Value::from((0..7).map(workflow).collect::<Vec<_>>()).to_string()
}

fn rules() -> CompareRules {
    let paths = |paths: &[&str]| -> Vec<JsonPath> {
        paths.iter().filter_map(|path| JsonPath::parse(path).ok()).collect()
    };
    CompareRules {
        ignore: paths(&["$[*].etag"]),
        timestamp: paths(&["$..created_at", "$..updated_at"]),
        unordered: paths(&["$"]).into_iter().map(|path| (path, "id".to_owned())).collect(),
        tolerance: 1e-9,
        headers: vec![],
        ..CompareRules::default()
    }
}

fn headers(coding: Option<&'static str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    if let Some(coding) = coding {
        headers.insert("content-encoding", HeaderValue::from_static(coding));
    }
    headers
}

fn gzip(plain: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let written = encoder.write_all(plain.as_bytes()).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

fn bench(criterion: &mut Criterion) {
    let (old, new) = (document(true, "same"), document(false, "same"));
    let other = document(false, "another");
    let (gzipped_old, gzipped_new) = (gzip(&old), gzip(&new));
    let (plain, gzipped) = (headers(None), headers(Some("gzip")));
    let answer = |headers, body| Answer { status: StatusCode::OK, headers, body };
    let cases = [
        ("identical bytes", &plain, old.as_bytes(), old.as_bytes(), rules()),
        ("times differ, no rules", &plain, old.as_bytes(), new.as_bytes(), CompareRules::default()),
        ("equal by rules", &plain, old.as_bytes(), new.as_bytes(), rules()),
        ("names differ", &plain, old.as_bytes(), other.as_bytes(), rules()),
        ("equal by rules, gzip", &gzipped, &gzipped_old, &gzipped_new, rules()),
    ];
    let mut group = criterion.benchmark_group(format!("compare {} bytes of JSON", old.len()));
    group.throughput(Throughput::Elements(1));
    let question = Question { method: &Method::GET, path: "/workflows", host: None };
    for (name, headers, old, new, rules) in cases {
        let rules = Rules::from(rules);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (old, new) = (answer(headers, black_box(old)), answer(headers, black_box(new)));
                compare(&question, &old, &new, &rules, LIMIT)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
