//! Signs what a log holds, as `foodflow audit checkpoint` does.

use ed25519_dalek::SigningKey;
use foodflow_log::audit::{
    AuditRecord, CheckpointStatement, KeyId, KeyStatement, Trail, TrailError, TrailStore,
};
use foodflow_log::hex::Hex;
use foodflow_log::{ChainVerifier, EventLog, Partition, Position};
use jiff::Timestamp;
use uuid::Uuid;

use crate::support::everything_in;

const LOG: Uuid = Uuid::from_u128(7);

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

async fn trail(log: &dyn EventLog) -> anyhow::Result<Trail> {
    let mut trail = Trail::default();
    TrailStore(&*log.records()).follow(&mut trail, |_, _| Ok::<_, TrailError>(())).await?;
    Ok(trail)
}

async fn add(log: &dyn EventLog, trail: &mut Trail, record: &AuditRecord) -> anyhow::Result<()> {
    assert!(TrailStore(&*log.records()).add(trail, record).await?);
    Ok(())
}

/// Introduces the key `next`, signed by the one before it, if there is one.
pub(crate) async fn introduce(log: &dyn EventLog, signer: u8, next: u8) -> anyhow::Result<()> {
    let mut trail = trail(log).await?;
    let (signer, next) = (key(signer), key(next));
    let statement = KeyStatement {
        log: LOG,
        number: trail.next_number(),
        previous: trail.last_hash(),
        key: KeyId::of_signer(&next),
        public_key: Hex(next.verifying_key().to_bytes()),
        previous_key: trail.keys().last_hash(),
        signed_at: trail.signing_time(Timestamp::UNIX_EPOCH),
        signed_by: KeyId::of_signer(&signer),
    };
    add(log, &mut trail, &AuditRecord::Key(statement.sign(&signer, &next)?)).await
}

/// Signs what every partition holds, with the key `signer`, which is in force.
pub(crate) async fn checkpoint(log: &dyn EventLog, signer: u8) -> anyhow::Result<()> {
    let mut trail = trail(log).await?;
    for partition in (0..log.partition_count()).map(Partition) {
        let mut verifier = ChainVerifier::new();
        for message in everything_in(log, partition).await? {
            verifier.check(&message)?;
        }
        if verifier.position() == trail.covered(partition) {
            continue;
        }
        let statement = CheckpointStatement {
            log: LOG,
            number: trail.next_number(),
            previous: trail.last_hash(),
            partition,
            size: Position(verifier.tree().size()),
            root: verifier.tree().root(),
            last: verifier.leaf(),
            peaks: verifier.tree().peaks().to_vec(),
            recorded_until: verifier.so_far().recorded_until.expect("it holds something"),
            signed_at: trail.signing_time(Timestamp::UNIX_EPOCH),
            key: KeyId::of_signer(&key(signer)),
        };
        add(log, &mut trail, &AuditRecord::Checkpoint(statement.sign(&key(signer))?)).await?;
    }
    Ok(())
}
