//! The queue between the client and whoever takes what it received. It is bounded twice: by items and by bytes.
//!
//! In: items, in order. Out: the same. If the queue is full, the client stops reading from its socket until there is room.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};

use super::{EventKind, Item};
use crate::feed::Error;

/// The number of items that may wait. A busy market fills the queue in some tenths of a second, with a few megabytes.
const MOST_ITEMS: usize = 8192;
/// How many bytes may wait.
const MOST_BYTES: u32 = 64 << 20;
/// What an item takes beside its text, roughly.
const ITEM_BYTES: usize = 256;

type Queued = Result<Item, Error>;

/// The client's end of the queue.
#[derive(Debug)]
pub struct Sender {
    items: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
}

/// The other end: what the client received, in order.
#[derive(Debug)]
pub struct Items {
    items: mpsc::Receiver<Queued>,
    room: Arc<Semaphore>,
}

/// Makes a queue.
pub fn queue() -> (Sender, Items) {
    let (sender, receiver) = mpsc::channel(MOST_ITEMS);
    let room = Arc::new(Semaphore::new(MOST_BYTES as usize));
    (Sender { items: sender, room: Arc::clone(&room) }, Items { items: receiver, room })
}

impl Sender {
    /// Waits for room and sends an item; returns whether the receiver is still there.
    pub async fn send(&self, item: Queued) -> bool {
        let weight = weight(&item);
        let room = async {
            // The semaphore is never closed.
            if let Ok(permit) = self.room.acquire_many(weight).await {
                permit.forget();
            }
        };
        tokio::select! {
            biased;
            () = room => {}
            () = self.items.closed() => return false,
        }
        self.items.send(item).await.is_ok()
    }

    /// Waits until the receiver is gone.
    pub async fn closed(&self) {
        self.items.closed().await;
    }
}

impl Items {
    /// Waits for the next item; `None` once the feed has ended.
    pub async fn recv(&mut self) -> Option<Queued> {
        let item = self.items.recv().await?;
        self.released(&item);
        Some(item)
    }

    /// Waits for an item, and then up to `wait` for more; returns false once the feed has ended.
    ///
    /// It stops early when `items` holds `most_items` or `most_bytes`.
    pub async fn recv_batch(&mut self, items: &mut Vec<Queued>, most: Most, wait: Duration) -> bool {
        let Some(first) = self.recv().await else { return false };
        let due = Instant::now() + wait;
        let mut bytes = weight(&first) as usize;
        items.push(first);
        while items.len() < most.items && bytes < most.bytes {
            let next = match self.items.try_recv() {
                Ok(next) => next,
                Err(_) => match timeout_at(due, self.items.recv()).await {
                    Ok(Some(next)) => next,
                    Ok(None) | Err(_) => break,
                },
            };
            self.released(&next);
            bytes += weight(&next) as usize;
            items.push(next);
        }
        true
    }

    /// Lets no more items in; those that wait can still be received.
    pub fn close(&mut self) {
        self.items.close();
    }

    fn released(&self, item: &Queued) {
        self.room.add_permits(weight(item) as usize);
    }
}

/// The most that one batch may hold. The last item may go beyond the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    pub items: usize,
    pub bytes: usize,
}

/// Returns roughly how many bytes an item takes. A single item never needs more room than there is.
fn weight(item: &Queued) -> u32 {
    let text = match item {
        Ok(Item::Message(received)) => received.payload.len(),
        Ok(Item::Event(event)) => match &event.kind {
            EventKind::Reconnecting { reason: text, .. }
            | EventKind::ServerError { message: text }
            | EventKind::Closed { reason: text } => text.len(),
            _ => 0,
        },
        Err(_) => 0,
    };
    u32::try_from(text.saturating_add(ITEM_BYTES)).unwrap_or(MOST_BYTES).min(MOST_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::client::Received;
    use crate::feed::exchange::Holds;

    fn message(bytes: usize) -> Queued {
        let payload = vec![b'x'; bytes];
        Ok(Item::Message(Received { payload, received_at: 0, connection: "c1".into(), holds: Holds::Unreadable }))
    }

    #[tokio::test]
    async fn bytes_are_bounded_as_well_as_items() {
        let (sender, mut items) = queue();
        let sending = tokio::spawn(async move {
            let mut sent = 0;
            while sent < 200 && sender.send(message(1 << 20)).await {
                sent += 1;
            }
            sent
        });
        while items.items.len() < 60 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(items.items.len() < 64, "{} messages of a megabyte wait", items.items.len());
        let most = Most { items: 1000, bytes: 10 << 20 };
        let mut batch = Vec::new();
        assert!(items.recv_batch(&mut batch, most, Duration::ZERO).await);
        assert_eq!(batch.len(), 10);
        let mut all = batch.len();
        batch.clear();
        while items.recv_batch(&mut batch, most, Duration::ZERO).await {
            all += batch.len();
            batch.clear();
        }
        assert_eq!((all, sending.await.expect("no panic")), (200, 200));
        assert_eq!(items.room.available_permits(), MOST_BYTES as usize);
    }

    #[tokio::test]
    async fn a_message_larger_than_the_queue_passes_and_a_closed_queue_stops_the_sender() {
        let (sender, mut items) = queue();
        assert!(sender.send(message(MOST_BYTES as usize + 1)).await);
        let waiting = tokio::spawn(async move { sender.send(message(1)).await });
        tokio::task::yield_now().await;
        items.close();
        assert!(!waiting.await.expect("no panic"));
        assert!(items.recv().await.is_some() && items.recv().await.is_none());
    }
}
