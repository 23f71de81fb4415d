//! What is tried. Each attempt asks for a path of its own, by which what reaches a backend is known again.

/// The bytes of one connection.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// What is tried.
    pub name: &'static str,
    /// The path that its first request asks for.
    pub path: String,
    /// Everything that the client sends.
    pub bytes: Vec<u8>,
}

impl Attempt {
    /// `$P` in the text stands for the attempt's own path.
    pub(super) fn new(number: usize, name: &'static str, text: &str) -> Self {
        let path = format!("/attempt-{number:03}");
        Self { name, bytes: text.replace("$P", &path).into_bytes(), path }
    }
}

/// A second request, hidden where one reader ends the body of the first and another does not.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";

/// Framing fields before a body that is `0`, the end of the chunks, and a hidden request.
const FRAMINGS: [(&str, &str); 45] = [
    ("CL.TE", "Content-Length: $L\r\nTransfer-Encoding: chunked"),
    ("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 4"),
    ("CL.TE, length 0", "Content-Length: 0\r\nTransfer-Encoding: chunked"),
    ("TE.TE, chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    ("TE.TE, identity last", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
    ("TE.TE, identity first", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
    ("TE.TE, list with nonsense", "Transfer-Encoding: chunked, cow"),
    ("TE.TE, nonsense first", "Transfer-Encoding: cow, chunked"),
    ("TE xchunked", "Content-Length: $L\r\nTransfer-Encoding: xchunked"),
    ("TE xchunked alone", "Transfer-Encoding: xchunked"),
    ("TE space before colon", "Content-Length: $L\r\nTransfer-Encoding : chunked"),
    ("TE tab before colon", "Content-Length: $L\r\nTransfer-Encoding\t: chunked"),
    ("TE tab after colon", "Content-Length: $L\r\nTransfer-Encoding:\tchunked"),
    ("TE vertical tab", "Content-Length: $L\r\nTransfer-Encoding: \x0bchunked"),
    ("TE form feed", "Content-Length: $L\r\nTransfer-Encoding: \x0cchunked"),
    ("TE quoted", "Content-Length: $L\r\nTransfer-Encoding: \"chunked\""),
    ("TE upper case", "Content-Length: $L\r\nTRANSFER-ENCODING: CHUNKED"),
    ("TE with parameter", "Transfer-Encoding: chunked;q=1"),
    ("TE folded", "Content-Length: $L\r\nTransfer-Encoding:\r\n chunked"),
    ("TE folded by tab", "Content-Length: $L\r\nTransfer-Encoding:\r\n\tchunked"),
    ("TE in a folded line", "Content-Length: $L\r\nX: y\r\n Transfer-Encoding: chunked"),
    ("TE after a bare LF", "Content-Length: $L\r\nX: y\nTransfer-Encoding: chunked"),
    ("TE after a bare CR", "Content-Length: $L\r\nX: y\rTransfer-Encoding: chunked"),
    ("TE underscore", "Content-Length: $L\r\nTransfer_Encoding: chunked"),
    ("TE leading space in name", "Content-Length: $L\r\n Transfer-Encoding: chunked"),
    ("TE with NUL", "Content-Length: $L\r\nTransfer-Encoding: chunked\0"),
    ("TE empty", "Content-Length: $L\r\nTransfer-Encoding:"),
    ("TE comma first", "Content-Length: $L\r\nTransfer-Encoding: ,chunked"),
    ("TE gzip, chunked", "Transfer-Encoding: gzip, chunked"),
    ("CL twice, the same", "Content-Length: 5\r\nContent-Length: 5"),
    ("CL twice, differing", "Content-Length: 5\r\nContent-Length: $L"),
    ("CL list, the same", "Content-Length: 5, 5"),
    ("CL list, differing", "Content-Length: 5, $L"),
    ("CL plus", "Content-Length: +5"),
    ("CL minus", "Content-Length: -5"),
    ("CL hexadecimal", "Content-Length: 0x5"),
    ("CL with space", "Content-Length: 5 5"),
    ("CL fraction", "Content-Length: 5.0"),
    ("CL empty", "Content-Length:"),
    ("CL space before colon", "Content-Length : 5"),
    ("CL underscore", "Content_Length: 5"),
    ("CL leading zeros", "Content-Length: 0005"),
    ("CL beyond 64 bits", "Content-Length: 18446744073709551621"),
    ("CL letters after", "Content-Length: 5abc"),
    ("CL named by Connection", "Content-Length: 5\r\nConnection: Content-Length"),
];

/// Bodies of a chunked request that a hidden one follows.
const CHUNKS: [(&str, &str); 16] = [
    ("chunk size plus", "+5\r\nhello\r\n0\r\n\r\n"),
    ("chunk size minus", "-5\r\nhello\r\n0\r\n\r\n"),
    ("chunk size 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
    ("chunk size with space", "5 \r\nhello\r\n0\r\n\r\n"),
    ("chunk size with space before", " 5\r\nhello\r\n0\r\n\r\n"),
    ("chunk size beyond 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("chunk size empty", "\r\nhello\r\n0\r\n\r\n"),
    ("chunk size letters", "5g\r\nhello\r\n0\r\n\r\n"),
    ("chunk extension", "5;name=value\r\nhello\r\n0\r\n\r\n"),
    ("chunk extension with LF", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
    ("chunk extension with CR", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
    ("chunk lines by bare LF", "5\nhello\n0\n\n"),
    ("chunk data without end of line", "5\r\nhello0\r\n\r\n"),
    ("chunk data longer than its size", "5\r\nhelloworld\r\n0\r\n\r\n"),
    ("trailer", "5\r\nhello\r\n0\r\nX-Trailer: y\r\n\r\n"),
    (
        "trailer with framing",
        "5\r\nhello\r\n0\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
];

/// Whole heads of requests without a body that a hidden one follows, and others that have none.
const HEADS: [(&str, &str); 31] = [
    ("plain request, pipelined follow-up", "GET $P HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("absolute form", "GET http://x$P HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("absolute form, other host", "GET http://evil$P HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("absolute form with userinfo", "GET http://a@x$P HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("absolute form, other scheme", "GET ftp://x$P HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("authority form", "GET x:80 HTTP/1.1\r\nHost: x\r\nX: $P\r\n\r\n"),
    ("CONNECT", "CONNECT x:80 HTTP/1.1\r\nHost: x\r\nX: $P\r\n\r\n"),
    ("asterisk form", "OPTIONS * HTTP/1.1\r\nHost: x\r\nX: $P\r\n\r\n"),
    ("two hosts", "GET $P HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
    ("host list", "GET $P HTTP/1.1\r\nHost: x, y\r\n\r\n"),
    ("no host", "GET $P HTTP/1.1\r\n\r\n"),
    ("HTTP/0.9", "GET $P\r\n"),
    ("HTTP/0.9 said", "GET $P HTTP/0.9\r\n\r\n"),
    (
        "HTTP/1.0 chunked",
        "POST $P HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("HTTP/2.0 said", "GET $P HTTP/2.0\r\nHost: x\r\n\r\n"),
    ("HTTP/1.2 said", "GET $P HTTP/1.2\r\nHost: x\r\n\r\n"),
    ("version in lower case", "GET $P http/1.1\r\nHost: x\r\n\r\n"),
    ("space in target", "GET $P HTTP/1.1 /x HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("tab for space", "GET\t$P\tHTTP/1.1\r\nHost: x\r\n\r\n"),
    ("two spaces", "GET  $P  HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("CR in target", "GET $P\rX HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("NUL in target", "GET $P\0 HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("NUL in value", "GET $P HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"),
    ("CR in value", "GET $P HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n"),
    ("control in value", "GET $P HTTP/1.1\r\nHost: x\r\nX: a\x07b\r\n\r\n"),
    ("lines by bare LF", "GET $P HTTP/1.1\nHost: x\n\n"),
    ("space before first field", "GET $P HTTP/1.1\r\n Host: x\r\n\r\n"),
    ("field without colon", "GET $P HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n"),
    ("field without name", "GET $P HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n"),
    ("empty lines before", "\r\n\r\nGET $P HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("Expect", "POST $P HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n"),
];

/// Every attempt over HTTP/1.
pub fn corpus() -> Vec<Attempt> {
    let body = format!("0\r\n\r\n{HIDDEN}");
    let length = body.len().to_string();
    let framings = FRAMINGS.iter().map(|(name, fields)| {
        let fields = fields.replace("$L", &length);
        (*name, format!("POST $P HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n{body}"))
    });
    let chunks = CHUNKS.iter().map(|(name, chunks)| {
        let head = "POST $P HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        (*name, format!("{head}{chunks}{HIDDEN}"))
    });
    let heads = HEADS.iter().map(|(name, head)| (*name, format!("{head}{HIDDEN}")));
    let with = |field: String| format!("GET $P HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n{HIDDEN}");
    let oversized = [
        ("a value of 1 MiB", with(format!("X: {}", "y".repeat(1 << 20)))),
        ("a name of 100 kB", with(format!("{}: y", "x".repeat(100_000)))),
        ("10,000 fields", with(vec!["X: y"; 10_000].join("\r\n"))),
        ("a target of 1 MiB", format!("GET $P{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(1 << 20))),
        ("a method of 100 kB", format!("{} $P HTTP/1.1\r\nHost: x\r\n\r\n", "G".repeat(100_000))),
        ("a length of 1 TiB", with("Content-Length: 1099511627776".to_owned())),
    ];
    let all = framings.chain(chunks).chain(heads).chain(oversized);
    all.enumerate().map(|(number, (name, text))| Attempt::new(number, name, &text)).collect()
}
