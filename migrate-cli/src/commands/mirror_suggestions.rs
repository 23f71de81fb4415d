//! What the proxies propose for one route, put together.

use std::fmt::{self, Write as _};

use flip::admin::{AdminClient, AdminError};
use routes::admin::{Proposal, ProposalKind, RouteNoise, RuleUse};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::failure::Failure;
use crate::style::{DIM, PLACE, WARN, paint};

/// Proposals and doubts of every proxy.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct Suggestions {
    /// Rules that would silence what is noise, those that silence most first.
    pub(crate) proposals: Vec<Proposal>,
    /// Rules in force that match nothing any more, or nearly everything, at every proxy.
    pub(crate) doubtful_rules: Vec<RuleUse>,
    /// Proxies that could not be asked, and why.
    pub(crate) unasked: Vec<String>,
}

impl Suggestions {
    /// Asks every proxy.
    pub(crate) async fn ask(
        client: &AdminClient,
        addresses: &[String],
        route: &str,
    ) -> Result<Self, Failure> {
        let mut questions = JoinSet::new();
        for (place, address) in addresses.iter().cloned().enumerate() {
            let (client, route) = (client.clone(), route.to_owned());
            questions.spawn(async move { (place, client.noise(&address, &route).await) });
        }
        let mut answers = questions.join_all().await;
        answers.sort_by_key(|(place, _)| *place);
        let mut noise = Vec::new();
        let mut unasked = Vec::new();
        for (_, answer) in answers {
            match answer {
                Ok(report) => {
                    noise.extend(report.routes.into_iter().filter(|one| one.route == route));
                }
                Err(error) => unasked.push(AdminError::line(&error)),
            }
        }
        if noise.is_empty() && !unasked.is_empty() {
            return Err(Failure::NoProxy { tried: unasked });
        }
        Ok(Self { unasked, ..Self::put_together(noise) })
    }

    fn put_together(mut noise: Vec<RouteNoise>) -> Self {
        // Proxies that share a store say the same.
        noise.dedup();
        let mut together = Self::default();
        for (place, one) in noise.into_iter().enumerate() {
            let doubts =
                |rule: &RuleUse| one.doubtful_rules.iter().any(|other| other.rule == rule.rule);
            if place > 0 {
                together.doubtful_rules.retain(doubts);
            } else {
                together.doubtful_rules.clone_from(&one.doubtful_rules);
            }
            one.proposals.into_iter().for_each(|proposal| together.add(proposal));
        }
        together.proposals.sort_by_key(|proposal| std::cmp::Reverse(proposal.would_silence));
        together
    }

    /// One rule for each place, and the larger of two tolerances.
    fn add(&mut self, proposal: Proposal) {
        let known = self
            .proposals
            .iter_mut()
            .find(|known| known.kind == proposal.kind && known.path == proposal.path);
        let Some(known) = known else { return self.proposals.push(proposal) };
        known.would_silence += proposal.would_silence;
        let number = |proposal: &Proposal| proposal.value.parse::<f64>().unwrap_or_default();
        if known.kind == ProposalKind::Tolerance && number(&proposal) > number(known) {
            known.value = proposal.value;
        }
    }

    /// Writes them for people.
    pub(crate) fn human(&self, route: &str, page: &mut String) -> fmt::Result {
        for proxy in &self.unasked {
            writeln!(page, "{} not asked: {proxy}", paint(WARN, "warning:"))?;
        }
        if self.proposals.is_empty() {
            writeln!(
                page,
                "no rule is proposed for route {route}; noise is learned from control requests: `mirror.control`"
            )?;
        }
        for proposal in &self.proposals {
            writeln!(page, "{}", paint(PLACE, written(proposal)))?;
            writeln!(page, "  {}", paint(DIM, &proposal.origin))?;
            writeln!(page, "  would have silenced {} mismatches so far", proposal.would_silence)?;
        }
        for rule in &self.doubtful_rules {
            writeln!(page, "{} {}", paint(WARN, "doubtful"), paint(PLACE, &rule.rule))?;
            writeln!(
                page,
                "  {} (used in {} of {} exchanges)",
                rule.advice, rule.used, rule.compared
            )?;
        }
        Ok(())
    }
}

/// A rule as the table says it.
fn written(proposal: &Proposal) -> String {
    let key = proposal.kind.as_str();
    match proposal.kind {
        ProposalKind::Tolerance => format!("compare.{key} = {}", proposal.value),
        ProposalKind::Unordered => {
            format!("compare.{key} {} by {:?}", proposal.path, proposal.value)
        }
        _ => format!("compare.{key} {}", proposal.path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(kind: ProposalKind, path: &str, value: &str, would_silence: u64) -> Proposal {
        let (path, value) = (path.to_owned(), value.to_owned());
        Proposal { kind, path, value, origin: "o".to_owned(), would_silence }
    }

    fn doubt(rule: &str) -> RuleUse {
        let (rule, advice) = (rule.to_owned(), "dead".to_owned());
        RuleUse { rule, compared: 9, used: 0, breadth: 0.0, advice }
    }

    fn noise(proposals: Vec<Proposal>, doubtful: &[&str]) -> RouteNoise {
        RouteNoise {
            route: "w".to_owned(),
            volatile: Vec::new(),
            proposals,
            doubtful_rules: doubtful.iter().map(|rule| doubt(rule)).collect(),
        }
    }

    #[test]
    fn proxies_are_put_together() {
        let one = noise(
            vec![
                proposal(ProposalKind::Tolerance, "", "1e-8", 1),
                proposal(ProposalKind::Timestamp, "$.at", "", 3),
            ],
            &["a", "b"],
        );
        let other = noise(
            vec![
                proposal(ProposalKind::Tolerance, "", "5e-8", 2),
                proposal(ProposalKind::Number, "$.n", "", 9),
            ],
            &["b"],
        );
        let together = Suggestions::put_together(vec![one.clone(), other]);
        let proposals: Vec<_> = together
            .proposals
            .iter()
            .map(|rule| (rule.path.as_str(), rule.value.as_str(), rule.would_silence))
            .collect();
        assert_eq!(proposals, [("$.n", "", 9), ("", "5e-8", 3), ("$.at", "", 3)]);
        assert_eq!(together.doubtful_rules, [doubt("b")], "one proxy still uses the other");
        let same = Suggestions::put_together(vec![one.clone(), one]);
        assert_eq!(same.proposals[1].would_silence, 1, "a store that is shared counts once");
    }
}
