//! Takes the secrets out of a request's target before it is stored or shown.

use compare::secret::{MASK, is_secret_parameter};

/// Longest target that is stored, in bytes.
const MAX_TARGET: usize = 1024;

/// The target with the values of secret query parameters masked, cut to a bounded length.
pub(super) fn target(target: &str) -> String {
    cut(&whole_target(target))
}

/// The target with the values of secret query parameters masked, at its whole length.
pub fn whole_target(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let mut masked = String::with_capacity(target.len());
    masked.push_str(path);
    for (index, parameter) in query.split('&').enumerate() {
        masked.push(if index == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, _)) if is_secret_parameter(&plain(name)) => {
                masked.push_str(name);
                masked.push('=');
                masked.push_str(MASK);
            }
            _ => masked.push_str(parameter),
        }
    }
    masked
}

/// `api%5Fkey` is `api_key` to the backend, so it is here.
fn plain(name: &str) -> String {
    percent_encoding::percent_decode_str(name).decode_utf8_lossy().replace('+', " ")
}

fn cut(text: &str) -> String {
    if text.len() <= MAX_TARGET {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(MAX_TARGET);
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_parameters_are_masked_and_the_rest_stays() {
        for (given, stored) in [
            ("/a?page=2&api_key=planted&q=x", "/a?page=2&api_key=***&q=x"),
            ("/a?access_token=planted", "/a?access_token=***"),
            ("/a?api%5Fkey=planted&Token=planted", "/a?api%5Fkey=***&Token=***"),
            ("/a?max_tokens=5&key=planted", "/a?max_tokens=5&key=***"),
            ("/a?", "/a?"),
            ("/a?flag&=v", "/a?flag&=v"),
            ("/a", "/a"),
        ] {
            assert_eq!(target(given), stored);
            assert_eq!(whole_target(given), stored);
        }
    }

    #[test]
    fn targets_are_cut() {
        let long = format!("/{}?token=planted", "é".repeat(3000));
        assert!(target(&long).len() <= MAX_TARGET + '…'.len_utf8());
        let many = format!("/a?{}", "token=planted&".repeat(3000));
        assert!(!target(&many).contains("planted"));
    }
}
