//! The same bytes as different servers read them: one by the letter of RFC 9112, and others that are each lax in one way that
//! some server has been lax in.

use std::fmt;

/// One way to be lax.
#[derive(Debug, Clone, Copy, Default)]
struct Laxity {
    name: &'static str,
    /// `Content-Length` goes before `Transfer-Encoding`.
    length_first: bool,
    /// Of two lengths the last counts, not the first.
    last_length: bool,
    /// Any `Transfer-Encoding` that has `chunked` in it, whatever stands around it.
    any_chunked: bool,
    /// A lone line feed ends a line.
    bare_lf: bool,
    /// A lone carriage return ends one.
    bare_cr: bool,
    /// Space before a colon does not belong to the name.
    space_before_colon: bool,
    /// A line that begins with space goes on with the one before.
    folded: bool,
    /// A size of a chunk is what digits it begins with, whatever sign or prefix they have.
    any_size: bool,
    /// `_` is as good as `-` in a name, as in CGI.
    underscore: bool,
    /// A length is what digits it begins with.
    any_length: bool,
}

/// What one of them finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Who reads.
    pub reader: &'static str,
    /// First line and body of each request; the last may be one that is refused.
    pub requests: Vec<(String, Vec<u8>)>,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} reads", self.reader)?;
        for (line, body) in &self.requests {
            write!(f, " [{line}, body {:?}]", String::from_utf8_lossy(body))?;
        }
        Ok(())
    }
}

/// Every reading of one connection's bytes; the strict one first.
pub fn readings(bytes: &[u8]) -> Vec<Reading> {
    let strict = Laxity { name: "by the letter", ..Laxity::default() };
    let lax = [
        Laxity { name: "length first", length_first: true, ..strict },
        Laxity { name: "last length", last_length: true, length_first: true, ..strict },
        Laxity { name: "any chunked", any_chunked: true, ..strict },
        Laxity { name: "bare LF", bare_lf: true, ..strict },
        Laxity { name: "bare CR", bare_cr: true, ..strict },
        Laxity {
            name: "space before colon",
            space_before_colon: true,
            any_chunked: true,
            ..strict
        },
        Laxity { name: "folded", folded: true, any_chunked: true, ..strict },
        Laxity { name: "any chunk size", any_size: true, ..strict },
        Laxity { name: "underscore", underscore: true, ..strict },
        Laxity { name: "any length", any_length: true, ..strict },
    ];
    [strict].into_iter().chain(lax).map(|laxity| laxity.read(bytes)).collect()
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

/// The head or the body can't be read to its end.
struct Unreadable;

impl Laxity {
    fn read(self, bytes: &[u8]) -> Reading {
        let mut rest = Rest(bytes);
        let mut requests = Vec::new();
        while !rest.0.is_empty() {
            let Ok(request) = self.request(&mut rest) else {
                requests.push(("unreadable".to_owned(), Vec::new()));
                break;
            };
            requests.push(request);
        }
        Reading { reader: self.name, requests }
    }

    fn request(self, rest: &mut Rest<'_>) -> Result<(String, Vec<u8>), Unreadable> {
        let first = self.line(rest)?;
        let mut fields: Vec<(String, String)> = Vec::new();
        loop {
            let line = self.line(rest)?;
            let Some(first) = line.first() else { break };
            if self.folded
                && matches!(first, b' ' | b'\t')
                && let Some((_, value)) = fields.last_mut()
            {
                value.push(' ');
                value.push_str(String::from_utf8_lossy(line).trim());
                continue;
            }
            let line = String::from_utf8_lossy(line);
            let Some((name, value)) = line.split_once(':') else { return Err(Unreadable) };
            let name = if self.space_before_colon { name.trim_end() } else { name };
            let name = if self.underscore { name.replace('_', "-") } else { name.to_owned() };
            fields.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()));
        }
        let body = self.body(rest, &fields)?;
        Ok((String::from_utf8_lossy(first).into_owned(), body))
    }

    fn body(self, rest: &mut Rest<'_>, fields: &[(String, String)]) -> Result<Vec<u8>, Unreadable> {
        let values = |wanted: &'static str| {
            fields.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        let lengths: Vec<&str> =
            values("content-length").flat_map(|value| value.split(',')).collect();
        let length = if self.last_length { lengths.last() } else { lengths.first() };
        let encodings =
            values("transfer-encoding").collect::<Vec<_>>().join(",").to_ascii_lowercase();
        let is_chunked = match encodings.rsplit(',').next() {
            _ if self.any_chunked => encodings.contains("chunked"),
            last => last.is_some_and(|last| last.trim_matches([' ', '\t']) == "chunked"),
        };
        match length {
            Some(length) if self.length_first || !is_chunked => {
                let length = number(length.trim(), 10, self.any_length)?;
                rest.take(length).map(<[u8]>::to_vec)
            }
            _ if is_chunked => self.chunks(rest),
            _ => Ok(Vec::new()),
        }
    }

    fn chunks(self, rest: &mut Rest<'_>) -> Result<Vec<u8>, Unreadable> {
        let mut body = Vec::new();
        loop {
            let line = String::from_utf8_lossy(self.line(rest)?).into_owned();
            let size = line.split(';').next().unwrap_or_default().trim_end_matches([' ', '\t']);
            let size = number(size, 16, self.any_size)?;
            if size == 0 {
                while !self.line(rest)?.is_empty() {}
                return Ok(body);
            }
            body.extend_from_slice(rest.take(size)?);
            if !self.line(rest)?.is_empty() {
                return Err(Unreadable);
            }
        }
    }

    fn line<'a>(self, rest: &mut Rest<'a>) -> Result<&'a [u8], Unreadable> {
        let bytes = rest.0;
        for (at, byte) in bytes.iter().enumerate() {
            let is_pair = *byte == b'\r' && bytes.get(at + 1) == Some(&b'\n');
            let length = match byte {
                b'\r' if is_pair => 2,
                b'\r' if self.bare_cr => 1,
                b'\n' if self.bare_lf => 1,
                _ => continue,
            };
            let line = rest.take(at)?;
            rest.take(length)?;
            return Ok(line);
        }
        Err(Unreadable)
    }
}

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }
}

