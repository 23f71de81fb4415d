//! Where a document comes from: a file, or a service that runs.

use std::time::Duration;

use crate::failure::Failure;

/// Longest document that is read.
const LONGEST: usize = 32 << 20;
/// How long a service may take to give it.
const PATIENCE: Duration = Duration::from_secs(20);

/// The text of the document at a URL or in a file.
pub(crate) async fn read(place: &str) -> Result<String, Failure> {
    let (bytes, help) = if is_url(place) {
        (
            fetch(place).await,
            "name the document of a service that runs, such as http://127.0.0.1:8012/openapi.json, or a file",
        )
    } else {
        (
            std::fs::read(place).map_err(|it| it.to_string()),
            "name a file, or the URL of the document of a service that runs",
        )
    };
    let text = bytes.and_then(|bytes| {
        if bytes.len() > LONGEST {
            return Err(format!("it has more than {} MiB", LONGEST >> 20));
        }
        String::from_utf8(bytes).map_err(|it| it.to_string())
    });
    text.map_err(|why| Failure::Other {
        message: format!("{} can't be read: {why}", shown(place)),
        help: help.to_owned(),
    })
}

fn is_url(place: &str) -> bool {
    place.starts_with("http://") || place.starts_with("https://")
}

/// The place without what lets somebody in.
pub(crate) fn shown(place: &str) -> String {
    match url::Url::parse(place) {
        Ok(mut url) if is_url(place) => {
            // Neither fails for a URL with a host.
            let is_masked = url.set_username("").is_ok() && url.set_password(None).is_ok();
            url.set_query(None);
            if is_masked { url.into() } else { "the URL".to_owned() }
        }
        _ => place.to_owned(),
    }
}

async fn fetch(url: &str) -> Result<Vec<u8>, String> {
    let told = |error: reqwest::Error| {
        // The URL may hold a password.
        let error = error.without_url();
        let cause =
            std::iter::successors(std::error::Error::source(&error), |it| it.source()).last();
        cause.map_or_else(|| error.to_string(), ToString::to_string)
    };
    let client = reqwest::Client::builder().timeout(PATIENCE).build().map_err(told)?;
    let mut answer =
        client.get(url).send().await.map_err(told)?.error_for_status().map_err(told)?;
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(told)? {
        bytes.extend_from_slice(&part);
        if bytes.len() > LONGEST {
            break;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_somebody_in_is_not_shown() {
        assert_eq!(shown("http://ann:pw@box:1/openapi.json?key=1"), "http://box:1/openapi.json");
        assert_eq!(shown("a/openapi.json"), "a/openapi.json");
    }
}
