//! Messages: send, list, show, read, pay.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use super::sending::{Route, letter_fields, send};
use super::{AGENT, PAGE, Page, acting, agent_name, is_own, owned, page, schemas, sealed};
use crate::http::endpoint::LazyShape;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::communication::events::NewEvent;
use crate::logic::communication::messages::{self, Letter};
use crate::logic::communication::statistics::Count;
use crate::store::communication::messages::MessageFilter;
use crate::tables::column::ColumnValue as _;
use crate::tables::money::Exact;
use crate::tables::own::communication::{Content, Message, MessageStatus};
use crate::validation::{Kind, Shape, field};
use crate::work::{Effect, Work};

/// The part of the path that names the message.
const MESSAGE: &str = "message_id";

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([field("recipient", agent_name())].into_iter().chain(letter_fields()))
});

static FILTER: LazyShape = LazyLock::new(|| {
    let own = [
        field("status", Kind::Choice(MessageStatus::WORDS)).optional(),
        field("direction", Kind::Choice(&["all", "sent", "received"])).default("all"),
    ];
    Shape::new(own.into_iter().chain(page(50)))
});

static PAYMENT: LazyShape = LazyLock::new(|| {
    Shape::new([field("payer", agent_name()), field("amount", Kind::number_within(0.0, 1e12))])
});

#[derive(Debug, Deserialize)]
struct NewMessage {
    recipient: String,
    #[serde(flatten)]
    letter: Letter,
}

#[derive(Debug, Deserialize)]
struct Query {
    status: Option<MessageStatus>,
    direction: String,
    limit: i64,
    offset: i64,
}

#[derive(Debug, Deserialize)]
struct Payment {
    payer: String,
    amount: Exact,
}

/// `POST /communication/agents/{agent_id}/messages`: puts it into the queue; a courier delivers it.
pub fn create() -> Action {
    Action::new("Send a message as an agent", async |work: Work, mut input: Input| {
        let NewMessage { recipient, letter } = input.body()?;
        let sender = input.part(AGENT);
        let reputation = work.reputation(sender).await?;
        let mut writing = work.store.write().await?;
        acting(&mut writing, sender, &input.caller).await?;
        let route = Route { sender, recipient: &recipient, reputation, now: work.now() };
        let message = send(&work, &mut writing, route, None, letter).await?;
        writing.commit().await?;
        work.afterwards(Effect::WakeCourier);
        Ok(Reply::created(&messages::shown(&message)))
    })
    .body(&NEW)
    .creates()
    .refuses(&[400, 403, 404, 409])
    .answers(schemas::message)
}

/// `GET /communication/agents/{agent_id}/messages`.
pub fn list() -> Action {
    let about = "List what an agent has sent and got, newest first, without contents";
    Action::new(about, async |work: Work, mut input: Input| {
        let Query { status, direction, limit, offset } = input.query()?;
        let agent = owned(&work, &input).await?.agent_id;
        let (sent, received) = (direction != "received", direction != "sent");
        let filter = MessageFilter { agent, sent, received, status, limit, offset };
        let found = work.store.message_list(&filter).await?;
        Ok(Reply::ok(&found.iter().map(messages::shown).collect()))
    })
    .query(&FILTER)
    .refuses(&[403, 404])
    .answers(|| json!({"type": "array", "items": schemas::message()}))
}

/// `GET /communication/agents/{agent_id}/messages/unread`.
pub fn unread() -> Action {
    let about = "List what was delivered to an agent and is not read yet, oldest first";
    Action::new(about, async |work: Work, mut input: Input| {
        let Page { limit, offset } = input.query()?;
        let agent = owned(&work, &input).await?;
        let found = work.store.message_unread(&agent.agent_id, limit, offset).await?;
        Ok(Reply::ok(&found.iter().map(messages::shown).collect()))
    })
    .query(&PAGE)
    .refuses(&[403, 404])
    .answers(|| json!({"type": "array", "items": schemas::message()}))
}

/// `GET /communication/messages/{message_id}`.
pub fn show() -> Action {
    let about =
        "Show a message to one of its two agents; what it says, to its recipient once it was read";
    Action::new(about, async |work: Work, input: Input| {
        let message = work.store.message_find(input.part(MESSAGE)).await?;
        let message = message.ok_or(Denied::NotFound("Message"))?;
        let is_recipients = is_own(&work, &message.recipient, &input.caller).await?;
        if is_recipients && message.status == MessageStatus::Read {
            let content = content(work.store.content_find(&message.id).await?)?;
            return Ok(Reply::ok(&opened(&work, &message, &content)?));
        }
        if !is_recipients && !is_own(&work, &message.sender, &input.caller).await? {
            return Err(Denied::Forbidden.into());
        }
        Ok(Reply::ok(&messages::shown(&message)))
    })
    .refuses(&[403, 404])
    .answers(schemas::opened_message)
}

/// `POST /communication/messages/{message_id}/read`.
pub fn read() -> Action {
    let about = "Read a message that was delivered, once; its sender is told";
    Action::new(about, async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let now = work.now();
        let message = writing.message_find(input.part(MESSAGE)).await?;
        let message = message.ok_or(Denied::NotFound("Message"))?;
        acting(&mut writing, &message.recipient, &input.caller).await?;
        let message = messages::read(message, now)?;
        let content = content(writing.content_find(&message.id).await?)?;
        // What does not open was not read.
        let shown = opened(&work, &message, &content)?;
        writing.message_update(&message).await?;
        writing.event_insert(NewEvent::read(&message), now).await?;
        writing.count(&message.recipient, Count::Read, now).await?;
        writing.commit().await?;
        work.afterwards(Effect::WakeCourier);
        Ok(Reply::ok(&shown))
    })
    .refuses(&[403, 404, 409])
    .answers(schemas::opened_message)
}

/// `POST /communication/messages/{message_id}/pay`: noted, and credited to the sender as in the monolith; no money moves.
pub fn pay() -> Action {
    let about =
        "Note that one of a message's agents has paid it; its price is credited to the sender";
    Action::new(about, async |work: Work, mut input: Input| {
        let Payment { payer, amount } = input.body()?;
        let mut writing = work.store.write().await?;
        let payer = acting(&mut writing, &payer, &input.caller).await?.agent_id;
        let message = writing.message_find(input.part(MESSAGE)).await?;
        let message =
            messages::paid(message.ok_or(Denied::NotFound("Message"))?, &payer, amount.0)?;
        writing.message_update(&message).await?;
        writing.count(&message.sender, Count::Earned(message.price), work.now()).await?;
        writing.commit().await?;
        Ok(Reply::ok(&json!({
            "message_id": message.id,
            "paid": message.paid,
            "payer": payer,
            "amount": amount.to_json(),
            "price": message.price.to_json(),
            "credited_to": message.sender,
            "settlement": "recorded",
        })))
    })
    .body(&PAYMENT)
    .refuses(&[400, 403, 404, 409])
    .answers(schemas::payment)
}

/// A message never stands without its content.
fn content(found: Option<Content>) -> Result<Content, ApiError> {
    found.ok_or_else(|| ApiError::Internal("a message has no content".to_owned()))
}

fn opened(work: &Work, message: &Message, content: &Content) -> Result<Value, ApiError> {
    messages::shown_to_recipient(message, content, work.content_key()).map_err(sealed)
}
