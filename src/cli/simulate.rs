//! `squall simulate`

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::ingest::interrupted;
use super::{Context, Failure, duration};
use crate::feed::market::PRODUCTS;
use crate::feed::server::{self, Faults, Server, Speed};

const DEFAULT_PORT: u16 = 8765;
/// The seed of a market with spikes in each of its first six hours, so that every split of these hours has some.
pub const DEFAULT_SEED: u64 = 2;
const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_START: &str = "2026-01-05T00:00:00Z";

/// Serves a simulated exchange on a local websocket: Coinbase Advanced Trade's ticker protocol
///
/// Prints the address to connect to. In another terminal, `squall ingest --from ADDRESS` receives what it sends.
/// The same seed gives the same market on every machine. It runs until you press Ctrl-C, or until --hours of simulated time
/// have passed.
///
/// Example, six hours of market in a few seconds:
///   squall simulate --hours 6 --speed max
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The port to listen on; 0 finds a free one
    #[arg(long, default_value_t = DEFAULT_PORT)]
    pub port: u16,

    /// The address to listen on; 0.0.0.0 lets other machines connect
    #[arg(long, default_value = DEFAULT_HOST)]
    pub host: String,

    /// The products to simulate [default: all there are: BTC-USD, ETH-USD, SOL-USD]
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub products: Vec<String>,

    /// Decides every price; the same seed gives the same market
    #[arg(long, default_value_t = DEFAULT_SEED)]
    pub seed: u64,

    /// When simulated time starts: an RFC 3339 time, or `now`
    #[arg(long, default_value = DEFAULT_START, value_parser = parse_start, value_name = "TIME")]
    pub start: DateTime<Utc>,

    /// How many simulated hours to serve, then end [default: no end]
    #[arg(long, value_parser = parse_hours, conflicts_with = "duration")]
    pub hours: Option<f64>,

    /// The same as --hours, but with a unit, such as 90s or 15m
    #[arg(long, value_parser = duration::parse)]
    pub duration: Option<Duration>,

    /// How many simulated seconds pass in a second, or `max`: as fast as the client reads
    #[arg(long, default_value = "1", value_parser = parse_speed, value_name = "FACTOR|max")]
    pub speed: Speed,

    #[command(flatten)]
    pub faults: FaultArgs,
}

/// The faults that the simulated exchange produces on request, so that clients can be tested.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Faults")]
pub struct FaultArgs {
    /// Cuts the connection after every N messages, to test reconnection
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub drop_every: Option<u64>,

    /// Leaves out every Nth message but counts it, to test gaps in the sequence
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub skip_every: Option<u64>,

    /// Cuts every Nth message in its middle, to test malformed messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub garble_every: Option<u64>,

    /// Falls silent after N messages of a connection, to test the watchdog
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub silence_after: Option<u64>,

    /// Closes each connection normally (1000) after N messages, to test the waits before reconnections
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub close_after: Option<u64>,

    /// Sends nothing for the time of --stall after every Nth message
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub stall_every: Option<u64>,

    /// How long a stall takes, such as 500ms or 3s
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "3s")]
    pub stall: Duration,

    /// Answers the subscriptions of N connections after the first with an error
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub refuse_again: u64,

    /// Stops the ticker of the first product after N messages of a connection, until it is subscribed to again
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub mute_after: Option<u64>,

    /// Sends a message of 32 MB after every Nth message, to test limits of memory
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub bloat_every: Option<u64>,
}

impl From<FaultArgs> for Faults {
    fn from(args: FaultArgs) -> Faults {
        let FaultArgs {
            drop_every,
            skip_every,
            garble_every,
            silence_after,
            close_after,
            stall_every,
            stall,
            refuse_again,
            mute_after,
            bloat_every,
        } = args;
        Faults {
            drop_every,
            skip_every,
            garble_every,
            silence_after,
            close_after,
            stall_every,
            stall,
            refuse_again,
            mute_after,
            bloat_every,
        }
    }
}

impl Args {
    /// Returns the arguments for a market that is served as fast as possible, on a free port, for this long.
    pub fn fast(duration: Duration, seed: u64) -> Self {
        Args {
            port: 0,
            host: DEFAULT_HOST.into(),
            products: Vec::new(),
            seed,
            // The text is a constant of this file, and a test parses it.
            start: parse_start(DEFAULT_START).unwrap_or_default(),
            hours: None,
            duration: Some(duration),
            speed: Speed::Max,
            faults: FaultArgs::default(),
        }
    }
}

/// Runs the command.
pub async fn run(args: Args, _context: &Context) -> Result<(), Failure> {
    let server = bind(args).await?;
    println!("{}", server.url());
    eprintln!("`squall ingest --from {}` receives this market; Ctrl-C ends it", server.url());
    tokio::select! {
        served = server.run() => eprintln!("{} messages served on {} connections", served.messages, served.connections),
        () = interrupted() => {}
    }
    Ok(())
}

/// Opens the simulated exchange: it listens from now on, and serves when [`Server::run`] runs.
///
/// # Errors
/// A product is unknown, or the port is in use.
pub async fn bind(args: Args) -> Result<Server, Failure> {
    let names = match args.products.is_empty() {
        true => PRODUCTS.iter().map(|product| product.product_id.to_string()).collect(),
        false => args.products,
    };
    let Some(start) = args.start.timestamp_nanos_opt() else {
        return Err(Failure::new(format!("--start {} is out of range", args.start)).with_hint("years 1678 to 2262 fit"));
    };
    let hours = args.hours.map(|hours| Duration::from_secs_f64(hours * 3600.0));
    let options = server::Options {
        host: args.host,
        port: args.port,
        products: server::products(&names)?,
        seed: args.seed,
        start,
        duration: hours.or(args.duration),
        speed: args.speed,
        faults: args.faults.into(),
    };
    Ok(Server::bind(options).await?)
}

fn parse_start(text: &str) -> Result<DateTime<Utc>, String> {
    if text == "now" {
        return Ok(Utc::now());
    }
    let parsed = DateTime::parse_from_rfc3339(text);
    parsed.map(|time| time.to_utc()).map_err(|_| format!("write it as {DEFAULT_START}, or now"))
}

fn parse_hours(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(hours) if hours > 0.0 && hours <= 1e6 => Ok(hours),
        _ => Err("write a number of hours above 0, such as 6 or 0.5".into()),
    }
}

fn parse_speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.parse::<f64>() {
        Ok(factor) if factor > 0.0 && factor <= 1e6 => Ok(Speed::Times(factor)),
        _ => Err("write a factor above 0, such as 1 or 60, or max".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Args, DEFAULT_START, Speed, parse_hours, parse_speed, parse_start};

    #[test]
    fn arguments_are_read_or_refused() {
        assert_eq!(parse_speed("max"), Ok(Speed::Max));
        assert_eq!(parse_speed("60"), Ok(Speed::Times(60.0)));
        for text in ["", "0", "-1", "fast", "NaN", "inf"] {
            assert!(parse_speed(text).is_err(), "{text}");
            assert!(parse_hours(text).is_err(), "{text}");
        }
        assert!(parse_start("yesterday").is_err());
    }

    #[test]
    fn the_default_start_is_a_time() {
        let args = Args::fast(std::time::Duration::from_secs(1), 1);
        assert_eq!(Ok(args.start), parse_start(DEFAULT_START));
        assert_eq!(args.start.timestamp(), 1_767_571_200);
    }
}
