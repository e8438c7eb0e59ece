//! Statements that write many rows at once, in a few fixed sizes so that each is prepared once.

use std::fmt::Write as _;
use std::sync::Arc;

/// Rows of one statement, largest first. The largest keeps within SQLite's bound on variables (32,766).
const SIZES: [usize; 3] = [128, 16, 1];

/// An `INSERT` in several sizes.
#[derive(Debug)]
pub(crate) struct BulkInsert {
    statements: [Arc<str>; SIZES.len()],
}

impl BulkInsert {
    /// `head VALUES (?, …), … tail` with `columns` variables to a row; also where the rows are an operand.
    pub(crate) fn new(head: &str, columns: usize, tail: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        let statement = |rows: usize| {
            let mut sql = format!("{head} VALUES ");
            for index in 0..rows {
                // Writing to a string cannot fail.
                let _ = write!(sql, "{}{row}", if index == 0 { "" } else { "," });
            }
            sql.push_str(tail);
            Arc::from(sql)
        };
        Self { statements: SIZES.map(statement) }
    }

    /// Cuts `rows` into parts, each with the statement of its size.
    pub(crate) fn parts<'a, T>(&'a self, mut rows: &'a [T]) -> impl Iterator<Item = (Arc<str>, &'a [T])> {
        std::iter::from_fn(move || {
            let (index, size) = SIZES.iter().enumerate().find(|(_, size)| **size <= rows.len())?;
            let (part, rest) = rows.split_at(*size);
            rows = rest;
            Some((Arc::clone(&self.statements[index]), part))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_every_row_once_and_in_order() {
        let insert = BulkInsert::new("INSERT INTO t", 2, " ON CONFLICT DO NOTHING");
        let rows: Vec<usize> = (0..307).collect();
        let parts: Vec<_> = insert.parts(&rows).collect();
        assert_eq!(
            parts.iter().map(|(_, part)| part.len()).collect::<Vec<_>>(),
            [128, 128, 16, 16, 16, 1, 1, 1]
        );
        assert_eq!(parts.iter().flat_map(|(_, part)| part.iter().copied()).collect::<Vec<_>>(), rows);
        assert_eq!(&*parts[7].0, "INSERT INTO t VALUES (?,?) ON CONFLICT DO NOTHING");
        assert_eq!(parts[2].0.matches("(?,?)").count(), 16);
        assert_eq!(insert.parts::<usize>(&[]).count(), 0);
    }
}
