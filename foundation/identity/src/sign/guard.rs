//! Against guessing: a growing delay per account and per device, a limit per address, and a bound on hashing at once.
//!
//! A stranger's wrong passwords delay strangers only: whoever has signed in before holds a device cookie, whose failures
//! are counted apart, so that nobody can be locked out by others. (OWASP: device cookies.) The delay ends at a quarter of
//! an hour: never for ever, and not more than some hundred tries a day.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Condvar, Mutex, PoisonError};

use banyan_base::{Problem, codes};
use jiff::{SignedDuration, Timestamp};

/// Wrong tries in a row before there is a delay.
const FREE: i64 = 5;
/// The longest delay.
const MOST_MINUTES: i64 = 15;
/// Addresses remembered; those that are forgiven go first.
const REMEMBERED: usize = 20_000;

/// How long to wait after so many failures in a row; `None`: not at all.
pub(crate) fn delay(failures: i64) -> Option<SignedDuration> {
    (failures >= FREE).then(|| {
        let minutes = 1i64 << (failures - FREE).min(4);
        SignedDuration::from_mins(minutes.min(MOST_MINUTES))
    })
}

/// Said where somebody must wait.
pub(crate) fn wait(until: Timestamp, now: Timestamp) -> Problem {
    let minutes = (until.duration_since(now).as_secs() + 59) / 60;
    Problem::new(
        codes::TOO_MANY,
        format!(
            "连续多次登录失败,请 {} 分钟后再试,或使用通行密钥登录。",
            minutes.max(1)
        ),
    )
}

#[derive(Clone, Copy, Debug)]
struct Level {
    failures: f64,
    at: Timestamp,
}

/// What one process remembers of the failures of addresses.
#[derive(Debug)]
pub(crate) struct Crowd {
    /// Failures that an address may have at once. Whole offices share an address.
    most: f64,
    /// Seconds after which one is forgiven.
    forgiven: f64,
    /// Said to whoever has too many.
    text: &'static str,
    addresses: Mutex<HashMap<[u8; 16], Level>>,
}

/// An address as it is counted: IPv6 by its /64, which one subscriber has.
fn counted(address: IpAddr) -> [u8; 16] {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => (u128::from(v6) >> 64 << 64).to_be_bytes(),
    }
}

impl Crowd {
    /// Failed tries to sign in.
    pub(crate) fn of_failures() -> Crowd {
        Crowd {
            most: 40.0,
            forgiven: 6.0,
            text: "从这个网络地址登录失败的次数过多,请几分钟后再试。",
            addresses: Mutex::default(),
        }
    }

    /// Tries to sign up, good or not.
    pub(crate) fn of_newcomers() -> Crowd {
        Crowd {
            most: 10.0,
            forgiven: 600.0,
            text: "从这个网络地址注册的次数过多,请过一会儿再试。",
            addresses: Mutex::default(),
        }
    }

    fn level(&self, level: &Level, now: Timestamp) -> f64 {
        let passed = now.duration_since(level.at).as_secs_f64().max(0.0);
        (level.failures - passed / self.forgiven).max(0.0)
    }

    /// # Errors
    /// `TOO_MANY` where too many tries failed from this address.
    pub(crate) fn admit(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), Problem> {
        let Some(address) = address else { return Ok(()) };
        let all = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(&counted(address)) {
            Some(one) if self.level(one, now) >= self.most => Err(Problem::new(codes::TOO_MANY, self.text)),
            _ => Ok(()),
        }
    }

    /// Takes a try, good or not, so that many at once get no more than one after the other would.
    ///
    /// # Errors
    /// `TOO_MANY` where there were too many from this address.
    pub(crate) fn take(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), Problem> {
        let Some(address) = address else { return Ok(()) };
        let mut all = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(&counted(address)) {
            Some(one) if self.level(one, now) >= self.most => {
                return Err(Problem::new(codes::TOO_MANY, self.text));
            }
            _ => self.note(&mut all, address, now),
        }
        Ok(())
    }

    /// Notes a failure from an address.
    pub(crate) fn failed(&self, address: Option<IpAddr>, now: Timestamp) {
        let Some(address) = address else { return };
        let mut all = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        self.note(&mut all, address, now);
    }

    fn note(&self, all: &mut HashMap<[u8; 16], Level>, address: IpAddr, now: Timestamp) {
        if all.len() >= REMEMBERED {
            all.retain(|_, one| self.level(one, now) > 0.0);
            // Who comes from so many addresses is not held by addresses: delays per account remain.
            if all.len() >= REMEMBERED {
                all.clear();
            }
        }
        let one = all.entry(counted(address)).or_insert(Level {
            failures: 0.0,
            at: now,
        });
        *one = Level {
            failures: self.level(one, now) + 1.0,
            at: now,
        };
    }
}

/// Lets some through at once. Each hash takes 19 MiB and some hundredths of a second of a core.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    inside: Mutex<u32>,
    left: Condvar,
}

const AT_ONCE: u32 = 4;

impl Gate {
    pub(crate) fn through<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        while *inside >= AT_ONCE {
            inside = self.left.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
        *inside += 1;
        drop(inside);
        let done = work();
        *self.inside.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.left.notify_one();
        done
    }
}
