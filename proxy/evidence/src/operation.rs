//! Which operation a request is: its method and its path with identifiers left out.

use http::Method;

/// Where a path is cut, in segments and in characters of one segment.
const MAX_SEGMENTS: usize = 16;
const MAX_SEGMENT: usize = 64;

/// What stands for an identifier.
const ID: &str = "{id}";

/// What stands for everything that did not fit.
pub const OVERFLOW: &str = "…";

/// `GET /api/v1/agent/workflows/{id}`, from a raw path without query.
pub fn operation(method: &Method, path: &str) -> String {
    let mut operation = String::with_capacity(path.len() + 8);
    operation.push_str(method.as_str());
    operation.push(' ');
    for (index, segment) in path.strip_prefix('/').unwrap_or(path).split('/').enumerate() {
        operation.push('/');
        if index >= MAX_SEGMENTS {
            operation.push_str(OVERFLOW);
            break;
        }
        operation.push_str(if is_identifier(segment) { ID } else { segment });
    }
    operation
}

/// Whether a segment looks like it names one object rather than a kind of object.
fn is_identifier(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    if segment.len() > MAX_SEGMENT || segment.contains(['@', '%', ':']) {
        return true;
    }
    if digits == 0 {
        return is_long_hex(segment);
    }
    if digits == segment.len() {
        return true;
    }
    segment.len() >= 6 && !is_numbered_word(segment)
}

/// `deadbeefcafe`: without a digit only long hex is taken for an identifier.
fn is_long_hex(segment: &str) -> bool {
    segment.len() >= 12 && segment.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `oauth2`, `level10`, `sha256`: a word that ends in a number is a name; `agent_1` and `a1b2c3` are not.
fn is_numbered_word(segment: &str) -> bool {
    let word = segment.trim_end_matches(|last: char| last.is_ascii_digit());
    let digits = segment.len() - word.len();
    (1..=3).contains(&digits)
        && word.len() >= 3
        && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identifiers_are_left_out() {
        for (path, expected) in [
            ("/api/v1/agent/workflows", "GET /api/v1/agent/workflows"),
            ("/api/v1/agent/workflows/wf_0a1b2c3d", "GET /api/v1/agent/workflows/{id}"),
            ("/v1/jobs/550e8400-e29b-41d4-a716-446655440000/result", "GET /v1/jobs/{id}/result"),
            ("/v1/jobs/17", "GET /v1/jobs/{id}"),
            ("/users/ann@example.org", "GET /users/{id}"),
            ("/users/ann%40example.org", "GET /users/{id}"),
            ("/hash/deadbeefcafe", "GET /hash/{id}"),
            ("/login/oauth2/facade", "GET /login/oauth2/facade"),
            ("/agents/agent_1", "GET /agents/{id}"),
            ("/agents/execution-7f", "GET /agents/{id}"),
            ("/a//b/", "GET /a//b/"),
            ("/", "GET /"),
            ("", "GET /"),
        ] {
            assert_eq!(operation(&Method::GET, path), expected);
        }
    }

    proptest! {
        #[test]
        fn operations_are_bounded_and_stable(path in "(/[a-z0-9_%-]{0,90}){0,40}") {
            let once = operation(&Method::HEAD, &path);
            prop_assert!(once.len() <= "HEAD ".len() + (MAX_SEGMENTS + 1) * (MAX_SEGMENT + 1));
            prop_assert!(once.starts_with("HEAD /"));
            let again = operation(&Method::HEAD, once.trim_start_matches("HEAD "));
            prop_assert_eq!(again, once);
        }
    }
}
