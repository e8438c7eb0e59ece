//! Which lots are reached from the start, kept up to date while uses come and go.

use std::collections::{BTreeMap, VecDeque};

use super::super::lot_graph::LotGraph;

/// The reach of lot 0 over the uses that are active.
pub(super) struct Reach<'a> {
    graph: &'a LotGraph,
    active: Vec<bool>,
    reached: Vec<bool>,
}

impl<'a> Reach<'a> {
    /// Nothing is active, nothing reached.
    pub(super) fn new(graph: &'a LotGraph) -> Self {
        Self { graph, active: vec![false; graph.uses().len()], reached: vec![false; graph.lot_count()] }
    }

    pub(super) fn is_reached(&self, lot: usize) -> bool {
        self.reached[lot]
    }

    /// The start becomes known: it and all that hangs on it is reached. Answers with the lots that were not.
    pub(super) fn start(&mut self) -> Vec<usize> {
        if self.reached[0] {
            return Vec::new();
        }
        self.reached[0] = true;
        let mut gained = BTreeMap::from([(0, 0)]);
        self.spread(0, 0, &mut gained);
        gained.into_keys().collect()
    }

    /// Retires and adds uses at once. Answers with the lots whose state changed, each with the use (by number) by
    /// which it did.
    pub(super) fn apply(&mut self, added: &[usize], retired: &[usize]) -> Vec<(usize, usize)> {
        retired.iter().for_each(|&number| self.active[number] = false);
        let lost = self.lose(retired);
        // Only now, so that what is reached by them counts as gained, never as what was held all along.
        added.iter().for_each(|&number| self.active[number] = true);
        let mut gained = BTreeMap::new();
        for &number in added {
            let line = self.graph.uses()[number];
            if self.active[number] && self.reached[line.input] && !self.reached[line.output] {
                self.reached[line.output] = true;
                gained.insert(line.output, number);
                self.spread(line.output, number, &mut gained);
            }
        }
        // What was lost and gained again in one step did not change.
        let stays_lost = lost.iter().filter(|(lot, _)| !gained.contains_key(lot));
        let is_new = gained.iter().filter(|(lot, _)| !lost.contains_key(lot));
        stays_lost.chain(is_new).map(|(&lot, &number)| (lot, number)).collect()
    }

    fn outputs(&self, lot: usize) -> impl Iterator<Item = usize> {
        let active = self.graph.uses_of(lot).iter().filter(|&&number| self.active[number]);
        active.map(|&number| self.graph.uses()[number].output)
    }

    /// Reaches all that hangs on `lot`, which is reached.
    fn spread(&mut self, lot: usize, cause: usize, gained: &mut BTreeMap<usize, usize>) {
        let mut queue = VecDeque::from([lot]);
        while let Some(lot) = queue.pop_front() {
            let fresh: Vec<usize> = self.outputs(lot).filter(|&output| !self.reached[output]).collect();
            for output in fresh {
                if !self.reached[output] {
                    self.reached[output] = true;
                    gained.insert(output, cause);
                    queue.push_back(output);
                }
            }
        }
    }

    /// Takes back what is no longer reached once these uses are inactive.
    fn lose(&mut self, retired: &[usize]) -> BTreeMap<usize, usize> {
        let suspects = self.suspects(retired);
        for lot in suspects.keys() {
            self.reached[*lot] = false;
        }
        // What still hangs on a lot that was never in doubt is reached after all.
        let is_held = |reach: &Self, lot: usize| {
            let mut inputs = reach.graph.uses_into(lot).iter().filter(|&&number| reach.active[number]);
            inputs.any(|&number| reach.reached[reach.graph.uses()[number].input])
        };
        for &lot in suspects.keys() {
            if !self.reached[lot] && is_held(self, lot) {
                self.reached[lot] = true;
                self.spread(lot, 0, &mut BTreeMap::new());
            }
        }
        suspects.into_iter().filter(|(lot, _)| !self.reached[*lot]).collect()
    }

