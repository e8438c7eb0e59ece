//! A request in another one: where the body ends, and what a line is, has one reading here.

use super::hurried;
use super::raw::{all_refused, exchange, still_answers};

/// What must never be answered.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: plant\r\n\r\n";

/// A write with these lines in its head, and this behind it.
fn write(token: &str, lines: &str, rest: &str) -> Vec<u8> {
    format!(
        "POST /v1/locations HTTP/1.1\r\nHost: plant\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\n{lines}\r\n\r\n{rest}"
    )
    .into_bytes()
}

#[tokio::test]
async fn the_length_of_a_body_has_one_reading() -> anyhow::Result<()> {
    let app = hurried().await?;
    let token = app.new_tenant()?.token;
    let chunked = format!("0\r\n\r\n{SMUGGLED}");
    let lengths = [
        ("a length before chunks", "Content-Length: 4\r\nTransfer-Encoding: chunked", chunked.as_str()),
        ("chunks before a length", "Transfer-Encoding: chunked\r\nContent-Length: 4", chunked.as_str()),
        ("two lengths", "Content-Length: 0\r\nContent-Length: 42", SMUGGLED),
        ("two lengths, the other way", "Content-Length: 42\r\nContent-Length: 0", SMUGGLED),
        ("a list of lengths", "Content-Length: 0, 42", SMUGGLED),
        ("a list of one length", "Content-Length: 0, 0", SMUGGLED),
        ("a sign", "Content-Length: +0", SMUGGLED),
        ("less than nothing", "Content-Length: -1", SMUGGLED),
        ("hexadecimal", "Content-Length: 0x0", SMUGGLED),
        ("a length beyond all numbers", "Content-Length: 18446744073709551616", SMUGGLED),
        ("a length with a space in it", "Content-Length: 0 0", SMUGGLED),
        ("a length of nothing", "Content-Length:", SMUGGLED),
        ("a space before the colon", "Content-Length : 0", SMUGGLED),
        ("another coding", "Transfer-Encoding: identity", chunked.as_str()),
        ("a coding like it", "Transfer-Encoding: xchunked", chunked.as_str()),
        ("a coding before it", "Transfer-Encoding: gzip, chunked", chunked.as_str()),
        ("a coding after it", "Transfer-Encoding: chunked, gzip", chunked.as_str()),
        (
            "a coding in a line before it",
            "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
            chunked.as_str(),
        ),
        (
            "a coding in a line after it",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
            chunked.as_str(),
        ),
        ("a coding in quotes", "Transfer-Encoding: \"chunked\"", chunked.as_str()),
        ("a coding with a space before the colon", "Transfer-Encoding : chunked", chunked.as_str()),
        ("a coding behind a tab of the other kind", "Transfer-Encoding: \x0bchunked", chunked.as_str()),
        ("a coding on a line that is folded", "Transfer-Encoding:\r\n chunked", chunked.as_str()),
    ];
    let attacks = lengths.map(|(name, lines, rest)| (name.to_owned(), write(&token, lines, rest)));
    all_refused(app, attacks.into(), &[400]).await?;
    let old = "POST /v1/locations HTTP/1.0\r\nHost: plant\r\nTransfer-Encoding: chunked\r\n\r\n";
    let attack = ("chunks in HTTP/1.0".to_owned(), format!("{old}{chunked}").into_bytes());
    all_refused(app, vec![attack], &[400]).await
}

#[tokio::test]
async fn a_chunk_has_one_reading() -> anyhow::Result<()> {
    let app = hurried().await?;
    let token = app.new_tenant()?.token;
    let tails = [
        ("a size beyond all numbers", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ("a sign", "+2\r\n{}\r\n0\r\n\r\n"),
        ("less than nothing", "-2\r\n{}\r\n0\r\n\r\n"),
        ("a prefix", "0x2\r\n{}\r\n0\r\n\r\n"),
        ("no size", "\r\n{}\r\n0\r\n\r\n"),
        ("more than its size", "1\r\n{}\r\n0\r\n\r\n"),
        ("a size that ends with a line feed", "2\n{}\r\n0\r\n\r\n"),
        ("data that ends with a line feed", "2\r\n{}\n0\r\n\r\n"),
        ("an extension with a line feed", "2;a\n{}\r\n0\r\n\r\n"),
        ("an extension without an end", &format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(70_000))),
        ("trailers without an end", &format!("0\r\n{}\r\n\r\n", "a: b\r\n".repeat(20_000))),
    ];
    let attacks = tails.map(|(name, tail)| {
        (name.to_owned(), write(&token, "Transfer-Encoding: chunked", &format!("{tail}{SMUGGLED}")))
    });
    all_refused(app, attacks.into(), &[400]).await
}

