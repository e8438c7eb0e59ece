//! The certificate and its key, read again when their files change or on SIGHUP: connections that are made from then on have
//! the new one. What cannot be read leaves the one before in force.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The certificate in force.
pub struct Certificates {
    files: Files,
    in_force: RwLock<Arc<CertifiedKey>>,
}

/// Where certificate and key are.
#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What a file looks like from outside; `None` where it cannot be seen.
type Looks = [Option<(u64, u64, i64, i64)>; 2];

impl Certificates {
    /// The certificate of the settings; `None` where they name none.
    ///
    /// # Errors
    /// Where a file cannot be read, or the key is not that of the certificate.
    pub fn of(config: &Config) -> anyhow::Result<Option<Self>> {
        let (Some(certificate), Some(key)) = (&config.tls_cert_file, &config.tls_key_file) else {
            return Ok(None);
        };
        let files = Files { certificate: certificate.clone(), key: key.clone() };
        let in_force = RwLock::new(Arc::new(files.read()?));
        Ok(Some(Self { files, in_force }))
    }

    /// Makes connections with the certificate that is in force then.
    pub(super) fn acceptor(self: &Arc<Self>) -> anyhow::Result<TlsAcceptor> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .context("cannot use TLS")?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as _);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again when they change, and on SIGHUP, until `stop`.
    ///
    /// # Errors
    /// Where signals cannot be listened to.
    pub(super) fn watch(self: Arc<Self>, stop: CancellationToken) -> anyhow::Result<()> {
        let mut hangup = signal(SignalKind::hangup()).context("cannot listen to SIGHUP")?;
        tokio::spawn(async move {
            let mut seen = self.files.looks();
            loop {
                let is_asked = tokio::select! {
                    () = stop.cancelled() => return,
                    _ = hangup.recv() => true,
                    () = tokio::time::sleep(LOOK_EVERY) => false,
                };
                // Looked at first: what changes while it is read is read again.
                let looks = self.files.looks();
                if is_asked || looks != seen {
                    seen = looks;
                    self.read_again();
                }
            }
        });
        Ok(())
    }

    fn read_again(&self) {
        match self.files.read() {
            Ok(new) => {
                *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                tracing::info!("the TLS certificate was read again");
            }
            // Where the key is not written yet, its file changes once more.
            Err(error) => tracing::error!("the TLS certificate stays as it was: {error:#}"),
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Files {
    fn read(&self) -> anyhow::Result<CertifiedKey> {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .with_context(|| format!("tls_cert_file: {certificate} holds no certificates (PEM)"))?;
        anyhow::ensure!(!chain.is_empty(), "tls_cert_file: {certificate} holds no certificate (PEM)");
        let private = PrivateKeyDer::from_pem_file(&self.key)
            .with_context(|| format!("tls_key_file: {key} holds no private key (PEM)"))?;
        CertifiedKey::from_der(chain, private, &provider())
            .with_context(|| format!("tls_key_file: {key} is not the key of the certificate {certificate}"))
    }

    fn looks(&self) -> Looks {
        let look = |path: &Path| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
        };
        [look(&self.certificate), look(&self.key)]
    }
}

/// Who provides the cryptography of TLS.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