    /// Reached lots that may have hung on these uses, each with one of them.
    fn suspects(&self, retired: &[usize]) -> BTreeMap<usize, usize> {
        let mut suspects = BTreeMap::new();
        for &number in retired {
            let mut queue = VecDeque::from([self.graph.uses()[number].output]);
            while let Some(lot) = queue.pop_front() {
                if lot != 0 && self.reached[lot] && !suspects.contains_key(&lot) {
                    suspects.insert(lot, number);
                    queue.extend(self.outputs(lot));
                }
            }
        }
        suspects
    }
}

#[cfg(test)]
mod tests {
    use foodflow_domain::{Quantity, Unit};
    use foodflow_log::Position;
    use jiff::Timestamp;
    use proptest::prelude::*;
    use rust_decimal::Decimal;
    use uuid::Uuid;

    use super::*;
    use crate::changes::{Edge, EdgeType, Label, NodeKey};
    use crate::graph::TraceDirection;

    fn uses(input: u128, output: u128) -> Edge {
        let lot = |id| NodeKey { label: Label::Batch, id: Uuid::from_u128(id) };
        Edge {
            id: Uuid::nil(),
            edge_type: EdgeType::UsesIngredient,
            from: lot(output),
            to: lot(input),
            quantity: Some(Quantity::new(Decimal::ONE, Unit::Kgm)),
            percent: None,
            kind: None,
            line: 0,
            document_id: None,
            occurred_at: Timestamp::UNIX_EPOCH,
            recorded_at: Timestamp::UNIX_EPOCH,
            position: Position(1),
            event_id: Uuid::nil(),
            event_type: String::new(),
            retired: None,
        }
    }

    #[test]
    fn what_is_gained_through_a_lot_in_doubt_is_told() {
        // 1 hangs on 0 twice. One line of it is retired while 1 goes into 2 for the first time.
        let edges = [uses(0, 1), uses(0, 1), uses(1, 2)];
        let graph = LotGraph::new(Uuid::from_u128(0), &edges);
        let mut reach = Reach::new(&graph);
        reach.start();
        assert_eq!(reach.apply(&[0, 1], &[]), [(1, 0)]);
        assert_eq!(reach.apply(&[2], &[0]), [(2, 2)]);
        assert_eq!(reach.apply(&[], &[1]), [(1, 1), (2, 1)]);
    }

    proptest! {
        /// Whatever comes and goes, in cycles too, the kept reach is the one that a fresh walk finds.
        #[test]
        fn the_kept_reach_is_that_of_a_fresh_walk(
            pairs in prop::collection::vec((0_u128..9, 0_u128..9), 1..24),
            flips in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 1..4), 1..30),
        ) {
            let edges: Vec<Edge> = pairs.iter().map(|&(input, output)| uses(input, output)).collect();
            let start = Uuid::from_u128(0);
            let graph = LotGraph::new(start, &edges);
            let mut reach = Reach::new(&graph);
            reach.start();
            for flip in flips {
                let mut numbers: Vec<usize> = flip.iter().map(|index| index.index(edges.len())).collect();
                numbers.sort_unstable();
                numbers.dedup();
                let before = reach.reached.clone();
                let (retired, added): (Vec<usize>, Vec<usize>) =
                    numbers.into_iter().partition(|&number| reach.active[number]);
                let mut changed: Vec<usize> =
                    reach.apply(&added, &retired).into_iter().map(|(lot, _)| lot).collect();
                let active = edges.iter().zip(&reach.active).filter(|(_, active)| **active).map(|(edge, _)| edge);
                let fresh = LotGraph::new(start, active);
                let depths = fresh.depths(TraceDirection::Forward);
                for lot in 0..graph.lot_count() {
                    let walked = fresh.number(graph.id(lot)).is_some_and(|number| depths[number].is_some());
                    prop_assert_eq!(reach.is_reached(lot), walked);
                }
                changed.sort_unstable();
                let differing: Vec<usize> =
                    (0..graph.lot_count()).filter(|&lot| before[lot] != reach.reached[lot]).collect();
                prop_assert_eq!(changed, differing);
            }
        }
    }
}
