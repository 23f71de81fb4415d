//! What a model is asked for a step.

use serde_json::{Map, Value, json};

use crate::config::openai::TokenLimitField;
use crate::tables::agents::Step;

/// A step's question, not yet bounded.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    model: String,
    messages: Value,
}

impl Question {
    /// The question of a step: `messages` of the inputs as they are, else `prompt`, else all inputs as JSON. The step's
    /// `model_requirements` may name a `model` and a `system` message.
    pub fn of(step: &Step, inputs: &Map<String, Value>, default_model: &str) -> Self {
        let wanted = step.model_requirements.as_ref().map(|json| &json.0);
        let named = |name: &str| wanted.and_then(|map| map.get(name)).and_then(Value::as_str);
        let mut messages: Vec<Value> = named("system")
            .map(|system| json!({"role": "system", "content": system}))
            .into_iter()
            .collect();
        if let Some(given) = inputs.get("messages").and_then(Value::as_array) {
            messages.extend(given.iter().cloned());
        } else {
            let prompt = inputs.get("prompt").and_then(Value::as_str).map(str::to_owned);
            let content = prompt.unwrap_or_else(|| Value::Object(inputs.clone()).to_string());
            messages.push(json!({"role": "user", "content": content}));
        }
        let model = named("model").filter(|model| !model.is_empty()).unwrap_or(default_model);
        Self { model: model.to_owned(), messages: Value::Array(messages) }
    }

    /// The model that is asked.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The bytes of the messages: no tokenizer makes more tokens of them.
    pub fn bytes(&self) -> u64 {
        u64::try_from(self.messages.to_string().len()).unwrap_or(u64::MAX)
    }

    /// The body of the request, for an answer of so many tokens at most, which the server knows by the name of `limit`.
    pub fn body(&self, limit: TokenLimitField, most_tokens: u64, stream: bool) -> String {
        let mut body = json!({
            "model": self.model,
            "messages": self.messages,
            limit.word(): most_tokens,
            "stream": stream,
        });
        if stream && let Value::Object(map) = &mut body {
            map.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
        body.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::plan::tests::step;
    use crate::tables::Json;
    use crate::tables::agents::StepType;

    fn asked(inputs: &Value, requirements: Option<Value>) -> Value {
        let mut row = step("a", 0, StepType::Inference);
        row.model_requirements = requirements.map(Json);
        let inputs = inputs.as_object().unwrap().clone();
        let body = Question::of(&row, &inputs, "small").body(TokenLimitField::MaxTokens, 64, false);
        serde_json::from_str(&body).unwrap()
    }

    #[test]
    fn inputs_become_messages() {
        let user = |content: &str| json!([{"role": "user", "content": content}]);
        assert_eq!(asked(&json!({"prompt": "Why?"}), None)["messages"], user("Why?"));
        assert_eq!(asked(&json!({"x": 1}), None)["messages"], user("{\"x\":1}"));
        let given = json!([{"role": "user", "content": "Hi"}]);
        assert_eq!(asked(&json!({"messages": given, "prompt": "no"}), None)["messages"], given);
    }

    #[test]
    fn a_step_may_choose_model_and_system_message() {
        let asked =
            asked(&json!({"prompt": "Why?"}), Some(json!({"model": "big", "system": "Be brief"})));
        assert_eq!(asked["model"], "big");
        assert_eq!(asked["messages"][0], json!({"role": "system", "content": "Be brief"}));
        assert_eq!((&asked["max_tokens"], &asked["stream"]), (&json!(64), &json!(false)));
    }

    #[test]
    fn a_stream_is_asked_for_its_usage() {
        let row = step("a", 0, StepType::Inference);
        let body = Question::of(&row, &Map::new(), "small");
        let body = body.body(TokenLimitField::MaxTokens, 1, true);
        assert!(body.contains(r#""stream_options":{"include_usage":true}"#), "{body}");
    }
}
