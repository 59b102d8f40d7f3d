//! A proxy between the simulated exchange and `squall ingest`: it notes every message that it delivers, and breaks connections
//! on demand.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest time that a receiver keeps a message in memory before it is synced: the sync interval, and a slow disk.
const IN_MEMORY: Duration = Duration::from_secs(2);

/// What the proxy does to the next message.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// Delivers it, then closes the connection.
    Close,
    /// Delivers half of its frame, then closes the connection.
    Tear,
    /// Delivers a message that consists of its first half.
    Truncate,
    /// Delivers it with a byte that is not UTF-8.
    Spoil,
    /// Delivers nothing for this long, then closes the connection.
    Stall(Duration),
}

/// The messages that were delivered on one connection.
#[derive(Debug, Default)]
pub struct Delivered {
    /// The hash of each message's bytes, in order.
    pub messages: Vec<u64>,
    /// When the last message was delivered.
    last: Option<Instant>,
    /// Whether the receiver may have ended before it read the last messages.
    pub cut_short: bool,
}

/// What the proxy has delivered, and the fault that it is to produce next.
#[derive(Debug, Default)]
pub struct Ledger {
    connections: Mutex<Vec<Delivered>>,
    fault: Mutex<Option<Fault>>,
}

impl Ledger {
    /// Returns the connections in the order in which they began.
    pub fn connections(&self) -> MutexGuard<'_, Vec<Delivered>> {
        lock(&self.connections)
    }

    /// Asks for a fault.
    pub fn produce(&self, fault: Fault) {
        *lock(&self.fault) = Some(fault);
    }

    /// Notes that the receiver was killed, or was told to end. It may have kept in memory what was delivered just before, and what
    /// the connections from number `since` on delivered.
    pub fn receiver_ended(&self, since: Option<usize>) {
        let mut connections = self.connections();
        let open = connections.len().saturating_sub(1);
        let since = since.unwrap_or(open).min(open);
        for (number, connection) in connections.iter_mut().enumerate() {
            let just_before = connection.last.is_some_and(|last| last.elapsed() < IN_MEMORY);
            connection.cut_short |= number >= since || just_before;
        }
    }

    /// Returns the number of the connection that is open now.
    pub fn current(&self) -> usize {
        self.connections().len().saturating_sub(1)
    }

    fn take_fault(&self) -> Option<Fault> {
        lock(&self.fault).take()
    }

    fn deliver(&self, connection: usize, payload: &[u8]) {
        let connection = &mut self.connections()[connection];
        connection.messages.push(hash(payload));
        connection.last = Some(Instant::now());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a message's hash.
pub fn hash(payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    payload.hash(&mut hasher);
    hasher.finish()
}

/// Starts the proxy in threads of its own; returns its address.
pub fn start(server: String, ledger: Arc<Ledger>) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (server, ledger) = (server.clone(), Arc::clone(&ledger));
            std::thread::spawn(move || {
                let number = {
                    let mut connections = ledger.connections();
                    connections.push(Delivered::default());
                    connections.len() - 1
                };
                // Connections end in many ways here, and the receiver tries again after each of them.
                let _ = pass(client, &server, &ledger, number);
            });
        }
    });
    Ok(address)
}

/// Passes one connection on, message by message towards the client.
fn pass(mut client: TcpStream, server: &str, ledger: &Ledger, number: usize) -> io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    client.write_all(&response(&mut server)?)?;
    loop {
        let mut frame = Frame::read(&mut server)?;
        let fault = if frame.is_message() { ledger.take_fault() } else { None };
        match fault {
            None => {}
            Some(Fault::Close) => {
                client.write_all(&frame.bytes())?;
                ledger.deliver(number, &frame.payload);
                return end(client, &server);
            }
            Some(Fault::Tear) => {
                let bytes = frame.bytes();
                client.write_all(&bytes[..bytes.len() / 2])?;
                return end(client, &server);
            }
            Some(Fault::Truncate) => frame.payload.truncate(frame.payload.len() / 2),
            Some(Fault::Spoil) => {
                let middle = frame.payload.len() / 2;
                frame.payload[middle] = 0xff;
                client.write_all(&frame.bytes())?;
                return end(client, &server);
            }
            Some(Fault::Stall(time)) => {
                std::thread::sleep(time);
                return end(client, &server);
            }
        }
        client.write_all(&frame.bytes())?;
        if frame.is_message() {
            ledger.deliver(number, &frame.payload);
        }
    }
}

/// Closes a connection so that the client can read what was written to it.
fn end(client: TcpStream, server: &TcpStream) -> io::Result<()> {
    client.shutdown(Shutdown::Write)?;
    server.shutdown(Shutdown::Both)
}

/// Reads the server's answer to the handshake, up to the empty line.
fn response(server: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        server.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    Ok(bytes)
}

/// A frame of a websocket from the server, which does not mask.
struct Frame {
    first: u8,
    payload: Vec<u8>,
}

impl Frame {
    fn read(server: &mut TcpStream) -> io::Result<Frame> {
        let mut head = [0; 2];
        server.read_exact(&mut head)?;
        let length = match head[1] & 0x7f {
            126 => {
                let mut length = [0; 2];
                server.read_exact(&mut length)?;
                usize::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                server.read_exact(&mut length)?;
                u64::from_be_bytes(length) as usize
            }
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        server.read_exact(&mut payload)?;
        Ok(Frame { first: head[0], payload })
    }

    /// Returns whether the frame is a whole text message, and not part of the protocol.
    fn is_message(&self) -> bool {
        self.first == 0x81
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.first];
        match self.payload.len() {
            short @ ..126 => bytes.push(short as u8),
            medium @ ..65_536 => {
                bytes.push(126);
                bytes.extend((medium as u16).to_be_bytes());
            }
            long => {
                bytes.push(127);
                bytes.extend((long as u64).to_be_bytes());
            }
        }
        bytes.extend(&self.payload);
        bytes
    }
}
