//! The marketplace: who takes part, what is offered, asked for and sold, and the guilds.

use crate::python::time::Stamp;
use crate::tables::cell::{Int, Json};
use crate::tables::choice::choice;
use crate::tables::column::table;
use crate::tables::money::Money;

choice! {
    /// What a service does; each is a category of its own.
    pub enum ServiceType {
        /// Data analysis.
        DataAnalysis = "DATA_ANALYSIS" / "data_analysis",
        /// Making texts, pictures, sounds.
        ContentCreation = "CONTENT_CREATION" / "content_creation",
        /// Research.
        Research = "RESEARCH" / "research",
        /// Consulting.
        Consulting = "CONSULTING" / "consulting",
        /// Development.
        Development = "DEVELOPMENT" / "development",
        /// Design.
        Design = "DESIGN" / "design",
        /// Marketing.
        Marketing = "MARKETING" / "marketing",
        /// Translation.
        Translation = "TRANSLATION" / "translation",
        /// Writing.
        Writing = "WRITING" / "writing",
        /// Analysis of anything but data.
        Analysis = "ANALYSIS" / "analysis",
        /// Prediction.
        Prediction = "PREDICTION" / "prediction",
        /// Optimisation.
        Optimization = "OPTIMIZATION" / "optimization",
        /// Automation.
        Automation = "AUTOMATION" / "automation",
        /// Monitoring.
        Monitoring = "MONITORING" / "monitoring",
        /// Testing.
        Testing = "TESTING" / "testing",
        /// Security.
        Security = "SECURITY" / "security",
        /// Integration.
        Integration = "INTEGRATION" / "integration",
        /// Making something fit.
        Customization = "CUSTOMIZATION" / "customization",
        /// Training.
        Training = "TRAINING" / "training",
        /// Support.
        Support = "SUPPORT" / "support",
    }
}

choice! {
    /// Whether a service can be asked for.
    pub enum ServiceStatus {
        /// It can.
        Active = "ACTIVE" / "active",
        /// It was withdrawn, and requests that nobody had accepted with it.
        Inactive = "INACTIVE" / "inactive",
        /// It rests: nothing new, and what was asked for before can be accepted.
        Suspended = "SUSPENDED" / "suspended",
    }
}

choice! {
    /// What the base price is for.
    pub enum PricingModel {
        /// The whole.
        Fixed = "FIXED" / "fixed",
        /// An hour.
        Hourly = "HOURLY" / "hourly",
        /// A task.
        PerTask = "PER_TASK" / "per_task",
    }
}

choice! {
    /// Where a request stands.
    pub enum RequestStatus {
        /// The provider has not answered.
        Pending = "PENDING" / "pending",
        /// The provider has said yes, and the payment is fixed.
        Accepted = "ACCEPTED" / "accepted",
        /// The provider has delivered.
        Completed = "COMPLETED" / "completed",
        /// One of the two has called it off.
        Cancelled = "CANCELLED" / "cancelled",
        /// Nobody accepted it before its deadline.
        Expired = "EXPIRED" / "expired",
    }
}

choice! {
    /// How pressing a request is.
    pub enum Priority {
        /// It can wait.
        Low = "LOW" / "low",
        /// As usual.
        Normal = "NORMAL" / "normal",
        /// Soon.
        High = "HIGH" / "high",
        /// Now.
        Urgent = "URGENT" / "urgent",
    }
}

choice! {
    /// How hard a request is.
    pub enum Complexity {
        /// Easy.
        Simple = "SIMPLE" / "simple",
        /// As usual.
        Medium = "MEDIUM" / "medium",
        /// Hard.
        Complex = "COMPLEX" / "complex",
    }
}

choice! {
    /// What a client wants of the provider's discretion.
    pub enum Confidentiality {
        /// Nothing.
        Public = "PUBLIC" / "public",
        /// Some.
        Private = "PRIVATE" / "private",
        /// All.
        Confidential = "CONFIDENTIAL" / "confidential",
    }
}

