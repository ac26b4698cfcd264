//! The second factor that a telephone shows: one-time codes (RFC 6238) and recovery codes.

use banyan_base::{Ctx, Problem, World, codes};
use banyan_store::Tx;
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};
use totp_rs::{Algorithm, Builder, Totp};

use crate::account::Account;
use crate::sign::secret_box::SecretBox;

/// How many recovery codes there are.
const RECOVERY: usize = 10;

/// A seed of 160 bits, as RFC 4226 recommends.
pub(crate) fn seed(world: &World) -> [u8; 20] {
    world.secret()
}

/// SHA-1, six digits, thirty seconds, one step of skew: what every authenticator application understands.
pub(crate) fn totp(seed: &[u8]) -> Result<Totp, Problem> {
    let wrong = || Problem::internal("a seed that is not of 20 bytes");
    let seed = <[u8; 20]>::try_from(seed).map_err(|_| wrong())?;
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_secret(seed)
        .build()
        .map_err(|_| wrong())
}

/// The address that authenticator applications read (Key URI Format), and its QR code as SVG.
///
/// # Errors
/// Where no code can be drawn.
pub(crate) fn enrolment(login: &str, seed: &[u8]) -> Result<(String, String), Problem> {
    // Logins need no escape: letters, digits and `-_.`; the issuer's name is Chinese.
    let issuer: String = "榕 Banyan"
        .bytes()
        .map(|byte| match byte {
            b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect();
    let uri = format!(
        "otpauth://totp/{issuer}:{login}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
        BASE32_NOPAD.encode(seed)
    );
    let code = qrcode::QrCode::new(uri.as_bytes()).map_err(Problem::internal)?;
    let svg = code
        .render::<qrcode::render::svg::Color<'_>>()
        .min_dimensions(220, 220)
        .build();
    Ok((uri, svg))
}

/// Keeps a seed whose code was shown, with fresh recovery codes; gives those, shown this once.
pub(crate) fn enrol(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    account: &Account,
    seed: &[u8],
    step: u64,
) -> Result<Vec<String>, Problem> {
    let id = account.id.as_str();
    let sealed = secrets.seal(&format!("totp/{id}"), seed)?;
    tx.execute("DELETE FROM totp WHERE account = ?1", &[id.into()])?;
    tx.execute(
        "INSERT INTO totp (account, seed, last_step, created_at) VALUES (?1, ?2, ?3, ?4)",
        &[
            id.into(),
            sealed.into(),
            i64::try_from(step).map_err(Problem::internal)?.into(),
            cx.now_text().into(),
        ],
    )?;
    let codes = renew_recovery(cx, tx, account)?;
    crate::admin::tell(cx, tx, account, "totp_enrolled")?;
    Ok(codes)
}

/// Puts fresh recovery codes in the place of the old ones.
pub(crate) fn renew_recovery(cx: &Ctx, tx: &mut Tx<'_>, account: &Account) -> Result<Vec<String>, Problem> {
    let id = account.id.as_str();
    tx.execute("DELETE FROM recovery_code WHERE account = ?1", &[id.into()])?;
    let mut codes = Vec::new();
    for _ in 0..RECOVERY {
        // 80 bits: too many to guess, so a plain hash keeps them.
        let text = BASE32_NOPAD.encode(&cx.world.secret::<10>()).to_lowercase();
        tx.execute(
            "INSERT INTO recovery_code (account, code_hash) VALUES (?1, ?2)",
            &[id.into(), recovery_hash(id, &text).into()],
        )?;
        let parts: Vec<&str> = [text.get(..8), text.get(8..)].into_iter().flatten().collect();
        codes.push(parts.join("-"));
    }
    Ok(codes)
}

fn recovery_hash(account: &str, code: &str) -> String {
    let plain: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_lowercase();
    HEXLOWER.encode(&Sha256::digest(format!("{account}/{plain}").as_bytes()))
}

/// Whether an account has enrolled one-time codes.
pub(crate) fn enrolled(tx: &mut Tx<'_>, account: &str) -> Result<bool, Problem> {
    Ok(tx
        .query_opt("SELECT 1 FROM totp WHERE account = ?1", &[account.into()])?
        .is_some())
}

/// How many recovery codes are left.
pub(crate) fn recovery_left(tx: &mut Tx<'_>, account: &str) -> Result<i64, Problem> {
    let row = tx.query_opt(
        "SELECT COUNT(*) FROM recovery_code WHERE account = ?1",
        &[account.into()],
    )?;
    Ok(row.map(|row| row.get(0)).transpose()?.unwrap_or(0))
}

/// Checks a code, of the telephone or for recovery, and uses it up: `totp`, `recovery`, or `None` where it is not good.
pub(crate) fn spend(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    account: &str,
    code: &str,
) -> Result<Option<&'static str>, Problem> {
    let plain: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let row = tx.query_opt("SELECT seed FROM totp WHERE account = ?1", &[account.into()])?;
    let Some(row) = row else { return Ok(None) };
    if plain.len() == 6 && plain.bytes().all(|b| b.is_ascii_digit()) {
        let seed = secrets.unseal(&format!("totp/{account}"), &row.get::<String>(0)?)?;
        let Some(step) = check(cx, &seed, &plain)? else {
            return Ok(None);
        };
        // A code that was used, and any before it, is used up.
        let used = tx.execute(
            "UPDATE totp SET last_step = ?2 WHERE account = ?1 AND last_step < ?2",
            &[
                account.into(),
                i64::try_from(step).map_err(Problem::internal)?.into(),
            ],
        )?;
        return Ok((used == 1).then_some("totp"));
    }
    let used = tx.execute(
        "DELETE FROM recovery_code WHERE account = ?1 AND code_hash = ?2",
        &[account.into(), recovery_hash(account, &plain).into()],
    )?;
    Ok((used == 1).then_some("recovery"))
}

/// The step whose code this is, if it is one of now. Telephones know the real time, whatever this world's clock shows.
pub(crate) fn check(cx: &Ctx, seed: &[u8], code: &str) -> Result<Option<u64>, Problem> {
    let seconds = u64::try_from(cx.world.outside_now().as_second()).unwrap_or(0);
    Ok(totp(seed)?.check(code, seconds))
}

/// Takes the one-time codes away.
pub(crate) fn remove(tx: &mut Tx<'_>, account: &str) -> Result<bool, Problem> {
    tx.execute("DELETE FROM recovery_code WHERE account = ?1", &[account.into()])?;
    Ok(tx.execute("DELETE FROM totp WHERE account = ?1", &[account.into()])? > 0)
}

/// The refusal of a wrong code.
pub(crate) fn wrong_code(pointer: &str) -> Problem {
    Problem::new(codes::INVALID, "验证码不对。").with_error(pointer, "wrong", "验证码不对,或已经用过")
}
