//! A receiver of webhooks that fails in turns.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the receiver does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    Takes,
    Answers(u16),
    /// It closes the connection, before or after it has taken the request.
    Closes,
    TakesAndCloses,
    /// It takes its time.
    Waits(u64),
}

/// A request that was taken.
#[derive(Debug, Clone)]
pub struct Request {
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Request {
    pub fn key(&self) -> &str {
        &self.headers["idempotency-key"]
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The receiver.
pub struct Listener {
    pub address: String,
    taken: Arc<Mutex<Vec<Request>>>,
    seen: Arc<Mutex<usize>>,
}

impl Listener {
    /// Starts a receiver; `does` says what it does with a request, by its number and content.
    pub fn start(does: impl Fn(usize, &Request) -> Does + Send + Sync + 'static) -> Listener {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/hook/hidden-path", listener.local_addr().unwrap());
        let (taken, seen) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let (all, number, does) = (Arc::clone(&taken), Arc::clone(&seen), Arc::new(does));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (all, number, does) = (Arc::clone(&all), Arc::clone(&number), Arc::clone(&does));
                std::thread::spawn(move || serve(stream, &all, &number, does.as_ref()));
            }
        });
        Listener { address, taken, seen }
    }

    /// Returns the requests that were taken, in their order.
    pub fn taken(&self) -> Vec<Request> {
        self.taken.lock().unwrap().clone()
    }

    /// Returns the first request of each key, as a receiver that remembers keys has them.
    pub fn distinct(&self) -> Vec<Request> {
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let mut distinct = Vec::new();
        for request in self.taken() {
            match known.get(request.key()) {
                Some(body) => assert_eq!(*body, request.body, "a key stands for one body"),
                None => {
                    known.insert(request.key().into(), request.body.clone());
                    distinct.push(request);
                }
            }
        }
        distinct
    }

    /// Returns how many requests came.
    pub fn seen(&self) -> usize {
        *self.seen.lock().unwrap()
    }
}

fn serve(
    stream: TcpStream,
    taken: &Mutex<Vec<Request>>,
    seen: &Mutex<usize>,
    does: &(dyn Fn(usize, &Request) -> Does + Send + Sync),
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(request) = read(&mut reader) {
        let number = {
            let mut seen = seen.lock().unwrap();
            *seen += 1;
            *seen - 1
        };
        let does = does(number, &request);
        if let Does::Waits(ms) = does {
            std::thread::sleep(Duration::from_millis(ms));
        }
        if matches!(does, Does::Takes | Does::TakesAndCloses | Does::Waits(_)) {
            taken.lock().unwrap().push(request);
        }
        let status = match does {
            Does::Closes | Does::TakesAndCloses => return,
            Does::Answers(status) => status,
            Does::Takes | Does::Waits(_) => 204,
        };
        let body = if status == 204 { "" } else { "the receiver says why\nand more" };
        let answer = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    assert_eq!(line, "POST /hook/hidden-path HTTP/1.1\r\n");
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_string());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Request { headers, body: String::from_utf8(body).ok()? })
}
