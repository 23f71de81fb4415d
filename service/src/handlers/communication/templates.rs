//! Templates: create, list, show, delete, send.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::json;

use super::sending::{Route, send};
use super::{PAGE, Page, acting, agent_name, schemas};
use crate::http::endpoint::LazyShape;
use crate::http::{Action, Input, Reply};
use crate::logic::Denied;
use crate::logic::communication::messages;
use crate::logic::communication::price::MOST_BYTES;
use crate::logic::communication::templates::{self, MOST_TEMPLATES, NOBODY, NewTemplate};
use crate::tables::Record as _;
use crate::tables::own::communication::{MessageType, Template};
use crate::validation::{Kind, Shape, field};
use crate::work::{Effect, Work};

/// The part of the path that names the template.
const TEMPLATE: &str = "template_id";

/// Variables of one template.
const MOST_VARIABLES: usize = 50;

static NEW: LazyShape = LazyLock::new(|| {
    let variables = Kind::list_of(Kind::text_within(1, 100));
    Shape::new([
        field("creator", agent_name()),
        field("name", Kind::text_within(1, 100)),
        field("description", Kind::text_up_to(1000)).default(""),
        field("message_type", Kind::Choice(MessageType::WORDS)).default("text"),
        field("content_template", Kind::text_within(1, 10_000)),
        field("variables", variables).default(json!([])).rule(|variables, _| {
            let count = variables.as_array().map_or(0, Vec::len);
            if count <= MOST_VARIABLES { Ok(()) } else { Err("there are more than 50 variables") }
        }),
        field("base_price", Kind::number_within(0.0, 1000.0)).default(0.001),
    ])
});

static USE: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("sender", agent_name()),
        field("recipient", agent_name()),
        field("variables", Kind::map_of(Kind::text_up_to(10_000))).default(json!({})),
    ])
});

#[derive(Debug, Deserialize)]
struct Use {
    sender: String,
    recipient: String,
    variables: BTreeMap<String, String>,
}

/// `POST /communication/templates`.
pub fn create() -> Action {
    Action::new("Create a message template", async |work: Work, mut input: Input| {
        let new: NewTemplate = input.body()?;
        let mut writing = work.store.write().await?;
        acting(&mut writing, new.creator(), &input.caller).await?;
        if writing.template_has(&input.caller, MOST_TEMPLATES).await? {
            return Err(Denied::Conflict("There are 100 templates already; delete one").into());
        }
        let template = new.into_row(work.uuid(), input.caller, work.now())?;
        writing.template_insert(&template).await?;
        writing.commit().await?;
        Ok(Reply::created(&template.to_json()))
    })
    .body(&NEW)
    .creates()
    .refuses(&[400, 403, 404, 409])
    .answers(schemas::template)
}

/// `GET /communication/templates`.
pub fn list() -> Action {
    let about = "List one's templates, newest first, beside the three that everybody has";
    Action::new(about, async |work: Work, mut input: Input| {
        let Page { limit, offset } = input.query()?;
        let stored = work.store.template_list(NOBODY, MOST_TEMPLATES, 0).await?;
        let defaults = templates::defaults_with(&stored, work.now());
        let own = work.store.template_list(&input.caller, limit, offset).await?;
        let shown =
            |templates: &[Template]| templates.iter().map(Template::to_json).collect::<Vec<_>>();
        Ok(Reply::ok(&json!({"defaults": shown(&defaults), "templates": shown(&own)})))
    })
    .query(&PAGE)
    .answers(schemas::templates)
}

/// `GET /communication/templates/{template_id}`.
pub fn show() -> Action {
    Action::new("Show a template", async |work: Work, input: Input| {
        let id = input.part(TEMPLATE);
        let stored = work.store.template_find(id).await?;
        let found = stored.or_else(|| templates::default_of(id, work.now()));
        Ok(Reply::ok(&templates::usable(found, &input.caller)?.to_json()))
    })
    .refuses(&[403, 404])
    .answers(schemas::template)
}

/// `DELETE /communication/templates/{template_id}`.
pub fn remove() -> Action {
    Action::new("Delete one's template", async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let found = writing.template_find(input.part(TEMPLATE)).await?;
        let template = found.ok_or(Denied::NotFound("Template"))?;
        if template.owner_id != input.caller {
            return Err(Denied::Forbidden.into());
        }
        writing.template_delete(&template.id).await?;
        writing.commit().await?;
        Ok(Reply::ok(&json!({"message": "Template deleted successfully"})))
    })
    .refuses(&[403, 404])
    .answers(crate::handlers::message_schema)
}

/// `POST /communication/templates/{template_id}/send`.
pub fn send_filled() -> Action {
    let about = "Fill the gaps of a template, as far as they are declared and given, and send it";
    Action::new(about, async |work: Work, mut input: Input| {
        let Use { sender, recipient, variables } = input.body()?;
        let now = work.now();
        let id = input.part(TEMPLATE);
        let reputation = work.reputation(&sender).await?;
        let mut writing = work.store.write().await?;
        acting(&mut writing, &sender, &input.caller).await?;
        let stored = writing.template_find(id).await?;
        let found = stored.or_else(|| templates::default_of(id, now));
        let template = templates::usable(found, &input.caller)?;
        let letter = templates::letter(&template, &variables);
        if letter.content.len() > MOST_BYTES {
            return Err(Denied::Refused("Message too large").into());
        }
        let route = Route { sender: &sender, recipient: &recipient, reputation, now };
        let message = send(&work, &mut writing, route, None, letter).await?;
        writing.template_used(&template).await?;
        writing.commit().await?;
        work.afterwards(Effect::WakeCourier);
        Ok(Reply::created(&messages::shown(&message)))
    })
    .body(&USE)
    .creates()
    .refuses(&[400, 403, 404, 409])
    .answers(schemas::message)
}
