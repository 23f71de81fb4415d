//! Writes an archive as its exchanges come: whole at every moment that it is ended, and in place only then.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use chrono::SecondsFormat;
use har::v1_2::{
    Cache, Content, Creator, Entries, Headers, PostData, QueryString, Request, Response, Timings,
};
use routes::admin::RecordedExchange;
use tempfile::NamedTempFile;

use super::LEFT_OUT;
use crate::whole_file::folder_of;

/// An archive that is being written, beside the place where it will be.
#[derive(Debug)]
pub(crate) struct Writer {
    file: BufWriter<NamedTempFile>,
    to: PathBuf,
    entries: u64,
    bytes: u64,
}

impl Writer {
    /// Begins an archive.
    pub(crate) fn begin(to: &Path) -> io::Result<Self> {
        let file = NamedTempFile::new_in(folder_of(to))?;
        let mut file = BufWriter::new(file);
        let creator = Creator {
            name: "migrate mirror record".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            comment: None,
        };
        write!(file, "{{\"log\":{{\"version\":\"1.2\",\"creator\":")?;
        serde_json::to_writer(&mut file, &creator)?;
        write!(file, ",\"entries\":[")?;
        Ok(Self { file, to: to.to_owned(), entries: 0, bytes: 0 })
    }

    /// Adds one exchange.
    pub(crate) fn add(&mut self, exchange: &RecordedExchange) -> io::Result<()> {
        let text = serde_json::to_vec(&entry(exchange))?;
        self.file.write_all(if self.entries == 0 { b"\n" } else { b",\n" })?;
        self.file.write_all(&text)?;
        self.entries += 1;
        self.bytes += u64::try_from(text.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Exchanges so far.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes so far, about.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends the archive and puts it in its place.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.file.write_all(b"\n]}}\n")?;
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.to).map_err(|error| error.error)?;
        Ok(())
    }
}

fn entry(exchange: &RecordedExchange) -> Entries {
    let wait = exchange.latency_ms.max(0.0);
    Entries {
        started_date_time: exchange.started_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        time: wait,
        request: request(exchange),
        response: response(exchange),
        cache: Cache::default(),
        timings: Timings { wait, ..Timings::default() },
        comment: Some(format!("route {}", exchange.route)),
        ..Entries::default()
    }
}

fn request(exchange: &RecordedExchange) -> Request {
    let host = named(&exchange.request_headers, "host").unwrap_or("localhost");
    let query = exchange.target.split_once('?').map_or("", |(_, query)| query);
    let mut headers = headers(&exchange.request_headers);
    // It links an archive with the proxy's log, whoever made it.
    if named(&exchange.request_headers, "x-request-id").is_none() {
        let (name, value) = ("x-request-id".to_owned(), exchange.request_id.clone());
        headers.push(Headers { name, value, comment: None });
    }
    Request {
        method: exchange.method.clone(),
        url: format!("http://{host}{}", exchange.target),
        http_version: "HTTP/1.1".to_owned(),
        headers,
        query_string: url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| QueryString {
                name: name.into_owned(),
                value: value.into_owned(),
                comment: None,
            })
            .collect(),
        post_data: posted(exchange),
        headers_size: -1,
        body_size: -1,
        ..Request::default()
    }
}

fn posted(exchange: &RecordedExchange) -> Option<PostData> {
    let text = exchange.request_body.clone();
    if text.as_deref() == Some("") {
        return None;
    }
    let kind = named(&exchange.request_headers, "content-type").unwrap_or_default();
    let comment = text.is_none().then(|| LEFT_OUT.to_owned());
    Some(PostData { mime_type: kind.to_owned(), text, params: None, comment })
}

fn response(exchange: &RecordedExchange) -> Response {
    let text = exchange.body.clone();
    let size = text.as_ref().map_or(-1, |text| i64::try_from(text.len()).unwrap_or(i64::MAX));
    Response {
        status: i64::from(exchange.status),
        http_version: "HTTP/1.1".to_owned(),
        headers: headers(&exchange.headers),
        content: Content {
            size,
            mime_type: Some(
                named(&exchange.headers, "content-type").unwrap_or_default().to_owned(),
            ),
            comment: text.is_none().then(|| LEFT_OUT.to_owned()),
            text,
            ..Content::default()
        },
        redirect_url: Some(named(&exchange.headers, "location").unwrap_or_default().to_owned()),
        headers_size: -1,
        body_size: -1,
        ..Response::default()
    }
}

fn headers(from: &[(String, String)]) -> Vec<Headers> {
    let header = |(name, value): &(String, String)| Headers {
        name: name.clone(),
        value: value.clone(),
        comment: None,
    };
    from.iter().map(header).collect()
}

fn named<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(header.1.as_str())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::super::Recording;
    use super::super::read::NotUsable;
    use super::*;

    fn recorded(body: Option<&str>, request_body: Option<&str>) -> RecordedExchange {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        RecordedExchange {
            route: "w".to_owned(),
            request_id: "id-1".to_owned(),
            started_at: DateTime::UNIX_EPOCH,
            latency_ms: 1.5,
            method: "PUT".to_owned(),
            target: "/w/1?a=%20b".to_owned(),
            request_headers: vec![pair("host", "api.test"), pair("x-api-key", "***")],
            request_body: request_body.map(str::to_owned),
            status: 201,
            headers: vec![pair("content-type", "text/plain"), pair("content-length", "4")],
            body: body.map(str::to_owned),
        }
    }

    fn written(exchanges: &[RecordedExchange]) -> Recording {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("x.har");
        let mut writer = Writer::begin(&to).unwrap();
        for exchange in exchanges {
            writer.add(exchange).unwrap();
        }
        assert!(!to.exists(), "in place only when it is whole");
        writer.finish().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        Recording::read(&to).unwrap()
    }

    #[test]
    fn what_is_written_can_be_read() {
        let recording =
            written(&[recorded(Some("body"), Some("sent")), recorded(Some(""), Some(""))]);
        let [one, two] = &recording.exchanges[..] else { panic!("{recording:?}") };
        assert_eq!((one.target(), &*one.host), ("/w/1?a=%20b".to_owned(), "api.test"));
        assert_eq!((&*one.body, &*one.answer.body), (&b"sent"[..], &b"body"[..]));
        assert_eq!((one.answer.status.as_u16(), &*one.request_id), (201, "id-1"));
        assert_eq!(one.masked, ["x-api-key"]);
        assert!(two.body.is_empty() && two.answer.body.is_empty());
    }

    #[test]
    fn what_was_not_recorded_is_told_from_what_is_empty() {
        let recording = written(&[recorded(None, Some("")), recorded(Some(""), None)]);
        assert_eq!(recording.left_out, [NotUsable::NoBody, NotUsable::NoRequestBody]);
        assert!(written(&[]).exchanges.is_empty());
    }
}
