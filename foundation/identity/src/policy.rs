//! Decisions by Cedar, over the policies of the installed packages. In a package's policy.cedar stand
//! `Role::"<package>.<role>"`, `Action::"view"` (a verb) or `Action::"<package>.<type>.view"`, `Type::"<package>.<type>"`
//! and `Package::"<package>"`. Everyone is in `Role::"public"`; for those who have not signed in, only policies count that
//! name it (or `Account::"anonymous"`) as their principal, so that a policy for "any principal" opens nothing to the world.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use banyan_base::{ActorKind, Ctx, Problem};
use banyan_door::{Decision, Method, Obligations, Operation, Policy, Target};
use cedar_policy::{
    Authorizer, Context, Decision as CedarDecision, Effect, Entities, Entity, EntityId, EntityTypeName,
    EntityUid, PolicyId, PolicySet, PrincipalConstraint, Request,
};

/// Operations that whoever has signed in may call; they guard themselves.
const SIGNED_IN: &[&str] = &[
    "session.view",
    "session.delete",
    "session.list",
    "session.end",
    "session.end_others",
    "session.end_all",
    "totp.view",
    "totp.start",
    "totp.confirm",
    "totp.remove",
    "totp.renew_recovery",
    "passkey.list",
    "passkey.start",
    "passkey.create",
    "passkey.remove",
    "token.create",
    "token.list",
    "token.revoke",
    "identity.list",
    "identity.link",
    "identity.unlink",
    "password.change",
    "post.mine",
    "post.choose",
    "delegation.create",
    "delegation.list",
    "delegation.revoke",
    "party.mine",
    "party.confirm",
    "party.register",
    "party_link.ask",
    "party_link.list",
    "party_link.grant",
    "party_link.agree",
    "party_link.revoke",
    "package.list",
    "package.view",
    "file.create",
    "file.view",
    "import.list",
    "import.view",
    "import.cancel",
    "import.errors",
    "saved_filter.list",
    "saved_filter.create",
    "saved_filter.delete",
];
/// Operations that nobody need sign in for.
const OPEN: &[&str] = &[
    "citizen.sign_up",
    "session.create",
    "session.second",
    "session.passkey_start",
    "session.passkey",
    "session.ways",
    "session.oidc_start",
    "session.oidc_callback",
    "oauth.token",
    "oauth.metadata",
];

/// The role that everyone has, signed in or not.
const PUBLIC: &str = "public";

/// Decisions kept at the most.
const KEPT: usize = 20_000;

/// The policy of the platform and its packages.
#[derive(Default)]
pub struct CedarPolicy(ArcSwap<Ready>);

/// Policies with what they have decided. A decision depends on nothing but the question: who with which roles, which act,
/// on what; so it stands as long as the policies do, and goes with them.
#[derive(Default)]
struct Ready {
    policies: PolicySet,
    /// Those that count for people who have not signed in.
    public: PolicySet,
    decided: RwLock<HashMap<String, bool>>,
}

fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    let kind: EntityTypeName = kind.parse().ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

impl CedarPolicy {
    /// Takes over the policies of all packages: (package, text). A text that can't be read permits nothing.
    pub fn set(&self, packages: &[(String, String)]) {
        let mut all = PolicySet::new();
        let mut public = PolicySet::new();
        let open = [uid("Role", PUBLIC), uid("Account", "anonymous")];
        for (package, text) in packages {
            let Ok(set) = text.parse::<PolicySet>() else {
                tracing::error!(%package, "the stored policy can't be read; it permits nothing");
                continue;
            };
            for policy in set.policies() {
                let id = PolicyId::new(format!("{package}/{}", policy.id()));
                let policy = policy.new_id(id);
                let counts = match policy.principal_constraint() {
                    PrincipalConstraint::In(named) | PrincipalConstraint::Eq(named) => {
                        open.contains(&Some(named))
                    }
                    _ => policy.effect() == Effect::Forbid,
                };
                if counts && public.add(policy.clone()).is_err() {
                    tracing::error!(%package, "two policies have one id");
                }
                if all.add(policy).is_err() {
                    tracing::error!(%package, "two policies have one id");
                }
            }
        }
        self.0.store(Arc::new(Ready {
            policies: all,
            public,
            decided: RwLock::default(),
        }));
    }

    fn permits(&self, cx: &Ctx, target: &Target) -> Option<bool> {
        let ready = self.0.load();
        // Lengths keep parts apart: no text can pass for two.
        let mut question = format!("{:?}", cx.actor.kind);
        let parts = [&cx.actor.id, &target.action, &target.resource];
        for part in parts.into_iter().chain(&cx.actor.roles) {
            question.push_str(&format!(" {}:{part}", part.len()));
        }
        let known = ready
            .decided
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&question)
            .copied();
        if known.is_some() {
            return known;
        }
        let answer = ready.decide(cx, target)?;
        let mut decided = ready.decided.write().unwrap_or_else(PoisonError::into_inner);
        if decided.len() >= KEPT {
            decided.clear();
        }
        decided.insert(question, answer);
        Some(answer)
    }
}

impl Ready {
    fn decide(&self, cx: &Ctx, target: &Target) -> Option<bool> {
        let verb = target.action.rsplit('.').next().unwrap_or("");
        let package = target.resource.split('.').next().unwrap_or("");
        let roles = cx
            .actor
            .roles
            .iter()
            .map(String::as_str)
            .chain([PUBLIC])
            .map(|role| uid("Role", role))
            .collect::<Option<_>>()?;
        let principal = uid("Account", &cx.actor.id)?;
        let (action, resource) = (uid("Action", &target.action)?, uid("Type", &target.resource)?);
        let entities = [
            Entity::new_no_attrs(principal.clone(), roles),
            Entity::new_no_attrs(action.clone(), [uid("Action", verb)?].into()),
            Entity::new_no_attrs(resource.clone(), [uid("Package", package)?].into()),
        ];
        let entities = Entities::from_entities(entities, None).ok()?;
        let request = Request::new(principal, action, resource, Context::empty(), None).ok()?;
        let policies = if cx.actor.kind == ActorKind::Anonymous {
            &self.public
        } else {
            &self.policies
        };
        let answer = Authorizer::new().is_authorized(&request, policies, &entities);
        Some(answer.decision() == CedarDecision::Allow)
    }
}

impl Policy for CedarPolicy {
    fn decide(&self, cx: &Ctx, target: &Target, operation: &Operation) -> Result<Decision, Problem> {
        let permit = Ok(Decision::Permit(Obligations::default()));
        if cx.actor.is_admin() || OPEN.contains(&operation.name) {
            return permit;
        }
        // What describes the platform is open where its operation says so; what it describes is filtered by policy.
        if operation.open && operation.method == Method::Get && target.resource == "platform" {
            return permit;
        }
        if cx.actor.kind == ActorKind::Anonymous {
            if target.resource != "platform" && self.permits(cx, target) == Some(true) {
                return permit;
            }
            return Ok(Decision::Deny {
                reason: "请先登录。".into(),
            });
        }
        if SIGNED_IN.contains(&operation.name)
            || (target.resource != "platform" && self.permits(cx, target) == Some(true))
        {
            return permit;
        }
        Ok(Decision::Deny {
            reason: format!(
                "您的角色没有“{}”的权限;需要的话请联系管理员授予角色。",
                operation.title
            ),
        })
    }
}
