//! A small client of PostgreSQL's protocol, and a server to talk to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sha::sha256;
use openssl::sign::Signer;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::{base64, pkcs5};

pub const PASSWORD: &str = "correct horse";

/// `squall serve` in a folder of its own.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub folder: tempfile::TempDir,
}

pub fn squall(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.env_clear().current_dir(folder).stdin(Stdio::null()).args(arguments);
    command
}

impl Server {
    pub fn start(arguments: &[&str]) -> Server {
        Server::start_in(tempfile::tempdir().unwrap(), arguments)
    }

    pub fn start_in(folder: tempfile::TempDir, arguments: &[&str]) -> Server {
        Server::speaking("--pg", folder, arguments)
    }

    /// Starts a server of the protocol that an option names.
    pub fn speaking(protocol: &str, folder: tempfile::TempDir, arguments: &[&str]) -> Server {
        let mut command = squall(folder.path(), &["serve", protocol, "127.0.0.1:0"]);
        let child = command.args(arguments).env("SQUALL_SERVE_PASSWORD", PASSWORD).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("serving on ").unwrap_or_else(|| panic!("{line}"));
        let address = address.trim_start_matches("grpc://").parse().unwrap();
        Server { child, address, folder }
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address, "squall", Some(PASSWORD), false).unwrap()
    }

    /// Returns the memory that the server holds.
    pub fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Sends SIGTERM, and returns whether the server ends well.
    pub fn terminate(&mut self) -> bool {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        self.child.wait().unwrap().success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

trait Bytes: Read + Write {}
impl<T: Read + Write> Bytes for T {}

/// The fields of an error, by their letters.
pub type Fields = BTreeMap<char, String>;

pub struct Client {
    stream: Box<dyn Bytes>,
    pub address: SocketAddr,
    pub key: (i32, i32),
    pub parameters: BTreeMap<String, String>,
}

/// What came before the server was ready again.
#[derive(Debug, Default)]
pub struct Answer {
    /// Names, types and formats.
    pub columns: Vec<(String, u32, i16)>,
    pub rows: Vec<Vec<Option<Vec<u8>>>>,
    pub tags: Vec<String>,
    pub error: Option<Fields>,
    pub notices: Vec<Fields>,
    /// The transaction's state.
    pub state: char,
    pub parameter_types: Vec<u32>,
    pub suspended: bool,
}

impl Answer {
    pub fn texts(&self) -> Vec<Vec<Option<String>>> {
        let text = |value: &Option<Vec<u8>>| value.clone().map(|bytes| String::from_utf8(bytes).unwrap());
        self.rows.iter().map(|row| row.iter().map(text).collect()).collect()
    }

    /// Returns the only value, as text.
    pub fn one(&self) -> String {
        assert_eq!((self.rows.len(), self.error.as_ref()), (1, None));
        String::from_utf8(self.rows[0][0].clone().unwrap()).unwrap()
    }

    pub fn code(&self) -> &str {
        &self.error.as_ref().unwrap_or_else(|| panic!("{self:?}"))[&'C']
    }
}

/// A message of the client's.
pub fn message(kind: char, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind as u8];
    bytes.extend((body.len() as i32 + 4).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// The messages of a statement with values, without the last Sync. Values are in one format, and so are results.
pub fn bound(text: &str, types: &[u32], values: &[Option<&[u8]>], format: i16, most: i32) -> Vec<u8> {
    let mut parse = [b"\0", text.as_bytes(), b"\0"].concat();
    parse.extend((types.len() as i16).to_be_bytes());
    types.iter().for_each(|oid| parse.extend(oid.to_be_bytes()));
    let mut bind = b"\0\0".to_vec();
    bind.extend([1i16, format, values.len() as i16].into_iter().flat_map(i16::to_be_bytes));
    for value in values {
        bind.extend(value.map_or(-1, |value| value.len() as i32).to_be_bytes());
        bind.extend(value.unwrap_or_default());
    }
    bind.extend([1i16, format].into_iter().flat_map(i16::to_be_bytes));
    let execute = [&b"\0"[..], &most.to_be_bytes()].concat();
    [message('P', &parse), message('B', &bind), message('D', b"P\0"), message('E', &execute)].concat()
}

impl Client {
    /// # Errors
    /// The server's fields, if it does not let the client in.
    pub fn connect(address: SocketAddr, user: &str, password: Option<&str>, tls: bool) -> Result<Client, Fields> {
        let mut tcp = TcpStream::connect(address).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let mut stream: Box<dyn Bytes> = if tls {
            tcp.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
            let mut answer = [0];
            tcp.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"S", "the server speaks TLS");
            let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
            connector.set_verify(SslVerifyMode::NONE);
            Box::new(connector.build().connect("localhost", tcp).unwrap())
        } else {
            Box::new(tcp)
        };
        let start = [&196_608i32.to_be_bytes()[..], format!("user\0{user}\0database\0squall\0\0").as_bytes()].concat();
        stream.write_all(&(start.len() as i32 + 4).to_be_bytes()).unwrap();
        stream.write_all(&start).unwrap();
        let mut client = Client { stream, address, key: (0, 0), parameters: BTreeMap::new() };
        client.prove(password)?;
        Ok(client)
    }

    fn prove(&mut self, password: Option<&str>) -> Result<(), Fields> {
        let mut messages = String::new();
        let bare = "n=,r=abcdefgh";
        loop {
            let (kind, body) = self.read();
            let step = || i32::from_be_bytes(body[..4].try_into().unwrap());
            match kind {
                'E' => return Err(fields(&body)),
                'R' if step() == 10 => {
                    let first = format!("n,,{bare}");
                    let length = (first.len() as i32).to_be_bytes();
                    self.send(&message('p', &[b"SCRAM-SHA-256\0", &length[..], first.as_bytes()].concat()));
                }
                'R' if step() == 11 => {
                    let reply = String::from_utf8(body[4..].to_vec()).unwrap();
                    let of =
                        |name: &str| reply.split(',').find_map(|part| part.strip_prefix(name)).unwrap().to_string();
                    let mut salted = [0; 32];
                    let salt = base64::decode_block(&of("s=")).unwrap();
                    let password = password.unwrap_or_default().as_bytes();
                    let rounds = of("i=").parse().unwrap();
                    pkcs5::pbkdf2_hmac(password, &salt, rounds, MessageDigest::sha256(), &mut salted).unwrap();
                    let last = format!("c=biws,r={}", of("r="));
                    messages = format!("{bare},{reply},{last}");
                    let key = hmac(&salted, b"Client Key");
                    let signature = hmac(&sha256(&key), messages.as_bytes());
                    let proof: Vec<u8> = key.iter().zip(signature).map(|(key, sign)| key ^ sign).collect();
                    self.send(&message('p', format!("{last},p={}", base64::encode_block(&proof)).as_bytes()));
                }
                'R' if step() == 12 => assert!(!messages.is_empty() && body[4..].starts_with(b"v=")),
                'R' => assert_eq!(step(), 0),
                'S' => {
                    let text = String::from_utf8(body).unwrap();
                    let mut parts = text.split('\0').map(String::from);
                    self.parameters.insert(parts.next().unwrap(), parts.next().unwrap());
                }
                'K' => {
                    let number = |at: usize| i32::from_be_bytes(body[at..at + 4].try_into().unwrap());
                    self.key = (number(0), number(4));
                }
                'Z' => return Ok(()),
                other => panic!("{other}"),
            }
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.stream.flush().unwrap();
    }

    pub fn read(&mut self) -> (char, Vec<u8>) {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes(head[1..].try_into().unwrap());
        let mut body = vec![0; length as usize - 4];
        self.stream.read_exact(&mut body).unwrap();
        (char::from(head[0]), body)
    }

    pub fn query(&mut self, text: &str) -> Answer {
        self.send(&message('Q', &[text.as_bytes(), b"\0"].concat()));
        self.answer()
    }

    /// Runs a statement with values in the extended protocol.
    pub fn run(&mut self, text: &str, types: &[u32], values: &[Option<&[u8]>], format: i16) -> Answer {
        let messages = [bound(text, types, values, format, 0), message('S', b"")].concat();
        self.send(&messages);
        self.answer()
    }

    /// Reads until the server is ready.
    pub fn answer(&mut self) -> Answer {
        let mut answer = Answer::default();
        loop {
            let (kind, body) = self.read();
            let mut rest = &body[..];
            match kind {
                'T' => {
                    answer.columns.clear();
                    for _ in 0..short(&mut rest) {
                        let name = text(&mut rest);
                        let (_, after) = rest.split_at(6);
                        let oid = u32::from_be_bytes(after[..4].try_into().unwrap());
                        let format = i16::from_be_bytes(after[10..12].try_into().unwrap());
                        answer.columns.push((name, oid, format));
                        rest = &after[12..];
                    }
                }
                'D' => {
                    let row = (0..short(&mut rest)).map(|_| {
                        let (length, after) = rest.split_at(4);
                        rest = after;
                        let length = usize::try_from(i32::from_be_bytes(length.try_into().unwrap())).ok()?;
                        let (value, after) = rest.split_at(length);
                        rest = after;
                        Some(value.to_vec())
                    });
                    let row = row.collect();
                    answer.rows.push(row);
                }
                'C' => answer.tags.push(text(&mut rest)),
                'E' => answer.error = Some(fields(&body)),
                'N' => answer.notices.push(fields(&body)),
                't' => {
                    let types = body[2..].chunks(4).map(|oid| u32::from_be_bytes(oid.try_into().unwrap()));
                    answer.parameter_types = types.collect();
                }
                's' => answer.suspended = true,
                'Z' => {
                    answer.state = char::from(body[0]);
                    return answer;
                }
                _ => {}
            }
        }
    }

    /// Asks to cancel what the client runs, over a connection of its own.
    pub fn cancel(address: SocketAddr, (process, secret): (i32, i32)) {
        let mut stream = TcpStream::connect(address).unwrap();
        let numbers = [16, 80_877_102, process, secret];
        stream.write_all(&numbers.map(i32::to_be_bytes).concat()).unwrap();
        let _ = stream.read(&mut [0]);
    }
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let key = PKey::hmac(key).unwrap();
    let signed = Signer::new(MessageDigest::sha256(), &key).unwrap().sign_oneshot_to_vec(text).unwrap();
    signed.try_into().unwrap()
}

fn short(rest: &mut &[u8]) -> i16 {
    let (two, after) = rest.split_at(2);
    *rest = after;
    i16::from_be_bytes(two.try_into().unwrap())
}

fn text(rest: &mut &[u8]) -> String {
    let end = rest.iter().position(|byte| *byte == 0).unwrap();
    let text = String::from_utf8(rest[..end].to_vec()).unwrap();
    *rest = &rest[end + 1..];
    text
}

fn fields(mut body: &[u8]) -> Fields {
    let mut fields = Fields::new();
    while let Some((letter, rest)) = body.split_first().filter(|(letter, _)| **letter != 0) {
        body = rest;
        fields.insert(char::from(*letter), text(&mut body));
    }
    fields
}
