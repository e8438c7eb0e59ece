//! One holder of a name: an e-mail address, the name of a role or service account, an identity at a foreign provider.
//!
//! The stream's id derives from the name; of a name that is about a person, under a key ([`Reservation`] never holds
//! the name itself). It is written in the same commit as what it guards.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::IdentityError;
use crate::{Context, aggregate, event_set};

/// A name was taken or given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameHeld {
    /// What kind of name, as [`NameKind`] writes it.
    pub kind: String,
    /// The stream's own id, which stands for the name.
    pub reservation_id: Uuid,
    /// Who holds it.
    pub holder: Uuid,
}

event_set! {
    /// Events of a reservation.
    pub enum ReservationEvent {
        /// The name was taken.
        Taken(NameHeld) = "foodflow.identity.reservation.taken.v1",
        /// The name is free again.
        GivenUp(NameHeld) = "foodflow.identity.reservation.given_up.v1",
    }
}

/// What kind of name is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// The address by which a user logs in.
    Email,
    /// The name of a role.
    Role,
    /// A subject at a foreign provider.
    ForeignIdentity,
    /// The name of a service account.
    ServiceAccount,
}

impl NameKind {
    /// For people, and in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "e-mail address",
            Self::Role => "role name",
            Self::ForeignIdentity => "foreign identity",
            Self::ServiceAccount => "service account name",
        }
    }
}

/// What may be asked of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationCommand {
    /// Take the name.
    Take {
        /// What kind of name.
        kind: NameKind,
        /// The stream's own id.
        reservation_id: Uuid,
        /// For whom.
        holder: Uuid,
    },
    /// Give it up, where the holder has it.
    GiveUp {
        /// What kind of name.
        kind: NameKind,
        /// The stream's own id.
        reservation_id: Uuid,
        /// Who had it.
        holder: Uuid,
    },
}

/// State of a reservation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Who holds the name now.
    pub holder: Option<Uuid>,
}

impl Reservation {
    fn decide(
        &self,
        command: ReservationCommand,
        _: &Context,
    ) -> Result<Vec<ReservationEvent>, IdentityError> {
        match command {
            ReservationCommand::Take { kind, reservation_id, holder } => match self.holder {
                Some(other) if other == holder => Ok(vec![]),
                Some(_) => Err(IdentityError::Taken { what: kind.as_str() }),
                None => {
                    let kind = kind.as_str().to_owned();
                    Ok(vec![ReservationEvent::Taken(NameHeld { kind, reservation_id, holder })])
                }
            },
            ReservationCommand::GiveUp { kind, reservation_id, holder } if self.holder == Some(holder) => {
                let kind = kind.as_str().to_owned();
                Ok(vec![ReservationEvent::GivenUp(NameHeld { kind, reservation_id, holder })])
            }
            ReservationCommand::GiveUp { .. } => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: ReservationEvent) {
        self.holder = match event {
            ReservationEvent::Taken(name) => Some(name.holder),
            ReservationEvent::GivenUp(_) => None,
        };
    }
}

aggregate!(Reservation, "identity", "reservation", ReservationCommand, ReservationEvent, IdentityError);
