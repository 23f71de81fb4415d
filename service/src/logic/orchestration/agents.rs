//! Who can work: what agents say of themselves, and how they stand.

use serde::Deserialize;
use serde_json::Value;

use crate::python::time::Stamp;
use crate::tables::choice::choice;
use crate::tables::column::Record as _;
use crate::tables::own::orchestration::{Agent, GpuTier, ResourceType, TaskType};
use crate::tables::{Json, Money};

/// Agents that one owner may have.
pub const MOST_AGENTS: usize = 100;

/// Seconds without a sign of life after which an agent is offline.
const PATIENCE: f64 = 300.0;

choice! {
    /// How an agent stands.
    pub enum AgentStatus {
        /// It has places left.
        Available = "AVAILABLE" / "available",
        /// Every place is taken.
        Busy = "BUSY" / "busy",
        /// It has given no sign of life for five minutes.
        Offline = "OFFLINE" / "offline",
        /// Its owner has taken it out: it gets nothing new.
        Maintenance = "MAINTENANCE" / "maintenance",
    }
}

/// What an owner may set: the rest follows from what an agent does.
pub const SETTABLE: &[&str] = &["available", "maintenance"];

/// An agent as it registers.
#[derive(Debug, Clone, Deserialize)]
pub struct NewAgent {
    /// Its name among its owner's agents.
    pub agent_id: String,
    supported_task_types: Vec<TaskType>,
    gpu_tier: GpuTier,
    max_concurrent_tasks: i64,
    performance_score: f64,
    cost_per_hour: Money,
    reliability_score: f64,
}

/// What is to be otherwise about an agent.
#[derive(Debug, Clone, Deserialize)]
pub struct AgentChange {
    supported_task_types: Option<Vec<TaskType>>,
    gpu_tier: Option<GpuTier>,
    max_concurrent_tasks: Option<i64>,
    performance_score: Option<f64>,
    cost_per_hour: Option<Money>,
    reliability_score: Option<f64>,
    status: Option<AgentStatus>,
}

/// What an agent holds of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The agent.
    pub agent_id: String,
    /// The resource.
    pub resource: ResourceType,
    /// How much.
    pub amount: i64,
}

/// An agent and what it has to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The agent.
    pub agent: Agent,
    /// Sub-tasks that it has taken on.
    pub load: i64,
}

/// The agents of one owner at one instant, in the order in which they registered.
#[derive(Debug, Clone, PartialEq)]
pub struct Roster {
    /// The agents.
    pub members: Vec<Member>,
    now: Stamp,
}

impl NewAgent {
    /// The row of this agent; `former` is the one that it takes the place of.
    pub fn into_row(self, owner: String, former: Option<&Agent>, now: Stamp) -> Agent {
        Agent {
            owner_id: owner,
            agent_id: self.agent_id,
            supported_task_types: words(&self.supported_task_types),
            gpu_tier: self.gpu_tier,
            max_concurrent_tasks: self.max_concurrent_tasks.into(),
            performance_score: self.performance_score.into(),
            cost_per_hour: self.cost_per_hour,
            reliability_score: self.reliability_score.into(),
            // An agent that starts anew does not know that its owner has taken it out.
            in_maintenance: former.is_some_and(|former| former.in_maintenance),
            built_in: former.is_some_and(|former| former.built_in),
            registered_at: former.map_or(now, |former| former.registered_at),
            last_updated: now,
        }
    }
}

impl AgentChange {
    /// Changes what is named.
    pub fn apply(self, agent: &mut Agent, now: Stamp) {
        if let Some(types) = self.supported_task_types {
            agent.supported_task_types = words(&types);
        }
        agent.gpu_tier = self.gpu_tier.unwrap_or(agent.gpu_tier);
        if let Some(most) = self.max_concurrent_tasks {
            agent.max_concurrent_tasks = most.into();
        }
        if let Some(score) = self.performance_score {
            agent.performance_score = score.into();
        }
        agent.cost_per_hour = self.cost_per_hour.unwrap_or(agent.cost_per_hour);
        if let Some(score) = self.reliability_score {
            agent.reliability_score = score.into();
        }
        if let Some(status) = self.status {
            agent.in_maintenance = status == AgentStatus::Maintenance;
        }
        agent.last_updated = now;
    }
}

fn words(types: &[TaskType]) -> Json {
    Json(types.iter().map(|kind| kind.word()).collect())
}

/// The three agents that every orchestrator begins with: the contract's.
pub fn built_in(owner: &str, now: Stamp) -> [Agent; 3] {
    use TaskType::{
        ComputeIntensive, DataAnalysis, ImageProcessing, ModelInference, ModelTraining,
        TextProcessing,
    };
    let agent =
        |id: &str, types: [TaskType; 2], gpu_tier, most: i64, figures: [f64; 2], cents: i64| {
            Agent {
                owner_id: owner.to_owned(),
                agent_id: id.to_owned(),
                supported_task_types: words(&types),
                gpu_tier,
                max_concurrent_tasks: most.into(),
                performance_score: figures[0].into(),
                cost_per_hour: Money::new(cents, 2),
                reliability_score: figures[1].into(),
                in_maintenance: false,
                built_in: true,
                registered_at: now,
                last_updated: now,
            }
        };
    [
        agent(
            "agent_001",
            [TextProcessing, DataAnalysis],
            GpuTier::MidRangeGpu,
            3,
            [0.85, 0.92],
            5,
        ),
        agent(
            "agent_002",
            [ImageProcessing, ModelInference],
            GpuTier::HighEndGpu,
            2,
            [0.92, 0.88],
            9,
        ),
        agent(
            "agent_003",
            [ComputeIntensive, ModelTraining],
            GpuTier::PremiumGpu,
            1,
            [0.96, 0.95],
            15,
        ),
    ]
}

