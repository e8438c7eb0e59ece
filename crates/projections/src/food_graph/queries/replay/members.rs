//! Which lots are in scope (reached and saleable), and by which event each came in or went out.
//!
//! One commit may state the reach of a lot and what makes it saleable by two events: the genealogy then is the
//! cause, whichever stands first. Where a lot went in and out several times, the last time is what explains it.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use uuid::Uuid;

use super::super::lot_graph::LotGraph;
use super::super::scope::{SALE_EDGES, Scope, is_origin};
use super::super::view::Known;
use super::reach::Reach;
use super::steps::{Step, steps};
use crate::changes::{Edge, EdgeType};

/// The edge by whose recording or retirement something changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Cause<'a> {
    pub(in super::super) edge: &'a Edge,
    pub(in super::super) by_retirement: bool,
}

impl Cause<'_> {
    fn recorded_at(&self) -> Timestamp {
        let retired = self.edge.retired.as_ref().filter(|_| self.by_retirement);
        retired.map_or(self.edge.recorded_at, |retired| retired.recorded_at)
    }
}

/// A lot that is in scope at one of the two points and not at the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Move<'a> {
    pub(in super::super) lot: Uuid,
    pub(in super::super) entered: bool,
    pub(in super::super) cause: Cause<'a>,
}

/// The lots that entered or left the scope between the two points, in no order.
pub(in super::super) fn replay(scope: &Scope, from: Known, to: Known) -> Vec<Move<'_>> {
    let graph = LotGraph::new(scope.start, &scope.uses);
    // Uses come first, so that use `i` of the graph is edge `i`.
    let sales = scope.edges.iter().filter(|edge| SALE_EDGES.contains(&edge.edge_type));
    let origins = scope.edges.iter().filter(|edge| is_origin(edge) && edge.from.id == scope.start);
    let edges: Vec<&Edge> = scope.uses.iter().chain(sales).chain(origins).chain(&scope.skus).collect();
    let mut members = Members::new(&graph, &edges);
    members.begin(from, scope.is_known(from));
    for step in steps(&edges, from, to) {
        members.apply(&step);
    }
    members.moves()
}

/// What is known of one lot while the replay goes on.
#[derive(Clone, Default)]
struct State<'a> {
    was_member: bool,
    is_member: bool,
    /// By what it became what it is; `None` since before the replay.
    since: Option<Cause<'a>>,
    /// By what its reach last changed.
    reach: Option<Cause<'a>>,
    /// Count of active edges that ship it or say its SKU.
    packed_or_shipped: usize,
    /// Its products, once per active edge.
    products: Vec<Uuid>,
}

/// Why a lot is looked at again after a step.
#[derive(Clone, Copy, Default)]
struct Touch<'a> {
    by_reach: Option<Cause<'a>>,
    by_sale: Option<Cause<'a>>,
}

struct Members<'g, 'a> {
    graph: &'g LotGraph,
    edges: &'g [&'a Edge],
    /// Lots that any edge says are of a product.
    lots_of: HashMap<Uuid, Vec<usize>>,
    /// Count of active SKUs per product.
    skus: HashMap<Uuid, usize>,
    reach: Reach<'g>,
    states: Vec<State<'a>>,
}

