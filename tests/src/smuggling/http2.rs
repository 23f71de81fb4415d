//! The same over HTTP/2, frame by frame: a proxy that writes it down as HTTP/1 must not write down what HTTP/1 would read as
//! something else.

use super::corpus::Attempt;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// Index of `:status: 200` in the static table (RFC 7541, appendix A); those of 204 to 500 follow.
const STATUS_200: u8 = 8;
const STATUSES: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];

const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";

type Fields = Vec<(&'static str, String)>;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A literal field without indexing and without Huffman code (RFC 7541, section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        assert!(text.len() < 127, "a length of one byte");
        bytes.push(u8::try_from(text.len()).unwrap());
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn connection(fields: &Fields, body: &str) -> Vec<u8> {
    let block: Vec<u8> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
    let ends = if body.is_empty() { END_STREAM } else { 0 };
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    bytes.extend(frame(HEADERS, END_HEADERS | ends, 1, &block));
    if !body.is_empty() {
        bytes.extend(frame(DATA, END_STREAM, 1, body.as_bytes()));
    }
    bytes
}

fn request(method: &str, path: &str, more: &[(&'static str, &str)]) -> Fields {
    let pseudo = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "x")];
    pseudo.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// Every attempt over HTTP/2 without TLS.
pub fn over_http2() -> Vec<Attempt> {
    let hidden = format!("0\r\n\r\n{HIDDEN}");
    let post = |more: &[(&'static str, &str)]| (request("POST", "$P", more), hidden.clone());
    let get =
        |path: &str, more: &[(&'static str, &str)]| (request("GET", path, more), String::new());
    let injected = format!("y\r\n\r\n{HIDDEN}");
    let attempts = [
        ("h2: plain", get("$P", &[])),
        ("h2: plain body", post(&[])),
        ("h2: transfer-encoding", post(&[("transfer-encoding", "chunked")])),
        ("h2: length too short", post(&[("content-length", "5")])),
        ("h2: length 0", post(&[("content-length", "0")])),
        ("h2: length too long", post(&[("content-length", "500")])),
        ("h2: two lengths", post(&[("content-length", "5"), ("content-length", "39")])),
        ("h2: length plus", post(&[("content-length", "+5")])),
        ("h2: connection", get("$P", &[("connection", "keep-alive, x-forwarded-for")])),
        ("h2: upgrade", get("$P", &[("upgrade", "websocket"), ("connection", "upgrade")])),
        ("h2: te", get("$P", &[("te", "chunked")])),
        ("h2: CR LF in value", get("$P", &[("x", &injected)])),
        ("h2: LF in value", get("$P", &[("x", "y\nTransfer-Encoding: chunked")])),
        ("h2: NUL in value", get("$P", &[("x", "a\0b")])),
        ("h2: CR LF in name", get("$P", &[("x: y\r\ntransfer-encoding", "chunked")])),
        ("h2: colon in name", get("$P", &[("transfer-encoding:x", "chunked")])),
        ("h2: space in name", get("$P", &[("transfer-encoding ", "chunked")])),
        ("h2: upper case name", get("$P", &[("Transfer-Encoding", "chunked")])),
        ("h2: CR LF in path", get(&format!("$P HTTP/1.1\r\nHost: x\r\n\r\n{HIDDEN}"), &[])),
        ("h2: space in path", get("$P HTTP/1.1", &[])),
        ("h2: path without slash", get("x$P", &[])),
        ("h2: absolute path", get("http://evil$P", &[])),
        (
            "h2: method with target",
            (request("GET /hidden HTTP/1.1\r\nX: ", "$P", &[]), String::new()),
        ),
        ("h2: host beside authority", get("$P", &[("host", "evil")])),
        ("h2: two paths", get("$P", &[(":path", "/hidden")])),
        ("h2: pseudo field later", get("$P", &[("x", "y"), (":path", "/hidden")])),
        ("h2: unknown pseudo field", get("$P", &[(":hidden", "y")])),
    ];
    let bytes = |(fields, body): &(Fields, String), path: &str| {
        let filled = fields.iter().map(|(name, value)| (*name, value.replace("$P", path)));
        connection(&filled.collect(), body)
    };
    let numbered = attempts.iter().enumerate().map(|(number, (name, attempt))| {
        // As many as there will ever be over HTTP/1.
        let mut made = Attempt::new(500 + number, name, "");
        made.bytes = bytes(attempt, &made.path);
        made
    });
    numbered.collect()
}

/// Status in the first head among these frames, where it is one of the static table or written out; else 0.
pub(super) fn status(mut frames: &[u8]) -> u16 {
    while let Some(([high, middle, low, kind, ..], rest)) = frames.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
        let Some((payload, rest)) = rest.split_at_checked(length) else { return 0 };
        if *kind == HEADERS {
            return match payload {
                [index, ..] if index & 0x80 != 0 => {
                    let at = usize::from(index & 0x7f).checked_sub(usize::from(STATUS_200));
                    at.and_then(|at| STATUSES.get(at)).copied().unwrap_or(0)
                }
                [_, 3, digits @ ..] => digits
                    .get(..3)
                    .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
                    .unwrap_or(0),
                _ => 0,
            };
        }
        frames = rest;
    }
    0
}
