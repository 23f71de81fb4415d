//! Takes secrets out of text that nobody has structured: `name=value`, `Authorization: …`, tokens known by their form.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::secret::{MASK, is_secret_name, is_secret_parameter};

/// The text with what looks like a secret replaced. Errs on the side of masking.
pub(super) fn masked(text: &str) -> Cow<'_, str> {
    let Some(patterns) = PATTERNS.as_ref() else { return Cow::Borrowed(MASK) };
    let mut masked = Cow::Borrowed(text);
    for (pattern, kept) in &patterns.whole {
        replace(&mut masked, |text| pattern.replace_all(text, *kept));
    }
    replace(&mut masked, |text| patterns.pairs(text));
    masked
}

fn replace(text: &mut Cow<'_, str>, change: impl Fn(&str) -> Cow<'_, str>) {
    if let Cow::Owned(changed) = change(text) {
        *text = Cow::Owned(changed);
    }
}

struct Patterns {
    /// What is replaced whatever stands around it, and by what.
    whole: Vec<(Regex, &'static str)>,
    /// A name and what stands between it and its value.
    name: Regex,
    /// A value, from the beginning of a text.
    value: Regex,
}

impl Patterns {
    /// Replaces the values that stand after secret names.
    fn pairs<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut out = String::new();
        let (mut copied, mut at) = (0, 0);
        while let Some(found) = self.name.captures_at(text, at) {
            let part = |number| found.get(number).map_or("", |part| part.as_str());
            at = found.get_match().end();
            let is_parameter = part(2).contains('=');
            let is_secret =
                is_secret_name(part(1)) || (is_parameter && is_secret_parameter(part(1)));
            let value = text.get(at..).filter(|_| is_secret).and_then(|rest| self.value.find(rest));
            let Some(value) = value else { continue };
            let quote = value.as_str().chars().next().filter(|first| matches!(first, '"' | '\''));
            out.push_str(text.get(copied..at).unwrap_or_default());
            out.extend(quote);
            out.push_str(MASK);
            out.extend(quote);
            at += value.end();
            copied = at;
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        Cow::Owned(out)
    }
}

/// `None` if one did not compile, which the tests rule out; nothing is shown then.
static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    let whole = [
        // Header lines, to their end: a cookie has many parts, and all of them are secret.
        (r"(?i)\b((?:set-)?cookie|(?:proxy-)?authorization)(\s*:\s*)[^\r\n]+", "$1$2***"),
        (r"(?i)\b(bearer|basic|digest|negotiate)\s+[A-Za-z0-9+/=._~-]{4,}", "$1 ***"),
        // A JSON web token begins with `{"` in base64.
        (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*", MASK),
        (r"\b(?:sk|pk|rk|ghp|gho|ghs|xoxb|xoxp)[-_][A-Za-z0-9_-]{16,}", MASK),
        // The user part of an address.
        (r"://[^\s/@]+@", "://***@"),
    ];
    let compiled = whole.into_iter().map(|(text, kept)| Some((Regex::new(text).ok()?, kept)));
    Some(Patterns {
        whole: compiled.collect::<Option<_>>()?,
        name: Regex::new(r#"([A-Za-z0-9_.%-]+)(["']?\s*[:=]\s*)"#).ok()?,
        // A quoted value may have lost its end.
        value: Regex::new(r#"^(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&"'<>}\]]+)"#).ok()?,
    })
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_in_text_are_masked_and_the_rest_stays() {
        for (given, shown) in [
            ("page=2&api_key=planted&q=x", "page=2&api_key=***&q=x"),
            ("GET /a?key=planted HTTP/1.1", "GET /a?key=*** HTTP/1.1"),
            ("Authorization: Bearer planted, x\nnext", "Authorization: ***\nnext"),
            ("Cookie: a=planted; b=planted\r\nnext: 1", "Cookie: ***\r\nnext: 1"),
            ("use bearer planted-1234 now", "use bearer *** now"),
            (r#"{"password": "pla\"nted", "n": 1"#, r#"{"password": "***", "n": 1"#),
            (r#"{"password": "plant"#, r#"{"password": "***""#),
            ("client_secret='planted'", "client_secret='***'"),
            ("<a href='?token=planted'>", "<a href='?token=***'>"),
            ("jwt eyJhbGciOiJI.eyJzdWIi.c2ln end", "jwt *** end"),
            ("sk-0123456789abcdef0123", "***"),
            ("postgres://u:planted@db/x", "postgres://***@db/x"),
            ("name: a, max_tokens: 5, code: 404", "name: a, max_tokens: 5, code: 404"),
        ] {
            assert_eq!(masked(given), shown);
        }
    }

    proptest! {
        #[test]
        fn a_planted_secret_never_shows(
            before in "[a-z =:;&\"'\n]{0,20}",
            name in prop::sample::select(vec!["api_key", "X-Api-Key", "password", "access_token"]),
            between in prop::sample::select(vec!["=", ": ", "\": \"", " = '"]),
            after in "[a-z =:;&\"'\n]{0,20}",
        ) {
            let text = format!("{before} {name}{between}planted0secret {after}");
            prop_assert!(!masked(&text).contains("planted0secret"), "{}", masked(&text));
        }

        #[test]
        fn any_text_is_masked_without_panic(text in ".{0,200}") {
            prop_assert!(!masked(&text).is_empty() || text.is_empty());
        }
    }
}
