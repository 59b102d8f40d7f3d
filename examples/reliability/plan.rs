//! What a run is told to do: how many faults of each kind, in which order.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::clock::Offset;
use super::proxy::Fault;

/// The options, as `--help` prints them.
pub const USAGE: &str = "\
Kills squall, restarts Kafka, breaks connections, fills the disk and sets the clock at random instants, and compares what landed
with what was sent.

  --kills N      kill `ingest` or `land` (50)
  --restarts N   kill the broker and start it again (0)
  --pauses N     halt the broker for up to 15 s (0)
  --faults N     break the websocket (0)
  --fills N      fill the disk for up to 8 s (0); --folder must be on a small file system of its own:
                 mount -t tmpfs -o size=256m tmpfs FOLDER
  --jumps N      set the clock of the processes back or ahead (0); needs --clock
  --clock LIB    libfaketime's library: apt-get install libfaketime puts it at
                 /usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1
  --seed N       decides the order and the instants of the faults (1)
  --port N       the broker's port (19190); the port after it is used too
  --squall FILE  the program (`squall` in the folder above this one)
  --folder DIR   where everything is kept (a temporary folder)";

/// How many faults of each kind to produce.
pub struct Plan {
    pub kills: u32,
    pub restarts: u32,
    pub pauses: u32,
    pub faults: u32,
    pub fills: u32,
    pub jumps: u32,
    pub seed: u64,
    pub port: u16,
    pub program: PathBuf,
    pub folder: Option<PathBuf>,
    /// libfaketime's library.
    pub clock: Option<PathBuf>,
}

/// One fault.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    KillIngest,
    KillLand,
    RestartBroker,
    PauseBroker,
    Break(Fault),
    /// Fill the disk; kill a process while it is full.
    FillDisk {
        kill: Option<Killed>,
    },
    /// Set the clock, while the processes run or while they start again.
    SetClock {
        offset: Offset,
        kill: Option<Killed>,
    },
}

/// A process to kill.
#[derive(Debug, Clone, Copy)]
pub enum Killed {
    Ingest,
    Land,
}

impl Plan {
    /// Reads the command line; `None` if it asks for help.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Plan>, Box<dyn Error>> {
        // cargo puts examples into a folder beside the program.
        let here = std::env::current_exe()?;
        let program = here.parent().and_then(Path::parent).ok_or("no folder")?.join("squall");
        let mut plan = Plan {
            kills: 50,
            restarts: 0,
            pauses: 0,
            faults: 0,
            fills: 0,
            jumps: 0,
            seed: 1,
            port: 19190,
            program,
            folder: None,
            clock: None,
        };
        while let Some(name) = arguments.next() {
            if matches!(name.as_str(), "--help" | "-h") {
                return Ok(None);
            }
            let value = arguments.next().ok_or_else(|| format!("{name} takes a value; --help lists the options"))?;
            match name.as_str() {
                "--kills" => plan.kills = value.parse()?,
                "--restarts" => plan.restarts = value.parse()?,
                "--pauses" => plan.pauses = value.parse()?,
                "--faults" => plan.faults = value.parse()?,
                "--fills" => plan.fills = value.parse()?,
                "--jumps" => plan.jumps = value.parse()?,
                "--seed" => plan.seed = value.parse()?,
                "--port" => plan.port = value.parse()?,
                "--squall" => plan.program = value.into(),
                "--folder" => plan.folder = Some(value.into()),
                "--clock" => plan.clock = Some(value.into()),
                _ => return Err(format!("{name} is not an option; --help lists the options").into()),
            }
        }
        if plan.fills > 0 && plan.folder.is_none() {
            return Err("--fills needs --folder, on a small file system of its own; see --help".into());
        }
        if plan.jumps > 0 && plan.clock.is_none() {
            return Err("--jumps needs --clock; see --help".into());
        }
        Ok(Some(plan))
    }

    /// Returns the faults in random order.
    pub fn steps(&self, random: &mut Pcg64) -> Vec<Step> {
        let kinds =
            [Fault::Close, Fault::Tear, Fault::Truncate, Fault::Spoil, Fault::Stall(Duration::from_millis(2500))];
        // Every second time a process is killed beside.
        let killed = [None, Some(Killed::Ingest), None, Some(Killed::Land)];
        let nth = |number: u32| number as usize;
        let mut steps = Vec::new();
        steps.extend((0..self.kills).map(|number| if number % 2 == 0 { Step::KillIngest } else { Step::KillLand }));
        steps.extend((0..self.restarts).map(|_| Step::RestartBroker));
        steps.extend((0..self.pauses).map(|_| Step::PauseBroker));
        steps.extend((0..self.faults).map(|number| Step::Break(kinds[nth(number) % kinds.len()])));
        steps.extend((0..self.fills).map(|number| Step::FillDisk { kill: killed[nth(number) % killed.len()] }));
        steps.extend((0..self.jumps).map(|number| Step::SetClock {
            offset: Offset::ALL[nth(number) % Offset::ALL.len()],
            kill: killed[nth(number / 2) % killed.len()],
        }));
        steps.shuffle(random);
        steps
    }
}
