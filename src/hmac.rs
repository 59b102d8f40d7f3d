//! Proofs that whoever sends a message knows a secret: HMAC-SHA256 (RFC 2104), and the secret itself. And digests of bytes.

use openssl::error::ErrorStack;
use openssl::hash::{self, MessageDigest};
use openssl::pkey::PKey;
use openssl::sign::Signer;

use crate::text::hex;

/// Returns the code of a message under a key.
///
/// # Errors
/// The library cannot compute it.
pub fn hmac(key: &[u8], message: &[u8]) -> Result<[u8; 32], ErrorStack> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    let mut code = [0; 32];
    signer.sign_oneshot(&mut code, message)?;
    Ok(code)
}

/// Returns whether two secrets are the same, in a time that does not say where they differ.
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && openssl::memcmp::eq(one, other)
}

/// A text that depends on every byte of what it is made of.
#[derive(Debug, Clone, Copy)]
pub enum Digest {
    Md5,
    Sha1,
    Sha256,
}

impl Digest {
    /// Returns the digest in hexadecimal digits.
    ///
    /// # Errors
    /// The library cannot compute it.
    pub fn of(self, bytes: &[u8]) -> Result<String, ErrorStack> {
        let digest = match self {
            Digest::Md5 => MessageDigest::md5(),
            Digest::Sha1 => MessageDigest::sha1(),
            Digest::Sha256 => MessageDigest::sha256(),
        };
        Ok(hex(&hash::hash(digest, bytes)?))
    }
}

#[cfg(test)]
mod tests {
    use super::hmac;
    use crate::text::hex;

    /// RFC 4231, test case 2.
    #[test]
    fn the_code_is_that_of_the_standard() {
        let code = hmac(b"Jefe", b"what do ya want for nothing?").unwrap();
        assert_eq!(hex(&code), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
