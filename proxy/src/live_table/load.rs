//! From a text to a generation that can be put in force.

use std::sync::Arc;

use chrono::Utc;
use home::Home;
use routes::admin::RejectedTable;
use routes::{Digest, Problem, Problems, RouteTable};
use trust::NoTrust;

use super::InForce;
use super::watch::describe;
use crate::backends::{Pool, resolve};
use crate::metrics::Metrics;
use crate::mirror::Mirror;

/// What a table is prepared with; the same for every generation.
#[derive(Clone)]
pub(crate) struct Loader {
    pub(crate) home: Home,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) mirror: Arc<Mirror>,
}

impl Loader {
    /// Parses, checks and prepares a text; pools of `before` are kept where they fit.
    ///
    /// # Errors
    /// Every problem of the text.
    pub(crate) async fn load(
        &self,
        text: String,
        before: &[Arc<Pool>],
    ) -> Result<InForce, Problems> {
        let table = RouteTable::parse(self.home.path(), &text)?;
        let pools = resolve::pools(&table.backends, before, &self.home.folder()).await;
        let pools = pools.map_err(|(name, error)| self.distrusted(&text, &name, &error))?;
        let mirror = self.mirror.prepare(&table, |backend| {
            pools.get(backend.index()).map(|pool| pool.build.clone()).unwrap_or_default()
        });
        Ok(InForce::new(table, text, pools, mirror, &self.metrics))
    }
}

impl Loader {
    /// The table names a backend that can't be verified.
    fn distrusted(&self, text: &str, backend: &str, error: &NoTrust) -> Problems {
        let place = text.find(&format!("[backends.{backend}]")).unwrap_or(0);
        let problem = Problem {
            message: format!("backend `{backend}`: {}", describe(error)),
            span: place..place,
            related: Vec::new(),
            help: Some("see `tls` in its table".to_owned()),
        };
        Problems {
            file: self.home.path().to_owned(),
            text: text.to_owned(),
            problems: vec![problem],
        }
    }
}

/// What the admin interface says of a text that was refused.
pub(crate) fn rejected_text(problems: &Problems) -> RejectedTable {
    RejectedTable {
        at: Utc::now(),
        digest: Some(Digest::of(&problems.text)),
        problems: problems.to_string().lines().map(str::to_owned).collect(),
    }
}

/// What the admin interface says of a table that could not be read.
pub(crate) fn unreadable(home: &Home, why: &str) -> RejectedTable {
    RejectedTable {
        at: Utc::now(),
        digest: None,
        problems: vec![format!("{}: {why}", home.path().display())],
    }
}
