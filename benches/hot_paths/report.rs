//! Tables in Markdown: shown as they come, and put into a file where that is asked for.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::figures::{show_duration, show_number};
use crate::targets::{self, Finding};

const BEGIN: &str = "<!-- figures: written by the benches -->";
const END: &str = "<!-- end of figures -->";

/// One table with its title and what must be known to read it.
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) note: String,
    /// How many of the first columns are words; the others are numbers.
    pub(crate) words: usize,
    pub(crate) header: &'static [&'static str],
    pub(crate) rows: Vec<Vec<String>>,
    /// The targets that these figures answer to.
    pub(crate) findings: Vec<Finding>,
}

impl Section {
    fn markdown(&self) -> String {
        let columns = self.header.len();
        let mut widths: Vec<usize> = self.header.iter().map(|name| name.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = "|".to_owned();
            for (column, cell) in cells.enumerate() {
                let space = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
                // Writing to a string cannot fail.
                let _ = if column < self.words {
                    write!(line, " {cell}{space} |")
                } else {
                    write!(line, " {space}{cell} |")
                };
            }
            line
        };
        let mut text = format!("### {}\n\n{}\n\n", self.title, self.note);
        let _ = writeln!(text, "{}", line(&mut self.header.iter().copied()));
        let rule = (0..columns).map(|column| if column < self.words { "---|" } else { "---:|" });
        let _ = writeln!(text, "|{}", rule.collect::<String>());
        for row in &self.rows {
            let _ = writeln!(text, "{}", line(&mut row.iter().map(String::as_str)));
        }
        text
    }
}

/// Everything that a run has to say.
pub(crate) struct Report {
    text: String,
    findings: Vec<Finding>,
}

impl Report {
    /// Begins with what the machine is.
    pub(crate) fn new(machine: String) -> Self {
        Self { text: machine, findings: Vec::new() }
    }

    /// Shows a table, and keeps it for the file.
    ///
    /// # Errors
    /// Where nothing can be written to the terminal.
    pub(crate) fn add(&mut self, section: Section) -> anyhow::Result<()> {
        self.findings.extend(section.findings.iter().cloned());
        self.show(&section)
    }

    fn show(&mut self, section: &Section) -> anyhow::Result<()> {
        let text = section.markdown();
        writeln!(std::io::stdout(), "{text}")?;
        let _ = write!(self.text, "\n{text}");
        Ok(())
    }

    /// Ends with what the targets say to the figures, and how long it took.
    ///
    /// # Errors
    /// Where nothing can be written to the terminal.
    pub(crate) fn finish(&mut self, elapsed: Duration) -> anyhow::Result<()> {
        if !self.findings.is_empty() {
            self.show(&targets::section(&self.findings))?;
        }
        let text = format!("The run took {}; {} afterwards.", show_duration(elapsed), load_average());
        writeln!(std::io::stdout(), "{text}")?;
        let _ = writeln!(self.text, "\n{text}");
        Ok(())
    }

    /// Replaces what stands between the marks of `file`; all else in it stays as it is.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or has no marks.
    pub(crate) fn write_into(&self, file: &Path) -> anyhow::Result<()> {
        let name = || file.display().to_string();
        let before = std::fs::read_to_string(file).with_context(name)?;
        let parts = before.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
        ensure!(parts.is_some(), "{} has no place for figures: `{BEGIN}` and `{END}`", name());
        let (head, tail) = parts.unwrap_or_default();
        let after = format!("{head}{BEGIN}\n\n{}\n{END}{tail}", self.text);
        std::fs::write(file, after).with_context(name)
    }
}

/// What the figures were measured on, for the reader to judge them by.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory_kib = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.split_whitespace().next()?.parse().ok()
    });
    let memory = memory_kib.map_or_else(String::new, |kib: f64| {
        format!(", {} GiB of memory", show_number(kib / f64::from(1 << 20)))
    });
    let now = jiff::Timestamp::now().to_string();
    let day = now.split('T').next().unwrap_or_default();
    let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
    format!(
        "Measured on {day} on {cores} cores{memory} ({system}, {processor}); {} beforehand.\n",
        load_average()
    )
}

/// How busy the machine was, where it says so: other work makes every figure worse.
fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().map_or_else(
        || "load average unknown".to_owned(),
        |minute| format!("load average of a minute {minute}"),
    )
}
