//! Jobs in the door, for administrators: which wait, run or failed for good, and what to do about them.

use banyan_base::{Problem, codes};
use banyan_store::jobs::{self, Job};
use serde_json::{Value as Json, json};

use crate::{Call, Handler, Method, Operation, Reply};

const STATES: &[&str] = &["waiting", "running", "done", "dead", "cancelled"];
const ONE: &str = "/v1/jobs/{id}";

/// The rows of jobs.
pub fn job_operations() -> Vec<Operation> {
    vec![
        Operation {
            query: &[
                ("state", "waiting、running、done、dead 或 cancelled"),
                ("kind", "作业的种类"),
                ("before", "上一页给出的 next"),
                ("limit", "每页条数,1 到 200"),
            ],
            ..Operation::read("job.list", "列出作业", "/v1/jobs", Handler::inside(list))
        },
        Operation::read("job.view", "查看作业", ONE, Handler::inside(view)),
        Operation {
            about: "只有多次失败后搁置(dead)的作业可以重试。",
            ..Operation::write(
                "job.requeue",
                "重试作业",
                Method::Post,
                "/v1/jobs/{id}/requeue",
                Handler::inside(|call| act(call, jobs::requeue, "只有搁置(dead)的作业可以重试")),
            )
        },
        Operation {
            about: "正在运行的作业在下一次报告进度时停下;已写入的批次保留。",
            ..Operation::write(
                "job.cancel",
                "取消作业",
                Method::Post,
                "/v1/jobs/{id}/cancel",
                Handler::inside(|call| act(call, jobs::cancel, "作业已经结束,不能取消")),
            )
        },
    ]
}

fn shown(job: &Job) -> Result<Json, Problem> {
    serde_json::to_value(job).map_err(Problem::internal)
}

fn list(call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let state = call.input.query_value("state");
    if let Some(state) = state
        && !STATES.contains(&state)
    {
        let text = format!("state 应为 {} 之一,而不是“{state}”。", STATES.join("、"));
        return Err(Problem::new(codes::BAD_REQUEST, text));
    }
    let limit = call
        .input
        .query_parsed::<u32>("limit")?
        .unwrap_or(50)
        .clamp(1, 200);
    let (kind, before) = (call.input.query_value("kind"), call.input.query_value("before"));
    let found = jobs::list(call.tx, state, kind, before, limit)?;
    let full = u32::try_from(found.len()).is_ok_and(|count| count == limit);
    let next = found.last().filter(|_| full).map(|job| job.id.clone());
    let items = found.iter().map(shown).collect::<Result<Vec<_>, _>>()?;
    Reply::json(json!({ "items": items, "next": next }))
}

fn known(call: &mut Call<'_, '_>) -> Result<Job, Problem> {
    let id = call.input.path_value("id")?;
    jobs::find(call.tx, id)?
        .ok_or_else(|| Problem::new(codes::NOT_FOUND, format!("没有编号为 {id} 的作业。")))
}

fn view(call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    Reply::json(shown(&known(call)?)?)
}

type Act = fn(&mut banyan_store::Tx<'_>, &banyan_base::Ctx, &str) -> Result<bool, banyan_store::Error>;

fn act(call: &mut Call<'_, '_>, act: Act, refusal: &str) -> Result<Reply, Problem> {
    let job = known(call)?;
    if !act(call.tx, call.cx, &job.id)? {
        return Err(Problem::new(
            codes::CONFLICT,
            format!("{refusal};它现在的状态是 {}。", job.state),
        ));
    }
    Reply::json(shown(&known(call)?)?)
}
