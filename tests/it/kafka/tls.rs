//! Brokers that speak TLS: each way in which a connection fails has librdkafka's own reason and the setting to look at.

use std::io::Read;
use std::net::{IpAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use squall::error::Hint;
use squall::log::{Error, KafkaLog, Options};

use super::{cluster, options};

/// Makes a key, and a certificate for this address that is signed with the same key.
fn certificate(address: &str) -> (PKey<Private>, X509) {
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "squall test").expect("a name");
    let name = name.build();
    let mut made = X509::builder().expect("a certificate");
    made.set_version(2).expect("set");
    made.set_subject_name(&name).expect("set");
    made.set_issuer_name(&name).expect("set");
    made.set_pubkey(&key).expect("set");
    made.set_not_before(&Asn1Time::days_from_now(0).expect("today")).expect("set");
    made.set_not_after(&Asn1Time::days_from_now(2).expect("a day")).expect("set");
    let alternative =
        SubjectAlternativeName::new().ip(address).build(&made.x509v3_context(None, None)).expect("a name");
    made.append_extension(alternative).expect("set");
    made.append_extension(BasicConstraints::new().critical().ca().build().expect("an extension")).expect("set");
    made.sign(&key, MessageDigest::sha256()).expect("signed");
    (key, made.build())
}

/// Starts a server that speaks TLS and then nothing more; returns its address. Its certificate goes into a file.
fn server(certified: &str, demands: Option<SslVersion>, file: &Path) -> String {
    let (key, certificate) = certificate(certified);
    std::fs::write(file, certificate.to_pem().expect("PEM")).expect("written");
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("an acceptor");
    acceptor.set_private_key(&key).expect("set");
    acceptor.set_certificate(&certificate).expect("set");
    if let Some(version) = demands {
        acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        acceptor.set_max_proto_version(Some(version)).expect("set");
    }
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let acceptor = acceptor.clone();
            std::thread::spawn(move || {
                if let Ok(mut stream) = acceptor.accept(stream) {
                    let _ = stream.read_to_end(&mut Vec::new());
                }
            });
        }
    });
    address
}

/// Asks a broker, and returns what the user reads: the error and its hint.
async fn refusal(brokers: &str, properties: &[(&str, &str)]) -> (String, String) {
    let properties = properties.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let options = Options { kafka_properties: properties, kafka_timeout: Duration::from_secs(3), ..options() };
    let error = KafkaLog::open(brokers, "ticks.raw", &options).await.err().expect("no connection");
    assert!(matches!(error, Error::NotAdmitted { .. }), "{error}");
    (error.to_string(), error.hint().expect("a hint"))
}

#[tokio::test]
async fn each_failure_of_tls_names_its_reason_and_its_setting() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let file = temp.path().join("ca.pem");
    let ca = file.to_str().expect("text");
    let local: IpAddr = [127, 0, 0, 1].into();
    let tls = ("security.protocol", "SSL");

    let brokers = server(&local.to_string(), None, &file);
    let (error, hint) = refusal(&brokers, &[]).await;
    assert!(error.contains("let squall in: Disconnected"), "{error}");
    assert!(hint.contains("look at security.protocol "), "a client without TLS: {hint}");

    let (error, hint) = refusal(&brokers, &[tls]).await;
    assert!(error.contains("certificate verify failed"), "{error}");
    assert!(hint.contains("look at ssl.ca.location "), "an unknown CA: {hint}");

    let other = server("127.0.0.2", None, &file);
    let (error, hint) = refusal(&other, &[tls, ("ssl.ca.location", ca)]).await;
    assert!(error.contains("certificate verify failed"), "{error}");
    assert!(hint.contains("ssl.ca.location") || hint.contains("another name"), "another broker's certificate: {hint}");

    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let demanding = server(&local.to_string(), Some(version), &file);
        let (error, hint) = refusal(&demanding, &[tls, ("ssl.ca.location", ca)]).await;
        assert!(error.to_lowercase().contains("alert"), "{error}");
        assert!(hint.contains("look at ssl.certificate.location and ssl.key.location "), "{error}: {hint}");
    }

    let plain = cluster("ticks.raw", 1);
    let (error, hint) = refusal(&plain.bootstrap_servers(), &[tls]).await;
    assert!(error.contains("SSL handshake failed"), "{error}");
    assert!(hint.contains("look at security.protocol "), "a broker without TLS: {hint}");
}
