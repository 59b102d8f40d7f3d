//! An MLflow server over TLS whose certificate a private authority signed, with Basic authentication.

use std::net::TcpListener;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder, X509Ref};
use serde_json::json;
use squall::track::{Server, Tracker, reach, read};
use tempfile::TempDir;

use super::tracking::{Requests, at, handle, like_mlflow, run, warn, warned};

/// Makes a certificate; without a signer, an authority that signs itself.
fn certificate(name: &str, key: &PKeyRef<Private>, signer: Option<(&X509Ref, &PKeyRef<Private>)>) -> X509 {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder: X509Builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(if signer.is_some() { 2 } else { 1 }).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(signer.map_or(&subject, |(issuer, _)| issuer.subject_name())).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    if let Some((issuer, _)) = signer {
        let names =
            SubjectAlternativeName::new().ip("127.0.0.1").build(&builder.x509v3_context(Some(issuer), None)).unwrap();
        builder.append_extension(names).unwrap();
    } else {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    }
    builder.sign(signer.map_or(key, |(_, key)| key), MessageDigest::sha256()).unwrap();
    builder.build()
}

fn key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

#[test]
fn a_server_with_a_private_authority_is_reached_if_the_settings_name_the_authority() {
    let (authority_key, server_key) = (key(), key());
    let authority = certificate("tests", &authority_key, None);
    let of_server = certificate("127.0.0.1", &server_key, Some((&authority, &authority_key)));
    let folder = TempDir::new().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, authority.to_pem().unwrap()).unwrap();

    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls()).unwrap();
    acceptor.set_private_key(&server_key).unwrap();
    acceptor.set_certificate(&of_server).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Requests::default();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = acceptor.accept(stream.unwrap()) else { continue };
            let answer = |path: &str, who: &str| match who {
                "Basic bWU6aHVudGVyMg==" => like_mlflow(path),
                _ => (401, json!({"message": "You are not authenticated."})),
            };
            handle(stream, answer, &requests);
        }
    });

    let uri = format!("https://{address}");
    let named = Server { ca_file: ca_file.clone(), username: "me".into(), password: "hunter2".into(), ..at(&uri) };
    Tracker::new(folder.path().join("runs"), named.clone(), warn).record(run(), Some(b"{}"));
    assert_eq!(read(&folder.path().join("runs")).unwrap().runs[0].mlflow_run_id.as_deref(), Some("abc"));

    let in_address = Server { uri: format!("https://me:hunter2@{address}"), insecure_tls: true, ..at(&uri) };
    reach(&in_address).unwrap();
    assert!(!format!("{named:?} {in_address:?}").contains("hunter2"));

    let unknown = Server { ca_file: Default::default(), ..named.clone() };
    let error = reach(&unknown).unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    let stranger = Server { password: "wrong".into(), ..named.clone() };
    Tracker::new(folder.path().join("other"), stranger, warn).record(run(), Some(b"{}"));
    assert!(
        warned("does not let squall in: You are not authenticated. (status 401)") && warned("MLFLOW_TRACKING_TOKEN")
    );

    let nothing = folder.path().join("nothing.pem");
    std::fs::write(&nothing, "not a certificate").unwrap();
    let error = reach(&Server { ca_file: nothing, ..named }).unwrap_err();
    assert!(error.to_string().ends_with("nothing.pem holds no certificate"), "{error}");
}
