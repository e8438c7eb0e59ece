//! A snapshot as it is written: JSON that says of itself what it holds.

use std::borrow::Cow;

use foodflow_domain::{StreamAggregate, TenantId};
use foodflow_log::{PayloadHash, Position, Record};
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

/// The snapshot of a loaded aggregate.
pub(crate) fn encode<A: StreamAggregate>(
    loaded: &Loaded<A>,
    place: &Place,
) -> Result<Vec<u8>, serde_json::Error> {
    let commands = serde_json::value::to_raw_value(&loaded.commands)?;
    let state = serde_json::value::to_raw_value(&loaded.state)?;
    serde_json::to_vec(&Written {
        tenant: place.tenant,
        stream: place.stream.to_string().into(),
        shape: A::STATE_SHAPE,
        version: loaded.version,
        position: loaded.position,
        hash: loaded.hash,
        digest: digest(&commands, &state),
        commands: &commands,
        state: &state,
    })
}

/// Reads the snapshot of an aggregate.
pub(super) fn decode<A: StreamAggregate>(record: &Record, place: &Place) -> Found<A> {
    Found { revision: record.revision, loaded: read(&record.value, place) }
}

fn read<A: StreamAggregate>(value: &[u8], place: &Place) -> Result<Loaded<A>, Rejection> {
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
    let state = serde_json::from_str(written.state.get()).map_err(|_| Rejection::Undecodable)?;
    let (version, position, hash) = (written.version, written.position, written.hash);
    Ok(Loaded { state, version, position, hash, commands, tail_messages: 0 })
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
