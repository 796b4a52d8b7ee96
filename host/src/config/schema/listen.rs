//! Parsing of addresses to listen on: one or many, each a string or a table. These visitors report an error inside a
//! value. An untagged serde enum would hide such an error.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Listen, Mode, OneOrMany};
use crate::config::Address;

const ADDRESS: &str = "an address such as \"127.0.0.1:8080\", \"unix:/run/ws-host.sock\" or \"systemd\", or a \
     table such as { address = \"127.0.0.1:8080\", tls = false }";

/// An address with settings of its own.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Table {
    address: Address,
    tls: Option<bool>,
    proxy_protocol: Option<bool>,
    secure: Option<bool>,
    mode: Option<Mode>,
}

/// Reads one address.
struct One;

impl<'de> Visitor<'de> for One {
    type Value = Listen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ADDRESS)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Listen, E> {
        text.parse::<Address>().map(Listen::from).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Listen, A::Error> {
        let Table { address, tls, proxy_protocol, secure, mode } =
            Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Listen { address, tls, proxy_protocol, secure, mode })
    }
}

/// Reads one address or a list.
struct Many<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Many<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ADDRESS}, or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
        T::deserialize(StrDeserializer::new(text)).map(OneOrMany::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OneOrMany<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OneOrMany<T>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMany::Many)
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(One)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Many(PhantomData))
    }
}
