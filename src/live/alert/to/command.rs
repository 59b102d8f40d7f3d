//! Alerts to a command: the shell runs it once for each alert, with the message on its standard input.
//!
//! The command has a process group of its own: Ctrl-C in the terminal reaches squall only, which waits for the command; and when its
//! time is over, the processes that it has started are ended too.

use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::{Given, LAST, Options, Recipient};
use crate::durable::blocking;
use crate::live::alert::Alert;
use crate::live::error::Error;
use crate::live::webhook::Stop;

/// How a command is named.
const BEGINS: &str = "command:";
/// How long a command may run.
const MOST: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(10);

struct Runs {
    command: String,
    most: Duration,
}

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
    Ok(Box::new(Runs { command: command(text).into(), most: MOST }))
}

#[async_trait]
impl Recipient for Runs {
    async fn give(&mut self, alert: &Alert, stop: &Stop) -> Given {
        let (command, most, alert, stop) = (self.command.clone(), self.most, alert.clone(), stop.clone());
        match blocking(move || run(&command, &alert, most, &stop)).await {
            Ok(given) => given,
            Err(error) => Given::Refused(format!("the command cannot be run: {error}")),
        }
    }
}

/// Runs the command.
fn run(command: &str, alert: &Alert, most: Duration, stop: &Stop) -> std::io::Result<Given> {
    // Standard output belongs to rows.
    let output = std::io::stderr().as_fd().try_clone_to_owned()?;
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("SQUALL_ALERT_KEY", &alert.key)
        .env("SQUALL_ALERT_PRODUCT", &alert.product)
        .env_remove("SQUALL_WEBHOOK_SECRET")
        .stdin(Stdio::piped())
        .stdout(output)
        .process_group(0)
        .spawn()?;
    let input = child.stdin.take();
    let message = format!("{}\n", alert.message).into_bytes();
    // A command may end without reading, and one that does not read must not be waited for.
    let writer = std::thread::spawn(move || input.map(|mut input| input.write_all(&message)));
    let began = Instant::now();
    let mut stopped: Option<Instant> = None;
    let given = loop {
        if stop.is_set() {
            stopped.get_or_insert_with(Instant::now);
        }
        match child.try_wait()? {
            Some(status) if status.success() => break Given::Taken,
            Some(status) => break Given::Refused(format!("the command ended with {status}")),
            None if began.elapsed() > most => {
                end(&mut child)?;
                break Given::Refused(format!("the command ran for more than {} s, and was ended", most.as_secs()));
            }
            None if stopped.is_some_and(|stopped| stopped.elapsed() > LAST) => {
                end(&mut child)?;
                break Given::Stopped;
            }
            None => std::thread::sleep(LOOK),
        }
    };
    drop(writer);
    Ok(given)
}

/// Ends a command and all that it has started.
fn end(child: &mut Child) -> std::io::Result<()> {
    // The group's number is that of its first process, which was not waited for and so still exists.
    if let Ok(group) = i32::try_from(child.id()) {
        killpg(Pid::from_raw(group), Signal::SIGKILL)?;
    }
    child.wait().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert() -> Alert {
        let (key, product, message) = ("alert-1".into(), "BTC-USD".into(), "{}".into());
        Alert { key, product, ts: 0, sentence: String::new(), message }
    }

    #[test]
    fn a_command_that_takes_too_long_ends_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("late");
        let command = format!("(sleep 1; echo late > '{}') & wait", file.display());
        let given = run(&command, &alert(), Duration::from_millis(200), &Stop::default()).unwrap();
        assert_eq!(given, Given::Refused("the command ran for more than 0 s, and was ended".into()));
        std::thread::sleep(Duration::from_millis(1500));
        assert!(!file.exists(), "what the command had started goes on");
    }

    #[test]
    fn a_command_is_in_a_group_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("group");
        let command = format!("ps -o pgid= -p $$ > '{}' 2>&1 || cut -d ' ' -f 5 /proc/$$/stat > '{0}'", file.display());
        assert_eq!(run(&command, &alert(), MOST, &Stop::default()).unwrap(), Given::Taken);
        let group: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
        assert_ne!(group, nix::unistd::getpgrp().as_raw());
    }
}
