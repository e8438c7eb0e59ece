//! The server handles against the real servers: they answer, come back with their data, and leave nothing behind.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use foodflow_testkit::servers::launch::postgres::{PostgresProcess, create_database};
use foodflow_testkit::servers::launch::tools::NEO4J_VERSION;
use foodflow_testkit::servers::{NatsServer, Neo4jServer, PostgresServer, RedisServer, shared_nats_url};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(20);

/// A connection that speaks NATS's text protocol.
struct Wire {
    stream: BufReader<TcpStream>,
    info: serde_json::Value,
}

impl Wire {
    async fn open(url: &str) -> anyhow::Result<Self> {
        let authority = url.strip_prefix("nats://").context("no nats:// URL")?;
        let mut stream = BufReader::new(TcpStream::connect(authority).await?);
        let mut line = String::new();
        timeout(LIMIT, stream.read_line(&mut line)).await??;
        let info = serde_json::from_str(line.strip_prefix("INFO ").context("no INFO line")?)?;
        stream.get_mut().write_all(b"CONNECT {\"verbose\":false}\r\nSUB answers 1\r\n").await?;
        Ok(Self { stream, info })
    }

    /// Sends a request and returns the payload of its answer.
    async fn ask(&mut self, subject: &str, payload: &str) -> anyhow::Result<serde_json::Value> {
        let frame = format!("PUB {subject} answers {}\r\n{payload}\r\n", payload.len());
        self.stream.get_mut().write_all(frame.as_bytes()).await?;
        loop {
            let mut line = String::new();
            ensure!(timeout(LIMIT, self.stream.read_line(&mut line)).await?? > 0, "the server closed");
            if line.starts_with("MSG ") {
                let length: usize = line.trim_end().rsplit(' ').next().context("no length")?.parse()?;
                let mut bytes = vec![0; length];
                timeout(LIMIT, self.stream.read_exact(&mut bytes)).await??;
                return Ok(serde_json::from_slice(&bytes)?);
            }
            ensure!(!line.starts_with("-ERR"), "the server refused: {line}");
        }
    }
}

fn is_alive(process: u32) -> bool {
    // A zombie still has its folder, but no command line.
    std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| !line.is_empty())
}

async fn ends(process: u32) -> bool {
    for _ in 0..400 {
        if !is_alive(process) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    false
}

fn folder_of(process: u32) -> anyhow::Result<PathBuf> {
    let line = std::fs::read(format!("/proc/{process}/cmdline"))?;
    let last = line.split(|byte| *byte == 0).rfind(|word| !word.is_empty()).context("no arguments")?;
    let file = PathBuf::from(std::str::from_utf8(last)?);
    Ok(file.parent().context("no folder")?.to_owned())
}

#[tokio::test]
async fn nats_keeps_acknowledged_messages_through_kills() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let mut wire = Wire::open(server.url()).await?;
    assert_eq!(wire.info["jetstream"], true);
    let created = wire.ask("$JS.API.STREAM.CREATE.EV", r#"{"name":"EV","subjects":["ev.>"]}"#).await?;
    assert!(created["error"].is_null(), "{created}");
    for sequence in 1..=3 {
        assert_eq!(wire.ask("ev.lot", "received").await?["seq"], sequence);
    }
    let first_process = server.process_id();

    server.kill9().await?;
    assert_eq!(server.process_id(), None);
    assert!(Wire::open(server.url()).await.is_err());
    server.restart().await?;
    assert_ne!(server.process_id(), first_process);
    assert_eq!(Wire::open(server.url()).await?.ask("ev.lot", "received").await?["seq"], 4);

    server.terminate().await?;
    assert_eq!(server.process_id(), None);
    server.restart().await?;
    assert_eq!(Wire::open(server.url()).await?.ask("ev.lot", "received").await?["seq"], 5);
    assert!(server.log()?.contains("Server is ready"));
    Ok(())
}

#[tokio::test]
async fn a_dropped_nats_server_leaves_neither_process_nor_folder() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let process = server.process_id().context("the server is down")?;
    let folder = folder_of(process)?;
    assert!(is_alive(process) && folder.is_dir());
    drop(server);
    assert!(ends(process).await);
    assert!(!folder.exists());
    Ok(())
}

