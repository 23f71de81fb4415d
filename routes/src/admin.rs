//! What the proxy's admin interface answers: data that the proxy writes and `migrate` reads, and nothing else.

mod table;
mod evidence;
mod difference;
mod noise;
mod gate;
mod timeline;
mod recording;
mod journal;

pub use difference::{DifferenceExample, DifferenceGroup, DifferenceKind, Gap, Grade};
pub use evidence::{
    BasisReport, EvidenceReport, Latency, OperationEvidence, RouteEvidence, StoreReport, Trust,
};
pub use gate::{GateCondition, GateReport, Verdict};
pub use journal::{JournalChange, JournalReport};
pub use noise::{Likely, NoiseReport, Proposal, ProposalKind, RouteNoise, RuleUse, Volatility};
pub use recording::{RecordedExchange, RecordingEnd, RecordingLine};
pub use table::{
    BackendReport, CertificateReport, GuardReport, LostSource, ProxyIdentity, RejectedCertificate,
    RejectedTable, RouteReport, RoutesReport, SourceReport, TargetReport,
};
pub use timeline::{Minute, Timeline};
