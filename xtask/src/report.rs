//! What the developer sees: headings, tables and durations, all on standard error.
//!
//! Standard output belongs to the programs that are run and to what a task was asked to print.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

/// Writes one line to standard error; a closed terminal is no reason to fail.
pub fn line(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes one line to standard output; a closed pipe is no reason to fail.
pub fn output(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Writes the heading of a part of the work.
pub fn heading(text: &str) {
    line(&format!("\n==> {text}"));
}

/// A duration as people read it: `0.4 s`, `59.9 s`, `12 min 05 s`.
#[must_use]
pub fn duration(time: Duration) -> String {
    if time.as_secs() < 60 {
        // Cut, not rounded, so that a minute begins at 60.0 s.
        return format!("{}.{} s", time.as_secs(), time.subsec_millis() / 100);
    }
    format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
}

/// A table whose columns are as wide as their widest cell; the first row is the header.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max())
        .map(|width| width.unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
        if number == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            let _ = writeln!(text, "{}", rules.join("  "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_millis(449)), "0.4 s");
        assert_eq!(duration(Duration::from_millis(59_999)), "59.9 s");
        assert_eq!(duration(Duration::from_secs(60)), "1 min 00 s");
        assert_eq!(duration(Duration::from_secs(725)), "12 min 05 s");
    }

    #[test]
    fn columns_line_up() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let text = table(&[row(["step", "time"]), row(["a", "1 s"]), row(["longer", ""])]);
        assert_eq!(text, "step    time\n------  ----\na       1 s\nlonger\n");
    }
}
