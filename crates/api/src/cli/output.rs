//! Where data goes: standard output, or a file that takes its name once it is complete.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// An open output.
pub enum Output {
    /// Standard output.
    Standard(BufWriter<io::Stdout>),
    /// A file.
    File(FileOutput),
}

/// A file under another name until it is complete; an unfinished one is removed.
pub struct FileOutput {
    writer: Option<BufWriter<File>>,
    unfinished: PathBuf,
    path: PathBuf,
}

impl Output {
    /// Opens `path`, or standard output where there is none.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::Standard(BufWriter::new(io::stdout()))) };
        let name = path.file_name().with_context(|| format!("--out: {} names no file", path.display()))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(".part");
        let unfinished = path.with_file_name(hidden);
        let file =
            File::create(&unfinished).with_context(|| format!("--out: cannot write {}", path.display()))?;
        let writer = Some(BufWriter::new(file));
        Ok(Self::File(FileOutput { writer, unfinished, path: path.to_owned() }))
    }

    /// Makes sure that everything is where it belongs.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Self::Standard(mut writer) => writer.flush(),
            Self::File(mut file) => {
                let Some(writer) = file.writer.take() else { return Ok(()) };
                writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
                std::fs::rename(&file.unfinished, &file.path)
            }
        }
    }
}

impl Drop for FileOutput {
    fn drop(&mut self) {
        // After a rename there is nothing under this name.
        let _ = std::fs::remove_file(&self.unfinished);
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(writer) => writer.write(bytes),
            Self::File(file) => file.writer.as_mut().map_or(Ok(0), |writer| writer.write(bytes)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(writer) => writer.flush(),
            Self::File(file) => file.writer.as_mut().map_or(Ok(()), Write::flush),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_its_name_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        let names = || {
            let entries = std::fs::read_dir(folder.path()).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        let mut output = Output::open(Some(&path)).unwrap();
        output.write_all(b"half").unwrap();
        assert_eq!(names(), [".events.ndjson.part"]);
        drop(output);
        assert!(names().is_empty());
        let mut output = Output::open(Some(&path)).unwrap();
        output.write_all(b"whole").unwrap();
        output.finish().unwrap();
        assert_eq!(names(), ["events.ndjson"]);
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    }
}