fn number(text: &str, radix: u32, is_lax: bool) -> Result<usize, Unreadable> {
    let digits = if is_lax {
        let text = text.trim().trim_start_matches(['+', '-']);
        let text = text.strip_prefix("0x").unwrap_or(text);
        text.split(|digit: char| !digit.is_digit(radix)).next().unwrap_or_default()
    } else {
        text
    };
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    let number = is_number.then(|| usize::from_str_radix(digits, radix).ok()).flatten();
    number.ok_or(Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quarrel(bytes: &str) -> Vec<&'static str> {
        let all = readings(bytes.as_bytes());
        let strict = &all[0];
        all[1..]
            .iter()
            .filter(|one| one.requests != strict.requests)
            .map(|one| one.reader)
            .collect()
    }

    #[test]
    fn clean_requests_have_one_reading() {
        for bytes in [
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nabGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        ] {
            assert!(quarrel(bytes).is_empty(), "{bytes:?}: {:?}", quarrel(bytes));
        }
    }

    #[test]
    fn each_laxity_reads_something_else_where_it_can() {
        let with = |fields: &str| {
            format!(
                "POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\n\r\n"
            )
        };
        for (fields, reader) in [
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", "length first"),
            ("Content-Length: 5\r\nContent-Length: 0", "last length"),
            ("Content-Length: 5\r\nTransfer-Encoding: xchunked", "any chunked"),
            ("Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked", "bare LF"),
            ("Content-Length : 5", "space before colon"),
            ("Content-Length: 5\r\nTransfer-Encoding:\r\n chunked", "folded"),
            ("Content_Length: 5", "underscore"),
            ("Content-Length: +5", "any length"),
        ] {
            let found = quarrel(&with(fields));
            assert!(found.contains(&reader), "{fields:?}: {found:?}");
        }
    }
}
