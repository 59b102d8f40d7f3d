//! Work on many rows by several threads, with the same bits for any number of threads.
//!
//! Floating-point addition is not associative. So rows are cut into stripes of a fixed length, a stripe is always summed by one
//! thread in the order of its rows, and the caller adds the sums of the stripes in their order.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::thread;

/// The rows of a stripe.
const STRIPE: usize = 1 << 15;

/// The rows that a loop handles at once, so that what it computes of them stays in the first cache.
pub const BLOCK: usize = 256;

/// Computes something of every stripe of rows, and returns the results in the order of the stripes.
pub fn stripes<T: Send>(rows: usize, of: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    each(rows.div_ceil(STRIPE), |stripe| of(stripe * STRIPE..rows.min((stripe + 1) * STRIPE)))
}

/// Computes something for each number below `count` on as many threads as there are processors, and returns the results in order.
pub fn each<T: Send>(count: usize, of: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let some = |numbers: Range<usize>| -> Vec<T> { numbers.map(&of).collect() };
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(count).max(1);
    let share = count.div_ceil(threads);
    let numbers = |thread: usize| (thread * share).min(count)..((thread + 1) * share).min(count);
    thread::scope(|scope| {
        let some = &some;
        let running: Vec<_> = (1..threads).map(|thread| scope.spawn(move || some(numbers(thread)))).collect();
        let mut all = some(numbers(0));
        for thread in running {
            match thread.join() {
                Ok(more) => all.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
}

/// Cuts a range of rows into blocks.
pub fn blocks(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(BLOCK).map(move |start| start..end.min(start + BLOCK))
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, STRIPE, blocks, stripes};

    #[test]
    fn every_row_is_in_one_stripe_and_one_block_in_order() {
        for rows in [0, 1, BLOCK, BLOCK + 1, STRIPE - 1, STRIPE, STRIPE + 1, 5 * STRIPE + 7] {
            let seen: Vec<Vec<usize>> = stripes(rows, |stripe| blocks(stripe).flatten().collect());
            assert_eq!(seen.concat(), (0..rows).collect::<Vec<_>>());
        }
    }
}