#[tokio::test]
async fn a_nats_server_that_cannot_start_shows_its_log() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    server.kill9().await?;
    let occupied = tokio::net::TcpListener::bind(server.url().replace("nats://", "")).await?;
    let error = server.restart().await.err().context("the port is taken, yet the server started")?;
    assert!(error.to_string().contains("address already in use"), "{error:#}");
    drop(occupied);
    server.restart().await?;
    assert_eq!(Wire::open(server.url()).await?.info["jetstream"], true);
    Ok(())
}

#[tokio::test]
async fn many_nats_servers_start_at_once() -> anyhow::Result<()> {
    let starts = (0..8).map(|_| tokio::spawn(NatsServer::start())).collect::<Vec<_>>();
    let mut urls = Vec::new();
    let mut servers = Vec::new();
    for start in starts {
        let server = start.await??;
        urls.push(server.url().to_owned());
        servers.push(server);
    }
    urls.sort();
    urls.dedup();
    assert_eq!(urls.len(), 8);
    Ok(())
}

#[tokio::test]
async fn the_shared_nats_server_answers() -> anyhow::Result<()> {
    let url = shared_nats_url().await?;
    assert_eq!(Wire::open(url).await?.info["jetstream"], true);
    assert_eq!(shared_nats_url().await?, url);
    Ok(())
}

/// One Bolt message in one chunk.
fn bolt_message(body: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut frame = u16::try_from(body.len())?.to_be_bytes().to_vec();
    frame.extend_from_slice(body);
    frame.extend_from_slice(&[0, 0]);
    Ok(frame)
}

/// The bytes of the next Bolt message, from its chunks.
async fn next_bolt_message(stream: &mut TcpStream) -> anyhow::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let length = usize::from(timeout(LIMIT, stream.read_u16()).await??);
        if length == 0 && !message.is_empty() {
            return Ok(message);
        }
        let mut chunk = vec![0; length];
        timeout(LIMIT, stream.read_exact(&mut chunk)).await??;
        message.extend_from_slice(&chunk);
    }
}

