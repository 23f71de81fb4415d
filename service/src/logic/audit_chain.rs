//! The chain over audit rows: each link holds the hash of a row as it was written, and the link before it.
//!
//! A link is SHA-256 over its sequence, the row's id, the row's hash and the link before, and the service signs it. So a
//! row that was changed, removed or put elsewhere no longer fits its link, and whoever rewrites the links as well lacks the
//! key to sign the last one, which vouches for all before it. What the chain alone cannot show is that its end was cut
//! off: for that, an earlier head must still be there.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::signing::Signer;
use crate::python::json::canonical;
use crate::tables::Cell;
use crate::tables::column::{Column, Record};
use crate::tables::own::audit::AuditLink;
use crate::tables::security::AuditLog;

/// What stands where the first link would name the one before it.
const BEGINNING: &str = "";

/// A row as it stands in the table, readable or not: what was tampered with may not read as its column's type.
#[derive(Debug, Clone, PartialEq)]
pub struct RawAuditLog(Vec<Cell>);

impl Record for RawAuditLog {
    const TABLE: crate::tables::Table = AuditLog::TABLE;

    fn from_cells(cells: Vec<Cell>) -> Result<Self, (&'static str, crate::tables::Fault)> {
        Ok(Self(cells))
    }

    fn cells(&self) -> Vec<Cell> {
        self.0.clone()
    }

    fn to_json(&self) -> Value {
        content(Self::TABLE.columns, &self.0)
    }
}

impl RawAuditLog {
    /// The row's id, where it is text.
    pub fn id(&self) -> Option<&str> {
        if let Some(Cell::Text(id)) = self.0.first() { Some(id) } else { None }
    }
}

/// The link that binds `row` to the chain that ends in `head`.
pub fn next(head: Option<&AuditLink>, row: &AuditLog, signer: &Signer) -> AuditLink {
    let sequence = head.map_or(0, sequence).saturating_add(1);
    let previous = head.map_or(BEGINNING, |head| head.link.as_str());
    let content_hash = content_hash(&row.cells());
    let link = link(sequence, &row.id, &content_hash, previous);
    AuditLink {
        sequence: sequence.into(),
        audit_id: row.id.clone(),
        content_hash,
        previous_link: previous.to_owned(),
        signature: signer.sign(&link),
        signed_by: signer.coordinator_id(),
        link,
    }
}

/// The place of a link in the chain, counted from 1.
pub fn sequence(link: &AuditLink) -> i64 {
    link.sequence.get().unwrap_or_default()
}

fn link(sequence: i64, audit_id: &str, content_hash: &str, previous: &str) -> String {
    hash(&json!({
        "audit_id": audit_id,
        "content_hash": content_hash,
        "previous_link": previous,
        "sequence": sequence,
    }))
}

fn content_hash(cells: &[Cell]) -> String {
    hash(&content(AuditLog::TABLE.columns, cells))
}

/// What the columns hold, told apart by storage class: 1 is not `"1"`.
fn content(columns: &[Column], cells: &[Cell]) -> Value {
    let of_cell = |cell: &Cell| match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) => (*number).into(),
        Cell::Real(number) => (*number).into(),
        Cell::Text(text) => text.as_str().into(),
        Cell::Bytes(bytes) => json!({"bytes": hex::encode(bytes)}),
    };
    let named = columns.iter().zip(cells).map(|(c, cell)| (c.name.to_owned(), of_cell(cell)));
    Value::Object(named.collect::<Map<_, _>>())
}

fn hash(value: &Value) -> String {
    hex::encode(Sha256::digest(canonical(value)))
}

/// What is wrong at a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Its number does not follow the one before.
    #[error("links before this one are missing or were reordered")]
    LinkMissing,
    /// Its hash is not that of its own fields and of the link before it.
    #[error("the link was changed, or does not follow the one before it")]
    LinkChanged,
    /// Its row is gone.
    #[error("the audit row was removed")]
    RowMissing,
    /// Its row is not what was written.
    #[error("the audit row was changed")]
    RowChanged,
    /// The service did not sign it.
    #[error("the link was not signed with the service's key")]
    NotSigned,
    /// The chain ends in a link that another key signed.
    #[error("the last link was signed with another key")]
    SignedByAnotherKey,
    /// An earlier head is no longer part of the chain.
    #[error("the head that was reported earlier is gone: the chain was cut off or rewritten")]
    HeadGone,
}

/// Where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The place in the chain.
    pub sequence: i64,
    /// The audit row that the link is about; none where there is no such link.
    pub audit_id: Option<String>,
    /// What is wrong, for programs.
    pub problem: Fault,
    /// What is wrong, for people.
    pub explanation: String,
}

