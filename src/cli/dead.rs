//! `squall dead`: the messages that landing could not read.

use std::io::Write as _;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::arrow::json::LineDelimitedWriter;

use super::workspace::{self, query_failure};
use super::{Context, Failure, land};
use crate::text::{columns, counted, grouped, literal, printable};

/// A reason without the values and numbers in it: `price is …, which is not a number`.
const KIND: &str = r"regexp_replace(regexp_replace(reason, '(?s) is .*, which is ', ' is …, which is '), '\b[0-9][0-9.e+-]*', '…', 'g')";

/// How many reasons are listed.
const REASONS: usize = 20;
/// How many characters of a reason and of an example are shown.
const REASON: usize = 80;
const EXAMPLE: usize = 60;

/// Shows the messages that landing could not read, counted by reason
///
/// Each line is a kind of reason, as the first message has it, with the message, its place in the log, and how many there are. --show prints the messages
/// themselves, one JSON object a line. SQL reads them as the table `dead_letters`. After a change of squall, --replay lands the
/// ranges again that hold messages which can be read now, each at its place in the log.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Prints the messages, with their places and reasons, as NDJSON
    #[arg(long)]
    pub show: bool,

    /// Only messages whose reason contains this text
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,

    /// Lands the ranges again whose messages can be read now; the same as `squall land --repair`
    #[arg(long, conflicts_with_all = ["show", "reason", "limit"])]
    pub replay: bool,

    /// The log that the messages came from, for --replay: kafka://host:port/topic, or a folder [default: data/raw]
    #[arg(long, value_name = "LOG", requires = "replay")]
    pub from: Option<String>,

    /// Prints at most this many messages or reasons
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    if args.replay {
        return land::run(land::Args { from: args.from, repair: true, ..land::Args::default() }, context).await;
    }
    let session = workspace::session(context).await?;
    let matching = match &args.reason {
        Some(text) => format!("WHERE strpos(reason, {}) > 0", literal(text)),
        None => String::new(),
    };
    let order = "ORDER BY topic, log_partition, log_offset";
    let sql = match args.show {
        true => {
            let limit = args.limit.map_or(String::new(), |limit| format!("LIMIT {limit}"));
            format!("SELECT * FROM dead_letters {matching} {order} {limit}")
        }
        false => format!(
            "SELECT first_value(reason {order}) AS reason, count(*) AS letters, first_value(topic {order}) AS topic,
                first_value(log_partition {order}) AS log_partition, first_value(log_offset {order}) AS log_offset,
                first_value(coalesce(payload, payload_hex) {order}) AS payload
             FROM dead_letters {matching} GROUP BY {KIND} ORDER BY letters DESC, reason"
        ),
    };
    let rows = session.sql(&sql).await?.collect().await.map_err(query_failure)?;
    match args.show {
        true => print_letters(&rows),
        false => {
            print_reasons(&rows, args.limit.unwrap_or(REASONS));
            Ok(())
        }
    }
}

/// Prints messages as NDJSON. JSON escapes what a terminal would obey.
fn print_letters(rows: &[RecordBatch]) -> Result<(), Failure> {
    let mut lines = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut lines);
    let written = writer.write_batches(&rows.iter().collect::<Vec<_>>()).and_then(|()| writer.finish());
    written.map_err(|error| Failure::new(format!("cannot write the messages: {error}")))?;
    match std::io::stdout().write_all(&lines) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write the messages: {error}")))
        }
        _ => Ok(()),
    }
}

fn print_reasons(rows: &[RecordBatch], limit: usize) {
    let mut lines = vec![vec!["reason".to_string(), "first at".into(), "message".into(), "count".into()]];
    let (mut letters, mut reasons) = (0, 0);
    for batch in rows {
        let texts = |column: usize| batch.column(column).as_string_opt::<i32>();
        let numbers = |column: usize| batch.column(column).as_primitive::<Int64Type>();
        let (Some(reason), Some(topic), Some(payload)) = (texts(0), texts(2), texts(5)) else { continue };
        for row in 0..batch.num_rows() {
            let count = numbers(1).value(row).unsigned_abs();
            letters += count;
            reasons += 1;
            if reasons > limit {
                continue;
            }
            let place = format!("{} {} {}", topic.value(row), numbers(3).value(row), numbers(4).value(row));
            lines.push(vec![
                printable(reason.value(row), REASON),
                printable(&place, REASON),
                printable(payload.value(row), EXAMPLE),
                grouped(count),
            ]);
        }
    }
    if letters == 0 {
        println!("no dead letters");
        return;
    }
    print!("{}", columns(&lines, 3));
    println!("{} for {}", counted(letters, "dead letter"), counted(reasons as u64, "reason"));
}
