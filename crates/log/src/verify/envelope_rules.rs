//! What one message must say by itself: valid CloudEvents that agree with the message and with each other.

use uuid::{Uuid, Version};

use super::broken_link::{At, BrokenLink, Rule};
use crate::envelope::Envelope;
use crate::event_log::StoredMessage;

/// Checks every event of `message`: `first` and those after it.
pub(super) fn check(
    at: &At<'_>,
    message: &StoredMessage,
    first: &Envelope,
    rest: &[Envelope],
) -> Result<(), BrokenLink> {
    let source = format!("foodflow/{}", message.tenant);
    let subject = format!("{}/{}", message.stream.aggregate, message.stream.id);
    let types = format!("foodflow.{}.{}.", message.stream.context, message.stream.aggregate);
    for event in std::iter::once(first).chain(rest) {
        let at = at.event(event);
        at.same(Rule::Envelope, "specversion", &"1.0", &event.specversion.as_str())?;
        at.same(Rule::Envelope, "datacontenttype", &"application/json", &event.datacontenttype.as_str())?;
        at.same(Rule::Envelope, "tenantid", &message.tenant, &event.tenantid)?;
        at.same(Rule::Envelope, "source", &source, &event.source)?;
        at.same(Rule::Envelope, "subject", &subject, &event.subject)?;
        if !is_type(&event.event_type, &types) {
            let expected = format!("a type {types}<past-tense>.v<number>");
            return Err(at.broken(Rule::Envelope, expected, &event.event_type));
        }
        if event.id.get_version() != Some(Version::SortRand) {
            return Err(at.broken(Rule::Envelope, "an event id that is a UUID of version 7", event.id));
        }
        if !event.data.get().starts_with('{') {
            return Err(at.broken(Rule::Envelope, "data that is a JSON object", "another JSON value"));
        }
    }
    rest.iter().try_for_each(|event| agrees(&at.event(event), first, event))
}

fn is_type(event_type: &str, begins: &str) -> bool {
    let Some((name, version)) = event_type.strip_prefix(begins).and_then(|rest| rest.rsplit_once(".v"))
    else {
        return false;
    };
    let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    named && version.parse::<u32>().is_ok_and(|number| number >= 1)
}

/// What all events of a message share.
fn agrees(at: &At<'_>, first: &Envelope, event: &Envelope) -> Result<(), BrokenLink> {
    let causation = |event: &Envelope| event.causationid.unwrap_or(Uuid::nil());
    at.same(Rule::Agreement, "commandid", &first.commandid, &event.commandid)?;
    at.same(Rule::Agreement, "commandhash", &first.commandhash, &event.commandhash)?;
    at.same(Rule::Agreement, "correlationid", &first.correlationid, &event.correlationid)?;
    at.same(Rule::Agreement, "causationid", &causation(first), &causation(event))?;
    at.same(Rule::Agreement, "actor", &first.actor, &event.actor)?;
    at.same(Rule::Agreement, "time", &first.time, &event.time)?;
    at.same(Rule::Agreement, "commitindex", &first.commitindex, &event.commitindex)?;
    at.same(Rule::Agreement, "commitsize", &first.commitsize, &event.commitsize)
}
