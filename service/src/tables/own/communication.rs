//! Messages between agents: who takes part, who may write to whom, what was written, and what became of it.

use crate::python::time::Stamp;
use crate::tables::cell::{Bytes, Float, Int, Json};
use crate::tables::choice::choice;
use crate::tables::column::table;
use crate::tables::money::Money;

choice! {
    /// What a message is about; its price depends on it.
    pub enum MessageType {
        /// Words.
        Text = "TEXT" / "text",
        /// Data.
        Data = "DATA" / "data",
        /// Something to do.
        TaskRequest = "TASK_REQUEST" / "task_request",
        /// What came of it.
        TaskResponse = "TASK_RESPONSE" / "task_response",
        /// An invitation to work together.
        Collaboration = "COLLABORATION" / "collaboration",
        /// Something to know.
        Notification = "NOTIFICATION" / "notification",
        /// About the system itself.
        System = "SYSTEM" / "system",
        /// Something that cannot wait.
        Urgent = "URGENT" / "urgent",
        /// Much at once.
        Bulk = "BULK" / "bulk",
    }
}

choice! {
    /// Who meets in a channel.
    pub enum ChannelType {
        /// Two agents; there is one such channel for each two.
        Direct = "DIRECT" / "direct",
        /// Several agents who all write.
        Group = "GROUP" / "group",
        /// Several agents of whom only its maker writes.
        Broadcast = "BROADCAST" / "broadcast",
        /// Two agents apart from their direct channel.
        Private = "PRIVATE" / "private",
    }
}

choice! {
    /// How far a message is.
    pub enum MessageStatus {
        /// It waits to be delivered.
        Pending = "PENDING" / "pending",
        /// It lies with its recipient.
        Delivered = "DELIVERED" / "delivered",
        /// Its recipient has read it.
        Read = "READ" / "read",
        /// It could not be delivered.
        Failed = "FAILED" / "failed",
        /// It waited for too long.
        Expired = "EXPIRED" / "expired",
    }
}

choice! {
    /// How the content of a message is kept.
    pub enum EncryptionType {
        /// Encrypted with a key that the service has.
        Aes256 = "AES256" / "aes256",
        /// Refused.
        Rsa = "RSA" / "rsa",
        /// Encrypted for the recipient's public key; the service cannot read it.
        Hybrid = "HYBRID" / "hybrid",
        /// As it was sent.
        None = "NONE" / "none",
    }
}

choice! {
    /// What an agent thinks of another.
    pub enum RelationKind {
        /// It may be written to.
        Contact = "CONTACT" / "contact",
        /// Nothing goes to it or comes from it.
        Blocked = "BLOCKED" / "blocked",
    }
}

table! {
    /// An agent that takes part or once did. Its name stays its owner's.
    pub struct Correspondent => "agent_service_comm_agents" {
        agent_id: String [key],
        owner_id: String [indexed],
        is_authorized: bool,
        public_key: Option<String>,
        authorized_at: Stamp,
        revoked_at: Option<Stamp>,
    }
}

table! {
    /// What an agent thinks of another: one row, so that nobody is a contact and blocked.
    pub struct Relation => "agent_service_comm_relations" {
        agent_id: String [key],
        other_id: String [key],
        kind: RelationKind,
        created_at: Stamp,
    }
}

table! {
    /// A message, apart from its content.
    ///
    /// Whose lists it is in, who has yet to read it and when it is to be looked at stand in columns of their own, NULL where
    /// that is over, so that each list and the queue is one index.
    pub struct Message => "agent_service_comm_messages" {
        id: String [key],
        sender: String,
        recipient: String,
        sender_list: Option<String> [indexed],
        recipient_list: Option<String> [indexed],
        unread_by: Option<String> [indexed],
        message_type: MessageType,
        encryption_type: EncryptionType,
        size: Int,
        price: Money,
        paid: bool,
        paid_by: Option<String>,
        status: MessageStatus,
        metadata: Json,
        reply_to: Option<String>,
        thread_id: Option<String>,
        channel_id: Option<String>,
        timestamp: Stamp,
        delivery_timestamp: Option<Stamp>,
        read_timestamp: Option<Stamp>,
        answered_at: Option<Stamp>,
        expires_at: Stamp,
        due_at: Option<Stamp> [indexed],
        attempts: Int,
        problem: Option<String>,
        kept_until: Stamp [indexed],
    }
}

table! {
    /// The content of a message as it is kept, apart from what lists show.
    pub struct Content => "agent_service_comm_contents" {
        message_id: String [key],
        bytes: Bytes,
        nonce: Option<String>,
        ephemeral_public_key: Option<String>,
        key_id: Option<String>,
    }
}

table! {
    /// Where agents meet. `direct_pair` names the two of an active direct channel, so that they have only one.
    pub struct Channel => "agent_service_comm_channels" {
        id: String [key],
        channel_type: ChannelType,
        agent1: String,
        agent2: String,
        direct_pair: Option<String> [unique],
        is_active: bool,
        encryption_enabled: bool,
        message_count: Int,
        created_timestamp: Stamp,
        last_activity: Stamp [indexed],
    }
}

table! {
    /// An agent's place in a channel.
    pub struct Member => "agent_service_comm_members" {
        channel_id: String [key],
        agent_id: String [key, indexed],
        joined_at: Stamp,
    }
}

table! {
    /// A message with gaps. Those that everybody has stand here from their first use on.
    pub struct Template => "agent_service_comm_templates" {
        id: String [key],
        owner_id: String [indexed],
        name: String,
        description: String,
        message_type: MessageType,
        content_template: String,
        variables: Json,
        base_price: Money,
        is_active: bool,
        creator: String,
        usage_count: Int,
        created_at: Stamp,
    }
}

table! {
    /// What is counted of an agent; what can be read off other rows is not here.
    pub struct Tally => "agent_service_comm_statistics" {
        agent_id: String [key],
        messages_sent: Int,
        messages_received: Int,
        sent_delivered: Int,
        sent_lost: Int,
        responses: Int,
        response_seconds: Float,
        total_earnings: Money,
        last_activity: Stamp,
    }
}

table! {
    /// Something that an agent is told.
    pub struct Event => "agent_service_comm_events" {
        sequence: Int [key],
        agent_id: String [indexed],
        event: String,
        data: Json,
        created_at: Stamp [indexed],
    }
}
