//! HTTP Archives for tests: recorded traffic without a recording.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// An exchange that was answered by `200` and this JSON; the client's key is masked.
pub fn entry(method: &str, target: &str, answer: &str) -> Value {
    let mut request = json!({
        "method": method, "url": format!("http://api.test{target}"), "httpVersion": "HTTP/1.1",
        "headers": [{"name": "x-api-key", "value": "***"}, {"name": "accept", "value": "*/*"}],
        "queryString": [], "cookies": [], "headersSize": -1, "bodySize": -1
    });
    let posted = json!({"mimeType": "application/json", "text": "{\"name\":\"x\"}"});
    if let Some(fields) = request.as_object_mut().filter(|_fields| method != "GET") {
        fields.insert("postData".to_owned(), posted);
    }
    json!({
        "startedDateTime": "2026-03-01T10:00:00Z", "time": 3.5, "cache": {},
        "timings": {"send": 0.1, "wait": 3, "receive": 0.4},
        "request": request,
        "response": {
            "status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "cookies": [], "redirectURL": "",
            "headers": [{"name": "content-type", "value": "application/json"}],
            "content": {"size": answer.len(), "mimeType": "application/json", "text": answer},
            "headersSize": -1, "bodySize": -1
        }
    })
}

/// Writes an archive of these, and says where.
pub fn write(folder: &Path, entries: &[Value]) -> PathBuf {
    let log =
        json!({"version": "1.2", "creator": {"name": "test", "version": "1"}, "entries": entries});
    let file = folder.join("recorded.har");
    std::fs::write(&file, json!({ "log": log }).to_string()).unwrap();
    file
}
