//! The rows of the second factor: one-time codes and recovery codes.

use std::sync::Arc;

use banyan_base::{Ctx, Problem, codes};
use banyan_door::{Caller, Handler, Method, Operation, Reply};
use data_encoding::{BASE32_NOPAD, BASE64};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::account;
use crate::sign::{Accounts, Counted, password, refused, rows, session, step, totp};

/// A password that was right, on its way to the second step. Only the device's hash is kept.
#[derive(Serialize, Deserialize)]
pub(crate) struct Passed {
    pub(crate) device: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Second {
    challenge: String,
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirm {
    enrolment: String,
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    password: String,
}

#[derive(Serialize, Deserialize)]
struct Enrolment {
    seed: String,
}

impl Accounts {
    /// Checks that whoever is signed in knows the password too: before the password or a factor is changed. Failures count
    /// on the device, so that strangers' don't hinder the owner.
    pub(crate) fn again(&self, cx: &Ctx, caller: &Caller, sent: &str, pointer: &str) -> Result<(), Problem> {
        session::own(cx)?;
        let id = cx.actor.id.as_str();
        let counted = match self.known_device(caller, id)? {
            Some(device) => Counted::Device(device),
            None => Counted::Account(id.to_owned()),
        };
        self.attempt(cx, &counted)?;
        let hash = self.db.read(|tx| account::password_of(tx, id))?;
        // Who signs in elsewhere has no password here.
        if hash.is_empty() || self.gate.through(|| password::verify(sent, &hash)) {
            return self.release(&counted);
        }
        let text = if pointer == "/old" {
            "原密码不对"
        } else {
            "密码不对"
        };
        Err(Problem::new(codes::INVALID, format!("{text}。")).with_error(pointer, "wrong", text))
    }
}

pub(crate) fn rows(accounts: &Arc<Accounts>) -> Vec<Operation> {
    let own = Arc::clone(accounts);
    let second = Handler::outside(move |call| {
        let (cx, caller) = (call.cx, &call.input.caller);
        let sent: Second = call.input.typed_body()?;
        own.admit(cx, caller)?;
        let (writer, secrets) = (cx.clone(), Arc::clone(&own.secrets));
        let challenge = sent.challenge;
        // A step is good once: another try needs the password again.
        let passed = call
            .db
            .write(move |tx| step::take::<Passed>(&writer, tx, &secrets, "second", &challenge))?;
        let id = passed.account.ok_or_else(refused)?;
        let device = passed.content.device;
        let counted = match &device {
            Some(device) => Counted::Device(device.clone()),
            None => Counted::Account(id.clone()),
        };
        own.attempt(cx, &counted)?;
        let (writer, secrets, code, of) = (cx.clone(), Arc::clone(&own.secrets), sent.code, id.clone());
        let spent = call
            .db
            .write(move |tx| totp::spend(&writer, tx, &secrets, &of, &code))?;
        let account = call.db.read(|tx| account::find(tx, &id))?;
        match (spent, account.filter(|account| !account.disabled)) {
            (Some(kind), Some(account)) => {
                let method = format!("password+{kind}");
                rows::answer(&own, own.enter(cx, caller, account, &method, device)?)
            }
            _ => {
                own.failed_from(cx, caller);
                Err(Problem::new(codes::UNAUTHENTICATED, "验证码不对,请重新登录。"))
            }
        }
    });
    let view = Handler::inside(|call| {
        let id = call.cx.actor.id.as_str();
        Reply::json(
            json!({ "enrolled": totp::enrolled(call.tx, id)?, "recovery_codes": totp::recovery_left(call.tx, id)? }),
        )
    });
    let own = Arc::clone(accounts);
    let start = Handler::outside(move |call| {
        session::own(call.cx)?;
        let id = call.cx.actor.id.clone();
        let account = call.db.read(|tx| crate::admin::view(tx, &id))?;
        if call.db.read(|tx| totp::enrolled(tx, &id))? {
            return Err(Problem::new(
                codes::CONFLICT,
                "已经登记过动态口令;要换手机请先停用再登记。",
            ));
        }
        let seed = totp::seed(&call.cx.world);
        let (uri, svg) = totp::enrolment(&account.login, &seed)?;
        let (cx, secrets) = (call.cx.clone(), Arc::clone(&own.secrets));
        let content = Enrolment {
            seed: BASE64.encode(&seed),
        };
        let token = call
            .db
            .write(move |tx| step::keep(&cx, tx, &secrets, "totp", Some(&id), &content))?;
        Reply::json(
            json!({ "enrolment": token, "uri": uri, "secret": BASE32_NOPAD.encode(&seed), "qr": svg }),
        )
    });
    let own = Arc::clone(accounts);
    let confirm = Handler::outside(move |call| {
        session::own(call.cx)?;
        let sent: Confirm = call.input.typed_body()?;
        let (cx, secrets) = (call.cx.clone(), Arc::clone(&own.secrets));
        let codes = call.db.write::<_, Problem>(move |tx| {
            let step = step::take::<Enrolment>(&cx, tx, &secrets, "totp", &sent.enrolment)?;
            let account = crate::admin::view(tx, &cx.actor.id)?;
            if step.account.as_deref() != Some(account.id.as_str()) {
                return Err(Problem::new(codes::CONFLICT, "这次登记不是您开始的,请重新开始。"));
            }
            let seed = BASE64
                .decode(step.content.seed.as_bytes())
                .map_err(Problem::internal)?;
            let code: String = sent.code.chars().filter(|c| !c.is_whitespace()).collect();
            // A refusal takes the whole transaction back: the enrolment stays open for another try.
            let at = totp::check(&cx, &seed, &code)?.ok_or_else(|| totp::wrong_code("/code"))?;
            totp::enrol(&cx, tx, &secrets, &account, &seed, at)
        })?;
        Reply::created("/v1/session/totp", json!({ "recovery_codes": codes }))
    });
    let own = Arc::clone(accounts);
    let remove = Handler::outside(move |call| {
        let sent: Password = call.input.typed_body()?;
        own.again(call.cx, &call.input.caller, &sent.password, "/password")?;
        let cx = call.cx.clone();
        call.db.write::<_, Problem>(move |tx| {
            let account = crate::admin::view(tx, &cx.actor.id)?;
            if totp::remove(tx, &account.id)? {
                crate::admin::tell(&cx, tx, &account, "totp_removed")?;
            }
            Ok(())
        })?;
        Ok(Reply::empty())
    });
    let own = Arc::clone(accounts);
    let renew = Handler::outside(move |call| {
        let sent: Password = call.input.typed_body()?;
        own.again(call.cx, &call.input.caller, &sent.password, "/password")?;
        let cx = call.cx.clone();
        let codes = call.db.write::<_, Problem>(move |tx| {
            let account = crate::admin::view(tx, &cx.actor.id)?;
            if !totp::enrolled(tx, &account.id)? {
                return Err(Problem::new(codes::CONFLICT, "还没有登记动态口令。"));
            }
            let codes = totp::renew_recovery(&cx, tx, &account)?;
            crate::admin::tell(&cx, tx, &account, "recovery_renewed")?;
            Ok(codes)
        })?;
        Reply::json(json!({ "recovery_codes": codes }))
    });
    let reset = Handler::inside(|call| {
        let account = crate::admin::view(call.tx, call.input.path_value("id")?)?;
        totp::remove(call.tx, &account.id)?;
        crate::sign::passkey::remove_all(call.tx, &account.id)?;
        session::end_everywhere(call.tx, &account.id)?;
        crate::admin::tell(call.cx, call.tx, &account, "second_factor_reset")?;
        Ok(Reply::empty())
    });
    vec![
        Operation {
            open: true,
            input: || {
                json!({ "type": "object", "required": ["challenge", "code"], "additionalProperties": false, "properties": {
                "challenge": { "type": "string", "description": "第一步给出的凭据" }, "code": { "type": "string", "description": "动态口令或恢复码" } } })
            },
            output: rows::signed_in,
            ..Operation::write(
                "session.second",
                "登录第二步",
                Method::Post,
                "/v1/session/second",
                second,
            )
        },
        Operation {
            output: || {
                json!({ "type": "object", "required": ["enrolled", "recovery_codes"], "properties": {
                "enrolled": { "type": "boolean" }, "recovery_codes": { "type": "integer", "description": "还剩几个恢复码" } } })
            },
            ..Operation::read("totp.view", "查看动态口令", TOTP, view)
        },
        Operation {
            about: "给出种子、otpauth 地址和二维码,只这一次;五分钟内用 `totp.confirm` 确认才生效。",
            output: || {
                json!({ "type": "object", "required": ["enrolment", "uri", "secret", "qr"], "properties": {
                "enrolment": { "type": "string", "description": "确认时带上" }, "uri": { "type": "string", "description": "otpauth 地址" },
                "secret": { "type": "string", "description": "手工输入用的种子(Base32)" }, "qr": { "type": "string", "description": "二维码(SVG)" } } })
            },
            ..Operation::write(
                "totp.start",
                "开始登记动态口令",
                Method::Post,
                "/v1/session/totp/start",
                start,
            )
        },
        Operation {
            about: "恢复码只给这一次。",
            input: || {
                json!({ "type": "object", "required": ["enrolment", "code"], "additionalProperties": false, "properties": {
                "enrolment": { "type": "string" }, "code": { "type": "string", "description": "手机上现在的六位数字" } } })
            },
            output: recovery,
            ..Operation::write("totp.confirm", "确认动态口令", Method::Post, TOTP, confirm)
        },
        Operation {
            input: || crate::operations::passwords(&["password"]),
            ..Operation::write(
                "totp.remove",
                "停用动态口令",
                Method::Post,
                "/v1/session/totp/remove",
                remove,
            )
        },
        Operation {
            input: || crate::operations::passwords(&["password"]),
            output: recovery,
            ..Operation::write(
                "totp.renew_recovery",
                "换发恢复码",
                Method::Post,
                "/v1/session/totp/recovery-codes",
                renew,
            )
        },
        Operation {
            about: "本人手机丢失时由管理员办理:去掉动态口令和通行密钥,登录全部失效。",
            ..Operation::write(
                "account.reset_second_factor",
                "取消第二重验证",
                Method::Post,
                "/v1/accounts/{id}/second-factor/reset",
                reset,
            )
        },
    ]
}

const TOTP: &str = "/v1/session/totp";

fn recovery() -> serde_json::Value {
    json!({ "type": "object", "required": ["recovery_codes"], "properties": {
        "recovery_codes": { "type": "array", "items": { "type": "string" }, "description": "恢复码,每个只能用一次" } } })
}
