//! `Prefer`: what a client may wish of a backend, and what only the mirror may.

use http::{HeaderName, HeaderValue};
use pingora::Result;
use pingora::http::RequestHeader;

const NAME: HeaderName = HeaderName::from_static("prefer");

/// Takes `tx=rollback` out of a client's preferences and leaves the others as they are: the old backend never heard of it
/// and writes, so the new one must as well.
pub(crate) fn remove_rollback(request: &mut RequestHeader) -> Result<()> {
    if !request.headers.contains_key(&NAME) {
        return Ok(());
    }
    let kept: Vec<HeaderValue> =
        request.headers.get_all(&NAME).iter().filter_map(without).collect();
    request.remove_header(&NAME);
    for value in kept {
        request.append_header(NAME, value)?;
    }
    Ok(())
}

/// The value without that preference; `None` when nothing is left.
fn without(value: &HeaderValue) -> Option<HeaderValue> {
    let bytes = value.as_bytes();
    // As a parameter it means nothing, but who knows how a backend reads it.
    let is_rollback = |preference: &[u8]| {
        preference.split(|byte| *byte == b';').any(|part| {
            let said = part.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'"'));
            said.map(u8::to_ascii_lowercase).eq(*b"tx=rollback")
        })
    };
    let mut preferences = bytes.split(|byte| *byte == b',');
    if !preferences.any(is_rollback) {
        return Some(value.clone());
    }
    let kept: Vec<&[u8]> = bytes
        .split(|byte| *byte == b',')
        .filter(|preference| !is_rollback(preference))
        .map(<[u8]>::trim_ascii)
        .collect();
    HeaderValue::from_bytes(&kept.join(&b", "[..])).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_wish_to_roll_back_goes() {
        let cases: [(&[&str], &[&str]); 7] = [
            (&["tx=rollback"], &[]),
            (&["respond-async, tx=rollback, wait=5"], &["respond-async, wait=5"]),
            (&["TX = \"Rollback\"; why=x", "wait=5"], &["wait=5"]),
            (&["wait=5; tx=rollback, odd"], &["odd"]),
            (&["tx=commit,  odd"], &["tx=commit,  odd"]),
            (&["x-tx=rollback"], &["x-tx=rollback"]),
            (&[], &[]),
        ];
        for (sent, expected) in cases {
            let mut request = RequestHeader::build("POST", b"/", None).unwrap();
            for value in sent {
                request.append_header(NAME, *value).unwrap();
            }
            remove_rollback(&mut request).unwrap();
            let left: Vec<_> = request.headers.get_all(NAME).iter().collect();
            assert_eq!(left, expected, "{sent:?}");
        }
    }
}
