//! Reservations, the genealogy's turn and command records.

use foodflow_domain::food_graph::FoodGraphError;
use foodflow_domain::food_graph::guards::{
    CommandAccepted, CommandRecord, CommandRecordCommand, CommandRecordEvent, Genealogy, GenealogyAmended,
    GenealogyCommand, GenealogyEvent, NameHeld, Reservation, ReservationCommand, ReservationEvent,
};
use foodflow_domain::ids::{CommandId, TenantId, derive, reservation};

use crate::support::{decide, id, replay};

fn name(holder: u128) -> NameHeld {
    NameHeld { kind: "lot number".to_owned(), name: "MP-0417".to_owned(), holder: id(holder) }
}

#[test]
fn a_name_has_one_holder_at_a_time() {
    use ReservationCommand::{GiveUp, Take};
    use ReservationEvent::{GivenUp, Taken};
    let taken = FoodGraphError::AlreadyExists { what: "the", id: "lot number MP-0417".to_owned() };
    let scenarios = [
        ("taken", vec![], Take(name(1)), Ok(vec![Taken(name(1))])),
        ("taken again by its holder", vec![Taken(name(1))], Take(name(1)), Ok(vec![])),
        ("taken by another", vec![Taken(name(1))], Take(name(2)), Err(taken)),
        ("given up", vec![Taken(name(1))], GiveUp(name(1)), Ok(vec![GivenUp(name(1))])),
        ("given up by another", vec![Taken(name(1))], GiveUp(name(2)), Ok(vec![])),
        ("given up while free", vec![], GiveUp(name(1)), Ok(vec![])),
        ("given up twice", vec![Taken(name(1)), GivenUp(name(1))], GiveUp(name(1)), Ok(vec![])),
        (
            "taken once it is free",
            vec![Taken(name(1)), GivenUp(name(1))],
            Take(name(2)),
            Ok(vec![Taken(name(2))]),
        ),
    ];
    for (label, given, when, then) in scenarios {
        assert_eq!(decide::<Reservation>(&given, when), then, "{label}");
    }
    assert_eq!(replay::<Reservation>(&[Taken(name(1))]).holder, Some(id(1)));
    assert_eq!(replay::<Reservation>(&[Taken(name(1)), GivenUp(name(1))]).holder, None);
}

#[test]
fn every_amendment_takes_a_turn() {
    let amended = GenealogyAmended { transformation_id: id(200) };
    let event = GenealogyEvent::Amended(amended);
    let given = [event.clone(), event.clone()];
    assert_eq!(decide::<Genealogy>(&given, GenealogyCommand::Amend(amended)), Ok(vec![event]));
    assert_eq!(replay::<Genealogy>(&given).amendments, 2);
}

#[test]
fn a_command_is_remembered_once() {
    let accepted = CommandAccepted { operation: "receipts".to_owned() };
    let event = CommandRecordEvent::Accepted(accepted.clone());
    let accept = || CommandRecordCommand::Accept(accepted.clone());
    assert_eq!(decide::<CommandRecord>(&[], accept()), Ok(vec![event.clone()]));
    let twice = FoodGraphError::AlreadyExists { what: "command of", id: "receipts".to_owned() };
    assert_eq!(decide::<CommandRecord>(std::slice::from_ref(&event), accept()), Err(twice));
    assert_eq!(replay::<CommandRecord>(&[event]).operation.as_deref(), Some("receipts"));
}

#[test]
fn derived_ids_differ_by_tenant_command_and_role_and_never_by_chance() {
    let (tenant, other_tenant): (TenantId, TenantId) = (id(1), id(2));
    let (command, other_command): (CommandId, CommandId) = (id(3), id(4));
    let batch = derive(tenant, command, "batch/0");
    assert_eq!(batch, derive(tenant, command, "batch/0"));
    for other in [
        derive(other_tenant, command, "batch/0"),
        derive(tenant, other_command, "batch/0"),
        derive(tenant, command, "batch/1"),
        reservation(tenant, "lot number", "batch/0"),
    ] {
        assert_ne!(batch, other);
    }
    let held = reservation(tenant, "lot number", "MP-0417");
    assert_eq!(held, reservation(tenant, "lot number", "MP-0417"));
    assert_ne!(held, reservation(other_tenant, "lot number", "MP-0417"));
    assert_ne!(held, reservation(tenant, "SKU code", "MP-0417"));
    assert_ne!(held, reservation(tenant, "lot number", "MP-0418"));
    // Written into logs, so they may never change.
    assert_eq!(batch.to_string(), "b3c22571-5c8f-5f11-8056-81586e116614");
    assert_eq!(held.to_string(), "c44fcb0d-c21f-535b-9714-6ad7fee24582");
}
