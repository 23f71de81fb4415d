//! What each compare rule in force silences, and which of them do nothing any more or nearly everything.

use std::collections::BTreeMap;

use compare::{Comparison, Rule};
use routes::admin::RuleUse;
use routes::compare::CompareRules;
use serde::{Deserialize, Serialize};
use serde_json_path::JsonPath;

/// Compared exchanges without a use after which a rule counts as dead.
const DEAD_AFTER: u64 = 1000;

/// Compared exchanges before a rule can be called over-broad.
const BROAD_AFTER: u64 = 100;

/// A rule that silences this share of all places is over-broad.
const BROAD: f64 = 0.9;

/// Uses of the rules of one basis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RuleUses {
    /// Exchanges that were compared.
    compared: u64,
    /// Places that their answers have.
    places: u64,
    /// By [`key`].
    uses: BTreeMap<String, Uses>,
}

/// Uses of one rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Uses {
    /// Exchanges where it silenced something.
    used: u64,
    /// Places that it silenced.
    places: u64,
    /// How many exchanges had been compared when it was last used.
    last: u64,
}

impl RuleUses {
    pub(super) fn learn(&mut self, comparison: &Comparison) {
        self.compared += 1;
        self.places += comparison.places;
        for hit in &comparison.rule_hits {
            let uses = self.uses.entry(key(hit.rule)).or_default();
            uses.used += 1;
            uses.places += hit.places;
            uses.last = self.compared;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let compared = self.compared + other.compared;
        for (key, theirs) in &other.uses {
            let ours = self.uses.get(key).copied().unwrap_or_default();
            // Who compared when is not known: a rule is as idle as where it was used last.
            let idle = |uses: Uses, compared: u64| {
                if uses.used == 0 { u64::MAX } else { compared.saturating_sub(uses.last) }
            };
            let idle = idle(ours, self.compared).min(idle(*theirs, other.compared));
            let merged = Uses {
                used: ours.used + theirs.used,
                places: ours.places + theirs.places,
                last: compared.saturating_sub(idle),
            };
            self.uses.insert(key.clone(), merged);
        }
        for (key, ours) in &mut self.uses {
            if !other.uses.contains_key(key) {
                ours.last += other.compared;
            }
        }
        self.compared = compared;
        self.places += other.places;
    }

    /// The rules in force that are doubtful, in the order of the table.
    pub(super) fn doubtful(&self, rules: &CompareRules) -> Vec<RuleUse> {
        in_force(rules)
            .into_iter()
            .filter_map(|(rule, written)| {
                let uses = self.uses.get(&key(rule)).copied().unwrap_or_default();
                // What is ignored as a whole is one place, so this is a lower bound there.
                let breadth = share(uses.places, self.places).min(1.0);
                let advice = self.advice(uses, breadth, &written)?;
                Some(RuleUse {
                    rule: written,
                    compared: self.compared,
                    used: uses.used,
                    breadth,
                    advice,
                })
            })
            .collect()
    }

    fn advice(&self, uses: Uses, breadth: f64, written: &str) -> Option<String> {
        if names_everything(written) {
            return Some(
                "over-broad: its path names everything at its place; name the members that it is meant for"
                    .to_owned(),
            );
        }
        let idle = self.compared.saturating_sub(uses.last);
        if uses.used == 0 && self.compared >= DEAD_AFTER {
            return Some(format!(
                "dead: it silenced nothing in {} compared exchanges; correct its path or take it out",
                self.compared
            ));
        }
        if uses.used > 0 && idle >= DEAD_AFTER {
            return Some(format!(
                "dead: it has silenced nothing in the last {idle} compared exchanges; take it out if what it was for \
                 is gone"
            ));
        }
        (self.compared >= BROAD_AFTER && breadth >= BROAD).then(|| {
            format!(
                "over-broad: it silences {:.0} % of all that is compared; name the places that it is meant for",
                breadth * 100.0
            )
        })
    }
}

/// A rule as the key of JSON state: its place among those of its kind.
fn key(rule: Rule) -> String {
    match rule {
        Rule::Ignore(index) => format!("ignore {index}"),
        Rule::Timestamp(index) => format!("timestamp {index}"),
        Rule::Identifier(index) => format!("identifier {index}"),
        Rule::Number(index) => format!("number {index}"),
        Rule::Unordered(index) => format!("unordered {index}"),
        Rule::Tolerance => "tolerance".to_owned(),
        Rule::Allow(gap) => format!("allow {}", gap.as_str()),
    }
}

/// Makes a rule of its place among those of its kind.
type OfKind = fn(usize) -> Rule;

/// Every rule in force, with how the table says it.
fn in_force(rules: &CompareRules) -> Vec<(Rule, String)> {
    let mut all = Vec::new();
    let lists: [(&str, &[JsonPath], OfKind); 4] = [
        ("ignore", &rules.ignore, Rule::Ignore),
        ("timestamp", &rules.timestamp, Rule::Timestamp),
        ("identifier", &rules.identifier, Rule::Identifier),
        ("number", &rules.number, Rule::Number),
    ];
    for (word, paths, rule) in lists {
        for (index, path) in paths.iter().enumerate() {
            all.push((rule(index), format!("compare.{word} \"{}\"", written(path))));
        }
    }
    for (index, (path, field)) in rules.unordered.iter().enumerate() {
        let text = format!("compare.unordered \"{}\" = \"{field}\"", written(path));
        all.push((Rule::Unordered(index), text));
    }
    if rules.tolerance > 0.0 {
        all.push((Rule::Tolerance, format!("compare.tolerance {:e}", rules.tolerance)));
    }
    let gaps = rules.allow.iter();
    all.extend(gaps.map(|gap| (Rule::Allow(*gap), format!("compare.allow \"{}\"", gap.as_str()))));
    all
}

/// A path as the table has it; the library prints `$..at` with three dots.
fn written(path: &JsonPath) -> String {
    path.to_string().replace("...", "..")
}

/// Whether a rule about values names every place, whatever it is called. Arrays may be unordered everywhere.
fn names_everything(written: &str) -> bool {
    let path = written.split('"').nth(1).unwrap_or_default();
    let is_about_order = written.starts_with("compare.unordered");
    !is_about_order
        && matches!(path, "$" | "$.*" | "$[*]" | "$..*" | "$..[*]" | "$[*].*" | "$[*][*]")
}

/// Counts stay far below 2^53, up to which doubles are exact.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use compare::RuleHit;
    use routes::admin::Gap;