impl Break {
    fn at(link: &AuditLink, problem: Fault) -> Self {
        let explanation = problem.to_string();
        Self {
            sequence: sequence(link),
            audit_id: Some(link.audit_id.clone()),
            problem,
            explanation,
        }
    }

    /// Something is wrong where there is no link to show it on.
    pub fn missing(sequence: i64, problem: Fault) -> Self {
        Self { sequence, audit_id: None, problem, explanation: problem.to_string() }
    }
}

/// What following the chain has shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    after: i64,
    head: Option<AuditLink>,
    first_broken: Option<Break>,
    /// The last place where everything was found to fit.
    pub checked_up_to: i64,
    /// Audit logs that have no link: the monolith wrote them, which is no tampering.
    pub outside: i64,
}

impl Report {
    /// A report on a chain that ends in `head`, of which nothing up to `after` is looked at.
    pub fn new(after: i64, head: Option<AuditLink>) -> Self {
        Self { after, head, first_broken: None, checked_up_to: after, outside: 0 }
    }

    /// The chain does not hold.
    #[must_use]
    pub fn broken(self, first: Break) -> Self {
        Self { first_broken: Some(first), ..self }
    }

    /// What clients see.
    pub fn to_json(&self) -> Value {
        let end = self.head.as_ref().map_or(0, sequence);
        let intact = self.first_broken.is_none();
        let head = self.head.as_ref().map(|head| {
            json!({
                "sequence": end,
                "link": head.link,
                "signature": head.signature,
                "signed_by": head.signed_by,
            })
        });
        json!({
            "intact": intact,
            "complete": intact && self.checked_up_to >= end,
            "checked_after": self.after,
            "checked_up_to": self.checked_up_to,
            "first_broken": self.first_broken,
            "head": head,
            "logs_outside_the_chain": self.outside,
        })
    }
}

/// Follows the chain link by link.
#[derive(Debug)]
pub struct Walk {
    sequence: i64,
    link: String,
}

impl Walk {
    /// Starts after `last`, or at the beginning.
    pub fn after(last: Option<&AuditLink>) -> Self {
        let link = last.map_or(BEGINNING, |last| last.link.as_str());
        Self { sequence: last.map_or(0, sequence), link: link.to_owned() }
    }

    /// The last place up to which everything was found to fit.
    pub fn reached(&self) -> i64 {
        self.sequence
    }

    /// Takes the next links with the rows that they are about. An error is the first that does not fit.
    pub fn follow(&mut self, links: &[AuditLink], rows: &[RawAuditLog]) -> Result<(), Break> {
        let rows: BTreeMap<&str, &RawAuditLog> =
            rows.iter().filter_map(|row| Some((row.id()?, row))).collect();
        for link in links {
            let row = rows.get(link.audit_id.as_str()).copied();
            self.step(link, row).map_err(|fault| Break::at(link, fault))?;
        }
        Ok(())
    }

    fn step(&mut self, found: &AuditLink, row: Option<&RawAuditLog>) -> Result<(), Fault> {
        let sequence = sequence(found);
        if sequence != self.sequence.saturating_add(1) {
            return Err(Fault::LinkMissing);
        }
        let expected = link(sequence, &found.audit_id, &found.content_hash, &self.link);
        if found.previous_link != self.link || found.link != expected {
            return Err(Fault::LinkChanged);
        }
        let row = row.ok_or(Fault::RowMissing)?;
        if content_hash(&row.0) != found.content_hash {
            return Err(Fault::RowChanged);
        }
        self.sequence = sequence;
        self.link = expected;
        Ok(())
    }
}

