//! Signing in to NATS with what the settings say, on real servers.

use foodflow_testkit::servers::NatsServer;

use super::{Ended, Place};

/// The example of NATS's own documentation.
const NKEY_SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
const NKEY: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

fn migrate(place: &Place, url: &str, settings: &[(&str, &str)]) -> Ended {
    let mut command = place.command(&["migrate", "--log-url", url]);
    for (name, value) in settings {
        command.arg("--set").arg(format!("{name}={value}"));
    }
    Ended::of(command.output().unwrap())
}

#[tokio::test]
async fn a_password_a_token_and_a_seed_are_read_from_files() {
    let place = Place::empty();
    assert_eq!(place.run(&["keys", "init"]).code, Some(0));
    type Settings<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, &str, Settings<'_>); 3] = [
        (
            "user: plant, password: s3cret",
            "s3cret\n",
            &[("nats_user", "plant"), ("nats_password_file", "secret")],
        ),
        ("token: s3cret", "s3cret\n", &[("nats_token_file", "secret")]),
        (&format!("users: [{{ nkey: {NKEY} }}]"), NKEY_SEED, &[("nats_nkey_file", "secret")]),
    ];
    for (authorization, secret, settings) in cases {
        let server = NatsServer::start_with(authorization).await.unwrap();
        std::fs::write(place.path().join("secret"), secret).unwrap();
        let ended = migrate(&place, server.url(), settings);
        assert_eq!(ended.code, Some(0), "{authorization}: {ended}");
        let ended = migrate(&place, server.url(), &[]);
        assert_eq!(ended.code, Some(1), "{authorization}: {ended}");

        let address = server.url().replace("nats://", "nats://other:s3cret@");
        let ended = migrate(&place, &address, settings);
        assert!(ended.code == Some(1) && ended.stderr.contains("leave them out of the address"), "{ended}");
        assert!(!ended.stderr.contains("s3cret"), "{ended}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_shown() {
    let place = Place::empty();
    let server = NatsServer::start_with("user: plant, password: s3cret").await.unwrap();
    let ended = migrate(&place, server.url(), &[("nats_user", "plant"), ("nats_password", "wr0ng")]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.contains("error: ") && !ended.stderr.contains("wr0ng"), "{ended}");
}
