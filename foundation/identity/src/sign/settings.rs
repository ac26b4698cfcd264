use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::SignedDuration;

/// How people and machines are let in; comes from the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Scheme and authority under which users reach the server, where it is configured.
    pub public_url: Option<String>,
    /// A session ends after so long without use …
    pub idle: SignedDuration,
    /// … and after so long in all.
    pub whole: SignedDuration,
    /// Roles that must have a second factor: whoever has one of them and no factor may only enrol one.
    pub second_factor_roles: BTreeSet<String>,
    /// Whether colleagues may open emergency access (break-glass) at all.
    pub emergency: bool,
    /// Roles whose holders may open it for every package, besides each package's own role `emergency`.
    pub emergency_roles: BTreeSet<String>,
    /// How long a machine's access token is good.
    pub access: SignedDuration,
    /// The file with the key that seals secrets at rest; made where it is absent.
    pub key_file: PathBuf,
    /// Whether citizens may sign up by themselves.
    pub citizens: bool,
    /// Roles, besides `admin`, whose holders confirm who somebody is, in person.
    pub clerk_roles: BTreeSet<String>,
    /// Upstream OpenID Connect providers.
    pub providers: Vec<Provider>,
}

/// An upstream OpenID Connect provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Short name in addresses: letters, digits, `-`.
    pub id: String,
    /// What the sign-in page calls it.
    pub title: String,
    /// Issuer identifier; `/.well-known/openid-configuration` below it describes the provider.
    pub issuer: String,
    pub client_id: String,
    /// The file that holds the client's secret; absent for a public client.
    pub secret_file: Option<PathBuf>,
    /// Scopes asked for besides `openid`.
    pub scopes: Vec<String>,
    pub first: FirstLogin,
    /// What the provider's word of a citizen's name and number is worth: 2: it has proved them; 1: they are claimed only.
    pub assurance: u8,
    /// The claim that holds a citizen's number.
    pub number_claim: String,
}

/// What becomes of somebody whom the provider knows and we don't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstLogin {
    /// Refused: accounts are made here first and linked by their owners.
    Refuse,
    /// An account without roles is made.
    Create,
    /// A citizen's account is made.
    Citizen,
}

impl Settings {
    /// The defaults, with the key in `folder`.
    pub fn new(folder: &std::path::Path) -> Settings {
        Settings {
            public_url: None,
            idle: SignedDuration::from_hours(12),
            whole: SignedDuration::from_hours(7 * 24),
            second_factor_roles: BTreeSet::new(),
            emergency: true,
            emergency_roles: BTreeSet::new(),
            access: SignedDuration::from_mins(15),
            key_file: folder.join("keys").join("sign-in.key"),
            citizens: false,
            clerk_roles: BTreeSet::new(),
            providers: Vec::new(),
        }
    }

    /// Cookies are marked for https only.
    pub(crate) fn secure(&self) -> bool {
        self.public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https:"))
    }

    /// Whether somebody with these roles must have a second factor.
    pub(crate) fn needs_second(&self, roles: &BTreeSet<String>) -> bool {
        !self.second_factor_roles.is_disjoint(roles)
    }

    /// A cookie that pages can't read. `seconds`: how long; `None`: until the browser closes.
    pub(crate) fn cookie(&self, name: &str, value: &str, seconds: Option<i64>) -> String {
        let secure = if self.secure() { "; Secure" } else { "" };
        let age = seconds.map_or(String::new(), |seconds| format!("; Max-Age={seconds}"));
        format!("{name}={value}; HttpOnly; SameSite=Lax; Path=/{age}{secure}")
    }
}
