//! Lines of a file, one at a time, with their numbers. A line is never held beyond its bound.

use std::io::{self, BufRead, Read as _};

/// Most bytes of a line: the body of any HTTP request fits, with its key.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// The byte order mark that some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Its bytes.
    Whole(Vec<u8>),
    /// It is longer than [`LINE_BYTES_MAX`]; its bytes are gone.
    TooLong,
}

/// Reads lines.
pub struct Lines<R> {
    reader: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// From the start of a file.
    pub const fn new(reader: R) -> Self {
        Self { reader, number: 0 }
    }

    /// The next line with its number, from 1; `None` at the end.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<(u64, Line)>> {
        let mut bytes = Vec::new();
        // One byte for the line feed, and one for the carriage return before it.
        let limit = LINE_BYTES_MAX as u64 + 2;
        if self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        } else if bytes.len() as u64 == limit {
            self.skip()?;
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        if self.number == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        let line = if bytes.len() > LINE_BYTES_MAX { Line::TooLong } else { Line::Whole(bytes) };
        Ok(Some((self.number, line)))
    }

    /// Passes over the rest of a line.
    fn skip(&mut self) -> io::Result<()> {
        loop {
            let seen = self.reader.fill_buf()?;
            if seen.is_empty() {
                return Ok(());
            }
            let end = seen.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(seen.len(), |end| end + 1);
            self.reader.consume(length);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<(u64, Line)> {
        let mut lines = Lines::new(text);
        std::iter::from_fn(|| lines.next_line().unwrap()).collect()
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.as_bytes().to_vec())
    }

    #[test]
    fn ends_of_lines_and_the_mark_are_taken_off() {
        let found = read(b"\xEF\xBB\xBFa\r\n\nb\nc");
        assert_eq!(found, [(1, whole("a")), (2, whole("")), (3, whole("b")), (4, whole("c"))]);
        assert_eq!(read(b""), []);
    }

    #[test]
    fn a_line_beyond_the_bound_is_passed_over() {
        let longest = "x".repeat(LINE_BYTES_MAX);
        assert_eq!(read(format!("{longest}\r\nb").as_bytes()), [(1, whole(&longest)), (2, whole("b"))]);
        for beyond in [1, 2, 3, 100_000] {
            let text = format!("{longest}{}\nb\n", "x".repeat(beyond));
            assert_eq!(read(text.as_bytes()), [(1, Line::TooLong), (2, whole("b"))], "{beyond}");
        }
    }
}
