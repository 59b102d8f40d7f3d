//! `md5`, `sha1`, `sha256`: a text that depends on every byte of a value.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err, plan_err};

use crate::functions::scalar::Scalar;
use crate::hmac::Digest;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

pub const MD5: Documentation = Documentation {
    name: "md5",
    kind: Kind::Scalar,
    section: Section::Values,
    summary: "Returns the MD5 digest of a text or a BLOB; do not use it against forgery",
    arguments: &[Argument { name: "value", sql_type: "VARCHAR", meaning: "a text, or a BLOB", required: true }],
    result: Outcome { sql_type: "VARCHAR", meaning: "32 hexadecimal digits in lower case", when_null: "the value is" },
    example: Example { query: "SELECT md5('BTC-USD')", output: "743977791589f2708c45b7f1a7345b3a" },
    source: "DuckDB 2.0, RFC 1321",
};

pub const SHA1: Documentation = Documentation {
    name: "sha1",
    summary: "Returns the SHA-1 digest of a text or a BLOB; do not use it against forgery",
    result: Outcome { meaning: "40 hexadecimal digits in lower case", ..MD5.result },
    example: Example { query: "SELECT sha1('BTC-USD')", output: "0bec483c1bb28203ab564ad20c4ebcf3e2e60723" },
    source: "DuckDB 2.0, FIPS 180-4",
    ..MD5
};

pub const SHA256: Documentation = Documentation {
    name: "sha256",
    summary: "Returns the SHA-256 digest of a text or a BLOB",
    result: Outcome { meaning: "64 hexadecimal digits in lower case", ..MD5.result },
    example: Example {
        query: "SELECT sha256('BTC-USD')",
        output: "2fd1a09ed73e366561d195e4ae8fa215eca2085e508ecca8411af1c61dccc815",
    },
    source: "DuckDB 2.0, FIPS 180-4",
    ..MD5
};

pub const MD5_TEXTS: Scalar = Scalar {
    documentation: &MD5,
    aliases: &[],
    coerce: |types| coerce(&MD5, types),
    returns: |_| Ok(DataType::Utf8),
    compute: |arguments| compute(&arguments[0], Digest::Md5),
};

pub const SHA1_TEXTS: Scalar = Scalar {
    documentation: &SHA1,
    coerce: |types| coerce(&SHA1, types),
    compute: |arguments| compute(&arguments[0], Digest::Sha1),
    ..MD5_TEXTS
};

pub const SHA256_TEXTS: Scalar = Scalar {
    documentation: &SHA256,
    coerce: |types| coerce(&SHA256, types),
    compute: |arguments| compute(&arguments[0], Digest::Sha256),
    ..MD5_TEXTS
};

fn coerce(documentation: &Documentation, types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [value] if value.is_string() || value.is_null() => Ok(vec![DataType::Utf8]),
        [value] if value.is_binary() => Ok(vec![DataType::Binary]),
        [value] => plan_err!("{} takes a text or a BLOB, not {value}; write value::VARCHAR", documentation.syntax()),
        _ => plan_err!("{} was given {} arguments", documentation.syntax(), types.len()),
    }
}

fn compute(values: &ArrayRef, digest: Digest) -> Result<ArrayRef> {
    let hex = |value: Option<&[u8]>| {
        let Some(value) = value else { return Ok(None) };
        digest.of(value).map(Some).map_err(|error| exec_datafusion_err!("the digest: {error}"))
    };
    let digests: Result<StringArray> = match values.data_type() {
        DataType::Binary => values.as_binary::<i32>().iter().map(hex).collect(),
        _ => values.as_string::<i32>().iter().map(|text| hex(text.map(str::as_bytes))).collect(),
    };
    Ok(Arc::new(digests?))
}