#[tokio::test]
async fn neo4j_answers_a_query_over_bolt() -> anyhow::Result<()> {
    let server = Neo4jServer::shared().await?;
    let authority = server.url().strip_prefix("bolt://").context("no bolt:// URL")?;
    let mut stream = TcpStream::connect(authority).await?;
    let only_4_4: [u8; 20] = [0x60, 0x60, 0xB0, 0x17, 0, 0, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    stream.write_all(&only_4_4).await?;
    let mut version = [0; 4];
    timeout(LIMIT, stream.read_exact(&mut version)).await??;
    assert_eq!(version, [0, 0, 4, 4]);

    // HELLO {user_agent: "testkit/1", scheme: "none"}
    let mut hello = vec![0xB1, 0x01, 0xA2];
    for word in ["user_agent", "testkit/1", "scheme", "none"] {
        hello.push(0x80 + u8::try_from(word.len())?);
        hello.extend_from_slice(word.as_bytes());
    }
    stream.write_all(&bolt_message(&hello)?).await?;
    assert_eq!(next_bolt_message(&mut stream).await?[1], 0x70, "HELLO is answered by SUCCESS");

    // RUN "RETURN 20 + 22" {} {}, then PULL {n: -1}
    let query = "RETURN 20 + 22";
    let mut run = vec![0xB3, 0x10, 0x80 + u8::try_from(query.len())?];
    run.extend_from_slice(query.as_bytes());
    run.extend_from_slice(&[0xA0, 0xA0]);
    stream.write_all(&bolt_message(&run)?).await?;
    stream.write_all(&bolt_message(&[0xB1, 0x3F, 0xA1, 0x81, b'n', 0xFF])?).await?;
    assert_eq!(next_bolt_message(&mut stream).await?[1], 0x70, "RUN is answered by SUCCESS");
    // RECORD [42]
    assert_eq!(next_bolt_message(&mut stream).await?, [0xB1, 0x71, 0x91, 42]);
    Ok(())
}

#[tokio::test]
async fn an_own_neo4j_server_ends_with_its_handle() -> anyhow::Result<()> {
    let server = Neo4jServer::start().await?;
    let process = server.process_id().context("no process")?;
    assert!(is_alive(process));
    drop(server);
    assert!(ends(process).await);
    Ok(())
}

/// Where the cluster of a PostgreSQL process lies, by its arguments.
fn cluster_of(process: u32) -> anyhow::Result<PathBuf> {
    let line = std::fs::read(format!("/proc/{process}/cmdline"))?;
    let words: Vec<&str> =
        line.split(|byte| *byte == 0).map(std::str::from_utf8).collect::<Result<_, _>>()?;
    let after = words.iter().position(|word| *word == "-D").context("no -D")?;
    Ok(PathBuf::from(words.get(after + 1).context("no folder")?))
}

#[tokio::test]
async fn postgres_keeps_its_databases_through_kills() -> anyhow::Result<()> {
    let server = PostgresServer::start().await?;
    let first_process = server.process_id();
    let url = server.new_database().await?;
    let (_, name) = url.rsplit_once('/').context("no name")?;

    server.kill9().await?;
    assert_eq!(server.process_id(), None);
    assert!(server.new_database().await.is_err());
    server.restart().await?;
    assert_ne!(server.process_id(), first_process);
    let again = create_database(&url, name).err().context("the database is gone")?;
    assert!(format!("{again:#}").contains("already exists"), "{again:#}");
    Ok(())
}

#[test]
fn a_dropped_postgres_server_leaves_neither_process_nor_folder() -> anyhow::Result<()> {
    let mut server = PostgresProcess::start()?;
    assert!(server.is_running());
    let process = server.process_id().context("no process")?;
    let cluster = cluster_of(process)?;
    assert!(cluster.is_dir());
    drop(server);
    assert!(!is_alive(process));
    assert!(!cluster.exists());
    Ok(())
}

#[tokio::test]
async fn every_test_has_a_database_of_its_own() -> anyhow::Result<()> {
    let server = PostgresServer::shared().await?;
    let (one, two, three) =
        tokio::try_join!(server.new_database(), server.new_database(), server.new_database())?;
    assert!(one != two && two != three && three != one);
    Ok(())
}

async fn ask_redis(url: &str, command: &str) -> anyhow::Result<String> {
    let authority = url.strip_prefix("redis://").context("no redis:// URL")?;
    let mut stream = BufReader::new(TcpStream::connect(authority).await?);
    stream.get_mut().write_all(format!("{command}\r\n").as_bytes()).await?;
    let mut line = String::new();
    timeout(LIMIT, stream.read_line(&mut line)).await??;
    if line.starts_with('$') && !line.starts_with("$-1") {
        line.clear();
        timeout(LIMIT, stream.read_line(&mut line)).await??;
    }
    Ok(line.trim_end().to_owned())
}

#[tokio::test]
async fn redis_keeps_what_it_had_through_kills_and_ends_with_its_handle() -> anyhow::Result<()> {
    let server = RedisServer::start().await?;
    assert_eq!(ask_redis(server.url(), "SET lot received").await?, "+OK");
    let first_process = server.process_id();
    server.suspend().await?;
    let answer = timeout(Duration::from_millis(300), ask_redis(server.url(), "GET lot")).await;
    assert!(answer.is_err(), "a server that hangs answers nothing");
    server.resume().await?;
    assert_eq!(ask_redis(server.url(), "GET lot").await?, "received");

    server.kill9().await?;
    assert_eq!(server.process_id(), None);
    assert!(ask_redis(server.url(), "PING").await.is_err());
    server.restart().await?;
    assert_ne!(server.process_id(), first_process);
    assert_eq!(ask_redis(server.url(), "GET lot").await?, "received");
    let process = server.process_id().context("no process")?;
    drop(server);
    assert!(ends(process).await);
    Ok(())
}

#[test]
fn maven_copies_the_version_that_the_tools_folder_names() -> anyhow::Result<()> {
    let pom = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("java/pom.xml"))?;
    assert!(pom.contains(&format!("<version>{NEO4J_VERSION}</version>")));
    Ok(())
}