impl<'g, 'a> Members<'g, 'a> {
    fn new(graph: &'g LotGraph, edges: &'g [&'a Edge]) -> Self {
        let mut lots_of: HashMap<Uuid, Vec<usize>> = HashMap::new();
        for edge in edges.iter().filter(|edge| edge.edge_type == EdgeType::OfProduct) {
            lots_of.entry(edge.to.id).or_default().extend(graph.number(edge.from.id));
        }
        let states = vec![State::default(); graph.lot_count()];
        Self { graph, edges, lots_of, skus: HashMap::new(), reach: Reach::new(graph), states }
    }

    /// The scope as known at `from`.
    fn begin(&mut self, from: Known, is_known: bool) {
        let active: Vec<usize> =
            (0..self.edges.len()).filter(|&number| from.counts(self.edges[number])).collect();
        let uses = active.partition_point(|&number| number < self.graph.uses().len());
        self.reach.apply(&active[..uses], &[]);
        // A lot without any origin has none by which it could become known later.
        if is_known || !self.edges.iter().any(|edge| is_origin(edge)) {
            self.reach.start();
        }
        for &number in &active[uses..] {
            self.sale(self.edges[number], false, &mut BTreeMap::new());
        }
        for lot in 0..self.states.len() {
            let is_member = self.is_member(lot);
            self.states[lot].was_member = is_member;
            self.states[lot].is_member = is_member;
        }
    }

    fn is_member(&self, lot: usize) -> bool {
        let has_sku = |product| self.skus.get(product).is_some_and(|count| *count > 0);
        let state = &self.states[lot];
        self.reach.is_reached(lot) && (state.packed_or_shipped > 0 || state.products.iter().any(has_sku))
    }

    fn apply(&mut self, step: &Step) {
        let mut touched: BTreeMap<usize, Touch<'a>> = BTreeMap::new();
        let is_use = |number: &&usize| **number < self.graph.uses().len();
        let (added_uses, added): (Vec<usize>, Vec<usize>) = step.added.iter().partition(is_use);
        let (retired_uses, retired): (Vec<usize>, Vec<usize>) = step.retired.iter().partition(is_use);
        for (lot, number) in self.reach.apply(&added_uses, &retired_uses) {
            let cause = Cause { edge: self.edges[number], by_retirement: !self.reach.is_reached(lot) };
            touched.entry(lot).or_default().by_reach = Some(cause);
        }
        for (numbers, by_retirement) in [(retired, true), (added, false)] {
            for number in numbers {
                self.sale(self.edges[number], by_retirement, &mut touched);
            }
        }
        for (lot, touch) in touched {
            self.settle(lot, touch, step.recorded_at);
        }
    }

    /// Takes an edge into account that is not a use.
    fn sale(&mut self, edge: &'a Edge, by_retirement: bool, touched: &mut BTreeMap<usize, Touch<'a>>) {
        let cause = Cause { edge, by_retirement };
        let count = |count: &mut usize| {
            *count = if by_retirement { count.saturating_sub(1) } else { *count + 1 };
        };
        if edge.edge_type == EdgeType::HasSku {
            count(self.skus.entry(edge.from.id).or_default());
            for &lot in self.lots_of.get(&edge.from.id).into_iter().flatten() {
                touched.entry(lot).or_default().by_sale = Some(cause);
            }
            return;
        }
        if is_origin(edge) {
            // Once known, a lot stays known: its genealogy is asked for after its origin was retired, too.
            let gained = if by_retirement { Vec::new() } else { self.reach.start() };
            for lot in gained {
                touched.entry(lot).or_default().by_reach = Some(cause);
            }
            return;
        }
        let Some(lot) = self.graph.number(edge.from.id) else { return };
        touched.entry(lot).or_default().by_sale = Some(cause);
        let state = &mut self.states[lot];
        match edge.edge_type {
            EdgeType::OfProduct if by_retirement => {
                if let Some(at) = state.products.iter().position(|product| *product == edge.to.id) {
                    state.products.swap_remove(at);
                }
            }
            EdgeType::OfProduct => state.products.push(edge.to.id),
            _ => count(&mut state.packed_or_shipped),
        }
    }

    fn settle(&mut self, lot: usize, touch: Touch<'a>, recorded_at: Timestamp) {
        let is_member = self.is_member(lot);
        let state = &mut self.states[lot];
        if touch.by_reach.is_some() {
            state.reach = touch.by_reach;
        }
        let in_this_commit = |cause: &Cause<'a>| cause.recorded_at() == recorded_at;
        if is_member == state.is_member {
            let just_left = !is_member && state.since.as_ref().is_some_and(in_this_commit);
            if let Some(lost) = touch.by_reach.filter(|reach| just_left && reach.by_retirement) {
                state.since = Some(lost);
            }
            return;
        }
        let reach = state.reach.filter(|reach| in_this_commit(reach) && reach.by_retirement != is_member);
        let cause = touch.by_reach.or(reach).or(touch.by_sale);
        state.is_member = is_member;
        state.since = cause;
    }

    fn moves(self) -> Vec<Move<'a>> {
        let changed =
            self.states.into_iter().enumerate().filter(|(_, state)| state.was_member != state.is_member);
        changed
            .filter_map(|(lot, state)| {
                Some(Move { lot: self.graph.id(lot), entered: state.is_member, cause: state.since? })
            })
            .collect()
    }
}
