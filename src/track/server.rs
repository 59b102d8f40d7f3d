//! The MLflow server: its address, credentials, certificates and proxies, and calls of its REST interface.
//!
//! Settings are those of MLflow's own client. A user and password in the address become Basic authentication, and are never shown.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, Proxy};
use url::Url;

use super::Error;
use crate::text::{from_hex, without_secrets};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);

/// How long an answer to a question may take while a training waits, or a quarter of what the training waits in all if that is longer.
/// The first call is a question, so a server that hangs is known by then.
const FIRST_ANSWER: Duration = Duration::from_secs(3);

/// How long one call may take when nothing waits for it.
const CALL: Duration = Duration::from_secs(60);

/// How often a call is tried again if the server says that it is busy, and how long squall waits before that.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(150);

/// The calls that make another thing each time.
const MAKES: [&str; 3] = ["runs/create", "logged-models", "model-versions/create"];

/// The MLflow server, and how to reach it; an empty text is not set.
#[derive(Clone, Default)]
pub struct Server {
    pub uri: String,
    pub experiment: String,
    pub experiment_id: String,
    pub username: String,
    pub password: String,
    pub token: String,
    pub insecure_tls: bool,
    pub ca_file: PathBuf,
    /// How long a training may wait for the server in all.
    pub timeout: Duration,
}

/// Passwords are not shown.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("uri", &self.shown())
            .field("experiment", &self.experiment)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Returns the address without its secrets.
    pub fn shown(&self) -> String {
        without_secrets(self.uri.trim_end_matches('/'))
    }

    fn certificates(&self) -> Result<RootCerts, Error> {
        // What MLflow's own client reads if its own variable is not set.
        let elsewhere = || ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"].into_iter().find_map(variable).map(PathBuf::from);
        let own = Some(self.ca_file.clone()).filter(|path| !path.as_os_str().is_empty());
        let Some(path) = own.or_else(elsewhere) else { return Ok(RootCerts::PlatformVerifier) };
        let failed = |source| Error::Certificates { path: path.clone(), source };
        let pem = fs::read(&path).map_err(failed)?;
        let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        if certificates.is_empty() {
            return Err(failed(std::io::Error::other("no PEM certificate is in it")));
        }
        Ok(RootCerts::new_with_certs(&certificates))
    }
}

/// A connection to the server.
#[derive(Debug)]
pub struct Client {
    base: Url,
    shown: String,
    authorization: Option<String>,
    agent: Agent,
    started: Instant,
    /// How long all calls may take together; `None` if nothing waits for them.
    bound: Option<Duration>,
}

