//! Threads: how many, started when first needed, and started anew in a forked child.
//!
//! How many run is settled, first to last, by the `threads` of the call, [`set_num_threads`], the environment
//! variable `UNCAL_NUM_THREADS` (read once), and the cores that the process may use. Work too small to be worth the
//! hand-over stays on the caller's thread. Nothing here changes a result: work is split by its own size, never by the
//! number of threads, and joined in order.

use std::cell::Cell;
use std::collections::HashMap;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::{Error, Result};

/// Multiplications below which a second thread costs more than it saves: about 20 us of work.
const SMALL: usize = 1 << 16;
const MOST: usize = 1 << 12;
const NEEDED: &str = "a whole number from 1 to 4096";

/// What [`set_num_threads`] was told, 0 for nothing yet.
static CHOSEN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The threads of the call that is running on this thread, 0 outside any.
    static CALL: Cell<usize> = const { Cell::new(0) };
}

/// Use `n` threads from now on, in every call that does not say otherwise.
///
/// # Errors
/// [`Error::Setting`] for 0 or more than 4096.
pub fn set_num_threads(n: usize) -> Result<()> {
    CHOSEN.store(check("n", n)?, Ordering::Relaxed);
    Ok(())
}

/// Threads that a call without an opinion of its own gets.
///
/// # Errors
/// [`Error::Setting`] if `UNCAL_NUM_THREADS` is not a number of threads.
pub fn num_threads() -> Result<usize> {
    static DEFAULT: OnceLock<Result<usize>> = OnceLock::new();
    match CHOSEN.load(Ordering::Relaxed) {
        0 => DEFAULT.get_or_init(from_environment).clone(),
        n => Ok(n),
    }
}

/// The threads of the call that is running on this thread.
pub(crate) fn threads_of_call() -> Result<usize> {
    match CALL.get() {
        0 => num_threads(),
        n => Ok(n),
    }
}

/// Run `f`; the maps in it get `threads` threads, by default [`num_threads`].
///
/// # Errors
/// [`Error::Setting`] for a number of threads that makes no sense.
pub fn with_threads<R>(threads: Option<usize>, f: impl FnOnce() -> R) -> Result<R> {
    let n = threads.map_or_else(num_threads, |n| check("threads", n))?;
    let _restore = Restore(CALL.replace(n));
    Ok(f())
}

/// `f(0), f(1), ..., f(len - 1)`; `work` is what all of it costs, in multiplications.
pub fn map<T: Send>(len: usize, work: usize, f: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    map_with(len, work, || (), |(), i| f(i))
}

/// The same with a work space, which a result must not depend on: `f` may find it new or as another `f` left it.
pub fn map_with<S, T: Send>(
    len: usize,
    work: usize,
    space: impl Fn() -> S + Send + Sync,
    f: impl Fn(&mut S, usize) -> T + Send + Sync,
) -> Vec<T> {
    if let Some(pool) = pool_of_call(len, work) {
        return pool.install(|| (0..len).into_par_iter().map_init(space, f).collect());
    }
    let mut space = space();
    (0..len).map(|i| f(&mut space, i)).collect()
}

/// `f` of every item, such as a part of a result to be written; otherwise like [`map_with`].
pub fn for_each_with<S, I: Send>(
    items: Vec<I>,
    work: usize,
    space: impl Fn() -> S + Send + Sync,
    f: impl Fn(&mut S, I) + Send + Sync,
) {
    if let Some(pool) = pool_of_call(items.len(), work) {
        return pool.install(|| items.into_par_iter().for_each_init(space, f));
    }
    let mut space = space();
    items.into_iter().for_each(|item| f(&mut space, item));
}

/// `f(space, i, part)` for every part `i` of an output, which it fills; `work` and the work space as in [`map_with`].
///
/// # Errors
/// The error of the first part that has one.
pub fn fill_with<S, T: Send, E: Send>(
    parts: Vec<&mut [T]>,
    work: usize,
    space: impl Fn() -> S + Send + Sync,
    f: impl Fn(&mut S, usize, &mut [T]) -> std::result::Result<(), E> + Send + Sync,
) -> std::result::Result<(), E> {
    if let Some(pool) = pool_of_call(parts.len(), work) {
        let parts = parts.into_par_iter().enumerate();
        let results: Vec<_> = pool.install(|| parts.map_init(space, |space, (i, part)| f(space, i, part)).collect());
        return results.into_iter().collect();
    }
    let mut space = space();
    parts.into_iter().enumerate().try_for_each(|(i, part)| f(&mut space, i, part))
}

/// Sort by a key that no two elements share, so that every algorithm gives one order.
pub fn sort<T: Ord + Send>(elements: &mut [T]) {
    match pool_of_call(elements.len(), elements.len().saturating_mul(32)) {
        Some(pool) => pool.install(|| elements.par_sort_unstable()),
        None => elements.sort_unstable(),
    }
}

struct Restore(usize);

impl Drop for Restore {
    fn drop(&mut self) {
        CALL.set(self.0);
    }
}

fn check(name: &'static str, n: usize) -> Result<usize> {
    if (1..=MOST).contains(&n) { Ok(n) } else { Err(Error::setting(name, n, NEEDED)) }
}

fn from_environment() -> Result<usize> {
    match std::env::var("UNCAL_NUM_THREADS") {
        Ok(text) if !text.trim().is_empty() => match text.trim().parse() {
            Ok(n) if (1..=MOST).contains(&n) => Ok(n),
            _ => Err(Error::setting("UNCAL_NUM_THREADS", text, NEEDED)),
        },
        _ => Ok(thread::available_parallelism().map_or(1, |n| n.get().min(MOST))),
    }
}