/// Looks at signatures, last first: one that holds vouches for every link before it.
pub fn signed(links: &[AuditLink], head: &AuditLink, signer: &Signer) -> Result<(), Break> {
    let own = signer.coordinator_id();
    let holds = |link: &AuditLink| signer.has_signed(&link.link, &link.signature);
    let claimed: Vec<&AuditLink> = links.iter().filter(|link| link.signed_by == own).collect();
    if claimed.last().is_some_and(|last| !holds(last)) {
        let first = claimed.iter().find(|link| !holds(link));
        return first.map_or(Ok(()), |link| Err(Break::at(link, Fault::NotSigned)));
    }
    let is_end = links.last().is_some_and(|last| last.link == head.link);
    if is_end && head.signed_by != own {
        return Err(Break::at(head, Fault::SignedByAnotherKey));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logic::audit::Event;
    use crate::python::time::Stamp;
    use crate::tables::security::{AuditEventType, SecurityLevel};

    fn signer() -> Signer {
        Signer::new(&[7; 32])
    }

    fn chain(length: usize) -> (Vec<AuditLink>, Vec<RawAuditLog>) {
        let (mut links, mut rows) = (Vec::new(), Vec::new());
        for i in 0..length {
            let event = Event::of(AuditEventType::StepStarted, SecurityLevel::Public);
            let now = Stamp::parse(&format!("2026-11-22 10:00:{:02}", i % 60)).unwrap();
            let row = event.data(json!({"i": i})).row(format!("audit_{i:012x}"), now);
            links.push(next(links.last(), &row, &signer()));
            rows.push(RawAuditLog(row.cells()));
        }
        (links, rows)
    }

    fn check(links: &[AuditLink], rows: &[RawAuditLog]) -> Result<(), (i64, Fault)> {
        let whole = Walk::after(None)
            .follow(links, rows)
            .and_then(|()| links.last().map_or(Ok(()), |head| signed(links, head, &signer())));
        whole.map_err(|broken| (broken.sequence, broken.problem))
    }

    /// Computes the links anew, as somebody would who can write to the table and has no key.
    fn forge(links: &mut [AuditLink], rows: &[RawAuditLog]) {
        let mut previous = BEGINNING.to_owned();
        for (number, (forged, row)) in (1..).zip(links.iter_mut().zip(rows)) {
            forged.content_hash = content_hash(&row.0);
            forged.previous_link.clone_from(&previous);
            forged.link = link(number, &forged.audit_id, &forged.content_hash, &previous);
            previous.clone_from(&forged.link);
        }
    }

    #[test]
    fn a_chain_that_nobody_touched_holds_also_from_its_middle() {
        let (links, rows) = chain(5);
        assert_eq!(check(&links, &rows), Ok(()));
        assert_eq!(Walk::after(Some(&links[2])).follow(&links[3..], &rows), Ok(()));
        assert_eq!(check(&[], &[]), Ok(()));
    }

    #[test]
    fn each_way_to_tamper_shows_where_it_happened() {
        let (links, rows) = chain(5);
        let mut changed = rows.clone();
        changed[2].0[13] = Cell::Integer(0);
        assert_eq!(check(&links, &changed), Err((3, Fault::RowChanged)));
        let mut retyped = rows.clone();
        retyped[2].0[13] = Cell::from("1");
        assert_eq!(check(&links, &retyped), Err((3, Fault::RowChanged)));
        let mut removed = rows.clone();
        removed.remove(1);
        assert_eq!(check(&links, &removed), Err((2, Fault::RowMissing)));
        let mut swapped = rows.clone();
        let (first, second) = (swapped[0].0[0].clone(), swapped[1].0[0].clone());
        swapped[0].0[0] = second;
        swapped[1].0[0] = first;
        assert_eq!(check(&links, &swapped), Err((1, Fault::RowChanged)));
        let mut unlinked = links.clone();
        unlinked.remove(3);
        assert_eq!(check(&unlinked, &rows), Err((5, Fault::LinkMissing)));
        let mut reordered = links.clone();
        reordered.swap(1, 2);
        for (number, link) in (1..).zip(&mut reordered) {
            link.sequence = number.into();
        }
        assert_eq!(check(&reordered, &rows), Err((2, Fault::LinkChanged)));
    }

    #[test]
    fn who_rewrites_the_links_as_well_lacks_the_key() {
        let (mut links, mut rows) = chain(4);
        rows[1].0[13] = Cell::Integer(0);
        forge(&mut links, &rows);
        assert_eq!(check(&links, &rows), Err((2, Fault::NotSigned)));
        for link in &mut links {
            "agent-service:0123456789abcdef".clone_into(&mut link.signed_by);
        }
        assert_eq!(check(&links, &rows), Err((4, Fault::SignedByAnotherKey)));
    }

    #[test]
    fn a_new_key_vouches_for_what_the_old_one_signed() {
        let (mut links, mut rows) = chain(2);
        let event = Event::of(AuditEventType::StepStarted, SecurityLevel::Public);
        let row = event.row("audit_new".to_owned(), Stamp::parse("2026-11-23").unwrap());
        let new = Signer::new(&[8; 32]);
        links.push(next(links.last(), &row, &new));
        rows.push(RawAuditLog(row.cells()));
        Walk::after(None).follow(&links, &rows).unwrap();
        assert_eq!(signed(&links, &links[2], &new), Ok(()));
    }

    proptest! {
        #[test]
        fn any_changed_cell_shows(at in 0_usize..4, column in 1_usize..AuditLog::TABLE.columns.len(), text in "[a-z]{1,8}") {
            let (links, mut rows) = chain(4);
            let before = rows.clone();
            rows[at].0[column] = Cell::Text(text);
            prop_assume!(rows != before);
            let place = i64::try_from(at).unwrap() + 1;
            prop_assert_eq!(check(&links, &rows), Err((place, Fault::RowChanged)));
        }
    }
}
