//! What this run has made, so that it is taken away again, however it ends.

use http::Method;

use super::asking::{Asker, Body, member};
use super::places::{Place, Who};
use crate::checks::Wrong;

/// How the names of everything begin that any run makes.
pub(super) const PREFIX: &str = "migrate-verify-";

/// What one run has made.
#[derive(Debug)]
pub(super) struct Made {
    /// [`PREFIX`], and what tells this run from others. It is a name and a tag.
    pub(super) mark: String,
    /// Every workflow and execution there ever was of this run.
    pub(super) identifiers: Vec<String>,
    /// Workflows that are there, as far as is known, and who has made them.
    workflows: Vec<(String, Who)>,
    /// Who may have made a workflow whose identifier did not arrive.
    unsure: Vec<Who>,
}

impl Made {
    /// Nothing so far.
    pub(super) fn new(run: &str) -> Self {
        let mark = format!("{PREFIX}{run}");
        Self { mark, identifiers: Vec::new(), workflows: Vec::new(), unsure: Vec::new() }
    }

    /// A workflow is about to be made, whether or not its identifier arrives.
    pub(super) fn begin(&mut self, who: Who) {
        self.unsure.push(who);
    }

    /// It was made.
    pub(super) fn workflow(&mut self, id: &str, who: Who) {
        self.unsure.retain(|unsure| *unsure != who);
        self.note(id, who);
    }

    fn note(&mut self, id: &str, who: Who) {
        self.workflows.push((id.to_owned(), who));
        self.identifiers.push(id.to_owned());
    }

    /// It was deleted.
    pub(super) fn gone(&mut self, id: &str) {
        self.workflows.retain(|(workflow, _)| workflow != id);
    }

    /// Deletes what is left; how many it were.
    pub(super) async fn remove(&mut self, asker: &Asker<'_>) -> Result<usize, Wrong> {
        let mut unseen = None;
        for who in std::mem::take(&mut self.unsure) {
            if !self.look_for(who, asker).await {
                unseen = Some(who);
            }
        }
        let left = self.workflows.clone();
        for (id, who) in &left {
            if let Err(Wrong { found, .. }) = delete(asker, id, *who).await {
                let help =
                    format!("delete the workflow {id} by hand; its name begins with {PREFIX}");
                return Err(Wrong::new(found, help));
            }
            self.gone(id);
        }
        if let Some(who) = unseen {
            let found =
                format!("the {} may have made a workflow, and nobody can be asked", who.word());
            let help = format!("delete workflows by hand whose name begins with {}", self.mark);
            return Err(Wrong::new(found, help));
        }
        Ok(left.len())
    }

    /// Looks for what was made and not answered, there and wherever else it may be seen; whether anybody could be asked.
    async fn look_for(&mut self, who: Who, asker: &Asker<'_>) -> bool {
        let mut was_asked = false;
        for place in asker.places.beginning_with(who) {
            let Ok(found) = self.find(asker, place).await else { continue };
            was_asked = true;
            for id in &found {
                self.note(id, place.who);
            }
            if !found.is_empty() {
                break;
            }
        }
        was_asked
    }

    /// Workflows with this run's mark that are not known.
    async fn find(&self, asker: &Asker<'_>, place: &Place) -> Result<Vec<String>, Wrong> {
        let target = format!("/workflows?tags={}", self.mark);
        let all = asker.api(place, Method::GET, &target, Body::None).await?.of(200)?;
        let ours = all.as_array().into_iter().flatten().filter(|workflow| {
            member(workflow, "name").as_str().is_some_and(|name| name.starts_with(&self.mark))
        });
        let ids = ours.filter_map(|workflow| member(workflow, "id").as_str());
        let is_new = |id: &&str| !self.workflows.iter().any(|(known, _)| known == id);
        Ok(ids.filter(is_new).map(str::to_owned).collect())
    }
}

/// Deletes a workflow through whoever has made it, else through whoever can. That others do not have it says nothing.
pub(super) async fn delete(asker: &Asker<'_>, id: &str, maker: Who) -> Result<(), Wrong> {
    let path = format!("/workflows/{id}");
    let mut refused = None;
    for place in asker.places.beginning_with(maker) {
        match asker.api(place, Method::DELETE, &path, Body::None).await {
            Ok(answer) if answer.status == 200 => return Ok(()),
            Ok(answer) if answer.status == 404 && place.who == maker => return Ok(()),
            Ok(answer) if answer.status == 404 => {}
            Ok(answer) => refused = answer.of(200).err(),
            Err(wrong) => refused = Some(wrong),
        }
    }
    refused.map_or(Ok(()), Err)
}
