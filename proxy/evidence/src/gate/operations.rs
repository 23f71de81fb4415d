//! Which operations the new backend has, and which of them were exercised.

use routes::admin::OperationEvidence;

/// What is known of the operations of the new backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// As its OpenAPI document says: `POST /workflows/{id}`, with the path as clients know it.
    Listed(Vec<String>),
    /// It has no OpenAPI document: what was never asked for can't be named.
    Unlisted,
    /// Its document could not be read, and why.
    Unreadable(String),
}

/// The listed operations that were never compared.
pub(super) fn missing<'k>(known: &'k [String], seen: &[OperationEvidence]) -> Vec<&'k str> {
    let compared = seen.iter().filter(|operation| operation.compared > 0);
    let exercised: Vec<&str> =
        compared.filter_map(|seen| nearest(known, &seen.operation)).collect();
    known.iter().map(String::as_str).filter(|known| !exercised.contains(known)).collect()
}

/// The listed operation that a seen one is, the nearest where several fit: `/w/search` is itself before it is `/w/{id}`.
fn nearest<'k>(known: &'k [String], seen: &str) -> Option<&'k str> {
    known
        .iter()
        .filter_map(|known| Some((nearness(known, seen)?, known.as_str())))
        .max_by_key(|(nearness, _)| *nearness)
        .map(|(_, known)| known)
}

/// How well a listed operation fits the seen one; `None` where it is another one. A listed parameter stands for anything,
/// and a seen `{id}` may stand for a literal that looks like an identifier.
fn nearness(known: &str, seen: &str) -> Option<usize> {
    let (known, seen) = (known.trim_end_matches('/'), seen.trim_end_matches('/'));
    let (mut known, mut seen) = (known.split(['/', ' ']), seen.split(['/', ' ']));
    let mut nearness = 0;
    loop {
        nearness += match (known.next(), seen.next()) {
            (None, None) => return Some(nearness),
            (Some(known), Some(seen)) if known == seen => 2,
            (Some(known), Some(seen)) if is_parameter(known) && is_parameter(seen) => 2,
            (Some(known), Some(seen)) if is_parameter(known) && !seen.is_empty() => 0,
            (Some(known), Some(seen)) if is_parameter(seen) && !known.is_empty() => 0,
            _ => return None,
        }
    }
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{') && segment.ends_with('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(operations: &[&str]) -> Vec<String> {
        operations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_nearest_operation_is_meant() {
        let known = known(&["GET /w/{id}", "GET /w/search", "POST /w", "GET /w/{id}/runs/v2"]);
        for (seen, expected) in [
            ("GET /w/{id}", Some("GET /w/{id}")),
            ("GET /w/search", Some("GET /w/search")),
            ("GET /w/named", Some("GET /w/{id}")),
            ("GET /w/{id}/runs/v2", Some("GET /w/{id}/runs/v2")),
            ("GET /w/{id}/runs/{id}", Some("GET /w/{id}/runs/v2")),
            ("POST /w/", Some("POST /w")),
            ("GET /w", None),
            ("PUT /w/{id}", None),
            ("GET /w/{id}/runs", None),
            ("…", None),
        ] {
            assert_eq!(nearest(&known, seen), expected, "{seen}");
        }
    }
}
