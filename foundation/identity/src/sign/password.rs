//! Passwords: hashed with argon2id, refused where they are common or guessable.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use banyan_base::{Problem, World};
use zxcvbn::{Score, zxcvbn};

const MIN_PASSWORD: usize = 10;
const MAX_PASSWORD: usize = 200;

/// What people here like to type, besides the dictionaries that zxcvbn carries (30,000 passwords from breaches, words, names,
/// dates, keyboard walks).
const LOCAL: &[&str] = &[
    "fujian",
    "fuzhou",
    "xiamen",
    "quanzhou",
    "zhangzhou",
    "putian",
    "nanping",
    "longyan",
    "sanming",
    "ningde",
    "pingtan",
    "zhongguo",
    "beijing",
    "woaini",
    "woaizhongguo",
    "wodemima",
    "mima",
    "mima123",
    "admin",
    "guanliyuan",
    "zhengfu",
    "bangong",
    "5201314",
    "1314520",
    "1314521",
    "7758521",
    "147258369",
    "qwe123",
    "a123456",
];

/// Hashes a password with a fresh salt. Slow by design: outside of transactions where it can be.
pub fn hash_password(world: &World, password: &str) -> Result<String, Problem> {
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &world.secret::<16>())
        .map_err(Problem::internal)?;
    Ok(hash.to_string())
}

pub(crate) fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// What is wrong with a new password, if anything.
pub fn weak(login: &str, password: &str) -> Option<&'static str> {
    let count = password.chars().count();
    if count < MIN_PASSWORD {
        return Some("密码至少十个字符");
    }
    if count > MAX_PASSWORD {
        return Some("密码最多两百个字符");
    }
    if password.to_lowercase().contains(&login.to_lowercase()) {
        return Some("密码不能包含登录名");
    }
    let mut known = LOCAL.to_vec();
    known.push(login);
    // Below a million guesses a password stands in a list, or is a small change of one that does.
    (zxcvbn(password, &known).score() < Score::Two).then_some("密码太常见,请换一个")
}
