//! The start of a connection: TLS, the password, and what clients are told first.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use openssl::rand::rand_bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use super::connection::Connection;
use super::scram::{self, MECHANISM, Verifier};
use super::settings::Settings;
use super::watch::Watch;
use super::wire::{First, Message, Notice, Out, SMALL, first, message};
use super::{Place, Server};

/// How long a client may take to prove who it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the answer to a wrong password takes, so that guessing is slow.
pub const WRONG: Duration = Duration::from_millis(500);

/// The steps of an authentication, by their numbers in the protocol.
const OK: i32 = 0;
const SASL: i32 = 10;
const SASL_CONTINUE: i32 = 11;
const SASL_FINAL: i32 = 12;

/// A connection's bytes, with or without TLS.
trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// Serves a client to its end.
///
/// # Errors
/// The connection fails.
pub async fn serve(
    stream: TcpStream,
    server: &Arc<Server>,
    process: i32,
    knock: OwnedSemaphorePermit,
) -> io::Result<()> {
    let slow = || io::Error::from(io::ErrorKind::TimedOut);
    let mut stopping = server.stopping.clone();
    let let_in = async { timeout(PATIENCE, let_in(stream, server, process)).await.map_err(|_| slow())? };
    let let_in = tokio::select! {
        let_in = let_in => let_in?,
        _ = stopping.wait_for(|stopping| *stopping) => None,
    };
    drop(knock);
    let Some(LetIn { stream, settings, user, place: _place }) = let_in else { return Ok(()) };
    let (reader, writer) = tokio::io::split(stream);
    let mut random = [0; 4];
    rand_bytes(&mut random).map_err(io::Error::other)?;
    let secret = i32::from_be_bytes(random);
    let (requests, cancels) = watch::channel(0);
    server.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(process, (secret, requests));
    let (messages, gone) = super::ahead::read(reader);
    let watch = Watch::new(cancels, gone, server.stopping.clone());
    let mut connection = Connection::new(Arc::clone(server), writer, messages, watch, settings, (user, process)).await;
    connection.greet(process, secret);
    connection.run().await
}

/// A client that proved who it is.
struct LetIn {
    stream: Box<dyn Bytes>,
    settings: Settings,
    user: String,
    place: Place,
}

/// Lets a client in that proves who it is; `None` if it is not let in, or only asked to cancel a statement.
async fn let_in(stream: TcpStream, server: &Arc<Server>, process: i32) -> io::Result<Option<LetIn>> {
    let mut stream: Box<dyn Bytes> = Box::new(stream);
    let mut secure = false;
    let (version, parameters) = loop {
        match first(&mut stream).await? {
            None => return Ok(None),
            Some(First::Cancel { process, secret }) => {
                server.cancel(process, secret);
                return Ok(None);
            }
            Some(First::Tls) if !secure && server.tls.is_some() => {
                stream.write_all(b"S").await?;
                stream.flush().await?;
                if let Some(tls) = &server.tls {
                    stream = Box::new(tls.accept(stream).await.map_err(io::Error::other)?);
                }
                secure = true;
            }
            Some(First::Tls | First::Gss) => {
                stream.write_all(b"N").await?;
                stream.flush().await?;
            }
            Some(First::Start { version, parameters }) => break (version, parameters),
        }
    };
    let mut out = Out::default();
    let refused = |code, message: &str, hint: Option<&str>| Notice {
        code,
        message: message.into(),
        hint: hint.map(Into::into),
        position: None,
    };
    if version >> 16 != 3 {
        return refuse(&mut stream, &refused("08P01", "the server speaks version 3 of the protocol", None)).await;
    }
    if server.tls.is_some() && !secure {
        let notice =
            refused("28000", "this server takes connections with TLS only", Some("connect with sslmode=require"));
        return refuse(&mut stream, &notice).await;
    }
    let of = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let user = of("user").unwrap_or_default();
    if let Some(verifier) = &server.verifier
        && let Err(error) = prove(&mut stream, verifier, user == server.user).await
    {
        let message = match error {
            Denied::Connection(error) => return Err(error),
            Denied::Scram(scram::Error::Protocol(why)) => format!("the client does not follow {MECHANISM}: {why}"),
            Denied::Scram(_) => format!("the password of the user `{user}` is wrong"),
        };
        tokio::time::sleep(WRONG).await;
        return refuse(&mut stream, &refused("28P01", &message, None)).await;
    }
    let Some(place) = Place::take(server, process) else {
        let hint = "`squall serve --max-connections` allows more";
        return refuse(&mut stream, &refused("53300", "there are too many connections", Some(hint))).await;
    };
    out.authentication(OK, &[]);
    if version & 0xffff != 0 || parameters.iter().any(|(name, _)| name.starts_with("_pq_.")) {
        let unknown = parameters.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("_pq_."));
        out.version(&unknown.collect::<Vec<_>>());
    }
    let mut settings = Settings::new(server.statement_timeout);
    for (name, value) in &parameters {
        match name.as_str() {
            // There is one database, whatever its name.
            "user" | "database" | "replication" => {}
            "options" => {
                for (name, value) in options(value) {
                    // An unknown option does not keep a client out.
                    let _ = settings.set(&name, Some(&value), false);
                }
            }
            name if name.starts_with("_pq_.") => {}
            // Drivers send settings of their own; those that would change results stay as they are.
            name => {
                let _ = settings.set(name, Some(value), false);
            }
        }
    }
    stream.write_all(&out.bytes).await?;
    Ok(Some(LetIn { stream, settings, user, place }))
}

