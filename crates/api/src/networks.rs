//! Networks in the settings: `10.0.0.0/8`, or one address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::listed::Listed;

/// A list of networks: in a file a list of texts, elsewhere a text with commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Whether the address is in one of them.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&ip))
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is every address there is.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.0.iter().any(|network| network.prefix_len() == 0)
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("`{text}` is no network; write e.g. 10.0.0.0/8, 2001:db8::/32 or one address"))
}

impl FromStr for Networks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split(',').filter(|part| !part.trim().is_empty());
        parts.map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, network) in self.0.iter().enumerate() {
            write!(f, "{}{network}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Serialize for Networks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Listed::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_prefix_or_one_address() {
        let networks: Networks = "10.0.0.0/8, ::1,".parse().unwrap();
        assert_eq!(networks.to_string(), "10.0.0.0/8, ::1/128");
        for (ip, is_in) in [("10.9.8.7", true), ("11.0.0.1", false), ("::1", true), ("::2", false)] {
            assert_eq!(networks.contains(ip.parse().unwrap()), is_in, "{ip}");
        }
        for bad in ["10.0.0.0/33", "localhost", "10.0.0", "10.0.0.1 10.0.0.2"] {
            assert!(bad.parse::<Networks>().unwrap_err().contains("no network"), "{bad}");
        }
        assert!("0.0.0.0/0".parse::<Networks>().unwrap().is_everybody());
    }

    #[test]
    fn a_list_is_written_either_way() {
        let expected: Networks = "10.0.0.0/8,::1".parse().unwrap();
        for text in [r#""10.0.0.0/8,::1""#, r#"["10.0.0.0/8", "::1"]"#] {
            assert_eq!(serde_json::from_str::<Networks>(text).unwrap(), expected);
        }
        assert!(serde_json::from_str::<Networks>("7").is_err());
    }
}
