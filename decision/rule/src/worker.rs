//! Threads on which models are evaluated that could run for long. An evaluation can't be stopped from outside: where one
//! does not end in time its caller is told, its thread is given up and counted, and when too many are, none is begun.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::limits;

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    #[error("the evaluation took longer than {0:?}")]
    Late(Duration),
    #[error("evaluations that did not end hold all threads")]
    Busy,
    #[error("the engine failed inside: {0}")]
    Failed(String),
}

type Job = Box<dyn FnOnce() + Send>;

/// Idle threads by what wakes them.
#[derive(Default)]
struct Pool {
    idle: Mutex<Vec<Sender<Job>>>,
    runaways: AtomicUsize,
}

static POOL: std::sync::LazyLock<Arc<Pool>> = std::sync::LazyLock::new(Arc::default);

/// How many evaluations ran out of time and still run.
pub fn runaways() -> usize {
    POOL.runaways.load(Ordering::SeqCst)
}

/// Runs on a thread of its own with a large stack, for at most so long.
///
/// # Errors
/// Where it fails inside, or does not end in time.
pub fn guarded<T: Send + 'static>(
    time: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Stopped> {
    let pool = Arc::clone(&POOL);
    if pool.runaways.load(Ordering::SeqCst) >= limits::RUNAWAYS {
        return Err(Stopped::Busy);
    }
    let (reply, result) = channel();
    let given_up = Arc::new(Mutex::new(State::Running));
    let seen = Arc::clone(&given_up);
    let counted = Arc::clone(&pool);
    let job: Job = Box::new(move || {
        let value = inline(work);
        let mut state = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *state == State::GivenUp {
            counted.runaways.fetch_sub(1, Ordering::SeqCst);
        }
        *state = State::Done;
        drop(state);
        // Nobody listens any more where it was too late.
        let _ = reply.send(value);
    });
    pool.give(job)?;
    match result.recv_timeout(time) {
        Ok(value) => value,
        Err(RecvTimeoutError::Disconnected) => Err(Stopped::Failed("its thread ended".into())),
        Err(RecvTimeoutError::Timeout) => {
            let mut state = given_up.lock().unwrap_or_else(PoisonError::into_inner);
            if *state == State::Running {
                *state = State::GivenUp;
                pool.runaways.fetch_add(1, Ordering::SeqCst);
            }
            Err(Stopped::Late(time))
        }
    }
}

/// Runs here; a panic inside becomes an error.
///
/// # Errors
/// Where it fails inside.
pub fn inline<T>(work: impl FnOnce() -> T) -> Result<T, Stopped> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|cause| {
        let text = cause
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| cause.downcast_ref::<String>().cloned());
        Stopped::Failed(text.unwrap_or_else(|| "no reason was given".into()))
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    GivenUp,
    Done,
}

impl Pool {
    fn give(self: &Arc<Pool>, mut job: Job) -> Result<(), Stopped> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(idle) = idle else { break };
            match idle.send(job) {
                Ok(()) => return Ok(()),
                Err(back) => job = back.0,
            }
        }
        let (wake, jobs) = channel::<Job>();
        let pool = Arc::clone(self);
        let again = wake.clone();
        std::thread::Builder::new()
            .name("decision".into())
            .stack_size(limits::STACK)
            .spawn(move || serve(&pool, job, &again, &jobs))
            .map_err(|error| Stopped::Failed(error.to_string()))?;
        drop(wake);
        Ok(())
    }
}

/// Most threads kept for later.
const KEPT: usize = 8;

fn serve(pool: &Arc<Pool>, first: Job, wake: &Sender<Job>, jobs: &Receiver<Job>) {
    let mut job = first;
    loop {
        job();
        {
            let mut idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() >= KEPT {
                return;
            }
            idle.push(wake.clone());
        }
        match jobs.recv() {
            Ok(next) => job = next,
            Err(_) => return,
        }
    }
}
