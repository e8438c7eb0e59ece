//! How the events of one aggregate are named, written and read.
//!
//! Every event has one CloudEvents `type`: `foodflow.<context>.<aggregate>.<past-tense>.v<n>`. The name is
//! written once, in [`event_set!`](crate::event_set!); serialization, decoding and cqrs-es all use it.

use serde_json::value::RawValue;

use crate::upcast::Upcaster;

/// The events of one aggregate.
pub trait EventSet: cqrs_es::DomainEvent {
    /// Every CloudEvents type of this set, in order of declaration.
    const TYPES: &'static [&'static str];

    /// Steps from every older version that was ever written, each to the next.
    const OLDER: &'static [Upcaster];

    /// Whether events of this type are read, be it as written today or as an older version.
    #[must_use]
    fn reads(type_name: &str) -> bool {
        Self::TYPES.contains(&type_name) || Self::OLDER.iter().any(|older| older.from == type_name)
    }

    /// The CloudEvents type of this event.
    fn type_name(&self) -> &'static str;

    /// The event's data as a JSON object.
    ///
    /// # Errors
    /// Only if a value cannot be written as JSON.
    fn data(&self) -> Result<Box<RawValue>, serde_json::Error>;

    /// Reads the data of an event of type `type_name`, upcast where that is an older version; `None` where the type is
    /// not of this set.
    ///
    /// # Errors
    /// Where the data does not fit the type.
    fn decode(type_name: &str, data: &str) -> Result<Option<Self>, serde_json::Error>;
}

/// Declares the enum of an aggregate's events from `Variant(Payload) = "type"` lines, and after them how older
/// versions are read: `older { "….v1" => "….v2" by step, }`, each a step of [`Upcaster`].
#[macro_export]
macro_rules! event_set {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$vdoc:meta])* $variant:ident($payload:ty) = $type:literal,)* }
     $(older { $($from:literal => $to:literal by $step:path,)* })?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[allow(clippy::large_enum_variant, reason = "events are moved, not stored in bulk")]
        #[serde(tag = "type", content = "data")]
        $vis enum $name {
            $($(#[$vdoc])* #[serde(rename = $type)] $variant($payload),)*
        }

        impl cqrs_es::DomainEvent for $name {
            fn event_type(&self) -> String {
                $crate::EventSet::type_name(self).to_owned()
            }

            fn event_version(&self) -> String {
                let name = $crate::EventSet::type_name(self);
                name.rsplit_once(".v").map_or("1", |(_, version)| version).to_owned()
            }
        }

        impl $crate::EventSet for $name {
            const TYPES: &'static [&'static str] = &[$($type),*];
            const OLDER: &'static [$crate::upcast::Upcaster] =
                &[$($($crate::upcast::Upcaster { from: $from, to: $to, step: $step },)*)?];

            fn type_name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $type,)* }
            }

            fn data(&self) -> Result<Box<serde_json::value::RawValue>, serde_json::Error> {
                match self { $(Self::$variant(payload) => serde_json::value::to_raw_value(payload),)* }
            }

            fn decode(type_name: &str, data: &str) -> Result<Option<Self>, serde_json::Error> {
                match type_name {
                    $($type => serde_json::from_str(data).map(|payload| Some(Self::$variant(payload))),)*
                    _ => match $crate::upcast::upcast(Self::OLDER, type_name, data)? {
                        Some((reached, data)) if Self::TYPES.contains(&reached) => {
                            Self::decode(reached, &data.to_string())
                        }
                        _ => Ok(None),
                    },
                }
            }
        }
    };
}
