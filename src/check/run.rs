//! Many files, judged by several threads, in order.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};
use std::thread;

use super::input::Input;
use super::judge::Checker;
use super::verdict::{Outcome, Summary, Verdict};

/// How many files are judged at once, and when to stop.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Pace {
    /// How many threads judge files.
    pub threads: usize,
    /// Whether to stop at the first file, in order, that does not pass. Those after it are counted as not checked.
    pub fail_fast: bool,
}

impl Default for Pace {
    /// One thread for each core; all files are judged, whatever the others are.
    fn default() -> Self {
        Self { threads: std::thread::available_parallelism().map_or(1, usize::from), fail_fast: false }
    }
}

/// How far ahead of the slowest file others are judged: verdicts, of which each may take half a megabyte, wait in memory for
/// their turn.
const MOST_AHEAD: usize = 256;

impl Checker {
    /// Judges files on several threads, and hands over the verdicts in the order of the files.
    ///
    /// # Errors
    /// What `each` returned; then no more files are judged.
    pub fn run(
        &self,
        inputs: &[Input],
        pace: &Pace,
        mut each: impl FnMut(Verdict) -> io::Result<()>,
    ) -> io::Result<Summary> {
        let mut summary = Summary::default();
        // What is not to be checked must not be published ahead of time.
        let is_in_turn = pace.fail_fast && self.publishes();
        #[expect(clippy::disallowed_methods, reason = "1 is not more than what is at least 1")]
        let threads = if is_in_turn { 1 } else { pace.threads.clamp(1, inputs.len().max(1)) };
        if threads == 1 {
            for input in inputs {
                let is_last = take(self.check_input(input), pace, &mut summary, &mut each)?;
                if is_last {
                    break;
                }
            }
        } else {
            self.run_on(threads, inputs, pace, &mut summary, &mut each)?;
        }
        summary.not_checked = inputs.len().saturating_sub(summary.files);
        Ok(summary)
    }

    fn run_on(
        &self,
        threads: usize,
        inputs: &[Input],
        pace: &Pace,
        summary: &mut Summary,
        each: &mut impl FnMut(Verdict) -> io::Result<()>,
    ) -> io::Result<()> {
        let queue = Queue {
            next: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            done: Mutex::new(0),
            moved: Condvar::new(),
        };
        let (sender, verdicts) = mpsc::channel();
        thread::scope(|scope| {
            for number in 0..threads {
                let (sender, queue) = (sender.clone(), &queue);
                let work = move || {
                    while let Some(index) = queue.take(inputs.len()) {
                        let Some(input) = inputs.get(index) else { break };
                        if sender.send((index, self.check_input(input))).is_err() {
                            break;
                        }
                    }
                };
                // Fewer threads than asked for do the same, only later.
                match thread::Builder::new().spawn_scoped(scope, work) {
                    Ok(_) => {}
                    Err(error) if number == 0 => return Err(error),
                    Err(_) => break,
                }
            }
            drop(sender);
            let mut waiting = BTreeMap::new();
            let mut result = Ok(());
            for (index, verdict) in verdicts {
                waiting.insert(index, verdict);
                while let Some(verdict) = waiting.remove(&queue.turn()) {
                    queue.advance();
                    match take(verdict, pace, summary, each) {
                        Ok(false) => continue,
                        Ok(true) => {}
                        Err(error) => result = Err(error),
                    }
                    queue.stop();
                    return result;
                }
            }
            result
        })
    }
}

/// Counts a verdict and hands it over. Returns whether it is the last one.
fn take(
    verdict: Verdict,
    pace: &Pace,
    summary: &mut Summary,
    each: &mut impl FnMut(Verdict) -> io::Result<()>,
) -> io::Result<bool> {
    summary.count(&verdict);
    let is_last = pace.fail_fast && verdict.outcome != Outcome::Pass;
    each(verdict)?;
    Ok(is_last)
}

/// Which file is next.
struct Queue {
    next: AtomicUsize,
    stopped: AtomicBool,
    /// How many verdicts have been handed over.
    done: Mutex<usize>,
    moved: Condvar,
}

impl Queue {
    /// The next file to judge; waits when the others are too far behind.
    fn take(&self, count: usize) -> Option<usize> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        if index >= count {
            return None;
        }
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        while index >= done.saturating_add(MOST_AHEAD) && !self.stopped.load(Ordering::Relaxed) {
            done = self.moved.wait(done).unwrap_or_else(PoisonError::into_inner);
        }
        (!self.stopped.load(Ordering::Relaxed)).then_some(index)
    }

    fn turn(&self) -> usize {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done = done.saturating_add(1);
        self.moved.notify_all();
    }

    fn stop(&self) {
        let _done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        self.stopped.store(true, Ordering::Relaxed);
        self.moved.notify_all();
    }
}
