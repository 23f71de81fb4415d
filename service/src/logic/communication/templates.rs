//! Templates: messages with gaps, the three that everybody has, and how gaps are filled.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::messages::Letter;
use crate::logic::Denied;
use crate::python::time::Stamp;
use crate::tables::cell::Json;
use crate::tables::money::Money;
use crate::tables::own::communication::{MessageType, Template};

/// Templates of one owner.
pub const MOST_TEMPLATES: i64 = 100;

/// Whose the three templates are that everybody has. No key is empty, so nobody else is this.
pub const NOBODY: &str = "";

/// A template as a client describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct NewTemplate {
    creator: String,
    name: String,
    description: String,
    message_type: MessageType,
    content_template: String,
    variables: Vec<String>,
    base_price: f64,
}

impl NewTemplate {
    /// The agent that it is said to be by.
    pub fn creator(&self) -> &str {
        &self.creator
    }

    /// The row of this template.
    pub fn into_row(self, id: String, owner: String, now: Stamp) -> Result<Template, Denied> {
        let base_price = Money::exactly(self.base_price).filter(|price| price.fits_float());
        let too_long = Denied::Refused("The base price has too many digits");
        Ok(Template {
            id,
            owner_id: owner,
            name: self.name,
            description: self.description,
            message_type: self.message_type,
            content_template: self.content_template,
            variables: Json(json!(self.variables)),
            base_price: base_price.ok_or(too_long)?,
            is_active: true,
            creator: self.creator,
            usage_count: 0.into(),
            created_at: now,
        })
    }
}

/// The three templates of the contract, as somebody who has used none of them has them.
pub fn defaults(now: Stamp) -> Vec<Template> {
    let template = |id: &str,
                    name: &str,
                    description: &str,
                    kind,
                    content: &str,
                    variables: &[&str],
                    price| {
        Template {
            id: id.to_owned(),
            owner_id: NOBODY.to_owned(),
            name: name.to_owned(),
            description: description.to_owned(),
            message_type: kind,
            content_template: content.to_owned(),
            variables: Json(json!(variables)),
            base_price: Money::new(price, 3),
            is_active: true,
            creator: "system".to_owned(),
            usage_count: 0.into(),
            created_at: now,
        }
    };
    vec![
        template(
            "task_request_default",
            "Task Request",
            "Default template for task requests",
            MessageType::TaskRequest,
            "Hello! I have a task for you: {task_description}. Budget: {budget} AITBC. Deadline: {deadline}.",
            &["task_description", "budget", "deadline"],
            2,
        ),
        template(
            "collaboration_invite",
            "Collaboration Invite",
            "Template for inviting agents to collaborate",
            MessageType::Collaboration,
            "I'd like to collaborate on {project_name}. Your role would be {role_description}. Interested?",
            &["project_name", "role_description"],
            3,
        ),
        template(
            "notification_update",
            "Notification Update",
            "Template for sending notifications",
            MessageType::Notification,
            "Notification: {notification_type}. {message}. Action required: {action_required}.",
            &["notification_type", "message", "action_required"],
            1,
        ),
    ]
}

/// The default with this id, for where it was never used.
pub fn default_of(id: &str, now: Stamp) -> Option<Template> {
    defaults(now).into_iter().find(|template| template.id == id)
}

/// The defaults with the usage that is stored of them.
pub fn defaults_with(stored: &[Template], now: Stamp) -> Vec<Template> {
    let used = |id: &str| stored.iter().find(|template| template.id == id).cloned();
    defaults(now).into_iter().map(|template| used(&template.id).unwrap_or(template)).collect()
}

/// A template that `caller` may use.
pub fn usable(found: Option<Template>, caller: &str) -> Result<Template, Denied> {
    let template = found.ok_or(Denied::NotFound("Template"))?;
    let is_usable = template.owner_id == caller || template.owner_id == NOBODY;
    if is_usable { Ok(template) } else { Err(Denied::Forbidden) }
}

/// What a template says with these values.
pub fn letter(template: &Template, values: &BTreeMap<String, String>) -> Letter {
    let declared: Vec<&str> = match &template.variables.0 {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let metadata = [("template_id".to_owned(), template.id.as_str().into())];
    Letter {
        message_type: template.message_type,
        content: filled(&template.content_template, &declared, values),
        encryption_type: None,
        metadata: metadata.into_iter().collect(),
        reply_to: None,
        thread_id: None,
    }
}

/// The text with `{name}` replaced for every declared name that has a value. Values are never looked through for
/// further gaps: what somebody fills in is not a template.
fn filled(text: &str, declared: &[&str], values: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let gap = after.split_once('}').and_then(|(name, behind)| {
            let value = values.get(name).filter(|_| declared.contains(&name))?;
            Some((value, behind))
        });
        if let Some((value, behind)) = gap {
            out.push_str(value);
            rest = behind;
        } else {
            out.push('{');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::messages::tests::at;
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn declared_gaps_with_values_are_filled_and_nothing_else() {
        for (text, filled_in) in [
            ("{a} and {b}", "1 and {c}"),
            ("{c}{x}{a", "{c}{x}{a"),
            ("{{a}}", "{1}"),
            ("} {} {a}", "} {} 1"),
        ] {
            let values = values(&[("a", "1"), ("b", "{c}"), ("c", "3")]);
            assert_eq!(filled(text, &["a", "b", "x"], &values), filled_in, "{text}");
        }
    }

    #[test]
    fn the_defaults_say_what_the_contract_says() {
        let defaults = defaults(at("2026-11-22"));
        let values = values(&[("project_name", "X"), ("role_description", "Y")]);
        let letter = letter(&defaults[1], &values);
        assert_eq!(
            letter.content,
            "I'd like to collaborate on X. Your role would be Y. Interested?"
        );
        assert_eq!(letter.message_type, MessageType::Collaboration);
        assert_eq!(letter.metadata["template_id"], "collaboration_invite");
        let prices: Vec<String> = defaults.iter().map(|t| t.base_price.to_string()).collect();
        assert_eq!(prices, ["0.002", "0.003", "0.001"]);
    }

    #[test]
    fn templates_are_their_owners_and_three_are_everybodys() {
        let default = defaults(at("2026-11-22")).remove(0);
        assert!(usable(Some(default.clone()), "alice").is_ok());
        let own = Template { owner_id: "alice".to_owned(), ..default };
        assert!(usable(Some(own.clone()), "alice").is_ok());
        assert_eq!(usable(Some(own), "bob"), Err(Denied::Forbidden));
        assert_eq!(usable(None, "bob"), Err(Denied::NotFound("Template")));
    }

    proptest! {
        #[test]
        fn a_text_without_values_stays_as_it_is(text in "[a-c{}]{0,40}") {
            prop_assert_eq!(filled(&text, &["a", "b", "c"], &BTreeMap::new()), text);
        }
    }
}
