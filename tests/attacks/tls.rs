//! The encrypted connection: which versions, for which name, and with which certificate.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_testkit::TestApp;
use futures::future::join_all;
use hyper::client::conn::http2;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::raw::{connect, one};
use super::start;

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// How long a new certificate may take to be in force.
const RENEWED_WITHIN: Duration = Duration::from_secs(15);

/// Who vouches for the certificates, and the files that the program reads.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let authority = Self { issuer, folder: TempDir::new()? };
        authority.renew()?;
        Ok(authority)
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Writes a new certificate with a new key, the one after the other, as tools for renewal do.
    fn renew(&self) -> anyhow::Result<()> {
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &self.issuer)?;
        std::fs::write(self.certificate(), certificate.pem())?;
        std::fs::write(self.key(), key.serialize_pem())?;
        Ok(())
    }

    async fn start(&self) -> anyhow::Result<TestApp> {
        let (certificate, key) = (self.certificate(), self.key());
        let path = |path: &PathBuf| path.to_str().unwrap().to_owned();
        start(&[
            ("FOODFLOW_TLS_CERT_FILE", &path(&certificate)),
            ("FOODFLOW_TLS_KEY_FILE", &path(&key)),
            ("FOODFLOW_HEADER_TIMEOUT", "2s"),
        ])
        .await
    }

    /// A client that trusts this authority and speaks this version.
    fn client(&self, version: &'static SupportedProtocolVersion) -> anyhow::Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.issuer.der().to_vec()))?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

async fn shake(app: &TestApp, client: Arc<ClientConfig>, host: &str) -> anyhow::Result<TlsStream<TcpStream>> {
    let host = ServerName::try_from(host.to_owned())?;
    Ok(TlsConnector::from(client).connect(host, connect(app).await?).await?)
}

async fn still_answers(app: &TestApp, authority: &Authority) -> anyhow::Result<()> {
    let mut stream = shake(app, authority.client(&TLS13)?, "localhost").await?;
    stream.write_all(REQUEST).await?;
    assert_eq!(one(&mut stream).await?.body, "ok\n");
    Ok(())
}

/// The greeting of a client that knows no newer version than SSL 3.`minor`; TLS 1.2 is SSL 3.3.
fn greeting(minor: u8) -> Vec<u8> {
    let extensions = [
        // Groups, forms of points, signatures, and a secret that is bound to the handshake.
        &[0, 10, 0, 6, 0, 4, 0, 0x1d, 0, 0x17][..],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1],
        &[0, 23, 0, 0],
    ]
    .concat();
    let mut hello = vec![3, minor];
    hello.extend([7; 32]);
    // No session; suites of the old versions and of TLS 1.2; no compression.
    hello.extend([
        0,
        0,
        6,
        0xc0,
        0x2b,
        0xc0,
        0x2f,
        0xc0,
        0x13,
        1,
        0,
        0,
        u8::try_from(extensions.len()).unwrap(),
    ]);
    hello.extend(extensions);
    let body = [&[1, 0, 0, u8::try_from(hello.len()).unwrap()], hello.as_slice()].concat();
    [&[0x16, 3, 1, 0, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
}

#[tokio::test]
async fn the_versions_that_are_safe_are_served_and_the_old_ones_refused() -> anyhow::Result<()> {
    let authority = Authority::new()?;
    let app = authority.start().await?;
    assert!(app.base().starts_with("https://"), "{}", app.base());
    for version in [&TLS12, &TLS13] {
        let mut stream = shake(&app, authority.client(version)?, "localhost").await?;
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        stream.write_all(REQUEST).await?;
        let answer = one(&mut stream).await?;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
        let policy = answer.header("strict-transport-security");
        assert!(policy.is_some_and(|policy| policy.starts_with("max-age=")), "{answer:?}");
    }
    for minor in [0, 1, 2, 3] {
        let mut stream = connect(&app).await?;
        stream.write_all(&greeting(minor)).await?;
        let mut told = [0; 7];
        stream.read_exact(&mut told).await?;
        match minor {
            // The server's greeting: but for the version, nothing is wrong with the others.
            3 => assert!(matches!(told, [0x16, 3, 3, ..]), "{told:?}"),
            // A fatal alert: the version of the protocol (70).
            _ => assert!(matches!(told, [0x15, 3, _, 0, 2, 2, 70]), "SSL 3.{minor}: {told:?}"),
        }
    }
    still_answers(&app, &authority).await
}

#[tokio::test]
async fn http_2_is_spoken_where_the_client_wants_it() -> anyhow::Result<()> {
    let authority = Authority::new()?;
    let app = authority.start().await?;
    let mut client = (*authority.client(&TLS13)?).clone();
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = shake(&app, Arc::new(client), "localhost").await?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let ask = |path: &str, header: String| {
        let request = Request::get(format!("https://localhost{path}")).header("x-one", header);
        let (mut sender, request) = (sender.clone(), request.body(String::new()));
        async move { anyhow::Ok(sender.send_request(request?).await?) }
    };
    // More at the same time than one connection may have open.
    let asked = (0..300).map(|_| ask("/healthz", "1".to_owned()));
    for answer in join_all(asked).await {
        let answer = answer?;
        assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
    for (path, header, status) in [
        ("/v1//batches", "1".to_owned(), 404),
        ("/%2e%2e/", "1".to_owned(), 404),
        ("/healthz", "x".repeat(100_000), 431),
    ] {
        assert_eq!(ask(path, header).await?.status().as_u16(), status, "{path}");
    }
    // It is idle now.
    tokio::time::timeout(Duration::from_secs(10), connection).await??.ok();
    still_answers(&app, &authority).await
}

#[tokio::test]
async fn a_client_goes_on_only_with_the_right_host_and_authority() -> anyhow::Result<()> {
    let authority = Authority::new()?;
    let app = authority.start().await?;
    let refused = |outcome: anyhow::Result<TlsStream<TcpStream>>| format!("{:#}", outcome.err().unwrap());
    let other_host = refused(shake(&app, authority.client(&TLS13)?, "foodflow.example").await);
    assert!(other_host.contains("not valid for name"), "{other_host}");
    let stranger = Authority::new()?;
    let other_authority = refused(shake(&app, stranger.client(&TLS13)?, "localhost").await);
    assert!(other_authority.contains("invalid peer certificate"), "{other_authority}");
    still_answers(&app, &authority).await
}

#[tokio::test]
async fn what_is_no_tls_is_let_go() -> anyhow::Result<()> {
    let authority = Authority::new()?;
    let app = authority.start().await?;
    let mut plain = connect(&app).await?;
    plain.write_all(REQUEST).await?;
    let mut told = Vec::new();
    let _ = plain.read_to_end(&mut told).await;
    assert!(!String::from_utf8_lossy(&told).contains("HTTP/1.1 200"), "{told:?}");
    // One that says nothing, and one that stops amid its greeting.
    for begin in [&[][..], &greeting(3)[..20]] {
        let mut stream = connect(&app).await?;
        stream.write_all(begin).await?;
        let gone = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut told)).await;
        assert!(gone.is_ok(), "a client without an end to its greeting held its connection");
    }
    still_answers(&app, &authority).await
}

#[tokio::test]
async fn a_certificate_is_renewed_while_the_program_serves() -> anyhow::Result<()> {
    let authority = Authority::new()?;
    let app = authority.start().await?;
    let shown = async || {
        let stream = shake(&app, authority.client(&TLS13)?, "localhost").await?;
        anyhow::Ok(stream.get_ref().1.peer_certificates().unwrap()[0].to_vec())
    };
    let first = shown().await?;

    // What is no certificate leaves the one before in force.
    std::fs::write(authority.certificate(), "no certificate")?;
    let process = Pid::from_raw(i32::try_from(app.process_id().unwrap())?).unwrap();
    kill_process(process, Signal::HUP)?;
    let told = Instant::now();
    while !app.output().contains("stays as it was") {
        anyhow::ensure!(told.elapsed() < RENEWED_WITHIN, "it does not say that it cannot be read");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(shown().await?, first);

    // A connection of before goes on.
    let mut open = shake(&app, authority.client(&TLS12)?, "localhost").await?;
    authority.renew()?;
    let renewed = Instant::now();
    while shown().await? == first {
        anyhow::ensure!(renewed.elapsed() < RENEWED_WITHIN, "the new certificate is not in force");
        open.write_all(REQUEST).await?;
        assert_eq!(one(&mut open).await?.status, 200);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    open.write_all(REQUEST).await?;
    assert_eq!(one(&mut open).await?.status, 200);
    still_answers(&app, &authority).await
}

#[tokio::test]
async fn a_certificate_without_its_key_is_refused_at_the_start() -> anyhow::Result<()> {
    let authority = Authority::new()?;
    std::fs::write(authority.key(), KeyPair::generate()?.serialize_pem())?;
    let refused = authority.start().await.err().map(|error| format!("{error:#}")).unwrap_or_default();
    assert!(refused.contains("is not the key of the certificate"), "{refused}");
    std::fs::write(authority.key(), "no key")?;
    let refused = authority.start().await.err().map(|error| format!("{error:#}")).unwrap_or_default();
    assert!(refused.contains("holds no private key"), "{refused}");
    Ok(())
}