choice! {
    /// Whether a guild takes members.
    pub enum GuildStatus {
        /// It does.
        Active = "ACTIVE" / "active",
        /// Its founder was the last to leave.
        Inactive = "INACTIVE" / "inactive",
    }
}

choice! {
    /// What somebody is in a guild.
    pub enum Role {
        /// Who made it.
        Founder = "FOUNDER" / "founder",
        /// Who joined it.
        Member = "MEMBER" / "member",
    }
}

table! {
    /// A name under which somebody takes part, and what others think of it.
    pub struct Agent => "agent_service_market_agents" {
        agent_id: String [key],
        owner_id: String [indexed],
        reputation: Int,
        service_count: Int,
        total_earnings: Money [indexed],
        created_at: Stamp,
    }
}

table! {
    /// A service that an agent offers.
    ///
    /// `place` orders search results, the smallest first; what cannot be asked for has none. `search_text` is what texts are
    /// looked for in.
    pub struct Service => "agent_service_market_services" {
        id: String [key],
        owner_id: String [indexed],
        agent_id: String [indexed],
        service_type: ServiceType [indexed_with(&["place"])],
        name: String,
        description: String,
        metadata: Json,
        base_price: Money [indexed_with(&["service_type", "place"])],
        pricing_model: PricingModel,
        estimated_duration: Int,
        tags: Json,
        capabilities: Json,
        requirements: Json,
        availability: Json,
        guild_id: Option<String> [indexed],
        status: ServiceStatus,
        reputation: Int,
        completed_jobs: Int,
        total_earnings: Money,
        rating_sum: Int,
        rating_count: Int,
        place: Option<Int> [indexed],
        search_text: String,
        listed_at: Stamp,
        last_updated: Stamp,
    }
}

table! {
    /// A tag of a service, so that services are found by it.
    pub struct Tag => "agent_service_market_tags" {
        tag: String [key],
        service_id: String [key, indexed],
    }
}

table! {
    /// What a client asks of a provider.
    ///
    /// `expires_at` is the deadline for as long as the request expires there.
    pub struct ServiceRequest => "agent_service_market_requests" {
        id: String [key],
        service_id: String [indexed],
        client_owner: String [indexed],
        provider_owner: String [indexed, also_indexed_with(&["status"])],
        client_id: String,
        budget: Money,
        requirements: String,
        deadline: Stamp,
        status: RequestStatus [indexed_with(&["client_owner"])],
        assigned_agent: Option<String>,
        accepted_at: Option<Stamp>,
        completed_at: Option<Stamp>,
        payment: Money,
        rating: Int,
        review: String,
        created_at: Stamp,
        results_hash: Option<String>,
        priority: Priority,
        complexity: Complexity,
        confidentiality: Confidentiality,
        expires_at: Option<Stamp> [indexed],
    }
}

table! {
    /// What was paid on a day in a category.
    pub struct Sales => "agent_service_market_sales" {
        service_type: ServiceType [key],
        day: String [key, indexed],
        completed_jobs: Int,
        volume: Money,
    }
}

table! {
    /// Agents who offer services together.
    pub struct Guild => "agent_service_market_guilds" {
        id: String [key],
        name: String,
        description: String,
        founder: String,
        service_category: ServiceType [indexed_with(&["reputation"])],
        member_count: Int,
        total_services: Int,
        total_earnings: Money,
        reputation: Int [indexed],
        status: GuildStatus,
        requirements: Json,
        benefits: Json,
        guild_rules: Json,
        created_at: Stamp,
    }
}

table! {
    /// An agent's place in a guild.
    pub struct Membership => "agent_service_market_members" {
        guild_id: String [key],
        agent_id: String [key, indexed],
        role: Role,
        contributions: Int,
        joined_at: Stamp,
    }
}
