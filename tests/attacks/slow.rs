//! Clients that hold on to what they have: connections, heads, bodies, answers.

use std::time::{Duration, Instant};

use foodflow_testkit::TestApp;
use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::raw::{answers, connect, exchange, one, still_answers};
use super::{hurried, start};

/// How long the program may take to let go of a client that it gives a second.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Sends a byte every tenth of a second until the connection is closed; whether it was within the time.
async fn drip(stream: &mut TcpStream, bytes: impl IntoIterator<Item = u8>) -> bool {
    let (mut reader, mut writer) = stream.split();
    let sending = async {
        for byte in bytes {
            if writer.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        std::future::pending().await
    };
    let mut rest = Vec::new();
    let closed = async {
        let _ = reader.read_to_end(&mut rest).await;
    };
    let ended = async {
        tokio::select! {
            () = sending => {}
            () = closed => {}
        }
    };
    tokio::time::timeout(GONE_WITHIN, ended).await.is_ok()
}

#[tokio::test]
async fn a_head_must_come_in_time() -> anyhow::Result<()> {
    let app = hurried().await?;
    let endless = || std::iter::repeat_n(*b"X-One: 1\r\n", 1_000).flatten();
    let head = b"GET /healthz HTTP/1.1\r\nHost: plant\r\n";
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("a letter that both versions begin with", b"P".to_vec()),
        ("half a greeting of HTTP/2", b"PRI * HTTP/2.0\r\n".to_vec()),
        ("a greeting of HTTP/2 and nothing else", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("a line", b"GET /healthz HTTP/1.1\r\n".to_vec()),
        ("a head without an end", head.to_vec()),
    ];
    let held = cases.into_iter().map(|(name, begin)| async move {
        let mut stream = connect(app).await.unwrap();
        stream.write_all(&begin).await.unwrap();
        let dripped: Vec<u8> = if begin == head { endless().collect() } else { Vec::new() };
        (name, drip(&mut stream, dripped).await)
    });
    for (name, is_closed) in join_all(held).await {
        assert!(is_closed, "{name} held its connection");
    }
    still_answers(app).await
}

#[tokio::test]
async fn a_connection_is_kept_for_a_while_and_no_longer() -> anyhow::Result<()> {
    let app = hurried().await?;
    let mut stream = connect(app).await?;
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: plant\r\n\r\n").await?;
        assert_eq!(one(&mut stream).await?.status, 200);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(drip(&mut stream, []).await, "an idle connection was kept");
    Ok(())
}

#[tokio::test]
async fn a_body_must_come_in_time() -> anyhow::Result<()> {
    let app = hurried().await?;
    let token = app.new_tenant()?.token;
    let head = format!("POST /v1/locations HTTP/1.1\r\nHost: plant\r\nAuthorization: Bearer {token}\r\n");
    for (name, lines, piece) in [
        ("a length", "Content-Length: 1000\r\n\r\n", " "),
        ("chunks", "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"),
    ] {
        let mut stream = connect(app).await?;
        stream.write_all(format!("{head}{lines}").as_bytes()).await?;
        let started = Instant::now();
        let (mut reader, mut writer) = stream.split();
        let sending = async {
            while writer.write_all(piece.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            std::future::pending::<anyhow::Result<_>>().await
        };
        let answer = tokio::select! {
            answer = one(&mut reader) => answer?,
            answer = sending => answer?,
        };
        assert_eq!((answer.status, answer.code().as_str()), (408, "body-too-slow"), "{name}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
        assert!(started.elapsed() < GONE_WITHIN, "{name}");
    }
    // One that nobody would read is refused for what it is.
    let answers = exchange(
        app,
        b"POST /v1/locations HTTP/1.1\r\nHost: plant\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n ",
    )
    .await?;
    assert!(answers.len() == 1 && answers[0].status == 401, "{answers:?}");
    still_answers(app).await
}

#[tokio::test]
async fn many_slow_clients_hold_nobody_up() -> anyhow::Result<()> {
    let app = hurried().await?;
    let mut held = Vec::new();
    for _ in 0..300 {
        let mut stream = connect(app).await?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nX-").await?;
        held.push(stream);
    }
    let started = Instant::now();
    still_answers(app).await?;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    for mut stream in held {
        assert!(drip(&mut stream, []).await, "a slow client held its connection");
    }
    Ok(())
}

#[tokio::test]
async fn there_are_as_many_connections_as_there_may_be_and_others_wait() -> anyhow::Result<()> {
    let app = start(&[("FOODFLOW_CONNECTIONS_MAX", "2"), ("FOODFLOW_HEADER_TIMEOUT", "2s")]).await?;
    let _held = [connect(&app).await?, connect(&app).await?];
    let mut third = connect(&app).await?;
    third.write_all(b"GET /healthz HTTP/1.1\r\nHost: plant\r\nConnection: close\r\n\r\n").await?;
    let early = tokio::time::timeout(Duration::from_millis(700), one(&mut third)).await;
    assert!(early.is_err(), "a third connection was served: {early:?}");
    let answers = answers(&mut third).await?;
    assert!(answers.len() == 1 && answers[0].status == 200, "{answers:?}");
    Ok(())
}

#[tokio::test]
async fn a_stream_of_events_is_not_idle_and_ends_with_the_program() -> anyhow::Result<()> {
    let mut app: TestApp =
        start(&[("FOODFLOW_HEADER_TIMEOUT", "500ms"), ("FOODFLOW_BODY_TIMEOUT", "500ms")]).await?;
    let client = app.new_tenant()?;
    let mut stream = connect(&app).await?;
    let token = &client.token;
    let request =
        format!("GET /v1/events/stream HTTP/1.1\r\nHost: plant\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    client.post("/v1/locations", &serde_json::json!({"name": "Mill Lane", "type": "plant"})).await?.ok();
    let mut seen = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&seen).contains("Mill Lane") {
            let mut chunk = [0; 4_096];
            let count = stream.read(&mut chunk).await?;
            anyhow::ensure!(count > 0, "the stream ended");
            seen.extend_from_slice(&chunk[..count]);
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(GONE_WITHIN, reading).await??;
    let mut half = connect(&app).await?;
    half.write_all(b"GET /healthz HTTP/1.1\r\n").await?;
    let started = Instant::now();
    app.terminate()?;
    assert!(started.elapsed() < GONE_WITHIN, "clients held the program for {:?}", started.elapsed());
    Ok(())
}
