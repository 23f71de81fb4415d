//! The edge towards clients: whose connections are taken, how slow they may be, and with which certificate they are served.

mod connections;
mod pace;
mod socket;
pub(crate) mod tls;
mod accept;
mod rate;
mod metrics;

pub(crate) use accept::{ClientListener, Endpoint, pace_of};
pub(crate) use metrics::EdgeMetrics;
pub(crate) use pace::PacedRequest;
pub(crate) use rate::RequestRates;
