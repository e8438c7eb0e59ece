//! Users, sessions, roles and keys.

mod guards;
mod logins;
mod properties;
mod roles;
mod second_factor;
mod service_accounts;
mod sessions;
mod users;

use std::collections::BTreeSet;

use cqrs_es::Aggregate;
use foodflow_domain::identity::IdentityError;
use foodflow_domain::{Context, DomainProblem as _};
use jiff::{SignedDuration, Timestamp};

use crate::support::{NOW, at, decide_at};

/// An aggregate, what is asked of it, and when.
#[derive(Debug, Clone)]
pub(crate) struct Story<A> {
    pub(crate) state: A,
    pub(crate) now: Timestamp,
}

impl<A: Aggregate<Services = Context, Error = IdentityError>> Story<A> {
    pub(crate) fn begin() -> Self {
        Self { state: A::default(), now: at(NOW) }
    }

    pub(crate) fn after<const N: usize>(commands: [A::Command; N]) -> Self {
        let mut story = Self::begin();
        for command in commands {
            story.ask(command).unwrap();
        }
        story
    }

    pub(crate) fn wait_s(&mut self, seconds: i64) -> &mut Self {
        self.now += SignedDuration::from_secs(seconds);
        self
    }

    pub(crate) fn wait_hours(&mut self, hours: i64) -> &mut Self {
        self.wait_s(hours * 3_600)
    }

    pub(crate) fn ask(&mut self, command: A::Command) -> Result<Vec<A::Event>, IdentityError> {
        decide_at(&mut self.state, self.now, command)
    }

    /// The one event that follows.
    pub(crate) fn event(&mut self, command: A::Command) -> A::Event {
        let mut events = self.ask(command).unwrap();
        let event = events.pop().expect("an event");
        assert!(events.is_empty(), "one event: {events:?} before {event:?}");
        event
    }

    /// The code of the refusal; it changes nothing.
    pub(crate) fn refusal(&mut self, command: A::Command) -> &'static str {
        self.ask(command).expect_err("it was not refused").code()
    }
}

#[test]
fn no_two_refusals_share_a_code() {
    let source = include_str!("../../src/identity/error.rs");
    let codes = source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split('"').nth(1));
    let declared: Vec<&str> = codes.collect();
    assert_eq!(declared.len(), declared.iter().collect::<BTreeSet<_>>().len());
    assert_eq!(declared.len(), 16);
}