    use super::*;

    fn path(text: &str) -> JsonPath {
        JsonPath::parse(text).unwrap()
    }

    fn rules() -> CompareRules {
        CompareRules {
            ignore: vec![path("$.id"), path("$..*")],
            timestamp: vec![path("$..at")],
            unordered: vec![(path("$"), "id".to_owned())],
            tolerance: 1e-9,
            allow: vec![Gap::TimeZone],
            ..CompareRules::default()
        }
    }

    fn silenced(rules: &[Rule]) -> Comparison {
        let rule_hits = rules.iter().map(|rule| RuleHit { rule: *rule, places: 3 }).collect();
        Comparison { rule_hits, places: 3, ..Comparison::default() }
    }

    fn doubts(uses: &RuleUses) -> Vec<(String, String)> {
        uses.doubtful(&rules()).into_iter().map(|rule| (rule.rule, rule.advice)).collect()
    }

    #[test]
    fn a_rule_that_names_everything_is_doubtful_at_once() {
        let doubts = doubts(&RuleUses::default());
        assert_eq!(doubts.len(), 1);
        assert_eq!(doubts[0].0, "compare.ignore \"$..*\"");
        assert!(doubts[0].1.starts_with("over-broad"));
    }

    #[test]
    fn what_silences_nothing_is_dead_after_a_thousand() {
        let mut uses = RuleUses::default();
        let all = [Rule::Ignore(0), Rule::Unordered(0), Rule::Tolerance];
        (0..10).for_each(|_| uses.learn(&silenced(&all)));
        (0..DEAD_AFTER - 1).for_each(|_| uses.learn(&silenced(&[Rule::Ignore(0)])));
        let dead = |uses: &RuleUses| -> Vec<String> {
            let doubts = doubts(uses).into_iter();
            doubts.filter(|(_, advice)| advice.starts_with("dead")).map(|(rule, _)| rule).collect()
        };
        assert_eq!(dead(&uses), ["compare.timestamp \"$..at\"", "compare.allow \"time-zone\""]);
        uses.learn(&silenced(&[Rule::Allow(Gap::TimeZone)]));
        assert_eq!(
            dead(&uses),
            [
                "compare.timestamp \"$..at\"",
                "compare.unordered \"$\" = \"id\"",
                "compare.tolerance 1e-9"
            ]
        );
        let report = uses.doubtful(&rules());
        let tolerance = report.iter().find(|rule| rule.rule.contains("tolerance")).unwrap();
        assert_eq!((tolerance.compared, tolerance.used), (DEAD_AFTER + 10, 10));
        assert!(tolerance.advice.contains("last 1000 compared"), "{}", tolerance.advice);
    }

    #[test]
    fn a_rule_that_silences_nearly_all_is_broad() {
        let mut uses = RuleUses::default();
        (0..BROAD_AFTER).for_each(|_| uses.learn(&silenced(&[Rule::Timestamp(0)])));
        let report = uses.doubtful(&rules());
        let broad = report.iter().find(|rule| rule.rule.contains("$..at")).unwrap();
        assert!(broad.advice.contains("100 % of all that is compared"), "{}", broad.advice);
        assert!((broad.breadth - 1.0).abs() < 1e-12);
    }

    #[test]
    fn two_proxies_are_as_idle_as_the_busier_one() {
        let (mut one, mut other) = (RuleUses::default(), RuleUses::default());
        one.learn(&silenced(&[Rule::Timestamp(0), Rule::Ignore(0)]));
        (0..DEAD_AFTER).for_each(|_| one.learn(&silenced(&[])));
        other.learn(&silenced(&[Rule::Timestamp(0)]));
        let mut both = one.clone();
        both.merge(&other);
        let mut turned = other.clone();
        turned.merge(&one);
        assert_eq!(both, turned);
        let of = |rule: Rule| both.uses.get(&key(rule)).copied().unwrap();
        assert_eq!(
            (of(Rule::Timestamp(0)).used, both.compared - of(Rule::Timestamp(0)).last),
            (2, 0)
        );
        assert_eq!(both.compared - of(Rule::Ignore(0)).last, DEAD_AFTER);
    }
}
