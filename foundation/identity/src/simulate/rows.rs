//! The operation of simulation.

use std::sync::Arc;

use banyan_base::{Ctx, Problem, codes};
use banyan_door::{Access, Handler, Method, Obligations, Operation, Reply};
use banyan_store::Tx;
use serde_json::{Value, json};

use super::{Supposed, TypeLabel, simulate};
use crate::CedarPolicy;
use crate::people::{object, texts};

/// How many there are, by state where there are states; `None`: more than are counted.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    pub all: Option<u64>,
    pub states: Vec<(String, u64)>,
}

/// Asked of the engines: how many records of a type the obligations leave.
pub type Count =
    Box<dyn Fn(&mut Tx<'_>, &Arc<Obligations>, &str) -> Result<Option<Counted>, Problem> + Send + Sync>;
/// Asked of the engines: the types of a package; `None` where it is not installed.
type Labels = Box<dyn Fn(&mut Tx<'_>, &str) -> Result<Option<Vec<TypeLabel>>, Problem> + Send + Sync>;

/// What simulation stands on.
pub struct Simulator {
    pub policy: Arc<CedarPolicy>,
    pub labels: Labels,
    pub count: Count,
}

/// Fewer of personal records than this are not told apart: a count must not say whether one person is there.
const FEW: u64 = 10;

/// What somebody may suppose: administrators everything, others what they are themselves.
fn check(cx: &Ctx, supposed: &Supposed) -> Result<(), Problem> {
    let (actor, wanted) = (&cx.actor, supposed.actor()?);
    let standing = &actor.standing;
    let own = wanted.roles.is_subset(&actor.roles)
        && wanted
            .unit
            .as_ref()
            .is_none_or(|unit| actor.unit.as_ref() == Some(unit))
        && wanted.standing.regions.is_subset(&standing.regions)
        && wanted.standing.lines.is_subset(&standing.lines)
        && wanted.standing.party.is_none()
        && wanted.standing.represents.is_none();
    if actor.is_admin() || own {
        return Ok(());
    }
    let text = "您只能模拟自己的角色、单位和管辖;模拟别人的请找管理员。";
    Err(Problem::new(codes::FORBIDDEN, text))
}

fn counted(counted: &Counted, personal: bool) -> Value {
    let shown = |count: u64| match personal && count < FEW {
        true => json!({ "fewer_than": FEW }),
        false => json!({ "count": count }),
    };
    let states: serde_json::Map<String, Value> = counted
        .states
        .iter()
        .map(|(state, count)| (state.clone(), shown(*count)))
        .collect();
    json!({ "all": counted.all.map(shown), "states": states })
}

/// The rows of simulation.
pub fn operations(simulator: &Arc<Simulator>) -> Vec<Operation> {
    let all = Arc::clone(simulator);
    let run = Handler::inside(move |call| {
        let supposed: Supposed = call.input.typed_body()?;
        check(call.cx, &supposed)?;
        let labels = (all.labels)(call.tx, &supposed.package)?.ok_or_else(|| {
            let text = format!("没有安装“{}”。", supposed.package);
            Problem::new(codes::INVALID, text.clone()).with_error("/package", "reference", text)
        })?;
        let seen = simulate(&all.policy, &call.cx.world, &supposed, &labels)?;
        // Who he is supposed to be must not be found out by counting.
        let counts = supposed.count && supposed.party.is_none() && supposed.represents.is_none();
        let mut types = Vec::new();
        for one in &seen {
            let mut told = json!(one);
            let list = one.verbs.iter().find(|verb| verb.verb == "list");
            let obligations = list.and_then(|verb| verb.obligations.as_ref());
            if let Some(obligations) = obligations.filter(|_| counts)
                && let Some(found) = (all.count)(call.tx, obligations, &one.name)?
                && let Some(object) = told.as_object_mut()
            {
                object.insert("records".into(), counted(&found, one.personal));
            }
            types.push(told);
        }
        Reply::json(json!({ "package": supposed.package, "types": types }))
    });
    vec![Operation {
        method: Method::Post,
        access: Access::Read,
        input: || {
            object(
                &["package"],
                json!({
                    "package": { "type": "string", "description": "系统" },
                    "type": { "type": ["string", "null"], "description": "只看其中一个类型,短名" },
                    "roles": texts("角色,如 work-points.office;系统自己的可只写短名"),
                    "unit": { "type": ["string", "null"], "description": "单位代码" },
                    "regions": texts("管辖的区划"), "lines": texts("管辖的条线"),
                    "kind": { "type": ["string", "null"], "enum": ["person", "citizen", "service", "anonymous", null] },
                    "level": { "type": "integer", "minimum": 0, "maximum": 3, "description": "实名等级" },
                    "party": { "type": ["string", "null"], "description": "本人(当事人编号)" },
                    "represents": { "type": ["string", "null"], "description": "代理的当事人" },
                    "purpose": { "type": ["string", "null"], "description": "用途,如 care、self、emergency" },
                    "count": { "type": "boolean", "description": "数一数看得到多少条" },
                }),
            )
        },
        output: || {
            let types = json!({ "type": "array", "items": { "type": "object" } });
            json!({ "type": "object", "required": ["package", "types"], "properties": { "package": { "type": "string" }, "types": types } })
        },
        about: "按现在的策略,假设的这个人对每个类型能做什么、看得到哪些记录和字段、为什么。只数数,不给记录;\
                个人信息少于 10 条时不给数。管理员可以假设任何人,其他人只能假设自己。",
        ..Operation::read("policy.simulate", "模拟权限", "/v1/policy/simulate", run)
    }]
}
