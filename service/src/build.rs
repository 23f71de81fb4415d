//! Which build this is.

use http::HeaderValue;

/// The version and a digest of the sources it was built from: the same on every machine, different for every change.
pub const BUILD_ID: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("SERVICE_SOURCE_DIGEST"));

/// Longest label, in characters.
const MAX_LABEL: usize = 40;

/// What a process says that it is: the build, and the label that its operator gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildId {
    text: String,
    header: HeaderValue,
}

impl BuildId {
    /// The build with a label of up to 40 letters, digits, `.`, `_` and `-`; none where it is empty.
    ///
    /// # Errors
    /// The label has other characters, or too many.
    pub fn labelled(label: &str) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if label.len() > MAX_LABEL || !label.bytes().all(fits) {
            return Err(format!("is no label of up to {MAX_LABEL} letters, digits, `.`, `_`, `-`"));
        }
        let text = match label {
            "" => BUILD_ID.to_owned(),
            label => format!("{BUILD_ID}.{label}"),
        };
        let header = HeaderValue::from_str(&text).map_err(|_unfit| "fits no header".to_owned())?;
        Ok(Self { text, header })
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As the value of `X-Build-Id`.
    pub fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_makes_another_build() {
        let [plain, labelled] = ["", "canary-2"].map(|label| BuildId::labelled(label).unwrap());
        assert_eq!(plain.as_str(), BUILD_ID);
        assert_eq!(labelled.as_str(), format!("{BUILD_ID}.canary-2"));
        for label in ["a b", "a\r\nx: y", "ü", &"x".repeat(41)] {
            assert!(BuildId::labelled(label).is_err(), "{label:?}");
        }
    }
}
