use std::path::{Path, PathBuf};

use banyan_identity::{FirstLogin, Settings};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How people and machines sign in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SignIn {
    /// Minutes without use after which a session ends. Since v0.2.
    pub idle_minutes: u32,
    /// Hours after which a session ends in any case. Since v0.2.
    pub session_hours: u32,
    /// Roles whose holders must have a second factor (one-time codes or a passkey), e.g. `["admin"]`. Since v0.2.
    pub second_factor_roles: Vec<String>,
    /// Minutes that a machine's access token is good. Since v0.2.
    pub access_token_minutes: u32,
    /// The file with the key that seals secrets at rest; absent, `keys/sign-in.key` in the data folder, made at the first
    /// start. Servers beside one database need the same file; without it one-time codes can't be checked. Since v0.2.
    pub key_file: Option<PathBuf>,
    /// Whether citizens may sign up by themselves. Since v0.3.
    pub citizens: bool,
    /// Roles whose holders confirm in person who a citizen is, and register legal representatives and guardians; `admin` may
    /// in any case. Since v0.3.
    pub clerk_roles: Vec<String>,
    /// Upstream OpenID Connect providers, as `[[sign_in.providers]]`: `id`, `title`, `issuer`, `client_id`,
    /// `client_secret_file`, `scopes`, `first_login` (`refuse`; `create`: an account without roles; `citizen`: a citizen's),
    /// `assurance` (2: the provider has proved name and number of its users), `number_claim` (the claim with the number). They
    /// send people back to `/v1/session/oidc/<id>/callback`. Since v0.2.
    pub providers: Vec<Provider>,
}

/// An upstream OpenID Connect provider.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Short name in addresses: small letters, digits, `-`.
    pub id: String,
    /// What the sign-in page calls it.
    pub title: String,
    /// Issuer identifier, as the provider writes it.
    pub issuer: String,
    pub client_id: String,
    /// File that holds the client's secret; absent for a public client.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// Scopes asked for besides `openid`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// What becomes of somebody unknown here.
    #[serde(default)]
    pub first_login: First,
    /// What its word of a citizen's name and number is worth: 2: it has proved them; 1: they are claimed only.
    #[serde(default = "claimed")]
    pub assurance: u8,
    /// The claim that holds a citizen's number.
    #[serde(default = "number_claim")]
    pub number_claim: String,
}

fn claimed() -> u8 {
    1
}

fn number_claim() -> String {
    "id_number".into()
}

/// What becomes of somebody whom the provider knows and we don't.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum First {
    #[default]
    Refuse,
    Create,
    Citizen,
}

impl Default for SignIn {
    fn default() -> SignIn {
        SignIn {
            idle_minutes: 12 * 60,
            session_hours: 7 * 24,
            second_factor_roles: Vec::new(),
            access_token_minutes: 15,
            key_file: None,
            citizens: false,
            clerk_roles: Vec::new(),
            providers: Vec::new(),
        }
    }
}

impl SignIn {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.idle_minutes == 0 || self.session_hours == 0 || self.access_token_minutes == 0 {
            return Err("sign_in: a session and an access token last at least a minute".into());
        }
        for provider in &self.providers {
            let id = &provider.id;
            let fits = !id.is_empty()
                && id
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if !fits {
                return Err(format!(
                    "sign_in.providers: the id `{id}` has other than small letters, digits and `-`"
                ));
            }
            let local = ["http://127.0.0.1", "http://localhost"];
            if !provider.issuer.starts_with("https://")
                && !local.iter().any(|start| provider.issuer.starts_with(start))
            {
                return Err(format!("sign_in.providers: the issuer of `{id}` must be https"));
            }
            if !(1..=2).contains(&provider.assurance) {
                return Err(format!("sign_in.providers: the assurance of `{id}` is 1 or 2"));
            }
        }
        Ok(())
    }

    /// What the identity crate is told.
    pub fn settings(&self, folder: &Path, public_url: Option<&str>) -> Settings {
        let provider = |one: &Provider| banyan_identity::Provider {
            id: one.id.clone(),
            title: one.title.clone(),
            issuer: one.issuer.clone(),
            client_id: one.client_id.clone(),
            secret_file: one.client_secret_file.clone(),
            scopes: one.scopes.clone(),
            first: match one.first_login {
                First::Refuse => FirstLogin::Refuse,
                First::Create => FirstLogin::Create,
                First::Citizen => FirstLogin::Citizen,
            },
            assurance: one.assurance,
            number_claim: one.number_claim.clone(),
        };
        let defaults = Settings::new(folder);
        Settings {
            public_url: public_url.map(str::to_owned),
            idle: SignedDuration::from_mins(self.idle_minutes.into()),
            whole: SignedDuration::from_hours(self.session_hours.into()),
            second_factor_roles: self.second_factor_roles.iter().cloned().collect(),
            access: SignedDuration::from_mins(self.access_token_minutes.into()),
            key_file: self.key_file.clone().unwrap_or_else(|| defaults.key_file.clone()),
            citizens: self.citizens,
            clerk_roles: self.clerk_roles.iter().cloned().collect(),
            providers: self.providers.iter().map(provider).collect(),
            ..defaults
        }
    }
}