impl Client {
    /// Makes a client; this calls nothing yet.
    ///
    /// # Errors
    /// The address is not one of a server, or there are no certificates where the settings say.
    pub fn new(server: &Server, bound: Option<Duration>) -> Result<Client, Error> {
        let address = || Error::Address { uri: server.shown() };
        let mut base = Url::parse(&server.uri).map_err(|_| address())?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(address());
        }
        let authorization = authorization(server, &base);
        // Neither can fail: the address has a host.
        let _ = (base.set_username(""), base.set_password(None));
        base.set_query(None);
        base.set_fragment(None);
        let tls = TlsConfig::builder()
            .provider(TlsProvider::NativeTls)
            .disable_verification(server.insecure_tls)
            .root_certs(server.certificates()?)
            .build();
        let config = Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .http_status_as_error(false)
            .proxy(proxy(&base, variable)?)
            .user_agent(concat!("squall/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls);
        let agent = config.build().into();
        Ok(Client { base, shown: server.shown(), authorization, agent, started: Instant::now(), bound })
    }

    /// Returns whether the server runs on this machine, so that its files may be here too.
    pub fn is_local(&self) -> bool {
        matches!(self.base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
    }

    pub fn get(&self, call: &str, query: &[(&str, &str)]) -> Result<Value, Error> {
        let mut url = self.url(&format!("api/2.0/mlflow/{call}"));
        url.query_pairs_mut().extend_pairs(query);
        self.call("GET", call, &url, None)
    }

    pub fn post(&self, call: &str, body: &Value) -> Result<Value, Error> {
        self.send("POST", call, body)
    }

    pub fn patch(&self, call: &str, body: &Value) -> Result<Value, Error> {
        self.send("PATCH", call, body)
    }

    /// Puts a file in the server's own store of artifacts.
    pub fn put(&self, path: &str, content: &[u8]) -> Result<(), Error> {
        let call = format!("mlflow-artifacts/artifacts/{path}");
        let url = self.url(&format!("api/2.0/{call}"));
        self.call("PUT", &call, &url, Some(("application/octet-stream", content))).map(drop)
    }

    fn send(&self, method: &str, call: &str, body: &Value) -> Result<Value, Error> {
        let text = body.to_string();
        let url = self.url(&format!("api/2.0/mlflow/{call}"));
        self.call(method, call, &url, Some(("application/json", text.as_bytes())))
    }

    /// Returns the address of a path below the server's own.
    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        url
    }

    fn call(&self, method: &str, call: &str, url: &Url, body: Option<(&str, &[u8])>) -> Result<Value, Error> {
        for tried in 1.. {
            let (status, answer) = self.answer(method, url, body)?;
            // A server that is busy has done nothing yet. A database that is locked is an error 500; only what makes a second thing when
            // it is done twice is not tried again.
            let makes = MAKES.contains(&call);
            if (matches!(status, 429 | 503) || !makes && matches!(status, 500 | 502 | 504)) && tried < TRIES {
                sleep(PAUSE * tried);
                continue;
            }
            return self.accepted(call, status, answer);
        }
        // The loop ends by returning.
        Err(Error::Slow { uri: self.shown.clone(), waited_ms: self.started.elapsed().as_millis() })
    }

    /// Returns the status and the body: JSON if it can be parsed, else text.
    fn answer(&self, method: &str, url: &Url, body: Option<(&str, &[u8])>) -> Result<(u16, Value), Error> {
        let slow = || Error::Slow { uri: self.shown.clone(), waited_ms: self.started.elapsed().as_millis() };
        let left = match self.bound {
            None => CALL,
            Some(bound) => bound.checked_sub(self.started.elapsed()).filter(|left| !left.is_zero()).ok_or_else(slow)?,
        };
        let left = match self.bound {
            Some(bound) if body.is_none() => left.min(FIRST_ANSWER.max(bound / 4)),
            _ => left,
        };
        let mut request = ureq::http::Request::builder().method(method).uri(url.as_str());
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        if let Some((content_type, _)) = body {
            request = request.header("Content-Type", content_type);
        }
        let failed = |source: ureq::Error| match source {
            ureq::Error::Timeout(_) => slow(),
            source => Error::Unreachable { uri: self.shown.clone(), source: Box::new(source) },
        };
        let bad = |error: ureq::http::Error| failed(error.into());
        let run = |answer: Result<_, ureq::Error>| answer.map_err(failed);
        let mut answer = match body {
            None => {
                let request = self.agent.configure_request(request.body(()).map_err(bad)?);
                run(self.agent.run(request.timeout_global(Some(left)).build()))?
            }
            Some((_, content)) => {
                let request = self.agent.configure_request(request.body(content).map_err(bad)?);
                run(self.agent.run(request.timeout_global(Some(left)).build()))?
            }
        };
        let text = answer.body_mut().read_to_string().map_err(failed)?;
        Ok((answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(json!({"message": text}))))
    }

    fn accepted(&self, call: &str, status: u16, answer: Value) -> Result<Value, Error> {
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let message = answer["message"].as_str().unwrap_or_default();
        let message: String = message.lines().next().unwrap_or_default().chars().take(200).collect();
        let message = without_secrets(&message);
        if matches!(status, 401 | 403 | 407) {
            return Err(Error::NotAllowed { uri: self.shown.clone(), status, message });
        }
        let code = answer["error_code"].as_str().unwrap_or_default().into();
        Err(Error::Refused { call: call.into(), status, code, message })
    }
}

/// Returns the header that says who asks: what the address holds, else user and password, else the token.
fn authorization(server: &Server, address: &Url) -> Option<String> {
    let basic =
        |user: &[u8], password: &[u8]| format!("Basic {}", BASE64_STANDARD.encode([user, b":", password].concat()));
    if !address.username().is_empty() || address.password().is_some() {
        let password = address.password().unwrap_or_default();
        return Some(basic(&unescaped(address.username()), &unescaped(password)));
    }
    let or_stored =
        |value: &str, name: &str| if value.is_empty() { stored(name).unwrap_or_default() } else { value.into() };
    let username: String = or_stored(&server.username, "mlflow_tracking_username");
    let password: String = or_stored(&server.password, "mlflow_tracking_password");
    if !username.is_empty() && !password.is_empty() {
        return Some(basic(username.as_bytes(), password.as_bytes()));
    }
    (!server.token.is_empty()).then(|| format!("Bearer {}", server.token))
}

/// Returns what the user's file of credentials, which MLflow's own client reads too, says of a name.
fn stored(name: &str) -> Option<String> {
    let path = PathBuf::from(variable("HOME")?).join(".mlflow/credentials");
    entry(&fs::read_to_string(path).ok()?, name)
}

/// Returns the value of a name in the section `[mlflow]`.
fn entry(text: &str, name: &str) -> Option<String> {
    let section = text.lines().map(str::trim).skip_while(|line| *line != "[mlflow]").skip(1);
    let mut pairs = section.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once(['=', ':']));
    pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_string())
}

