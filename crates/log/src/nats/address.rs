//! One server address, its credentials kept apart so that everything else can be shown to people.

use async_nats::ServerAddr;

use crate::LogError;

/// What an address says about signing in.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum SignIn {
    None,
    Token(String),
    User { name: String, password: String },
}

/// A server address without credentials, and the credentials that it came with.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) server: ServerAddr,
    pub(super) sign_in: SignIn,
    shown: String,
}

impl Address {
    /// Reads `nats://[user:password@|token@]host[:port]` or the same with `tls`.
    pub(super) fn parse(text: &str) -> Result<Self, LogError> {
        let refuse = |reason: String| LogError::Configuration { reason };
        let (scheme, rest) = text.split_once("://").unwrap_or(("nats", text));
        if scheme != "nats" && scheme != "tls" {
            return Err(refuse("a NATS address begins with nats:// or tls://".to_owned()));
        }
        let (user, host) = match rest.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, rest),
        };
        let host = host.trim_end_matches('/');
        let shown = format!("{scheme}://{host}");
        let server = shown.parse().map_err(|_| refuse(format!("`{shown}` is not an address")))?;
        let sign_in = match user.map(|user| user.split_once(':').ok_or(user)) {
            None => SignIn::None,
            Some(Err(token)) => SignIn::Token(percent_decode(token)),
            Some(Ok((name, password))) => {
                SignIn::User { name: percent_decode(name), password: percent_decode(password) }
            }
        };
        Ok(Self { server, sign_in, shown })
    }

    /// Addresses for people, without credentials.
    pub(super) fn describe_all(all: &[Self]) -> String {
        all.iter().map(|address| address.shown.as_str()).collect::<Vec<_>>().join(",")
    }
}

/// Undoes `%40` and the like; what is not such an escape stays as it is.
fn percent_decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escape = (first == b'%').then(|| tail.get(..2)).flatten();
        let byte = escape
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_and_kept_out_of_the_shown_address() {
        let address = Address::parse("nats://plant:p%40ss%2Fword@log.example:4333").unwrap();
        assert!(
            address.sign_in == SignIn::User { name: "plant".to_owned(), password: "p@ss/word".to_owned() }
        );
        assert_eq!(Address::describe_all(&[address]), "nats://log.example:4333");

        let token = Address::parse("tls://t0ken@log.example").unwrap();
        assert!(token.sign_in == SignIn::Token("t0ken".to_owned()));
        assert!(Address::parse("localhost:4222").unwrap().sign_in == SignIn::None);
    }

    #[test]
    fn other_schemes_are_refused_without_showing_credentials() {
        let error = Address::parse("http://user:secret@host").err().unwrap().to_string();
        assert!(error.contains("nats://") && !error.contains("secret"), "{error}");
    }
}
