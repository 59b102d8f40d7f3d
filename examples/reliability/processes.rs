//! The processes under test, each started again whenever it ends.

use std::fs::File;
use std::io::{BufRead, BufReader, Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::clock::Clock;

/// How long a process may take to end after it is told to. One that starts asks the broker first.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that ends before this has not started. At its start it asks the broker several times, for up to 10 s each.
const START: Duration = Duration::from_secs(40);

/// The program and the folder in which it works.
pub struct Squall {
    pub program: PathBuf,
    pub folder: PathBuf,
    /// The clock of the processes under test; `None` for the machine's.
    pub clock: Option<Clock>,
}

impl Squall {
    /// Returns a command with the data folder of this run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--quiet").arg("--data").arg(self.folder.join("data")).args(arguments);
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end; returns its output.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Error::other(format!("squall {arguments:?} ended with {}: {said}", output.status)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// How many simulated seconds pass in a second.
const SPEED: u32 = 40;
/// How long a simulated exchange serves. For each new connection it computes the market since its start.
const RENEW: Duration = Duration::from_secs(300);

/// The simulated exchange, which is replaced now and then by one that goes on with the market's time.
pub struct Simulator {
    child: Child,
    /// `host:port`
    pub address: String,
    start: DateTime<Utc>,
    since: Instant,
}

impl Simulator {
    pub fn start(squall: &Squall) -> Result<Simulator> {
        Simulator::serve(squall, "0", "2026-01-05T00:00:00Z".parse().map_err(Error::other)?)
    }

    fn serve(squall: &Squall, port: &str, start: DateTime<Utc>) -> Result<Simulator> {
        let (speed, time) = (SPEED.to_string(), start.to_rfc3339());
        let arguments = ["simulate", "--port", port, "--speed", &speed, "--start", &time];
        let mut child = squall.command(&arguments).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or_else(|| Error::other("no output"))?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            if let Some((_, rest)) = line.split_once("ws://") {
                let address = rest.chars().take_while(|char| !char.is_whitespace()).collect();
                return Ok(Simulator { child, address, start, since: Instant::now() });
            }
        }
        Err(Error::other("the simulator names no address"))
    }

    /// Replaces the exchange if it has served for long. Its connections break.
    pub fn renew(&mut self, squall: &Squall) -> Result<()> {
        if self.since.elapsed() < RENEW {
            return Ok(());
        }
        self.stop()?;
        let passed = chrono::Duration::from_std(self.since.elapsed() * SPEED).map_err(Error::other)?;
        let port = self.address.rsplit(':').next().unwrap_or_default().to_string();
        *self = Simulator::serve(squall, &port, self.start + passed)?;
        Ok(())
    }

    pub fn stop(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

/// A process that has to run all the time.
pub struct Supervised {
    pub name: &'static str,
    arguments: Vec<String>,
    log: PathBuf,
    child: Child,
    started: Instant,
    /// How often it ended by itself, which it should not.
    pub ended_alone: u32,
    /// How often it ended soon after its start, which it may do while the broker is away or the disk is full.
    pub failed_starts: u32,
}

impl Supervised {
    pub fn start(squall: &Squall, name: &'static str, arguments: &[&str]) -> Result<Supervised> {
        let log = squall.folder.join(format!("{name}.log"));
        let arguments: Vec<String> = arguments.iter().map(|argument| argument.to_string()).collect();
        let child = spawn(squall, &arguments, &log)?;
        Ok(Supervised { name, arguments, log, child, started: Instant::now(), ended_alone: 0, failed_starts: 0 })
    }

    /// Starts the process again if it ended.
    ///
    /// `away` is when the broker was last away, or the disk full.
    pub fn look_after(&mut self, squall: &Squall, away: Option<Instant>) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            match self.started.elapsed() < START && away.is_some_and(|away| away >= self.started) {
                true => self.failed_starts += 1,
                false => self.ended_alone += 1,
            }
            self.child = spawn(squall, &self.arguments, &self.log)?;
            self.started = Instant::now();
        }
        Ok(())
    }

    /// Kills the process (SIGKILL), waits for its end, and starts it again.
    pub fn kill(&mut self, squall: &Squall) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = spawn(squall, &self.arguments, &self.log)?;
        self.started = Instant::now();
        Ok(())
    }

    /// Asks the process to end, as a supervisor does. Ctrl-C's signal would not do: a process that runs in the background of a
    /// shell ignores it until it has started.
    pub fn stop(mut self) -> Result<ExitStatus> {
        signal(&self.child, "TERM")?;
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if started.elapsed() > PATIENCE {
                self.child.kill()?;
                return Err(Error::other(format!("{} did not end within {} s", self.name, PATIENCE.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn spawn(squall: &Squall, arguments: &[String], log: &Path) -> Result<Child> {
    let file = File::options().create(true).append(true).open(log)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut command = squall.command(&arguments);
    if let Some(clock) = &squall.clock {
        clock.give(&mut command);
    }
    command.stdout(file.try_clone()?).stderr(file).spawn()
}

fn signal(child: &Child, signal: &str) -> Result<()> {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status()?;
    if sent.success() { Ok(()) } else { Err(Error::other(format!("kill -{signal} failed"))) }
}
