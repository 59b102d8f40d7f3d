//! Signs subscriptions with a key from the environment: a JSON Web Token with ES256, as Coinbase asks for.
//!
//! In: the name of a key and its private half in PEM. Out: tokens that are valid for two minutes. Source:
//! <https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-authentication> and RFC 7515, 7518 and
//! 7519. The key is never shown.

use std::fmt;

use openssl::bn::BigNumRef;
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::Private;
use openssl::{base64, rand, sha};
use serde_json::json;

use super::Error;
use crate::text::hex;

/// How long a token is valid.
const VALID_S: i64 = 120;
/// The length of each half of a signature on the curve P-256.
const HALF_BYTES: i32 = 32;

/// Makes tokens with one key.
pub struct Signer {
    name: String,
    key: EcKey<Private>,
    /// The variable that holds the key, for messages.
    variable: &'static str,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// Reads the name of the key and the key from two variables; `None` if neither is set.
    ///
    /// # Errors
    /// Only one of them is set, or the key is not a private key on the curve P-256.
    pub fn from_environment(
        [name, key]: [&'static str; 2],
        read: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Signer>, Error> {
        let missing =
            |variable, other| Error::Credentials { variable, reason: format!("is missing, and {other} is set") };
        match (read(name), read(key)) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(missing(key, name)),
            (None, Some(_)) => Err(missing(name, key)),
            (Some(text), Some(pem)) => Signer::new(text, &pem, key).map(Some),
        }
    }

    /// Reads a private key in PEM. Line ends may be written as `\\n`, as they are in the exchange's JSON files.
    fn new(name: String, pem: &str, variable: &'static str) -> Result<Signer, Error> {
        let failed = |reason: &str| Error::Credentials { variable, reason: reason.into() };
        let pem = pem.replace("\\n", "\n");
        let key = EcKey::private_key_from_pem(pem.as_bytes())
            .map_err(|_| failed("is not a private EC key in PEM (-----BEGIN EC PRIVATE KEY-----)"))?;
        match key.group().curve_name() {
            Some(Nid::X9_62_PRIME256V1) => Ok(Signer { name, key, variable }),
            _ => Err(failed("is a key on another curve than P-256")),
        }
    }

    /// Returns a token that is valid from `now`, nanoseconds since 1970.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
    pub fn token(&self, now: i64) -> Result<String, Error> {
        self.signed(now / 1_000_000_000).map_err(|_| Error::Credentials {
            variable: self.variable,
            reason: "cannot sign, because OpenSSL fails".into(),
        })
    }

    fn signed(&self, now_s: i64) -> Result<String, ErrorStack> {
        let mut nonce = [0; 16];
        rand::rand_bytes(&mut nonce)?;
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": self.name, "nonce": hex(&nonce) });
        let claims = json!({ "iss": "cdp", "sub": self.name, "nbf": now_s, "exp": now_s + VALID_S });
        let signed = format!("{}.{}", url_safe(header.to_string().as_bytes()), url_safe(claims.to_string().as_bytes()));
        let signature = EcdsaSig::sign(&sha::sha256(signed.as_bytes()), &self.key)?;
        let half = |number: &BigNumRef| number.to_vec_padded(HALF_BYTES);
        let signature = [half(signature.r())?, half(signature.s())?].concat();
        Ok(format!("{signed}.{}", url_safe(&signature)))
    }
}

/// Returns base64 for addresses, without padding.
fn url_safe(bytes: &[u8]) -> String {
    let text = base64::encode_block(bytes);
    text.trim_end_matches('=').replace('+', "-").replace('/', "_")
}

#[cfg(test)]
mod tests {
    use openssl::bn::BigNum;
    use openssl::ec::EcGroup;

    use super::*;
    use crate::error::Hint;

    fn pem(curve: Nid) -> String {
        let key = EcKey::generate(&EcGroup::from_curve_name(curve).expect("a curve")).expect("a key");
        String::from_utf8(key.private_key_to_pem().expect("PEM")).expect("text")
    }

    fn from_url_safe(text: &str) -> Vec<u8> {
        let mut text = text.replace('-', "+").replace('_', "/");
        while !text.len().is_multiple_of(4) {
            text.push('=');
        }
        base64::decode_block(&text).expect("base64")
    }

    #[test]
    fn a_token_is_what_the_exchange_checks() {
        let key = pem(Nid::X9_62_PRIME256V1).replace('\n', "\\n");
        let signer = Signer::new("organizations/o/apiKeys/k".into(), &key, "KEY").expect("a key");
        let token = signer.token(1_775_337_223_000_000_000).expect("a token");
        let parts: Vec<&str> = token.split('.').collect();
        let json = |part: &str| serde_json::from_slice::<serde_json::Value>(&from_url_safe(part)).expect("JSON");
        let (header, claims) = (json(parts[0]), json(parts[1]));
        assert_eq!((&header["alg"], &header["kid"]), (&json!("ES256"), &json!("organizations/o/apiKeys/k")));
        assert_eq!(header["nonce"].as_str().expect("a nonce").len(), 32);
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("cdp"), &json!("organizations/o/apiKeys/k")));
        assert_eq!((&claims["nbf"], &claims["exp"]), (&json!(1_775_337_223), &json!(1_775_337_343)));
        let signature = from_url_safe(parts[2]);
        assert_eq!(signature.len(), 64);
        let half = |bytes: &[u8]| BigNum::from_slice(bytes).expect("a number");
        let signature = EcdsaSig::from_private_components(half(&signature[..32]), half(&signature[32..]));
        let digest = sha::sha256(format!("{}.{}", parts[0], parts[1]).as_bytes());
        assert!(signature.expect("a signature").verify(&digest, &signer.key).expect("checked"));
        assert_ne!(token, signer.token(1_775_337_223_000_000_000).expect("a token"));
        assert_eq!(format!("{signer:?}"), "Signer");
    }

    #[test]
    fn a_key_that_cannot_sign_is_refused_and_not_shown() {
        let read = |name: Option<&str>, key: Option<&str>| {
            let (name, key) = (name.map(String::from), key.map(String::from));
            let variable = |variable: &str| if variable == "NAME" { name.clone() } else { key.clone() };
            Signer::from_environment(["NAME", "KEY"], &variable)
        };
        assert!(read(None, None).expect("nothing is set").is_none());
        let other = pem(Nid::SECP384R1);
        for (name, key, expected) in [
            (Some("k"), None, "KEY is missing, and NAME is set"),
            (None, Some("secret"), "NAME is missing, and KEY is set"),
            (Some("k"), Some("secret"), "KEY is not a private EC key"),
            (Some("k"), Some(other.as_str()), "KEY is a key on another curve"),
        ] {
            let error = read(name, key).expect_err("refused");
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!format!("{error} {error:?}").contains("secret") && error.hint().is_some());
        }
    }
}
