//! Ctrl-C, and other signals that end a statement.
//!
//! A statement may keep all threads of the runtime busy, which then sees no signals. So a thread of its own waits for them. In: signals.
//! Out: whoever waits hears of them. If nobody has heard of a signal when the next one comes, the program ends.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// The exit code of a program that a signal ended: 128 + SIGINT.
pub const STOPPED: u8 = 130;

/// Tells that a signal came.
static CAME: LazyLock<watch::Sender<()>> = LazyLock::new(|| watch::Sender::new(()));

/// Whether a signal came of which nobody has heard.
static UNHEARD: AtomicBool = AtomicBool::new(false);

/// For how many others signals are meant now.
static OTHERS: AtomicUsize = AtomicUsize::new(0);

/// Listens for signals from now on. Where that fails, they do what they do without it.
pub fn listen(kinds: Vec<SignalKind>) {
    let (listens, listening) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::Builder::new().name("signals".into()).spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        runtime.block_on(async {
            let signals = kinds.into_iter().filter_map(|kind| signal(kind).ok());
            let mut next: FuturesUnordered<_> = signals.map(came).collect();
            drop(listens);
            while let Some(signal) = next.next().await {
                tell();
                next.push(came(signal));
            }
        });
    });
    if thread.is_ok() {
        // The thread lets go of its end when it listens, or when it cannot.
        let _ = listening.recv();
    }
}

async fn came(mut signal: Signal) -> Signal {
    // A signal's stream never ends.
    let _ = signal.recv().await;
    signal
}

fn tell() {
    let elsewhere = OTHERS.load(Ordering::SeqCst) > 0;
    if !elsewhere && UNHEARD.swap(true, Ordering::SeqCst) {
        eprintln!("\nstopped");
        std::process::exit(STOPPED.into());
    }
    CAME.send_replace(());
}

/// Waits for a signal.
pub async fn next() {
    let mut came = CAME.subscribe();
    if UNHEARD.swap(false, Ordering::SeqCst) {
        return;
    }
    // The sender is never dropped.
    let _ = came.changed().await;
    UNHEARD.store(false, Ordering::SeqCst);
}

/// Ctrl-C is meant for somebody else: for the prompt, or for another program that uses the terminal.
#[derive(Debug)]
pub struct Elsewhere(());

impl Elsewhere {
    pub fn begin() -> Elsewhere {
        OTHERS.fetch_add(1, Ordering::SeqCst);
        Elsewhere(())
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        OTHERS.fetch_sub(1, Ordering::SeqCst);
        UNHEARD.store(false, Ordering::SeqCst);
    }
}
