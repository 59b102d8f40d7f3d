//! SCRAM-SHA-256, the server's side: a client proves that it knows the password, and nobody who listens learns it.
//!
//! In: the client's messages. Out: the server's. Source: RFC 5802 and RFC 7677. What the server keeps is made from the password, and
//! the password can't be computed from it.

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::sha::sha256;
use openssl::{base64, memcmp, pkcs5, rand};

use crate::hmac::hmac;

/// The mechanism's name.
pub const MECHANISM: &str = "SCRAM-SHA-256";

/// RFC 7677 asks for at least 4096; PostgreSQL uses as many.
const ITERATIONS: usize = 4096;

/// What the server knows of a password.
pub struct Verifier {
    salt: [u8; 16],
    stored_key: [u8; 32],
    server_key: [u8; 32],
}

/// The client's first message was answered.
pub struct Exchange {
    header: String,
    nonce: String,
    /// Both first messages, separated by a comma.
    messages: String,
}

/// Why a client is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the client does not follow SCRAM-SHA-256: {0}")]
    Protocol(&'static str),
    #[error("the password is wrong")]
    Wrong,
    #[error(transparent)]
    Crypto(#[from] ErrorStack),
}

impl Verifier {
    /// Makes what the server keeps from a password.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new(password: &str) -> Result<Verifier, ErrorStack> {
        let mut salt = [0; 16];
        rand::rand_bytes(&mut salt)?;
        Verifier::with_salt(password, salt)
    }

    fn with_salt(password: &str, salt: [u8; 16]) -> Result<Verifier, ErrorStack> {
        let mut salted = [0; 32];
        pkcs5::pbkdf2_hmac(password.as_bytes(), &salt, ITERATIONS, MessageDigest::sha256(), &mut salted)?;
        let client_key = hmac(&salted, b"Client Key")?;
        Ok(Verifier { salt, stored_key: sha256(&client_key), server_key: hmac(&salted, b"Server Key")? })
    }

    /// Returns whether a password is the right one, for clients that send it.
    pub fn is_password(&self, password: &str) -> bool {
        let theirs = Verifier::with_salt(password, self.salt);
        theirs.is_ok_and(|theirs| memcmp::eq(&theirs.stored_key, &self.stored_key))
    }

    /// Answers the client's first message.
    ///
    /// # Errors
    /// It is not such a message, or asks for what the server does not offer.
    pub fn begin(&self, first: &str) -> Result<(Exchange, String), Error> {
        let mut random = [0; 18];
        rand::rand_bytes(&mut random)?;
        self.answer(first, &base64::encode_block(&random))
    }

    fn answer(&self, first: &str, own: &str) -> Result<(Exchange, String), Error> {
        let (flag, rest) = first.split_once(',').ok_or(Error::Protocol("no header"))?;
        let (identity, bare) = rest.split_once(',').ok_or(Error::Protocol("no header"))?;
        if !matches!(flag, "n" | "y") {
            return Err(Error::Protocol("channel binding was not offered"));
        }
        if !identity.is_empty() {
            return Err(Error::Protocol("another identity"));
        }
        // A field `m=` would stand first: an extension that both sides must know.
        let mut fields = bare.split(',');
        fields.next().and_then(|field| field.strip_prefix("n=")).ok_or(Error::Protocol("no user"))?;
        let theirs = fields.next().and_then(|field| field.strip_prefix("r="));
        let theirs = theirs.filter(|nonce| !nonce.is_empty() && nonce.bytes().all(|byte| byte.is_ascii_graphic()));
        let nonce = format!("{}{own}", theirs.ok_or(Error::Protocol("no nonce"))?);
        let reply = format!("r={nonce},s={},i={ITERATIONS}", base64::encode_block(&self.salt));
        let messages = format!("{bare},{reply}");
        Ok((Exchange { header: format!("{flag},{identity},"), nonce, messages }, reply))
    }

    /// Checks the client's last message. Returns the server's proof that it knows the password too.
    ///
    /// # Errors
    /// The proof is wrong, or the message is not such a message.
    pub fn finish(&self, exchange: &Exchange, last: &str) -> Result<String, Error> {
        let (without_proof, proof) = last.rsplit_once(",p=").ok_or(Error::Protocol("no proof"))?;
        let mut fields = without_proof.split(',');
        let binding = fields.next().and_then(|field| field.strip_prefix("c="));
        if binding != Some(&base64::encode_block(exchange.header.as_bytes())) {
            return Err(Error::Protocol("another header"));
        }
        if fields.next().and_then(|field| field.strip_prefix("r=")) != Some(&exchange.nonce) {
            return Err(Error::Protocol("another nonce"));
        }
        let proof = base64::decode_block(proof).map_err(|_| Error::Protocol("a proof that is not base64"))?;
        let messages = format!("{},{without_proof}", exchange.messages);
        let signature = hmac(&self.stored_key, messages.as_bytes())?;
        if proof.len() != signature.len() {
            return Err(Error::Wrong);
        }
        let client_key: Vec<u8> = proof.iter().zip(signature).map(|(proof, signature)| proof ^ signature).collect();
        if !memcmp::eq(&sha256(&client_key), &self.stored_key) {
            return Err(Error::Wrong);
        }
        Ok(format!("v={}", base64::encode_block(&hmac(&self.server_key, messages.as_bytes())?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677, section 3.
    const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const OWN: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const LAST: &str =
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    fn verifier(password: &str) -> Verifier {
        let salt = base64::decode_block("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        Verifier::with_salt(password, salt.try_into().unwrap()).unwrap()
    }

    #[test]
    fn the_example_of_the_standard_holds() {
        let verifier = verifier("pencil");
        let (exchange, reply) = verifier.answer(FIRST, OWN).unwrap();
        assert_eq!(reply, "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        let proof = verifier.finish(&exchange, LAST).unwrap();
        assert_eq!(proof, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn a_wrong_password_or_a_bent_message_is_refused() {
        let verifier = verifier("pen");
        assert!(verifier.is_password("pen"));
        assert!(!verifier.is_password("pencil") && !verifier.is_password(""));
        let (exchange, _) = verifier.answer(FIRST, OWN).unwrap();
        assert!(matches!(verifier.finish(&exchange, LAST), Err(Error::Wrong)));
        for last in [
            "",
            "c=biws",
            "c=biws,r=x,p=dHzb",
            "c=AAAA,r=x,p=dHzb",
            &LAST.replace("dHz", "!!!"),
            &LAST[..LAST.len() - 8],
        ] {
            assert!(verifier.finish(&exchange, last).is_err(), "{last}");
        }
        for first in [
            "",
            "n",
            "n,,",
            "p=tls-server-end-point,,n=,r=x",
            "n,,n=u",
            "n,,m=1,n=,r=x",
            "n,a=b,n=,r=x",
            "n,,r=x",
            "n,,n=,r=a b",
        ] {
            assert!(verifier.answer(first, OWN).is_err(), "{first}");
        }
    }
}
