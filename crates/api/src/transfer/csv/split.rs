//! From lines to rows of cells (RFC 4180; comma or semicolon).
//!
//! A row may span lines within quotation marks, up to a bound. A mark that is never closed costs its own line
//! alone: reading goes on with the next one, and line numbers stay those of the file.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use crate::transfer::lines::{LINE_BYTES_MAX, Line, Lines};

/// Most lines of one row.
const ROW_LINES_MAX: usize = 64;
const NOT_CLOSED: &str = "a quotation mark is opened and not closed";

/// A row, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRow {
    /// Its first line, from 1.
    pub line: u64,
    /// Its last line.
    pub last_line: u64,
    /// Its cells as bytes, or what is wrong with it.
    pub cells: Result<Vec<Vec<u8>>, String>,
}

/// Reads rows; blank lines and rows of empty cells are left out.
pub struct Rows<R> {
    lines: Lines<R>,
    ahead: VecDeque<(u64, Line)>,
    delimiter: u8,
}

impl<R: BufRead> Rows<R> {
    /// From the start of a file.
    pub fn new(reader: R, delimiter: u8) -> Self {
        Self { lines: Lines::new(reader), ahead: VecDeque::new(), delimiter }
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn next_row(&mut self) -> io::Result<Option<RawRow>> {
        loop {
            let Some(row) = self.any_row()? else { return Ok(None) };
            let is_empty = |cells: &Vec<Vec<u8>>| cells.iter().all(|cell| cell.trim_ascii().is_empty());
            if !row.cells.as_ref().is_ok_and(is_empty) {
                return Ok(Some(row));
            }
        }
    }

    fn line(&mut self) -> io::Result<Option<(u64, Line)>> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next_line(),
        }
    }

    fn any_row(&mut self) -> io::Result<Option<RawRow>> {
        let Some((first, line)) = self.line()? else { return Ok(None) };
        let wrong = |detail: String| Ok(Some(RawRow { line: first, last_line: first, cells: Err(detail) }));
        let Line::Whole(mut bytes) = line else {
            return wrong(format!("the line has more than {LINE_BYTES_MAX} bytes"));
        };
        let mut taken: Vec<(u64, Line)> = Vec::new();
        loop {
            match split(&bytes, self.delimiter) {
                Split::Cells(cells) => {
                    let last_line = taken.last().map_or(first, |(number, _)| *number);
                    return Ok(Some(RawRow { line: first, last_line, cells: Ok(cells) }));
                }
                Split::Wrong(detail) => {
                    // Over several lines, the mark that closes is the next cell's that opens.
                    let detail = if taken.is_empty() { detail } else { NOT_CLOSED.to_owned() };
                    self.give_back(taken);
                    return wrong(detail);
                }
                Split::Open => {}
            }
            let next = if taken.len() + 1 < ROW_LINES_MAX { self.line()? } else { None };
            match next {
                Some((number, Line::Whole(more))) if bytes.len() + more.len() < LINE_BYTES_MAX => {
                    bytes.push(b'\n');
                    bytes.extend_from_slice(&more);
                    taken.push((number, Line::Whole(more)));
                }
                other => {
                    taken.extend(other);
                    self.give_back(taken);
                    return wrong(NOT_CLOSED.to_owned());
                }
            }
        }
    }

    fn give_back(&mut self, taken: Vec<(u64, Line)>) {
        taken.into_iter().rev().for_each(|line| self.ahead.push_front(line));
    }
}

enum Split {
    Cells(Vec<Vec<u8>>),
    /// It ends within quotation marks.
    Open,
    Wrong(String),
}

fn split(bytes: &[u8], delimiter: u8) -> Split {
    let mut cells = Vec::new();
    let mut rest = bytes;
    loop {
        let (cell, end) = match quoted(rest) {
            None => {
                let end = rest.iter().position(|byte| *byte == delimiter).unwrap_or(rest.len());
                (rest[..end].to_vec(), end)
            }
            Some(Err(())) => return Split::Open,
            Some(Ok((cell, end))) => (cell, end),
        };
        cells.push(cell);
        match rest.get(end) {
            None => return Split::Cells(cells),
            Some(byte) if *byte == delimiter => rest = &rest[end + 1..],
            Some(_) => {
                let number = cells.len();
                return Split::Wrong(format!(
                    "text follows the closing quotation mark of cell {number}; within marks write \"\" for one"
                ));
            }
        }
    }
}

/// The cell within quotation marks that `bytes` starts with, and where it ends; an error where it does not end.
fn quoted(bytes: &[u8]) -> Option<Result<(Vec<u8>, usize), ()>> {
    let start = bytes.iter().position(|byte| *byte != b' ').filter(|start| bytes[*start] == b'"')?;
    let mut cell = Vec::new();
    let mut index = start + 1;
    loop {
        match (bytes.get(index), bytes.get(index + 1)) {
            (None, _) => return Some(Err(())),
            (Some(b'"'), Some(b'"')) => {
                cell.push(b'"');
                index += 2;
            }
            (Some(b'"'), _) => break,
            (Some(byte), _) => {
                cell.push(*byte);
                index += 1;
            }
        }
    }
    let spaces = bytes[index + 1..].iter().take_while(|byte| **byte == b' ').count();
    Some(Ok((cell, index + 1 + spaces)))
}

/// The delimiter of a file with this header: the one that it has more of, outside quotation marks.
#[must_use]
pub fn delimiter_of(header: &[u8]) -> u8 {
    let cells = |delimiter| match split(header, delimiter) {
        Split::Cells(cells) => cells.len(),
        _ => 0,
    };
    if cells(b';') > cells(b',') { b';' } else { b',' }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u64, u64, Result<Vec<String>, String>)> {
        let mut rows = Rows::new(text.as_bytes(), b',');
        let text = |cell: Vec<u8>| String::from_utf8(cell).unwrap();
        std::iter::from_fn(|| rows.next_row().unwrap())
            .map(|row| {
                (row.line, row.last_line, row.cells.map(|cells| cells.into_iter().map(text).collect()))
            })
            .collect()
    }

    fn cells(cells: &[&str]) -> Result<Vec<String>, String> {
        Ok(cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn cells_may_hold_delimiters_marks_and_lines() {
        let found = rows("a,\"b,c\", \"say \"\"x\"\"\" ,5\" pipe\r\n\r\n,,,\r\n\"one\r\ntwo\",,\r\nlast");
        let expected = [
            (1, 1, cells(&["a", "b,c", "say \"x\"", "5\" pipe"])),
            (4, 5, cells(&["one\ntwo", "", ""])),
            (6, 6, cells(&["last"])),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_mark_that_is_not_closed_costs_one_line() {
        let found = rows("a,\"b\nc,d\n\"x\"y,z\ne,f\n");
        assert!(found[0].2.as_ref().unwrap_err().contains("not closed"), "{found:?}");
        assert_eq!((found[0].0, found[0].1), (1, 1));
        assert_eq!(found[1], (2, 2, cells(&["c", "d"])));
        assert!(found[2].2.as_ref().unwrap_err().contains("cell 1"), "{found:?}");
        assert_eq!(found[3], (4, 4, cells(&["e", "f"])));
    }

    #[test]
    fn the_delimiter_is_what_the_header_has_more_of() {
        assert_eq!(delimiter_of(b"a;b;c"), b';');
        assert_eq!(delimiter_of(b"\"a;b\",c"), b',');
        assert_eq!(delimiter_of(b"a"), b',');
    }
}
