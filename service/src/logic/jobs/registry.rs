//! The monolith's register of services: what an order by the name of its service must hold, and the schema that says so.
//!
//! Only language models ever made it into the register; the other four services are unknown to it.

use serde_json::{Map, Value, json};

use super::catalogue::LLM_MODELS;
use crate::python::{json, number};

/// Models that the register knows and no miner takes.
const RETIRED_MODELS: [&str; 2] = ["falcon-7b", "falcon-40b"];

/// What a parameter is. The words are those of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Enum,
    Text,
    Integer,
    Number,
    Boolean,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Enum => "enum",
            Self::Text => "string",
            Self::Integer => "integer",
            Self::Number => "float",
            Self::Boolean => "boolean",
        }
    }

    /// What is asked of a value that is no such thing. To Python a truth value is a whole number.
    fn wants(self, value: &Value) -> Option<&'static str> {
        let is_whole = value.is_boolean() || number::is_integer(value);
        match self {
            Self::Integer if !is_whole => Some("an integer"),
            Self::Number if !is_whole && number::as_f64(value).is_none() => Some("a number"),
            Self::Boolean if !value.is_boolean() => Some("a boolean"),
            _ => None,
        }
    }
}

/// One parameter of a service.
#[derive(Debug, Clone)]
struct Parameter {
    name: &'static str,
    kind: Kind,
    about: &'static str,
    required: bool,
    default: Option<Value>,
    bounds: Option<(Value, Value)>,
    options: Vec<&'static str>,
}

impl Parameter {
    fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            about,
            required: false,
            default: None,
            bounds: None,
            options: Vec::new(),
        }
    }

    /// What is wrong with a value of this parameter.
    fn problems(&self, value: &Value) -> Vec<String> {
        let name = self.name;
        let kind = self.kind.wants(value).map(|wanted| format!("must be {wanted}"));
        let bounds = self.bounds.iter().flat_map(|(least, most)| {
            let size = self.size(value);
            let past = |bound: &Value, is_past: fn(&f64, &f64) -> bool| {
                size.zip(bound.as_f64()).is_some_and(|(size, bound)| is_past(&size, &bound))
            };
            let low = past(least, f64::lt).then(|| format!("must be >= {}", json::sent(least)));
            let high = past(most, f64::gt).then(|| format!("must be <= {}", json::sent(most)));
            [low, high]
        });
        let known = |options: &[&str]| value.as_str().is_some_and(|word| options.contains(&word));
        let options = (!self.options.is_empty() && !known(&self.options))
            .then(|| format!("must be one of: {}", self.options.join(", ")));
        let found = std::iter::once(kind).chain(bounds).chain([options]).flatten();
        found.map(|problem| format!("Parameter {name} {problem}")).collect()
    }

    /// What is held against the bounds: the length of a text, a number itself, and of anything else nothing.
    fn size(&self, value: &Value) -> Option<f64> {
        match value {
            Value::String(text) if self.kind == Kind::Text => {
                // No text that fits into a request is so long that the number is not exact.
                u32::try_from(text.chars().count()).ok().map(f64::from)
            }
            Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
            value => number::as_f64(value),
        }
    }

    fn schema(&self) -> Value {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), self.kind.word().into());
        schema.insert("description".to_owned(), self.about.into());
        if let Some(default) = &self.default {
            schema.insert("default".to_owned(), default.clone());
        }
        if let Some((least, most)) = &self.bounds {
            schema.insert("minimum".to_owned(), least.clone());
            schema.insert("maximum".to_owned(), most.clone());
        }
        if !self.options.is_empty() {
            schema.insert("enum".to_owned(), json!(self.options));
        }
        Value::Object(schema)
    }
}

/// The parameters of a language model, in the order of the register.
fn parameters() -> [Parameter; 5] {
    let models = LLM_MODELS.iter().copied().chain(RETIRED_MODELS).collect();
    [
        Parameter {
            required: true,
            options: models,
            ..Parameter::new("model", Kind::Enum, "Model to use for inference")
        },
        Parameter {
            required: true,
            bounds: Some((json!(1), json!(10_000))),
            ..Parameter::new("prompt", Kind::Text, "Input prompt text")
        },
        Parameter {
            default: Some(json!(256)),
            bounds: Some((json!(1), json!(4096))),
            ..Parameter::new("max_tokens", Kind::Integer, "Maximum tokens to generate")
        },
        Parameter {
            default: Some(json!(0.7)),
            bounds: Some((json!(0.0), json!(2.0))),
            ..Parameter::new("temperature", Kind::Number, "Sampling temperature")
        },
        Parameter {
            default: Some(json!(false)),
            ..Parameter::new("stream", Kind::Boolean, "Stream response")
        },
    ]
}

/// Everything that the register has against an order for a language model, in its order: what is missing first.
pub fn problems(sent: &Map<String, Value>) -> Vec<String> {
    let parameters = parameters();
    let missing = parameters
        .iter()
        .filter(|parameter| parameter.required && !sent.contains_key(parameter.name))
        .map(|parameter| format!("Missing required parameter: {}", parameter.name));
    let wrong = parameters.iter().flat_map(|parameter| {
        sent.get(parameter.name).map(|value| parameter.problems(value)).unwrap_or_default()
    });
    missing.chain(wrong).collect()
}

/// What the register says of orders for a language model.
pub fn schema() -> Value {
    let parameters = parameters();
    let properties: Map<String, Value> =
        parameters.iter().map(|p| (p.name.to_owned(), p.schema())).collect();
    let required: Vec<_> = parameters.iter().filter(|p| p.required).map(|p| p.name).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sent: &Value) -> String {
        problems(sent.as_object().unwrap()).join(", ")
    }

    #[test]
    fn everything_is_said_in_the_order_of_the_register() {
        insta::assert_snapshot!(found(&json!({"model": "x", "prompt": "", "max_tokens": 5000, "temperature": -1, "stream": "no"})), @"Parameter model must be one of: llama-7b, llama-13b, llama-70b, mistral-7b, mixtral-8x7b, codellama-7b, codellama-13b, codellama-34b, falcon-7b, falcon-40b, Parameter prompt must be >= 1, Parameter max_tokens must be <= 4096, Parameter temperature must be >= 0.0, Parameter stream must be a boolean");
        assert_eq!(
            found(&json!({})),
            "Missing required parameter: model, Missing required parameter: prompt"
        );
    }

    #[test]
    fn bounds_are_for_numbers_truth_values_and_the_length_of_texts() {
        let with = |name: &str, value: Value| {
            let mut sent = json!({"model": "falcon-7b", "prompt": "p"});
            sent[name] = value;
            found(&sent)
        };
        assert_eq!(with("prompt", json!("é".repeat(10_000))), "");
        assert_eq!(with("prompt", json!("é".repeat(10_001))), "Parameter prompt must be <= 10000");
        assert_eq!(with("prompt", json!([])), "");
        assert_eq!(with("max_tokens", json!(true)), "");
        assert_eq!(with("max_tokens", json!(false)), "Parameter max_tokens must be >= 1");
        assert_eq!(with("max_tokens", json!("9")), "Parameter max_tokens must be an integer");
        assert_eq!(
            with("max_tokens", json!(4096.5)),
            "Parameter max_tokens must be an integer, Parameter max_tokens must be <= 4096"
        );
        assert_eq!(with("temperature", json!(2.5)), "Parameter temperature must be <= 2.0");
        assert_eq!(with("temperature", json!(null)), "Parameter temperature must be a number");
        assert_eq!(with("stream", json!(1)), "Parameter stream must be a boolean");
    }
}
