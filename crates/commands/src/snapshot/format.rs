//! A snapshot as it is written: JSON that says of itself what it holds.

use std::borrow::Cow;

use foodflow_domain::{StreamAggregate, TenantId};
use foodflow_log::{Keyring, PayloadHash, Position, Record};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Place, Standing};
use crate::loaded::Loaded;
use crate::remembered::Remembered;

#[derive(Serialize, Deserialize)]
struct Written<'a> {
    tenant: TenantId,
    /// `<context>.<aggregate>.<id>`
    #[serde(borrow)]
    stream: Cow<'a, str>,
    /// The aggregate's `STATE_SHAPE`.
    shape: u32,
    /// Number of events so far.
    version: u64,
    /// Position of the stream's last message.
    position: Position,
    /// Hash of that message.
    hash: PayloadHash,
    /// Hash of `commands` and `state` as they stand here.
    digest: PayloadHash,
    #[serde(borrow)]
    commands: &'a RawValue,
    #[serde(borrow)]
    state: &'a RawValue,
}

impl Written<'_> {
    fn is_of(&self, place: &Place) -> bool {
        self.tenant == place.tenant && self.stream == place.stream.to_string()
    }
}

/// Why a snapshot is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// It cannot be read.
    Undecodable,
    /// It is not what was written.
    Damaged,
    /// The keys of a person in it cannot be had.
    Sealed,
    /// It is of another stream.
    OtherStream,
    /// It was written by a program whose states look otherwise.
    OtherShape,
    /// The stream does not hold what it was made of.
    OtherHistory,
}

impl Rejection {
    /// One word, for metrics and logs.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Damaged => "damaged",
            Self::Sealed => "sealed",
            Self::OtherStream => "other-stream",
            Self::OtherShape => "other-shape",
            Self::OtherHistory => "other-history",
        }
    }
}

/// A stored snapshot, not yet held against the log.
pub(crate) struct Found<A> {
    /// Revision of its record.
    pub(crate) revision: u64,
    pub(crate) loaded: Result<Loaded<A>, Rejection>,
}

/// The snapshot of a loaded aggregate, whose state is `state` with personal data sealed.
pub(crate) fn encode<A: StreamAggregate>(
    loaded: &Loaded<A>,
    place: &Place,
    state: &RawValue,
) -> Result<Vec<u8>, serde_json::Error> {
    let commands = serde_json::value::to_raw_value(&loaded.commands)?;
    serde_json::to_vec(&Written {
        tenant: place.tenant,
        stream: place.stream.to_string().into(),
        shape: A::STATE_SHAPE,
        version: loaded.version,
        position: loaded.position,
        hash: loaded.hash,
        digest: digest(&commands, state),
        commands: &commands,
        state,
    })
}

/// Reads the snapshot of an aggregate.
pub(super) async fn decode<A: StreamAggregate>(
    record: &Record,
    place: &Place,
    keyring: &Keyring,
) -> Found<A> {
    Found { revision: record.revision, loaded: read(&record.value, place, keyring).await }
}

async fn read<A: StreamAggregate>(
    value: &[u8],
    place: &Place,
    keyring: &Keyring,
) -> Result<Loaded<A>, Rejection> {
    let written: Written<'_> = serde_json::from_slice(value).map_err(|_| Rejection::Undecodable)?;
    if !written.is_of(place) {
        return Err(Rejection::OtherStream);
    }
    if written.shape != A::STATE_SHAPE {
        return Err(Rejection::OtherShape);
    }
    if written.digest != digest(written.commands, written.state) {
        return Err(Rejection::Damaged);
    }
    let commands: Remembered =
        serde_json::from_str(written.commands.get()).map_err(|_| Rejection::Undecodable)?;
    if written.version == 0 {
        return Err(Rejection::Undecodable);
    }
    let opened = keyring.open_text(place.tenant, written.state.get()).await.map_err(|error| {
        tracing::debug!(stream = %place.stream, %error, "a snapshot cannot be opened");
        Rejection::Sealed
    })?;
    let is_personal = opened.is_some();
    let state = opened.as_deref().unwrap_or(written.state.get());
    let state = serde_json::from_str(state).map_err(|_| Rejection::Undecodable)?;
    let (version, position, hash) = (written.version, written.position, written.hash);
    Ok(Loaded { state, version, position, hash, commands, tail_messages: 0, is_personal })
}

/// What a stored snapshot says of itself; `None` where it cannot be one of this stream.
pub(super) fn standing(value: &[u8], place: &Place) -> Option<Standing> {
    let written: Written<'_> = serde_json::from_slice(value).ok()?;
    let Written { shape, position, .. } = written;
    written.is_of(place).then_some(Standing { shape, position })
}

fn digest(commands: &RawValue, state: &RawValue) -> PayloadHash {
    PayloadHash::of(format!("{}\n{}", commands.get(), state.get()).as_bytes())
}
