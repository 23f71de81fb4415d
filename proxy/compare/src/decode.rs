//! Removes content codings from a body without ever holding more than a limit.

use std::borrow::Cow;
use std::io::{self, BufReader, Read};

use http::{HeaderMap, header};

/// Codings that one body may carry on top of each other; more is an attack, not a use.
const MAX_CODINGS: usize = 4;

/// The largest window that RFC 9659 lets a server use for `zstd`: 8 MiB, as a power of two.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Why a body could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than are compared, maybe without end.
    #[error("the decoded body is longer than {limit} bytes, too large to compare")]
    TooLarge {
        /// The limit, bytes.
        limit: usize,
    },
    /// A coding that nobody here knows.
    #[error("unknown content coding `{0}`; gzip, deflate, br and zstd are known")]
    UnknownCoding(String),
    /// A `content-encoding` that is no list of a few words.
    #[error("the content-encoding header is malformed or names more than {MAX_CODINGS} codings")]
    BadHeader,
    /// The bytes are not what the coding says.
    #[error("the body is no valid {coding}")]
    Corrupt {
        /// The coding that failed.
        coding: &'static str,
        /// What the decoder said.
        #[source]
        source: io::Error,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// The body without its content codings, at most `limit` bytes.
///
/// # Errors
/// See [`DecodeError`]. An empty body is never an error: answers to `HEAD`, 204 and 304 name a coding without a body.
pub fn decode<'a>(
    headers: &HeaderMap,
    body: &'a [u8],
    limit: usize,
) -> Result<Cow<'a, [u8]>, DecodeError> {
    if body.len() > limit {
        return Err(DecodeError::TooLarge { limit });
    }
    let mut decoded = Cow::Borrowed(body);
    if body.is_empty() {
        return Ok(decoded);
    }
    // The list names codings in the order they were applied; they come off in reverse.
    for coding in codings(headers)?.into_iter().rev() {
        decoded = Cow::Owned(remove(coding, &decoded, limit)?);
    }
    Ok(decoded)
}

fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, DecodeError> {
    let mut codings = Vec::new();
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let value = value.to_str().map_err(|_not_text| DecodeError::BadHeader)?;
        for word in value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word.to_ascii_lowercase().as_str() {
                "identity" => {}
                "gzip" | "x-gzip" => codings.push(Coding::Gzip),
                "deflate" => codings.push(Coding::Deflate),
                "br" => codings.push(Coding::Brotli),
                "zstd" => codings.push(Coding::Zstd),
                unknown => {
                    let shown = unknown.chars().take(40).collect();
                    return Err(DecodeError::UnknownCoding(shown));
                }
            }
        }
    }
    if codings.len() > MAX_CODINGS {
        return Err(DecodeError::BadHeader);
    }
    Ok(codings)
}

fn remove(coding: Coding, body: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    match coding {
        Coding::Gzip => read_bounded("gzip", flate2::read::MultiGzDecoder::new(body), limit),
        Coding::Deflate => {
            // "deflate" means zlib, yet some servers send raw deflate under that name.
            match read_bounded("deflate", flate2::read::ZlibDecoder::new(body), limit) {
                Err(DecodeError::Corrupt { .. }) => {
                    read_bounded("deflate", flate2::read::DeflateDecoder::new(body), limit)
                }
                done => done,
            }
        }
        Coding::Brotli => read_bounded("br", brotli::Decompressor::new(body, 4096), limit),
        Coding::Zstd => {
            let corrupt = |source| DecodeError::Corrupt { coding: "zstd", source };
            let mut decoder =
                zstd::stream::read::Decoder::with_buffer(BufReader::new(body)).map_err(corrupt)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(corrupt)?;
            read_bounded("zstd", decoder, limit)
        }
    }
}

fn read_bounded(
    coding: &'static str,
    decoder: impl Read,
    limit: usize,
) -> Result<Vec<u8>, DecodeError> {
    let mut decoded = Vec::new();
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder
        .take(one_more)
        .read_to_end(&mut decoded)
        .map_err(|source| DecodeError::Corrupt { coding, source })?;
    if decoded.len() > limit {
        return Err(DecodeError::TooLarge { limit });
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn named(coding: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_str(coding).unwrap());
        headers
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn encoded(coding: &str, plain: &[u8]) -> Vec<u8> {
        match coding {
            "gzip" => gzip(plain),
            "deflate" => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            "br" => {
                let mut out = Vec::new();
                brotli::CompressorWriter::new(&mut out, 4096, 5, 20).write_all(plain).unwrap();
                out
            }
            "zstd" => zstd::encode_all(plain, 3).unwrap(),
            other => panic!("no encoder for {other}"),
        }
    }

    #[test]
    fn every_coding_comes_off() {
        let plain = b"{\"name\": \"workflow\"}".repeat(20);
        for coding in ["gzip", "deflate", "br", "zstd"] {
            let body = encoded(coding, &plain);
            assert_eq!(*decode(&named(coding), &body, 10_000).unwrap(), *plain, "{coding}");
        }
    }

    #[test]
    fn raw_deflate_passes_as_deflate() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"hello hello hello").unwrap();
        let body = encoder.finish().unwrap();
        assert_eq!(*decode(&named("deflate"), &body, 100).unwrap(), *b"hello hello hello");
    }

    #[test]
    fn stacked_codings_come_off_in_reverse() {
        let body = zstd::encode_all(gzip(b"twice").as_slice(), 1).unwrap();
        assert_eq!(*decode(&named("GZIP, zstd"), &body, 1000).unwrap(), *b"twice");
        let five = "gzip,gzip,gzip,gzip,gzip";
        assert!(matches!(decode(&named(five), &body, 1000), Err(DecodeError::BadHeader)));
    }

    #[test]
    fn a_bomb_ends_as_too_large() {
        let zeros = vec![0; 4 << 20];
        for coding in ["gzip", "deflate", "br", "zstd"] {
            let body = encoded(coding, &zeros);
            assert!(body.len() < 64 << 10, "{coding} should compress zeros well");
            let refused = decode(&named(coding), &body, 64 << 10);
            assert!(matches!(refused, Err(DecodeError::TooLarge { limit: 65536 })), "{coding}");
        }
    }

    #[test]
    fn a_cut_off_body_is_corrupt_and_not_half_a_body() {
        let plain = b"0123456789abcdef".repeat(100);
        for coding in ["gzip", "deflate", "br", "zstd"] {
            let body = encoded(coding, &plain);
            let cut = &body[..body.len() - 5];
            let refused = decode(&named(coding), cut, 10_000);
            assert!(matches!(refused, Err(DecodeError::Corrupt { .. })), "{coding}: {refused:?}");
        }
    }

    #[test]
    fn unknown_codings_are_named_and_identity_is_nothing() {
        let refused = decode(&named("compress"), b"x", 10).unwrap_err();
        assert!(refused.to_string().contains("`compress`"));
        assert_eq!(*decode(&named("identity"), b"x", 10).unwrap(), *b"x");
        assert_eq!(*decode(&named("gzip"), b"", 10).unwrap(), *b"");
    }

    proptest! {
        #[test]
        fn no_bytes_panic_or_pass_the_limit(
            coding in prop::sample::select(vec!["gzip", "deflate", "br", "zstd", "br, gzip"]),
            body in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            if let Ok(decoded) = decode(&named(coding), &body, 512) {
                prop_assert!(decoded.len() <= 512);
            }
        }
    }
}
