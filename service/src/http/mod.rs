//! Everything between a connection and a handler: who asks, whether the request holds, and how answers look.

pub mod connections;
pub mod patience;
pub mod observe;
pub mod paths;
pub mod cors;
pub mod mount;
pub mod endpoint;
pub mod paging;
pub mod dispatch;
mod rehearsal;
pub mod encoding;
pub mod body;
pub mod identity;
pub mod reply;
pub mod error;
pub mod openapi;

pub use endpoint::{Action, Endpoint, Input};
pub use error::ApiError;
pub use reply::Reply;
