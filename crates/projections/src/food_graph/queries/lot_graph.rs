//! The genealogy in memory: lots by number, what went into what, and in which order to work through them.

use std::collections::{HashMap, VecDeque};

use foodflow_domain::Quantity;
use uuid::Uuid;

use crate::changes::Edge;
use crate::graph::TraceDirection;

/// One input line of one output lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Number of the lot that was used.
    pub input: usize,
    /// Number of the lot that was made.
    pub output: usize,
    /// What the input line declares.
    pub quantity: Option<Quantity>,
}

/// Lots and their uses. Lots are numbered from 0; lot 0 is where the graph starts.
#[derive(Debug, Clone)]
pub struct LotGraph {
    ids: Vec<Uuid>,
    numbers: HashMap<Uuid, usize>,
    uses: Vec<Use>,
    into: Vec<Vec<usize>>,
    out_of: Vec<Vec<usize>>,
}

impl LotGraph {
    /// The graph of these `USES_INGREDIENT` edges around `start`. Use `i` is edge `i`.
    #[must_use]
    pub fn new<'a>(start: Uuid, edges: impl IntoIterator<Item = &'a Edge>) -> Self {
        let mut graph = Self {
            ids: vec![start],
            numbers: HashMap::from([(start, 0)]),
            uses: Vec::new(),
            into: vec![Vec::new()],
            out_of: vec![Vec::new()],
        };
        for edge in edges {
            let (input, output) = (graph.number_or_new(edge.to.id), graph.number_or_new(edge.from.id));
            let number = graph.uses.len();
            graph.uses.push(Use { input, output, quantity: edge.quantity });
            graph.into[output].push(number);
            graph.out_of[input].push(number);
        }
        graph
    }

    fn number_or_new(&mut self, id: Uuid) -> usize {
        *self.numbers.entry(id).or_insert_with(|| {
            self.ids.push(id);
            self.into.push(Vec::new());
            self.out_of.push(Vec::new());
            self.ids.len() - 1
        })
    }

    /// How many lots there are.
    #[must_use]
    pub fn lot_count(&self) -> usize {
        self.ids.len()
    }

    /// The id of a lot.
    ///
    /// # Panics
    /// Where the number is not of this graph.
    #[must_use]
    pub fn id(&self, lot: usize) -> Uuid {
        self.ids[lot]
    }

    /// The number of a lot, where it is in the graph.
    #[must_use]
    pub fn number(&self, id: Uuid) -> Option<usize> {
        self.numbers.get(&id).copied()
    }

    /// Every use, by number.
    #[must_use]
    pub fn uses(&self) -> &[Use] {
        &self.uses
    }

    /// The numbers of the uses that went into `lot`.
    #[must_use]
    pub fn uses_into(&self, lot: usize) -> &[usize] {
        &self.into[lot]
    }

    /// The numbers of the uses of `lot`.
    #[must_use]
    pub fn uses_of(&self, lot: usize) -> &[usize] {
        &self.out_of[lot]
    }

    /// The input lines of `lot`.
    pub fn inputs(&self, lot: usize) -> impl Iterator<Item = Use> {
        self.into[lot].iter().map(|&number| self.uses[number])
    }

    /// Lots one step further in `direction`, once per use.
    fn next(&self, lot: usize, direction: TraceDirection) -> impl Iterator<Item = usize> {
        let uses = match direction {
            TraceDirection::Forward => &self.out_of[lot],
            TraceDirection::Backward => &self.into[lot],
        };
        uses.iter().map(move |&number| match direction {
            TraceDirection::Forward => self.uses[number].output,
            TraceDirection::Backward => self.uses[number].input,
        })
    }

    /// The shortest distance of every lot from the start in `direction`; `None` where it is not reached.
    #[must_use]
    pub fn depths(&self, direction: TraceDirection) -> Vec<Option<u32>> {
        let mut depths = vec![None; self.ids.len()];
        depths[0] = Some(0);
        let mut queue = VecDeque::from([(0, 0)]);
        while let Some((lot, depth)) = queue.pop_front() {
            for next in self.next(lot, direction) {
                if depths[next].is_none() {
                    depths[next] = Some(depth + 1);
                    queue.push_back((next, depth + 1));
                }
            }
        }
        depths
    }

    /// The reached lots in an order in which every lot comes after all reached ones before it in `direction`.
    /// Lots of a cycle, and those behind one, are left out: no such order exists for them.
    #[must_use]
    pub fn order(&self, direction: TraceDirection, depths: &[Option<u32>]) -> Vec<usize> {
        let mut awaited = vec![0_usize; self.ids.len()];
        for number in &self.uses {
            let (before, after) = match direction {
                TraceDirection::Forward => (number.input, number.output),
                TraceDirection::Backward => (number.output, number.input),
            };
            if depths[before].is_some() {
                awaited[after] += 1;
            }
        }
        let mut order: Vec<usize> = if awaited[0] == 0 { vec![0] } else { Vec::new() };
        let mut done = 0;
        while let Some(&lot) = order.get(done) {
            done += 1;
            for next in self.next(lot, direction) {
                awaited[next] -= 1;
                if awaited[next] == 0 {
                    order.push(next);
                }
            }
        }
        order
    }
}