fn pool_of_call(len: usize, work: usize) -> Option<Arc<ThreadPool>> {
    if len < 2 || work < SMALL {
        return None;
    }
    threads_of_call().ok().filter(|&n| n > 1).and_then(pool)
}

/// The pools of one process. A forked child inherits the memory of its parent's pools but not their threads, and
/// perhaps a lock that nobody will open, so it appends a node of its own and leaves the rest alone.
struct Node {
    process: OnceLock<(u32, Mutex<Pools>)>,
    child: OnceLock<Box<Node>>,
}

/// Pools by their number of threads.
type Pools = HashMap<usize, Arc<ThreadPool>>;

impl Node {
    const fn new() -> Self {
        Self { process: OnceLock::new(), child: OnceLock::new() }
    }
}

/// The pool of so many threads; none if the system does not grant them, and one thread does the work.
fn pool(threads: usize) -> Option<Arc<ThreadPool>> {
    static FIRST: Node = Node::new();
    let here = process::id();
    let mut node = &FIRST;
    let pools = loop {
        let (process, pools) = node.process.get_or_init(|| (here, Mutex::default()));
        if *process == here {
            break pools;
        }
        node = node.child.get_or_init(|| Box::new(Node::new()));
    };
    let mut pools = pools.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pool) = pools.get(&threads) {
        return Some(Arc::clone(pool));
    }
    let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("uncal-{i}")).build().ok()?;
    let pool = Arc::new(pool);
    pools.insert(threads, Arc::clone(&pool));
    Some(pool)
}

#[cfg(test)]
mod tests {
    use std::panic;

    use super::*;

    const LARGE: usize = usize::MAX;

    #[test]
    fn results_keep_their_order_for_any_number_of_threads() {
        for n in [1, 2, 7] {
            let squares = with_threads(Some(n), || map(1000, LARGE, |i| i * i)).unwrap();
            assert!(squares.iter().enumerate().all(|(i, &square)| square == i * i));
        }
    }

    #[test]
    fn every_part_is_written_by_any_number_of_threads() {
        for n in [1, 2, 7] {
            let mut out = [0; 1000];
            let parts = out.chunks_mut(3).enumerate().collect();
            with_threads(Some(n), || for_each_with(parts, LARGE, || (), |(), (i, part)| part.fill(i))).unwrap();
            assert!(out.iter().enumerate().all(|(i, &part)| part == i / 3));
        }
    }

    #[test]
    fn parts_are_filled_in_place_and_the_first_error_wins() {
        for n in [1, 2, 7] {
            let mut out = [0; 100];
            let mut fill = |good| {
                let f = |(): &mut (), i, part: &mut [_]| {
                    part.fill(i);
                    if i < good { Ok(()) } else { Err(i) }
                };
                with_threads(Some(n), || fill_with(out.chunks_mut(7).collect(), LARGE, || (), f)).unwrap()
            };
            assert_eq!(fill(15), Ok(()));
            assert_eq!(fill(3), Err(3));
            assert!(out.iter().enumerate().all(|(k, &part)| part == k / 7));
        }
    }

    #[test]
    fn a_call_gets_the_threads_it_asks_for() {
        let threads = || map(2, LARGE, |_| rayon::current_num_threads());
        assert_eq!(with_threads(Some(3), threads).unwrap(), [3, 3]);
        assert_eq!(with_threads(Some(5), threads).unwrap(), [5, 5]);
    }

    #[test]
    fn small_work_stays_on_the_callers_thread() {
        let here = thread::current().id();
        let ids = with_threads(Some(2), || map(8, SMALL - 1, |_| thread::current().id())).unwrap();
        assert_eq!(ids, vec![here; 8]);
        let ids = with_threads(Some(1), || map(8, LARGE, |_| thread::current().id())).unwrap();
        assert_eq!(ids, vec![here; 8]);
        let ids = with_threads(Some(2), || map(8, LARGE, |_| thread::current().id())).unwrap();
        assert!(!ids.contains(&here));
    }

    #[test]
    fn no_threads_is_an_error() {
        for wrong in [0, MOST + 1] {
            let error = with_threads(Some(wrong), || ()).unwrap_err();
            assert_eq!(error, Error::setting("threads", wrong, NEEDED));
            assert_eq!(set_num_threads(wrong).unwrap_err(), Error::setting("n", wrong, NEEDED));
        }
    }

    #[test]
    fn a_panic_unwinds_to_the_caller_and_leaves_the_pool_usable() {
        let broken = || with_threads(Some(2), || map(8, LARGE, |i| assert!(i != 5, "five")));
        let caught = panic::catch_unwind(broken).unwrap_err();
        assert!(caught.downcast_ref::<&str>().is_some_and(|text| text.contains("five")));
        assert_eq!(CALL.get(), 0);
        assert_eq!(with_threads(Some(2), || map(3, LARGE, |i| i)).unwrap(), [0, 1, 2]);
    }

    #[test]
    fn sorting_in_parallel_sorts() {
        let mut numbers: Vec<u64> = (0..50_000).map(|i| i * 7919 % 50_021).collect();
        with_threads(Some(4), || sort(&mut numbers)).unwrap();
        assert!(numbers.is_sorted());
    }
}
