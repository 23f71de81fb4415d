//! Files that import each other in a circle.

use std::collections::BTreeSet;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::FileId;
use crate::facts::Moment;
use crate::links::Link;

/// The circles that these links make: each a set of files that all reach one another. Imports for type checkers only are left out:
/// they never take place.
pub fn of<'l>(files: usize, links: impl IntoIterator<Item = &'l Link>) -> Vec<BTreeSet<FileId>> {
    let mut graph: DiGraph<FileId, ()> = DiGraph::new();
    let nodes: Vec<NodeIndex> = (0..files).map(|file| graph.add_node(file)).collect();
    for link in links.into_iter().filter(|link| link.moment != Moment::Typing) {
        if let (Some(from), Some(to)) = (nodes.get(link.from), nodes.get(link.to)) {
            graph.update_edge(*from, *to, ());
        }
    }
    let circles = tarjan_scc(&graph).into_iter().filter(|circle| circle.len() > 1);
    let mut circles: Vec<BTreeSet<FileId>> = circles
        .map(|circle| {
            circle.into_iter().filter_map(|node| graph.node_weight(node).copied()).collect()
        })
        .collect();
    circles.sort();
    circles
}
