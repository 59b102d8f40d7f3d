//! Lists as arrays of PostgreSQL: one dimension, counted from 1.

use bytes::{BufMut, BytesMut};
use datafusion::arrow::array::ListArray;
use datafusion::arrow::error::ArrowError;

use super::{Values, sized};
use crate::serve::types::Type;

/// Writes a list in the text format: `{1,NULL,"a b"}`.
pub fn put_text(list: &ListArray, elements: &Values, row: usize, bytes: &mut BytesMut) -> Result<(), ArrowError> {
    bytes.put_u8(b'{');
    let range = range(list, row);
    for at in range.clone() {
        if at > range.start {
            bytes.put_u8(b',');
        }
        if elements.is_null(at) {
            bytes.put_slice(b"NULL");
            continue;
        }
        let mut element = BytesMut::new();
        elements.put(at, false, &mut element)?;
        if !needs_quotes(&element) {
            bytes.put_slice(&element);
            continue;
        }
        bytes.put_u8(b'"');
        for byte in element {
            if matches!(byte, b'"' | b'\\') {
                bytes.put_u8(b'\\');
            }
            bytes.put_u8(byte);
        }
        bytes.put_u8(b'"');
    }
    bytes.put_u8(b'}');
    Ok(())
}

fn needs_quotes(element: &[u8]) -> bool {
    let special =
        |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',') || byte.is_ascii_whitespace() || *byte == 11;
    element.is_empty() || element.eq_ignore_ascii_case(b"null") || element.iter().any(special)
}

/// Writes a list in the binary format.
pub fn put_binary(
    list: &ListArray,
    elements: &Values,
    of: Type,
    row: usize,
    bytes: &mut BytesMut,
) -> Result<(), ArrowError> {
    let range = range(list, row);
    bytes.put_i32(i32::from(!range.is_empty()));
    bytes.put_i32(i32::from(range.clone().any(|at| elements.is_null(at))));
    bytes.put_u32(of.known().oid);
    if range.is_empty() {
        return Ok(());
    }
    bytes.put_i32(range.len() as i32);
    bytes.put_i32(1);
    for at in range {
        if elements.is_null(at) {
            bytes.put_i32(-1);
        } else {
            sized(bytes, |bytes| elements.put(at, true, bytes))?;
        }
    }
    Ok(())
}

/// Returns where a row's elements stand.
fn range(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = list.value_offsets();
    offsets[row] as usize..offsets[row + 1] as usize
}
