use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Error;

/// How long a caller waits for a connection before it is told that the database is busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections made when first needed, at most `bound` of them.
pub(crate) struct Pool<T> {
    state: Mutex<State<T>>,
    freed: Condvar,
    bound: usize,
    make: Box<dyn Fn() -> Result<T, Error> + Send + Sync>,
}

struct State<T> {
    idle: Vec<T>,
    made: usize,
}

/// A connection on loan; goes back when dropped, unless it was [`Loan::discard`]ed.
pub(crate) struct Loan<'a, T> {
    pool: &'a Pool<T>,
    item: Option<T>,
}

impl<T> Pool<T> {
    pub(crate) fn new(bound: usize, make: impl Fn() -> Result<T, Error> + Send + Sync + 'static) -> Pool<T> {
        let state = Mutex::new(State {
            idle: Vec::new(),
            made: 0,
        });
        Pool {
            state,
            freed: Condvar::new(),
            bound: bound.max(1),
            make: Box::new(make),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take(&self) -> Result<Loan<'_, T>, Error> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        loop {
            if let Some(item) = state.idle.pop() {
                return Ok(Loan {
                    pool: self,
                    item: Some(item),
                });
            }
            if state.made < self.bound {
                state.made += 1;
                drop(state);
                return match (self.make)() {
                    Ok(item) => Ok(Loan {
                        pool: self,
                        item: Some(item),
                    }),
                    Err(error) => {
                        self.lock().made -= 1;
                        self.freed.notify_one();
                        Err(error)
                    }
                };
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Busy {
                    doing: "waiting for a database connection".into(),
                });
            }
            state = self
                .freed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Connections made and connections idle.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.made, state.idle.len())
    }

    /// Drops the idle connections.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.made -= state.idle.len();
        state.idle.clear();
    }
}

impl<T> Loan<'_, T> {
    /// Drops the connection instead of giving it back: its state is unknown.
    pub(crate) fn discard(mut self) {
        self.item = None;
    }
}

impl<T> Drop for Loan<'_, T> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        match self.item.take() {
            Some(item) => state.idle.push(item),
            None => state.made -= 1,
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}

impl<T> Deref for Loan<'_, T> {
    type Target = T;

    #[expect(
        clippy::expect_used,
        reason = "the item is there until the loan is dropped or discarded, which both consume it"
    )]
    fn deref(&self) -> &T {
        self.item.as_ref().expect("on loan")
    }
}

impl<T> DerefMut for Loan<'_, T> {
    #[expect(clippy::expect_used, reason = "as in deref")]
    fn deref_mut(&mut self) -> &mut T {
        self.item.as_mut().expect("on loan")
    }
}