#[tokio::test]
async fn a_head_has_one_reading() -> anyhow::Result<()> {
    let app = hurried().await?;
    let heads = [
        (
            "a folded line",
            "GET /healthz HTTP/1.1\r\nHost: plant\r\nX-One: 1\r\n Transfer-Encoding: chunked\r\n\r\n",
        ),
        ("a carriage return alone", "GET /healthz HTTP/1.1\r\nHost: plant\r\nX-One: 1\rX-Two: 2\r\n\r\n"),
        ("NUL in a value", "GET /healthz HTTP/1.1\r\nHost: plant\r\nX-One: 1\x002\r\n\r\n"),
        ("NUL in a name", "GET /healthz HTTP/1.1\r\nHost: plant\r\nX\0One: 1\r\n\r\n"),
        ("a space in a name", "GET /healthz HTTP/1.1\r\nHost: plant\r\nX One: 1\r\n\r\n"),
        ("a line without a colon", "GET /healthz HTTP/1.1\r\nHost: plant\r\nX-One\r\n\r\n"),
        ("no name", "GET /healthz HTTP/1.1\r\nHost: plant\r\n: 1\r\n\r\n"),
        ("a space before the first name", "GET /healthz HTTP/1.1\r\n Host: plant\r\n\r\n"),
        ("two spaces", "GET  /healthz HTTP/1.1\r\nHost: plant\r\n\r\n"),
        ("a tab", "GET\t/healthz HTTP/1.1\r\nHost: plant\r\n\r\n"),
        ("a word too many", "GET /healthz HTTP/1.1 x\r\nHost: plant\r\n\r\n"),
        ("no version", "GET /healthz\r\nHost: plant\r\n\r\n"),
        ("a version that there is not", "GET /healthz HTTP/1.2\r\nHost: plant\r\n\r\n"),
        ("a version in small letters", "GET /healthz http/1.1\r\nHost: plant\r\n\r\n"),
        ("a method with a colon", "G:T /healthz HTTP/1.1\r\nHost: plant\r\n\r\n"),
        ("no method", " /healthz HTTP/1.1\r\nHost: plant\r\n\r\n"),
        ("a TLS greeting", "\x16\x03\x01\0\x05hello\r\n\r\n"),
    ];
    let attacks = heads.map(|(name, head)| (name.to_owned(), format!("{head}{SMUGGLED}").into_bytes()));
    all_refused(app, attacks.into(), &[400]).await
}

#[tokio::test]
async fn a_body_that_nobody_asked_for_is_no_request() -> anyhow::Result<()> {
    let app = hurried().await?;
    let length = SMUGGLED.len();
    for lines in [
        format!("Content-Length: {length}\r\n\r\n{SMUGGLED}"),
        format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n"),
    ] {
        let answers =
            exchange(app, format!("GET /healthz HTTP/1.1\r\nHost: plant\r\n{lines}").as_bytes()).await?;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [200], "{answers:?}");
    }
    still_answers(app).await
}

#[tokio::test]
async fn a_line_feed_alone_hides_nothing() -> anyhow::Result<()> {
    let app = hurried().await?;
    // It ends a line (RFC 9112, 2.2), so that what stands behind it is seen and refused, not passed over.
    let request = format!(
        "GET /healthz HTTP/1.1\r\nHost: plant\r\nX-One: 1\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n{SMUGGLED}"
    );
    let answers = exchange(app, request.as_bytes()).await?;
    assert!(answers.len() == 1 && answers[0].status == 400, "{answers:?}");
    still_answers(app).await
}

#[tokio::test]
async fn a_connection_stays_what_it_is() -> anyhow::Result<()> {
    let app = hurried().await?;
    let upgrade = "GET /healthz HTTP/1.1\r\nHost: plant\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
                   HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n";
    let answers = exchange(app, upgrade.as_bytes()).await?;
    assert!(answers.len() == 1 && answers[0].status == 200, "{answers:?}");
    let tunnel = "CONNECT plant:80 HTTP/1.1\r\nHost: plant:80\r\n\r\n";
    all_refused(app, vec![("a tunnel".to_owned(), tunnel.into())], &[400, 404, 405]).await
}
