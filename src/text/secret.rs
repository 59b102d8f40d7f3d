//! What may be shown of settings and addresses. Everything else is hidden: a list of secrets would miss the next one.

/// The text that stands for what is hidden.
pub const HIDDEN: &str = "********";

/// The properties of librdkafka whose values are shown, by name.
const SHOWN: [&str; 30] = [
    "acks",
    "allow.auto.create.topics",
    "api.version.request",
    "auto.offset.reset",
    "broker.address.family",
    "check.crcs",
    "client.id",
    "client.rack",
    "compression.codec",
    "compression.level",
    "compression.type",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.idempotence",
    "enable.ssl.certificate.verification",
    "group.id",
    "isolation.level",
    "linger.ms",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "partitioner",
    "request.timeout.ms",
    "retries",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "security.protocol",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.endpoint.identification.algorithm",
];

/// The properties whose values are shown, by the beginning of their names: numbers and times.
const SHOWN_GROUPS: [&str; 10] = [
    "batch.",
    "fetch.",
    "max.partition.",
    "message.",
    "metadata.",
    "queue.",
    "queued.",
    "reconnect.",
    "retry.",
    "socket.",
];

/// The parameters of addresses whose values are shown: what a feed subscribes to.
const SHOWN_PARAMETERS: [&str; 4] = ["streams", "symbols", "channels", "product_ids"];

/// Returns whether the value of a librdkafka property may be shown.
pub fn is_shown(property: &str) -> bool {
    SHOWN.contains(&property) || SHOWN_GROUPS.iter().any(|group| property.starts_with(group))
}

/// Returns a text in which the users and passwords of addresses, and the values of their parameters, are hidden.
pub fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = after.find(|char: char| char.is_whitespace() || matches!(char, '"' | '\'' | '`' | '<' | '>'));
        let (address, after) = after.split_at(end.unwrap_or(after.len()));
        hide_in_address(&mut shown, address);
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// Appends an address without its scheme, and hides what may be secret.
fn hide_in_address(shown: &mut String, address: &str) {
    let authority = address.find(['/', '?', '#']).unwrap_or(address.len());
    let mut rest = address;
    // Several brokers may have a user each.
    if let Some(at) = address[..authority].rfind('@').or_else(|| after_odd_password(address, authority)) {
        shown.push_str(HIDDEN);
        rest = &address[at..];
    }
    let Some((path, query)) = rest.split_once('?') else {
        shown.push_str(rest);
        return;
    };
    shown.push_str(path);
    let (query, fragment) = query.split_at(query.find('#').unwrap_or(query.len()));
    for (number, parameter) in query.split('&').enumerate() {
        shown.push(if number == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, value)) => {
                shown.push_str(name);
                shown.push('=');
                shown.push_str(if SHOWN_PARAMETERS.contains(&name) { value } else { HIDDEN });
            }
            None if parameter.is_empty() => {}
            None => shown.push_str(HIDDEN),
        }
    }
    shown.push_str(fragment);
}

/// Returns where the user and password end if the password holds a character that ends the authority of an address. What
/// looks like a port then is not a number.
fn after_odd_password(address: &str, authority: usize) -> Option<usize> {
    let (_, port) = address[..authority].rsplit_once(':')?;
    let is_port = port.is_empty() || port.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit());
    if is_port { None } else { address.rfind('@') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_is_shown() {
        for name in ["security.protocol", "ssl.ca.location", "socket.timeout.ms", "sasl.username"] {
            assert!(is_shown(name), "{name}");
        }
        for name in [
            "sasl.password",
            "ssl.key.pem",
            "ssl.key.password",
            "ssl.certificate.pem",
            "sasl.jaas.config",
            "sasl.oauthbearer.config",
            "sasl.oauthbearer.client.secret",
            "sasl.pasword",
            "plugin.library.paths",
        ] {
            assert!(!is_shown(name), "{name}");
        }
    }

    #[test]
    fn addresses_keep_their_secrets() {
        for (text, expected) in [
            ("http://me:secret@host:5000/path", "http://********@host:5000/path"),
            ("cannot reach `wss://token@host`: x", "cannot reach `wss://********@host`: x"),
            ("kafka://u:secret@a:1,v:secret@b:2/t and data/raw", "kafka://********@b:2/t and data/raw"),
            ("https://me:se/cr?et@host/", "https://********@host/"),
            (
                "wss://host/ws?api_key=secret&streams=btcusdt@bookTicker",
                "wss://host/ws?api_key=********&streams=btcusdt@bookTicker",
            ),
            ("wss://host/stream?secret#part", "wss://host/stream?********#part"),
            ("kafka://host:9092/ticks.raw", "kafka://host:9092/ticks.raw"),
            ("wss://[::1]:9092/a@b", "wss://[::1]:9092/a@b"),
            ("no address: me@host", "no address: me@host"),
        ] {
            assert_eq!(without_secrets(text), expected);
        }
    }
}
