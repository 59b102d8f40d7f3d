//! Messages that are read while a statement runs, so that a client that goes away is noticed.

use std::io;
use std::sync::Arc;

use tokio::io::AsyncRead;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::wire::{LARGE, Message, message};

/// How many bytes of messages are read ahead, apart from the last one.
const AHEAD: usize = 1 << 20;

/// The memory of a message that has no bytes.
const LEAST: usize = 256;

/// A message that was read ahead, and its share of the memory for that.
pub type Ahead = (io::Result<Message>, Option<OwnedSemaphorePermit>);

/// Reads a client's messages in a task of its own. The second channel says that the client is gone.
pub fn read<R>(mut reader: R) -> (mpsc::UnboundedReceiver<Ahead>, watch::Receiver<bool>)
where
    R: AsyncRead + Send + Unpin + 'static,
{
    let (sender, messages) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(AHEAD));
    let (goodbye, gone) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            let read = tokio::select! {
                read = message(&mut reader, LARGE) => read,
                () = sender.closed() => return,
            };
            let goes_on = match read {
                Ok(Some((Message::Terminate, _)) | None) => false,
                Ok(Some((message, length))) => {
                    let share = length.clamp(LEAST, AHEAD) as u32;
                    let share = tokio::select! {
                        share = Arc::clone(&room).acquire_many_owned(share) => share.ok(),
                        () = sender.closed() => return,
                    };
                    sender.send((Ok(message), share)).is_ok()
                }
                Err(error) => {
                    let _ = sender.send((Err(error), None));
                    false
                }
            };
            if !goes_on {
                let _ = goodbye.send(true);
                return;
            }
        }
    });
    (messages, gone)
}
