//! Who is known is not told by how long an answer takes.

use std::time::{Duration, Instant};

use foodflow_testkit::{Stores, TestApp};

use super::{Plant, email, log_in};

#[tokio::test]
async fn a_login_takes_as_long_for_who_is_unknown() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let plant = Plant::new(app).await?;
    let visitor = plant.admin.with_token("none");
    let fastest = async |name: &str| -> anyhow::Result<Duration> {
        let mut fastest = Duration::MAX;
        // Fewer than lock an account.
        for _ in 0..4 {
            let began = Instant::now();
            log_in(&visitor, &email(name, &plant.slug), "not the password")
                .await?
                .refused(401, "login-refused");
            fastest = fastest.min(began.elapsed());
        }
        Ok(fastest)
    };
    let (known, unknown) = (fastest("admin").await?, fastest("nobody").await?);
    let hash = Duration::from_millis(5);
    assert!(known > hash && unknown > hash, "a hash is computed for both: {known:?}, {unknown:?}");
    assert!(
        unknown > known / 3 && known > unknown / 3,
        "{known:?} for who is known, {unknown:?} for who is not"
    );
    Ok(())
}