/// Reads `-c name=value --name=value`.
fn options(text: &str) -> Vec<(String, String)> {
    let words = text.split_whitespace().filter(|word| *word != "-c");
    let pairs = words.filter_map(|word| word.trim_start_matches("--").trim_start_matches("-c").split_once('='));
    pairs.map(|(name, value)| (name.into(), value.into())).collect()
}

async fn refuse<T>(stream: &mut Box<dyn Bytes>, notice: &Notice) -> io::Result<Option<T>> {
    let mut out = Out::default();
    out.error("FATAL", notice);
    stream.write_all(&out.bytes).await?;
    stream.flush().await?;
    stream.shutdown().await?;
    Ok(None)
}

/// Why a client is not let in.
enum Denied {
    Connection(io::Error),
    Scram(scram::Error),
}

impl From<io::Error> for Denied {
    fn from(error: io::Error) -> Self {
        Denied::Connection(error)
    }
}

impl From<scram::Error> for Denied {
    fn from(error: scram::Error) -> Self {
        Denied::Scram(error)
    }
}

/// Lets the client prove that it knows the password. A user that does not exist learns only that something is wrong.
async fn prove(stream: &mut Box<dyn Bytes>, verifier: &Verifier, user_exists: bool) -> Result<(), Denied> {
    let mut out = Out::default();
    out.authentication(SASL, format!("{MECHANISM}\0\0").as_bytes());
    stream.write_all(&out.bytes).await?;
    stream.flush().await?;
    let answer = password(stream).await?;
    let bent = || scram::Error::Protocol("another message");
    // The mechanism's name, the length of what follows, and the first message.
    let end = answer.iter().position(|byte| *byte == 0).ok_or_else(bent)?;
    if &answer[..end] != MECHANISM.as_bytes() {
        return Err(scram::Error::Protocol("another mechanism").into());
    }
    let first = answer.get(end + 5..).and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or_else(bent)?;
    let (exchange, reply) = verifier.begin(first)?;
    let mut out = Out::default();
    out.authentication(SASL_CONTINUE, reply.as_bytes());
    stream.write_all(&out.bytes).await?;
    stream.flush().await?;
    let answer = password(stream).await?;
    let last = std::str::from_utf8(&answer).map_err(|_| bent())?;
    let proof = verifier.finish(&exchange, last)?;
    if !user_exists {
        return Err(scram::Error::Wrong.into());
    }
    let mut out = Out::default();
    out.authentication(SASL_FINAL, proof.as_bytes());
    stream.write_all(&out.bytes).await?;
    Ok(())
}

async fn password(stream: &mut Box<dyn Bytes>) -> Result<bytes::Bytes, Denied> {
    match message(stream, SMALL).await? {
        Some((Message::Password(bytes), _)) => Ok(bytes),
        Some(_) => Err(scram::Error::Protocol("another message").into()),
        None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_command_line_are_settings() {
        let read = options("-c statement_timeout=5s --search_path=public -cgeqo=off");
        let read: Vec<(&str, &str)> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, [("statement_timeout", "5s"), ("search_path", "public"), ("geqo", "off")]);
    }
}
