//! A file to import: opened, counted, its format told.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _};
use std::path::Path;

use anyhow::Context as _;

use crate::transfer::csv::split::delimiter_of;

/// Bytes of a file by which its format is told.
const LOOKED_AT_BYTES: usize = 64 << 10;

/// A file, recognised.
pub(super) struct Recognised {
    pub(super) reader: BufReader<File>,
    pub(super) lines: u64,
    /// The delimiter of a CSV file.
    pub(super) delimiter: Option<u8>,
}

/// Opens a file and tells its format by its first character: a command is a JSON object. A file with nothing in it is what
/// the export of an empty history is.
pub(super) fn recognise(path: &Path) -> anyhow::Result<Recognised> {
    let cannot = || format!("cannot read {}", path.display());
    let mut reader = BufReader::with_capacity(LOOKED_AT_BYTES, File::open(path).with_context(cannot)?);
    let start = reader.fill_buf().with_context(cannot)?;
    let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
    let header = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let delimiter =
        if header.starts_with(b"{") || start.is_empty() { None } else { Some(delimiter_of(header)) };
    let mut lines = 0;
    loop {
        let chunk = reader.fill_buf().with_context(cannot)?;
        if chunk.is_empty() {
            break;
        }
        lines += chunk.iter().filter(|byte| **byte == b'\n').count() as u64;
        let length = chunk.len();
        reader.consume(length);
    }
    reader.rewind().with_context(cannot)?;
    Ok(Recognised { reader, lines, delimiter })
}
