//! The rows of citizens and the party register in the door.

use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Handler, Method, Operation, Outside, Reply, Touch};
use serde::Deserialize;
use serde_json::{Value, json};

use super::citizen::{self, Newcomer};
use super::party::{self, Kind, Named, PROVED, Proof};
use super::{clerk, object, quiet_body, wrong_text};
use crate::account;
use crate::sign::{Accounts, rows};

const PARTIES: &str = "/v1/parties";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirm {
    /// Login of the citizen's account.
    login: String,
    name: String,
    number: String,
    evidence: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    kind: Kind,
    name: String,
    number: String,
    evidence: String,
}

fn evidence(text: &str) -> Result<(), Problem> {
    match wrong_text(text, 200) {
        Some(message) => {
            Err(Problem::new(codes::INVALID, "请写明依据。").with_error("/evidence", "length", message))
        }
        None => Ok(()),
    }
}

fn sign_up(accounts: &Accounts, call: &Outside<'_>) -> Result<Reply, Problem> {
    if !accounts.settings.citizens {
        let text = "这里没有开放自行注册;请用其他方式登录,或联系管理员。";
        return Err(Problem::new(codes::FORBIDDEN, text));
    }
    let caller = &call.input.caller;
    accounts.newcomers.take(caller.address, call.cx.now)?;
    let newcomer: Newcomer = quiet_body(call.input, "login、password、name、number,都是文字")?;
    let account = accounts.sign_up(call.cx, newcomer)?;
    rows::answer(
        accounts,
        accounts.enter(call.cx, caller, account, "password", None)?,
    )
}

