//! What a model answers, whole or piece by piece, and what that used up.

use serde::Deserialize;
use serde_json::Value;

/// The longest answer, in bytes of text.
pub const LONGEST_ANSWER: usize = 1024 * 1024;

/// Why something is no answer. The server's own words are left out: they may repeat the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It is not in the form of chat completions.
    #[error("the model's answer is not in the form of chat completions")]
    Malformed,
    /// The server broke off with an error.
    #[error("the model broke off with an error")]
    BrokeOff,
    /// It is longer than [`LONGEST_ANSWER`].
    #[error("the model's answer is longer than {LONGEST_ANSWER} bytes")]
    TooLong,
    /// The stream ended before the answer did.
    #[error("the model's answer ended before its end")]
    Unfinished,
}

/// A model's answer, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The text.
    pub content: String,
    /// The model that answered, as it calls itself.
    pub model: Option<String>,
    /// Why it stopped.
    pub finish_reason: Option<String>,
    /// What it used up.
    pub usage: Option<Usage>,
}

/// Tokens that are paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Usage {
    /// Sent.
    pub prompt_tokens: u64,
    /// Received.
    #[serde(default)]
    pub completion_tokens: u64,
}

#[derive(Debug, Deserialize)]
struct Completion {
    model: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    message: Option<Text>,
    delta: Option<Text>,
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Text {
    content: Option<String>,
}

impl Answer {
    /// Reads an answer that came in one piece.
    pub fn whole(body: &[u8]) -> Result<Self, NoAnswer> {
        let completion: Completion =
            serde_json::from_slice(body).map_err(|_why| NoAnswer::Malformed)?;
        if completion.choices.iter().all(|choice| choice.message.is_none()) {
            return Err(NoAnswer::Malformed);
        }
        let mut answer = Self::default();
        answer.take(completion)?;
        Ok(answer)
    }

    /// Takes the data of one event of a stream. True when it was the last one.
    pub fn event(&mut self, data: &str) -> Result<bool, NoAnswer> {
        if data.trim() == "[DONE]" {
            return Ok(true);
        }
        let completion = serde_json::from_str(data).map_err(|_why| NoAnswer::Malformed)?;
        self.take(completion)?;
        Ok(false)
    }

    fn take(&mut self, completion: Completion) -> Result<(), NoAnswer> {
        if completion.error.is_some_and(|error| !error.is_null()) {
            return Err(NoAnswer::BrokeOff);
        }
        self.model = completion.model.or(self.model.take());
        self.usage = completion.usage.or(self.usage);
        // One answer was asked for, so there is one choice.
        if let Some(choice) = completion.choices.into_iter().next() {
            let text = choice.message.or(choice.delta).and_then(|text| text.content);
            let text = text.unwrap_or_default();
            if self.content.len() + text.len() > LONGEST_ANSWER {
                return Err(NoAnswer::TooLong);
            }
            self.content.push_str(&text);
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_and_in_pieces_it_is_the_same_answer() {
        let whole = Answer::whole(
            br#"{"model": "m", "choices": [{"message": {"role": "assistant", "content": "Because."}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}"#,
        )
        .unwrap();
        let mut pieces = Answer::default();
        for data in [
            r#"{"model": "m", "choices": [{"delta": {"role": "assistant", "content": null}}]}"#,
            r#"{"model": "m", "choices": [{"delta": {"content": "Be"}}]}"#,
            r#"{"model": "m", "choices": [{"delta": {"content": "cause."}, "finish_reason": null}]}"#,
            r#"{"model": "m", "choices": [{"delta": {}, "finish_reason": "stop"}]}"#,
            r#"{"model": "m", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}"#,
        ] {
            assert_eq!(pieces.event(data), Ok(false));
        }
        assert_eq!(pieces.event("[DONE]"), Ok(true));
        assert_eq!(pieces, whole);
        assert_eq!(whole.usage, Some(Usage { prompt_tokens: 3, completion_tokens: 2 }));
    }

    #[test]
    fn what_is_no_answer() {
        for body in [&b"{}"[..], b"[]", b"<html>", br#"{"choices": []}"#] {
            assert_eq!(Answer::whole(body), Err(NoAnswer::Malformed));
        }
        let mut answer = Answer::default();
        let error = r#"{"error": {"message": "the key sk-1 is wrong"}}"#;
        assert_eq!(answer.event(error), Err(NoAnswer::BrokeOff));
        let much = format!(
            r#"{{"choices": [{{"delta": {{"content": "{}"}}}}]}}"#,
            "x".repeat(LONGEST_ANSWER)
        );
        assert_eq!(answer.event(&much), Ok(false));
        let more = r#"{"choices": [{"delta": {"content": "x"}}]}"#;
        assert_eq!(answer.event(more), Err(NoAnswer::TooLong));
    }
}
