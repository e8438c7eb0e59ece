//! Which servers and streams the JetStream adapter accepts.

use std::time::Duration;

use foodflow_log::event_log::PARTITIONS_DEFAULT;
use foodflow_log::nats::{NatsConfig, NatsLog};
use foodflow_log::{EventLog as _, LogError, Partition, Position};
use foodflow_testkit::servers::NatsServer;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{append_new, tenant_in};

/// Speaks as much of the protocol as a client needs to be told `answer` to its first ping.
async fn pretend_to_be(stream: TcpStream, version: &str, answer: &str) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let info = format!(
        r#"INFO {{"server_id":"OLD","server_name":"old","version":"{version}","go":"go1.19","host":"127.0.0.1","port":4222,"headers":true,"max_payload":1048576,"proto":1,"jetstream":true}}"#
    );
    stream.write_all(format!("{info}\r\n").as_bytes()).await?;
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        if line.starts_with("PING") {
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
        line.clear();
    }
    Ok(())
}

#[tokio::test]
async fn an_old_server_is_refused_with_the_way_out() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        pretend_to_be(stream, "2.9.10", "PONG").await
    });
    let outcome = NatsLog::connect(NatsConfig::new(format!("nats://plant:s3cret@{address}"))).await;
    let error = outcome.err().expect("an old server is refused");
    assert!(
        matches!(&error, LogError::UnsupportedServer { found, required, .. } if found == "2.9.10" && required == "2.14.6"),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.contains("2.9.10") && text.contains("go install github.com/nats-io/nats-server/v2@"),
        "{text}"
    );
    assert!(text.contains(&format!("nats://{address}")) && !text.contains("s3cret"), "{text}");
    server.abort();
    Ok(())
}

#[tokio::test]
async fn refused_credentials_are_a_matter_of_configuration() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        pretend_to_be(stream, "2.15.2", "-ERR 'Authorization Violation'").await
    });
    let error = NatsLog::connect(NatsConfig::new(format!("nats://plant:s3cret@{address}"))).await.err();
    let text = error.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(matches!(error, Some(LogError::Configuration { .. })), "{error:?}");
    assert!(text.contains(&address.to_string()) && !text.contains("s3cret"), "{text}");
    server.abort();
    Ok(())
}

#[tokio::test]
async fn no_server_is_an_error_and_not_a_wait() -> anyhow::Result<()> {
    let free = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let connect = NatsLog::connect(NatsConfig::new(format!("nats://plant:s3cret@{free}")));
    let outcome = tokio::time::timeout(Duration::from_secs(10), connect).await?;
    let error = outcome.err().expect("nobody listens there");
    assert!(matches!(error, LogError::Unavailable { .. }), "{error:?}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_number_of_partitions_is_settled_at_creation() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let seven = NatsLog::connect(NatsConfig::new(server.url()).with_partitions(7)).await?;
    assert_eq!(seven.partition_count(), 7);
    append_new(&seven, tenant_in(&seven, Partition(6)), 2).await?;

    let found = NatsLog::connect(NatsConfig::new(server.url())).await?;
    assert_eq!(found.partition_count(), 7);
    assert_eq!(found.head(Partition(6)).await?, Position(2));
    assert_eq!(found.describe(), server.url());

    let error = NatsLog::connect(NatsConfig::new(server.url()).with_partitions(4)).await.err();
    let text = error.map(|error| (matches!(error, LogError::Configuration { .. }), error.to_string()));
    assert!(matches!(&text, Some((true, text)) if text.contains("7 partitions, not 4")), "{text:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_create_the_log_at_once_agree() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let connects = (0..8).map(|_| NatsLog::connect(NatsConfig::new(server.url())));
    for log in futures::future::join_all(connects).await {
        assert_eq!(log?.partition_count(), PARTITIONS_DEFAULT);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_stream_under_the_logs_name_is_refused() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let client = async_nats::connect(server.url()).await?;
    let foreign = async_nats::jetstream::stream::Config {
        name: "FF_EVENTS_0".to_owned(),
        subjects: vec!["orders.>".to_owned()],
        ..Default::default()
    };
    async_nats::jetstream::new(client).create_stream(foreign).await?;
    let error = NatsLog::connect(NatsConfig::new(server.url())).await.err().expect("not a log");
    assert!(matches!(error, LogError::Configuration { .. }), "{error:?}");
    assert!(error.to_string().contains("FF_EVENTS_0"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_cannot_be_deleted_or_purged() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let log = NatsLog::connect(NatsConfig::new(server.url()).with_partitions(1)).await?;
    append_new(&log, tenant_in(&log, Partition(0)), 3).await?;
    let context = async_nats::jetstream::new(async_nats::connect(server.url()).await?);
    let stream = context.get_stream("FF_EVENTS_0").await?;
    assert!(stream.delete_message(2).await.is_err());
    assert!(stream.purge().await.is_err());
    assert_eq!(log.head(Partition(0)).await?, Position(3));
    Ok(())
}