pub(crate) fn rows(accounts: &Arc<Accounts>) -> Vec<Operation> {
    let own = Arc::clone(accounts);
    let newcomer = Handler::outside(move |call| sign_up(&own, call));
    let own = Arc::clone(accounts);
    let mine = Handler::inside(move |call| {
        let standing = &call.cx.actor.standing;
        let Some(id) = standing.party.as_deref() else {
            return Err(Problem::new(codes::NOT_FOUND, "只有公众账号有身份登记。"));
        };
        let party = party::find(call.tx, &own.secrets, id)?
            .ok_or_else(|| Problem::internal("a citizen without a party"))?;
        let represents = match standing.represents.as_deref() {
            Some(other) => party::find(call.tx, &own.secrets, other)?,
            None => None,
        };
        let shown = [Some(id), represents.as_ref().map(|other| other.id.as_str())];
        call.touched(&Touch::of("platform.party"), shown.into_iter().flatten())?;
        let for_whom =
            represents.map(|other| json!({ "id": other.id, "kind": other.kind, "name": other.name }));
        // How surely this account is the party, which may be less than what is known of the party.
        Reply::json(json!({
            "id": party.id, "name": party.name, "number": party.number, "level": standing.level, "represents": for_whom,
            "today": call.cx.today().to_string(),
        }))
    });
    let own = Arc::clone(accounts);
    let confirm = Handler::inside(move |call| {
        clerk(&own, call.cx)?;
        let sent: Confirm = quiet_body(call.input, "login、name、number、evidence,都是文字")?;
        evidence(&sent.evidence)?;
        let named = Named::read(Kind::Person, &sent.name, &sent.number, call.cx.today())?;
        let account = account::find_by_login(call.tx, sent.login.trim())?
            .filter(|account| account.kind == "citizen" && !account.disabled)
            .ok_or_else(|| {
                let message = "没有这个公众账号";
                Problem::new(codes::INVALID, "不能核实。").with_error("/login", "reference", message)
            })?;
        let proof = Proof {
            named,
            level: 3,
            way: "clerk",
            evidence: &sent.evidence,
        };
        let party = party::prove(call.cx, call.tx, &own.secrets, Some(&account.id), &proof)?;
        call.touched(&Touch::of("platform.party"), [&party])?;
        citizen::tell_proved(call.cx, call.tx, &account, &party, 3)?;
        Reply::json(json!({ "account": account.id, "party": party, "level": 3 }))
    });
    let own = Arc::clone(accounts);
    let register = Handler::inside(move |call| {
        clerk(&own, call.cx)?;
        let shape = "kind(person 或 organisation)、name、number、evidence";
        let sent: Register = quiet_body(call.input, shape)?;
        evidence(&sent.evidence)?;
        let named = Named::read(sent.kind, &sent.name, &sent.number, call.cx.today())?;
        let proof = Proof {
            named,
            level: 3,
            way: "clerk",
            evidence: &sent.evidence,
        };
        let party = party::prove(call.cx, call.tx, &own.secrets, None, &proof)?;
        call.touched(&Touch::of("platform.party"), [&party])?;
        Reply::json(json!({ "party": party, "level": 3 }))
    });
    vec![
        Operation {
            open: true,
            input: || {
                let password = json!({ "type": "string", "format": "password", "minLength": 10 });
                object(
                    &["login", "password", "name", "number"],
                    json!({
                        "login": { "type": "string", "pattern": "^[A-Za-z0-9._-]{2,40}$", "description": "登录名;不能是身份证号" },
                        "password": password,
                        "name": { "type": "string", "maxLength": 60, "description": "姓名" },
                        "number": { "type": "string", "description": "公民身份号码;只作登记,加密保存" },
                    }),
                )
            },
            output: rows::signed_in,
            about: "登记为 L1:姓名和号码是自己说的,还没有核实。不查这个号码有没有别人登记。每个网络地址有次数限制。",
            ..Operation::write(
                "citizen.sign_up",
                "公众注册",
                Method::Post,
                "/v1/citizens",
                newcomer,
            )
        },
        Operation {
            output: || {
                let represents = json!({ "type": ["object", "null"], "description": "现在代谁办事", "properties": {
                    "id": { "type": "string" }, "kind": { "type": "string" }, "name": { "type": "string" } } });
                json!({ "type": "object", "required": ["id", "name", "number", "level", "represents", "today"], "properties": {
                    "id": { "type": "string", "format": "uuid" }, "name": { "type": "string" },
                    "number": { "type": ["string", "null"], "description": "只显示首尾" },
                    "level": { "type": "integer", "minimum": 1, "maximum": 3, "description": "1:自己填报;2:上游已核实;3:当面已核实" },
                    "represents": represents,
                    "today": { "type": "string", "format": "date", "description": "平台时钟的今天" } } })
            },
            ..Operation::read("party.mine", "查看本人身份", "/v1/session/party", mine)
        },
        Operation {
            // Numbers must not be told apart by what is kept of requests.
            idempotent: false,
            input: || {
                object(
                    &["login", "name", "number", "evidence"],
                    json!({
                        "login": { "type": "string", "description": "公众账号的登录名" },
                        "name": { "type": "string", "maxLength": 60, "description": "证件上的姓名" },
                        "number": { "type": "string", "description": "证件上的公民身份号码" },
                        "evidence": { "type": "string", "maxLength": 200, "description": "查验了什么" },
                    }),
                )
            },
            output: || proved(&["account", "party", "level"]),
            about: "窗口经办人员当面查验证件后把账号核实为 L3。本人的各个账号都收到通知。",
            ..Operation::write(
                "party.confirm",
                "当面核实公众账号",
                Method::Post,
                "/v1/parties/confirm",
                confirm,
            )
        },
        Operation {
            idempotent: false,
            input: || {
                object(
                    &["kind", "name", "number", "evidence"],
                    json!({
                        "kind": { "type": "string", "enum": ["person", "organisation"] },
                        "name": { "type": "string", "maxLength": 60, "description": "姓名或名称" },
                        "number": { "type": "string", "description": "公民身份号码或统一社会信用代码" },
                        "evidence": { "type": "string", "maxLength": 200, "description": "查验了什么" },
                    }),
                )
            },
            output: || proved(&["party", "level"]),
            about: "登记没有账号的一方(单位、未成年人),以便登记它的法定代表人或监护人。已登记的给出同一编号。",
            ..Operation::write("party.register", "登记一方", Method::Post, PARTIES, register)
        },
    ]
}

fn proved(required: &[&str]) -> Value {
    json!({ "type": "object", "required": required, "properties": {
        "account": { "type": "string" }, "party": { "type": "string", "format": "uuid" },
        "level": { "type": "integer", "minimum": PROVED, "maximum": 3 } } })
}