impl Member {
    /// How it stands at `now`.
    pub fn status(&self, now: Stamp) -> AgentStatus {
        if self.agent.in_maintenance {
            AgentStatus::Maintenance
        } else if self.is_silent(now) {
            AgentStatus::Offline
        } else if self.load >= self.places() {
            AgentStatus::Busy
        } else {
            AgentStatus::Available
        }
    }

    /// Whether it has given no sign of life for too long.
    pub fn is_silent(&self, now: Stamp) -> bool {
        now.seconds_since(&self.agent.last_updated) > PATIENCE
    }

    /// Sub-tasks that it can take on at once.
    pub fn places(&self) -> i64 {
        self.agent.max_concurrent_tasks.get().unwrap_or(0)
    }

    /// Whether it can do work of this kind on this tier: exactly this one, the monolith offers no stronger one.
    pub fn suits(&self, task_type: TaskType, gpu_tier: GpuTier) -> bool {
        let supported = self.agent.supported_task_types.0.as_array();
        self.agent.gpu_tier == gpu_tier
            && supported.is_some_and(|types| types.iter().any(|kind| kind == task_type.word()))
    }

    /// As answers show it.
    pub fn shown(&self, now: Stamp) -> Value {
        let mut shown = self.agent.to_json();
        if let Value::Object(shown) = &mut shown {
            shown.insert("current_load".to_owned(), self.load.into());
            shown.insert("status".to_owned(), self.status(now).word().into());
        }
        shown
    }
}

impl Roster {
    /// These agents with what they hold.
    pub fn new(agents: Vec<Agent>, held: &[Held], now: Stamp) -> Self {
        let load = |agent: &Agent| {
            let of_agent = held.iter().filter(|held| held.agent_id == agent.agent_id);
            of_agent.filter(|held| held.resource == ResourceType::Gpu).map(|held| held.amount).sum()
        };
        let members = agents.into_iter().map(|agent| Member { load: load(&agent), agent });
        Self { members: members.collect(), now }
    }

    /// When it is.
    pub const fn now(&self) -> Stamp {
        self.now
    }

    /// The agent of this name.
    pub fn member(&self, agent_id: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.agent.agent_id == agent_id)
    }

    /// How many agents stand so.
    pub fn count(&self, status: AgentStatus) -> usize {
        self.standing(Some(status)).count()
    }

    /// The agents that stand so, or all.
    pub fn standing(&self, status: Option<AgentStatus>) -> impl Iterator<Item = &Member> {
        let stands = move |member: &&Member| status.is_none_or(|is| is == member.status(self.now));
        self.members.iter().filter(stands)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn instant(text: &str) -> Stamp {
        Stamp::parse(text).unwrap()
    }

    /// The built-in agents, who have just registered.
    pub(crate) fn roster(now: Stamp) -> Roster {
        Roster::new(built_in("alice", now).into(), &[], now)
    }

    #[test]
    fn an_agent_is_busy_when_every_place_is_taken_and_not_before() {
        let now = instant("2026-01-01 10:00:00");
        let mut member = roster(now).members.remove(0);
        for (load, status) in [(0, "available"), (2, "available"), (3, "busy"), (4, "busy")] {
            member.load = load;
            assert_eq!(member.status(now).word(), status, "{load}");
        }
    }

    #[test]
    fn an_agent_is_offline_after_five_silent_minutes() {
        let now = instant("2026-01-01 10:00:00");
        let mut member = roster(now).members.remove(0);
        assert_eq!(member.status(now.plus_seconds(300)).word(), "available");
        assert_eq!(member.status(now.plus_seconds(301)).word(), "offline");
        member.agent.in_maintenance = true;
        assert_eq!(member.status(now.plus_seconds(301)).word(), "maintenance");
    }

    #[test]
    fn load_is_what_an_agent_holds_of_gpus() {
        let now = instant("2026-01-01 10:00:00");
        let held =
            |agent: &str, resource, amount| Held { agent_id: agent.to_owned(), resource, amount };
        let held = [
            held("agent_001", ResourceType::Gpu, 2),
            held("agent_001", ResourceType::Memory, 64),
            held("agent_003", ResourceType::Gpu, 1),
        ];
        let roster = Roster::new(built_in("alice", now).into(), &held, now);
        let loads: Vec<i64> = roster.members.iter().map(|member| member.load).collect();
        assert_eq!(loads, [2, 0, 1]);
        assert_eq!(roster.count(AgentStatus::Busy), 1);
    }
}
