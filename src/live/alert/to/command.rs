//! Alerts to a command: the shell runs it once for each alert, with the message on its standard input.

use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{Given, Options, Recipient};
use crate::durable::blocking;
use crate::live::alert::Alert;
use crate::live::error::Error;
use crate::live::webhook::Stop;

/// How a command is named.
const BEGINS: &str = "command:";
/// How long a command may run.
const MOST: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(10);

struct Runs(String);

fn command(text: &str) -> &str {
    text.strip_prefix(BEGINS).unwrap_or(text).trim()
}

/// Finds what is wrong with a command.
pub fn check(text: &str, _options: &Options) -> Result<(), Error> {
    match command(text) {
        "" => Err(Error::Recipient { problem: "no command follows `command:`".into() }),
        _ => Ok(()),
    }
}

/// Opens the recipient.
pub async fn open(text: &str) -> Result<Box<dyn Recipient>, Error> {
    Ok(Box::new(Runs(command(text).into())))
}

#[async_trait]
impl Recipient for Runs {
    async fn give(&mut self, alert: &Alert, _stop: &Stop) -> Given {
        let (command, alert) = (self.0.clone(), alert.clone());
        match blocking(move || run(&command, &alert)).await {
            Ok(None) => Given::Taken,
            Ok(Some(problem)) => Given::Refused(problem),
            Err(error) => Given::Refused(format!("the command cannot be run: {error}")),
        }
    }
}

/// Runs the command; returns what went wrong, if something did.
fn run(command: &str, alert: &Alert) -> std::io::Result<Option<String>> {
    // Standard output belongs to rows.
    let output = std::io::stderr().as_fd().try_clone_to_owned()?;
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("SQUALL_ALERT_KEY", &alert.key)
        .env("SQUALL_ALERT_PRODUCT", &alert.product)
        .env_remove("SQUALL_WEBHOOK_SECRET")
        .stdin(Stdio::piped())
        .stdout(output)
        .spawn()?;
    let input = child.stdin.take();
    let message = format!("{}\n", alert.message).into_bytes();
    // A command may end without reading, and one that does not read must not be waited for.
    let writer = std::thread::spawn(move || input.map(|mut input| input.write_all(&message)));
    let began = Instant::now();
    let ended = loop {
        match child.try_wait()? {
            Some(status) if status.success() => break None,
            Some(status) => break Some(format!("the command ended with {status}")),
            None if began.elapsed() > MOST => {
                child.kill()?;
                child.wait()?;
                break Some(format!("the command ran for more than {} s, and was ended", MOST.as_secs()));
            }
            None => std::thread::sleep(LOOK),
        }
    };
    drop(writer);
    Ok(ended)
}
