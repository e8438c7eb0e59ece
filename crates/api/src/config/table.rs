//! What there is to say of every setting, from one list: the field, its default, its meaning, how it is written.

use jiff::SignedDuration;
use serde_json::Value;

/// How a setting is written, and whether it may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text, also where it looks like a number.
    Text,
    /// A number, or `true` or `false`.
    Value,
    /// Never shown; may stand in a file of its own, which the setting `<name>_file` names.
    Secret,
    /// An address that may hold a password: shown without. Else as a secret.
    Address,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in a file; in upper case and with `FOODFLOW_` before it, that of its variable.
    pub name: &'static str,
    /// How it is written.
    pub kind: Kind,
    meaning: &'static str,
}

impl Setting {
    pub(super) const fn new(name: &'static str, kind: Kind, meaning: &'static str) -> Self {
        Self { name, kind, meaning }
    }

    /// What it means, as one text.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        self.meaning.trim().trim_end_matches('.')
    }

    /// Its variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_ascii_uppercase())
    }

    /// Whether its value must not be shown as it stands.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret | Kind::Address)
    }

    /// The setting that names a file with the secret.
    #[must_use]
    pub fn file_setting(&self) -> Option<&'static Self> {
        let file = format!("{}_file", self.name);
        self.is_secret().then(|| find(&file)).flatten()
    }
}

/// What every variable begins with.
pub(super) const PREFIX: &str = "FOODFLOW_";

/// The setting of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Setting> {
    super::SETTINGS.iter().find(|setting| setting.name == name)
}

/// A value as people write it; `None` where there is none.
#[must_use]
pub fn written(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        // ISO 8601 is for machines.
        Value::String(text) if text.starts_with("PT") => {
            Some(text.parse::<SignedDuration>().map_or_else(|_| text.clone(), |time| format!("{time:#}")))
        }
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Makes `Config`, its defaults and `SETTINGS` of one list.
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr, $kind:ident;)+) => {
        /// The settings.
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Config {$(
            $(#[doc = $doc])+
            pub $name: $type,
        )+}

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        /// Every setting, in the order of the documentation.
        pub const SETTINGS: &[Setting] =
            &[$(Setting::new(stringify!($name), Kind::$kind, concat!($($doc),+)),)+];
    };
}
