//! Ideation: an answer, nothing stored.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::{Action, Input, Reply};
use crate::logic::creativity::ideation::Question;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

// `constraints` are taken and not looked at, as in the monolith.
static QUESTION: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("problem_statement", Kind::text()),
        field("domain", Kind::text()),
        field("technique", Kind::text()).default("scamper"),
        field("num_ideas", Kind::integer_within(1, 20)).default(5),
        field("constraints", Kind::object().or_null()).optional(),
    ])
});

/// `POST /ideation/generate`.
pub fn generate() -> Action {
    let about = "Find ideas by fixed patterns and chance; no model is asked, nothing is stored";
    Action::new(about, async |work: Work, mut input: Input| {
        let question: Question = input.body()?;
        tokio::time::sleep(work.compatibility().ideation_time()).await;
        Ok(Reply::ok(&question.answer(work.chance(), work.now())))
    })
    .unguarded()
    .body(&QUESTION)
    .answers(schema)
}

fn schema() -> Value {
    let (text, number) = (json!({"type": "string"}), json!({"type": "number"}));
    json!({
        "type": "object",
        "properties": {
            "problem": text,
            "technique_used": text,
            "domain": text,
            "generated_ideas": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "title": text,
                        "description": text,
                        "technique_aspect": text,
                        "novelty_score": number,
                        "feasibility_score": number,
                        "composite_score": number,
                    },
                },
            },
            "generation_timestamp": text,
        },
        "required":
            ["problem", "technique_used", "domain", "generated_ideas", "generation_timestamp"],
    })
}
