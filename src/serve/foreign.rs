//! Values of PostgreSQL's types that squall does not have, in the binary format.
//!
//! In: a value's bytes and the number of its type. Out: the value as SQL: an address, a UUID and JSON are texts. Source: the functions
//! `uuid_send`, `jsonb_send`, `inet_send` and `oidsend` of PostgreSQL.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::types::all;
use crate::text::{hex, literal};

/// The numbers of types whose binary form is not that of ours.
const OID: u32 = 26;
const CIDR: u32 = 650;
const INET: u32 = 869;
const UUID: u32 = 2950;
const JSONB: u32 = 3802;

/// Types of PostgreSQL's that squall does not read in binary, by their numbers.
const UNREAD: [(u32, &str); 18] = [
    (600, "point"),
    (601, "lseg"),
    (602, "path"),
    (603, "box"),
    (604, "polygon"),
    (718, "circle"),
    (774, "macaddr8"),
    (790, "money"),
    (829, "macaddr"),
    (1266, "timetz"),
    (1560, "bit"),
    (1562, "varbit"),
    (3904, "int4range"),
    (3906, "numrange"),
    (3908, "tsrange"),
    (3910, "tstzrange"),
    (3912, "daterange"),
    (3926, "int8range"),
];

/// Returns the name of a type that is not read in binary.
pub fn unread(oid: u32) -> String {
    let known = UNREAD.iter().find(|(number, _)| *number == oid);
    known.map_or_else(|| format!("number {oid}"), |(_, name)| (*name).to_string())
}

/// Returns a value as SQL; `None` if the type's form is that of the type that stands for it here.
///
/// # Errors
/// The bytes are not a value of the type.
pub fn sql(oid: u32, bytes: &[u8]) -> Option<Result<String, String>> {
    let read = match oid {
        OID => <[u8; 4]>::try_from(bytes).ok().map(|bytes| u32::from_be_bytes(bytes).to_string()),
        UUID => uuid(bytes).as_deref().map(literal),
        JSONB => jsonb(bytes).map(literal),
        INET | CIDR => network(bytes).as_deref().map(literal),
        _ => return None,
    };
    let name = all().find(|known| known.oid == oid).map_or("", |known| known.name);
    Some(read.ok_or_else(|| format!("a parameter of type {name} has the wrong bytes")))
}

/// Returns the text after the version of the format.
fn jsonb(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes.strip_prefix(&[1])?).ok()
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let digits = hex(<&[u8; 16]>::try_from(bytes).ok()?);
    let part = |from: usize, to: usize| &digits[from..to];
    Some([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}

/// Returns an address, or a network with the length of its mask: family, mask, whether it is a network, length, address.
fn network(bytes: &[u8]) -> Option<String> {
    let [_, mask, is_network, _, address @ ..] = bytes else { return None };
    let (text, whole) = match address.len() {
        4 => (Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?).to_string(), 32),
        16 => (Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).to_string(), 128),
        _ => return None,
    };
    Some(if *is_network == 0 && *mask == whole { text } else { format!("{text}/{mask}") })
}