/// Returns the bytes of a part of an address, in which `%40` stands for `@`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        match after.get(..2).and_then(from_hex) {
            Some(byte) => {
                bytes.extend(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend(rest.bytes());
    bytes
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the proxy for an address, by the rules of MLflow's own client: `https_proxy` or `http_proxy` by the address, else
/// `all_proxy`; none for what `no_proxy` names. Small letters count first.
fn proxy(address: &Url, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, Error> {
    let either = |name: &str| variable(name).or_else(|| variable(&name.to_uppercase()));
    let host = address.host_str().unwrap_or_default().trim_matches(['[', ']']).to_lowercase();
    let with_port = format!("{host}:{}", address.port_or_known_default().unwrap_or_default());
    let excepted = either("no_proxy").unwrap_or_default().to_lowercase();
    let is_excepted = excepted.split(',').map(|entry| entry.trim().trim_start_matches("*.").trim_start_matches('.'));
    let ends = |entry: &str| host.strip_suffix(entry).is_some_and(|front| front.is_empty() || front.ends_with('.'));
    if is_excepted.filter(|entry| !entry.is_empty()).any(|entry| entry == "*" || entry == with_port || ends(entry)) {
        return Ok(None);
    }
    let Some(proxy) = either(&format!("{}_proxy", address.scheme())).or_else(|| either("all_proxy")) else {
        return Ok(None);
    };
    let full = if proxy.contains("://") { proxy.clone() } else { format!("http://{proxy}") };
    Proxy::new(&full).map(Some).map_err(|_| Error::Proxy { proxy: without_secrets(&full) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(uri: &str, [username, password, token]: [&str; 3]) -> Option<String> {
        let server =
            Server { username: username.into(), password: password.into(), token: token.into(), ..Server::default() };
        authorization(&server, &Url::parse(uri).unwrap())
    }

    #[test]
    fn who_asks_is_said_as_mlflows_own_client_says_it() {
        assert_eq!(header("http://h", ["", "", ""]), None);
        assert_eq!(header("http://h", ["me", "pw", "t"]).as_deref(), Some("Basic bWU6cHc="));
        assert_eq!(header("http://h", ["me", "", "t"]).as_deref(), Some("Bearer t"));
        assert_eq!(header("http://me:p%77@h", ["other", "x", "t"]).as_deref(), Some("Basic bWU6cHc="));
    }

    #[test]
    fn credentials_are_read_from_the_section_mlflow() {
        let text = "[other]\nname = no\n[mlflow]\nname = a=b\n\n[last]\nsecond = no\n";
        assert_eq!(entry(text, "name").as_deref(), Some("a=b"));
        assert_eq!((entry(text, "second"), entry("", "name")), (None, None));
    }

    #[test]
    fn proxies_follow_the_scheme_and_no_proxy() {
        let chosen = |uri: &str, variables: &[(&str, &str)]| {
            let find =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
            proxy(&Url::parse(uri).unwrap(), find).unwrap().map(|proxy| proxy.host().to_string())
        };
        let both = [("http_proxy", "http://a:1"), ("https_proxy", "b:2"), ("no_proxy", "local, .inner.example,c:81")];
        assert_eq!(chosen("http://h", &both).as_deref(), Some("a"));
        assert_eq!(chosen("https://h", &both).as_deref(), Some("b"));
        for none in ["http://local", "http://x.local", "http://y.inner.example", "http://c:81"] {
            assert_eq!(chosen(none, &both), None, "{none}");
        }
        assert_eq!(chosen("http://notlocal", &both).as_deref(), Some("a"));
        assert_eq!(chosen("http://c:82", &both).as_deref(), Some("a"));
        assert_eq!(chosen("https://h", &[("HTTP_PROXY", "http://a:1")]), None);
        assert_eq!(chosen("https://h", &[("ALL_PROXY", "http://c:1")]).as_deref(), Some("c"));
    }
}
