//! What is given in file, variables and flags: which of them wins, and whether there is such a setting.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::table::{self, Kind, PREFIX, Setting};
use super::{Flags, SETTINGS};

/// Variables with the prefix that belong to the tests and tools of this repository.
const OTHER_VARIABLES: [&str; 3] = ["FOODFLOW_TEST_", "FOODFLOW_TOOLS", "FOODFLOW_SIMULATION_"];
/// How alike two names are at least for one to be a slip for the other.
const LIKENESS_MIN: f64 = 0.7;
/// Most bytes of a file with a secret.
const SECRET_BYTES_MAX: u64 = 65_536;

/// A value, and where it comes from.
#[derive(Debug, Clone)]
struct Given {
    value: Value,
    from: String,
}

impl Given {
    /// An empty text stands for the default, whatever lies below.
    fn is_default(&self) -> bool {
        self.value.as_str().is_some_and(|text| text.trim().is_empty())
    }
}

type Layer = BTreeMap<&'static str, Given>;

/// The settings that are in force and are not defaults, each with where it comes from.
#[derive(Debug, Default)]
pub(super) struct Chosen(BTreeMap<&'static str, Given>);

impl Chosen {
    /// Reads file, variables and flags.
    ///
    /// # Errors
    /// Where one names a setting that there is not, or a file cannot be read.
    pub(super) fn read(file: Option<&Path>, flags: &Flags) -> anyhow::Result<Self> {
        let mut unknown = Vec::new();
        let layers =
            [of_file(file, &mut unknown)?, of_variables(&mut unknown)?, of_flags(flags, &mut unknown)?];
        anyhow::ensure!(unknown.is_empty(), "{}", unknown.join("; "));
        Self::of(&layers)
    }

    /// Of what the layers give, the lowest first.
    fn of(layers: &[Layer]) -> anyhow::Result<Self> {
        let mut chosen = Layer::new();
        for layer in layers {
            for setting in SETTINGS {
                let Some(file) = setting.file_setting() else { continue };
                match (layer.get(setting.name), layer.get(file.name)) {
                    (Some(one), Some(other)) if !one.is_default() && !other.is_default() => {
                        anyhow::bail!("{} and {} are given: leave one of them out", one.from, other.from);
                    }
                    // What is given above takes the place of either.
                    (Some(_), None) => _ = chosen.remove(file.name),
                    (None, Some(_)) => _ = chosen.remove(setting.name),
                    _ => {}
                }
            }
            chosen.extend(layer.iter().map(|(name, given)| (*name, given.clone())));
        }
        chosen.retain(|_, given| !given.is_default());
        for setting in SETTINGS {
            let Some(given) = setting.file_setting().and_then(|file| chosen.get(file.name)) else { continue };
            let path = given.value.as_str().unwrap_or_default();
            let value = Value::from(read_secret(Path::new(path), &given.from)?);
            let from = format!("file {path}, {}", given.from);
            chosen.insert(setting.name, Given { value, from });
        }
        Ok(Self(chosen))
    }

    /// Where each comes from.
    pub(super) fn sources(&self) -> BTreeMap<&'static str, String> {
        self.0.iter().map(|(name, given)| (*name, given.from.clone())).collect()
    }
}

impl Provider for Chosen {
    fn metadata(&self) -> Metadata {
        let sources = self.sources();
        Metadata::named("settings").interpolater(move |_, keys| {
            let name = keys.first().copied().unwrap_or_default();
            let from = sources.get(name).map_or("default", String::as_str);
            format!("{name} ({from})")
        })
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let dict: Dict =
            self.0.iter().map(|(name, given)| ((*name).to_owned(), given.value.clone())).collect();
        Ok(Profile::Default.collect(dict))
    }
}

fn of_file(file: Option<&Path>, unknown: &mut Vec<String>) -> anyhow::Result<Layer> {
    let path = match file {
        Some(path) => {
            anyhow::ensure!(path.is_file(), "there is no configuration file {}", path.display());
            path
        }
        None if Path::new("foodflow.toml").is_file() => Path::new("foodflow.toml"),
        None => return Ok(Layer::new()),
    };
    let shown = path.display();
    // Read as plain data: an error then names the setting and this file, wherever it is found.
    let given: serde_json::Map<String, serde_json::Value> =
        Figment::from(Toml::file_exact(path))
            .extract()
            .with_context(|| format!("{shown} is not a configuration file"))?;
    let mut layer = Layer::new();
    for (name, value) in given {
        match table::find(&name) {
            Some(setting) => {
                let value = Value::serialize(value)?;
                layer.insert(setting.name, Given { value, from: format!("file {shown}") });
            }
            None => {
                unknown.push(format!("{shown}: {}", no_setting(&name, |setting| setting.name.to_owned())))
            }
        }
    }
    Ok(layer)
}

fn of_variables(unknown: &mut Vec<String>) -> anyhow::Result<Layer> {
    let mut layer = Layer::new();
    for (variable, value) in std::env::vars_os() {
        let variable = variable.to_string_lossy();
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        if OTHER_VARIABLES.iter().any(|other| variable.starts_with(other)) {
            continue;
        }
        match table::find(&name.to_ascii_lowercase()).filter(|setting| setting.variable() == variable) {
            Some(setting) => {
                let text = value.to_str().with_context(|| format!("{variable} is no UTF-8"))?;
                let from = format!("variable {variable}");
                layer.insert(setting.name, Given { value: value_of(setting, text), from });
            }
            None => unknown.push(no_setting(&variable, Setting::variable)),
        }
    }
    Ok(layer)
}

fn of_flags(flags: &Flags, unknown: &mut Vec<String>) -> anyhow::Result<Layer> {
    let mut layer = Layer::new();
    for (name, text, flag) in &flags.0 {
        let Some(setting) = table::find(name) else {
            unknown.push(format!("{flag}: {}", no_setting(name, |setting| setting.name.to_owned())));
            continue;
        };
        let given = Given { value: value_of(setting, text), from: format!("flag {flag}") };
        if layer.insert(setting.name, given).is_some() {
            anyhow::bail!("{flag}: `{name}` is given twice");
        }
    }
    Ok(layer)
}

/// What a text outside of a file stands for.
fn value_of(setting: &Setting, text: &str) -> Value {
    match setting.kind {
        Kind::Value => text.trim().parse().unwrap_or_else(|_| Value::from(text)),
        Kind::Text | Kind::Secret | Kind::Address => Value::from(text),
    }
}

/// That there is no such setting, with the one that is named most alike.
fn no_setting(name: &str, spelling: impl Fn(&Setting) -> String) -> String {
    let spelt = SETTINGS.iter().map(spelling);
    let nearest = spelt
        .map(|known| (strsim::jaro_winkler(name, &known), known))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN);
    match nearest {
        Some((_, known)) => format!("`{name}` is no setting; do you mean `{known}`?"),
        None => format!("`{name}` is no setting; docs/OPERATIONS.md lists them"),
    }
}

/// A secret is one text; the end of its last line is no part of it.
fn read_secret(path: &Path, from: &str) -> anyhow::Result<String> {
    let shown = path.display();
    let unreadable = || format!("cannot read the secret of {shown} ({from})");
    let file = std::fs::File::open(path).with_context(unreadable)?;
    let mut text = String::new();
    let read = file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text).with_context(unreadable)?;
    anyhow::ensure!(read as u64 <= SECRET_BYTES_MAX, "{shown} ({from}) is too large for a secret");
    let text = text.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!text.trim().is_empty(), "{shown} ({from}) is empty; it must hold the secret");
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(given: &[(&'static str, &str)], from: &str) -> Layer {
        let given = given.iter().map(|(name, text)| {
            let setting = table::find(name).unwrap();
            (setting.name, Given { value: value_of(setting, text), from: format!("{from} {name}") })
        });
        given.collect()
    }

    fn chosen(layers: &[Layer]) -> Vec<(&'static str, String)> {
        let Chosen(chosen) = Chosen::of(layers).unwrap();
        chosen.iter().map(|(name, given)| (*name, given.value.clone().into_string().unwrap())).collect()
    }

    #[test]
    fn a_slip_is_told_with_the_name_that_was_meant() {
        let name = |setting: &Setting| setting.name.to_owned();
        assert_eq!(no_setting("listne", name), "`listne` is no setting; do you mean `listen`?");
        assert_eq!(
            no_setting("FOODFLOW_NEO4J_PASWORD", Setting::variable),
            "`FOODFLOW_NEO4J_PASWORD` is no setting; do you mean `FOODFLOW_NEO4J_PASSWORD`?"
        );
        assert!(no_setting("xyz", name).contains("OPERATIONS.md"));
    }

    #[test]
    fn what_is_given_above_wins_and_an_empty_text_is_the_default() {
        let file = layer(&[("neo4j_user", "one"), ("neo4j_database", "one"), ("data", "one")], "file");
        let variables = layer(&[("neo4j_user", "0123"), ("neo4j_database", " ")], "variable");
        let expected = [("data", "one".to_owned()), ("neo4j_user", "0123".to_owned())];
        assert_eq!(chosen(&[file, variables]), expected);
    }

    #[test]
    fn a_secret_stands_in_a_file_or_is_given_and_the_upper_layer_says_which() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "s3cret \n").unwrap();
        let named = layer(&[("neo4j_password_file", path.to_str().unwrap())], "variable");
        let given = layer(&[("neo4j_password", "given")], "file");
        let read = chosen(&[given.clone(), named.clone()]);
        assert!(read.contains(&("neo4j_password", "s3cret ".to_owned())), "{read:?}");
        assert_eq!(chosen(&[named.clone(), given.clone()]), [("neo4j_password", "given".to_owned())]);
        let both = named.into_iter().chain(given).collect();
        let error = Chosen::of(&[both]).unwrap_err().to_string();
        assert!(error.contains("leave one of them out"), "{error}");
    }

    #[test]
    fn a_file_without_a_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &Path| {
            let named = layer(&[("neo4j_password_file", path.to_str().unwrap())], "variable");
            format!("{:#}", Chosen::of(&[named]).unwrap_err())
        };
        let path = folder.path().join("password");
        assert!(refused(&path).contains("cannot read the secret of "));
        std::fs::write(&path, "\n").unwrap();
        assert!(refused(&path).contains("is empty"));
        std::fs::write(&path, "x".repeat(65_537)).unwrap();
        assert!(refused(&path).contains("too large"));
    }
}
