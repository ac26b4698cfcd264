//! Posts: made, changed and ended by administrators.

use std::collections::BTreeSet;

use banyan_base::{Ctx, Problem, cn, codes};
use banyan_store::{Row, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{day, list_of, list_text, wrong_text};
use crate::account::{self, Account};

/// Roles, regions or lines that one post may have.
const MOST: usize = 100;

/// A post as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Post {
    pub(crate) id: String,
    /// Id of the account that holds it.
    pub(crate) account: String,
    /// Code of the unit.
    pub(crate) unit: String,
    pub(crate) title: String,
    pub(crate) roles: BTreeSet<String>,
    /// Regions of the jurisdiction, each with all below it.
    pub(crate) regions: BTreeSet<String>,
    /// Lines of work of the jurisdiction.
    pub(crate) lines: BTreeSet<String>,
    /// First and last day, both included.
    pub(crate) from: String,
    pub(crate) until: Option<String>,
    /// The one its holder acts in who says nothing else.
    pub(crate) main: bool,
    /// When it was ended before its last day.
    pub(crate) ended_at: Option<String>,
    pub(crate) version: i64,
}

/// A post to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPost {
    account: String,
    unit: String,
    title: String,
    #[serde(default)]
    roles: BTreeSet<String>,
    #[serde(default)]
    regions: BTreeSet<String>,
    #[serde(default)]
    lines: BTreeSet<String>,
    from: String,
    #[serde(default)]
    until: Option<String>,
    #[serde(default)]
    main: bool,
}

/// Changes to a post; what is absent stays as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PostChange {
    unit: Option<String>,
    title: Option<String>,
    roles: Option<BTreeSet<String>>,
    regions: Option<BTreeSet<String>>,
    lines: Option<BTreeSet<String>>,
    from: Option<String>,
    /// Empty: without an end.
    until: Option<String>,
    main: Option<bool>,
}

const COLUMNS: &str =
    "id, account, unit, title, roles, regions, lines, starts_on, ends_on, main, ended_at, version";

fn decode(row: &Row) -> Result<Post, Problem> {
    Ok(Post {
        id: row.get(0)?,
        account: row.get(1)?,
        unit: row.get(2)?,
        title: row.get(3)?,
        roles: list_of(&row.get::<String>(4)?)?,
        regions: list_of(&row.get::<String>(5)?)?,
        lines: list_of(&row.get::<String>(6)?)?,
        from: row.get(7)?,
        until: row.get(8)?,
        main: row.get(9)?,
        ended_at: row.get(10)?,
        version: row.get(11)?,
    })
}

impl Post {
    /// Strong entity tag, quotes included.
    pub(crate) fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }

    /// Everything that is wrong with it.
    fn check(&self) -> Result<(), Problem> {
        let mut wrong = Problem::new(codes::INVALID, "岗位不符合要求。");
        if let Some(message) = wrong_text(&self.unit, 40) {
            wrong = wrong.with_error("/unit", "length", message);
        }
        if let Some(message) = wrong_text(&self.title, 60) {
            wrong = wrong.with_error("/title", "length", message);
        }
        if let Some(role) = crate::admin::wrong_role(&self.roles) {
            let message = format!("“{role}”不是角色:应为 admin 或“包.角色”");
            wrong = wrong.with_error("/roles", "pattern", message);
        }
        if let Some(region) = self
            .regions
            .iter()
            .find(|code| cn::check_region_code(code).is_err())
        {
            let message = format!("“{region}”不是区划代码:应为 2、4、6、9 或 12 位数字");
            wrong = wrong.with_error("/regions", "pattern", message);
        }
        let line = |line: &&String| wrong_text(line, 40).is_some() || line.contains(char::is_whitespace);
        if let Some(line) = self.lines.iter().find(line) {
            let message = format!("“{line}”不是条线:应为 1 到 40 个字,不含空格");
            wrong = wrong.with_error("/lines", "pattern", message);
        }
        for (pointer, list) in [
            ("/roles", &self.roles),
            ("/regions", &self.regions),
            ("/lines", &self.lines),
        ] {
            if list.len() > MOST {
                wrong = wrong.with_error(pointer, "length", format!("最多 {MOST} 项"));
            }
        }
        for (pointer, text) in [("/from", Some(&self.from)), ("/until", self.until.as_ref())] {
            if text.is_some_and(|text| day(pointer, text).is_err()) {
                wrong = wrong.with_error(pointer, "date", "日期应写作 2022-03-01");
            }
        }
        if self.until.as_ref().is_some_and(|last| *last < self.from) {
            wrong = wrong.with_error("/until", "range", "止期不能早于起期");
        }
        if wrong.errors.is_empty() {
            Ok(())
        } else {
            Err(wrong)
        }
    }
}

/// The holder, who must be a person that works here.
fn holder(tx: &mut Tx<'_>, id: &str) -> Result<Account, Problem> {
    let message = "没有这个人员账号";
    account::find(tx, id)?
        .filter(|account| account.kind == "person")
        .ok_or_else(|| {
            Problem::new(codes::INVALID, "岗位不符合要求。").with_error("/account", "reference", message)
        })
}

pub(crate) fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Post>, Problem> {
    let sql = format!("SELECT {COLUMNS} FROM post WHERE id = ?1");
    tx.query_opt(&sql, &[id.into()])?
        .map(|row| decode(&row))
        .transpose()
}

pub(crate) fn view(tx: &mut Tx<'_>, id: &str) -> Result<Post, Problem> {
    find(tx, id)?.ok_or_else(|| Problem::new(codes::NOT_FOUND, "没有这个岗位。"))
}

/// Posts of an account, or of a unit, or all, by id; at most a thousand, after the id `after`.
pub(crate) fn list(tx: &mut Tx<'_>, account: &str, unit: &str, after: &str) -> Result<Vec<Post>, Problem> {
    let sql = format!(
        "SELECT {COLUMNS} FROM post WHERE id > ?3 AND (?1 = '' OR account = ?1) AND (?2 = '' OR unit = ?2)
         ORDER BY id LIMIT 1000"
    );
    tx.query(&sql, &[account.into(), unit.into(), after.into()])?
        .iter()
        .map(decode)
        .collect()
}

pub(crate) fn create(cx: &Ctx, tx: &mut Tx<'_>, new: NewPost) -> Result<Post, Problem> {
    let post = Post {
        id: cx.id().into_string(),
        account: new.account,
        unit: new.unit.trim().to_owned(),
        title: new.title.trim().to_owned(),
        roles: new.roles,
        regions: new.regions,
        lines: new.lines,
        from: new.from,
        until: new.until.filter(|text| !text.is_empty()),
        main: new.main,
        ended_at: None,
        version: 1,
    };
    post.check()?;
    let account = holder(tx, &post.account)?;
    tx.execute(
        "INSERT INTO post (id, account, unit, title, roles, regions, lines, starts_on, ends_on, main, version, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, ?11)",
        &[
            post.id.as_str().into(),
            post.account.as_str().into(),
            post.unit.as_str().into(),
            post.title.as_str().into(),
            list_text(&post.roles)?.into(),
            list_text(&post.regions)?.into(),
            list_text(&post.lines)?.into(),
            post.from.as_str().into(),
            post.until.as_deref().into(),
            i64::from(post.main).into(),
            cx.now_text().into(),
        ],
    )?;
    settle_main(tx, &post)?;
    tell(cx, tx, &account, "post_created", &post)?;
    Ok(post)
}

/// Changes a post at the version that `if_match` names.
pub(crate) fn update(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    id: &str,
    if_match: Option<&str>,
    change: PostChange,
) -> Result<Post, Problem> {
    let before = view(tx, id)?;
    match if_match {
        None => {
            let text = "修改岗位须带 If-Match,值为读取时得到的 ETag。";
            return Err(Problem::new(codes::PRECONDITION_REQUIRED, text));
        }
        Some(tag) if tag.trim_start_matches("W/") != before.etag() => return Err(stale()),
        Some(_) => {}
    }
    if before.ended_at.is_some() {
        return Err(Problem::new(
            codes::CONFLICT,
            "这个岗位已经结束;需要的话请另设一个。",
        ));
    }
    let after = Post {
        unit: change.unit.map_or(before.unit, |text| text.trim().to_owned()),
        title: change.title.map_or(before.title, |text| text.trim().to_owned()),
        roles: change.roles.unwrap_or(before.roles),
        regions: change.regions.unwrap_or(before.regions),
        lines: change.lines.unwrap_or(before.lines),
        from: change.from.unwrap_or(before.from),
        until: change
            .until
            .map_or(before.until, |text| Some(text).filter(|text| !text.is_empty())),
        main: change.main.unwrap_or(before.main),
        version: before.version + 1,
        ..before
    };
    after.check()?;
    let changed = tx.execute(
        "UPDATE post SET unit = ?2, title = ?3, roles = ?4, regions = ?5, lines = ?6, starts_on = ?7, ends_on = ?8,
         main = ?9, version = ?10 WHERE id = ?1 AND version = ?11",
        &[
            id.into(),
            after.unit.as_str().into(),
            after.title.as_str().into(),
            list_text(&after.roles)?.into(),
            list_text(&after.regions)?.into(),
            list_text(&after.lines)?.into(),
            after.from.as_str().into(),
            after.until.as_deref().into(),
            i64::from(after.main).into(),
            after.version.into(),
            before.version.into(),
        ],
    )?;
    if changed != 1 {
        return Err(stale());
    }
    settle_main(tx, &after)?;
    let account = crate::admin::view(tx, &after.account)?;
    tell(cx, tx, &account, "post_updated", &after)?;
    Ok(after)
}

fn stale() -> Problem {
    Problem::new(codes::PRECONDITION_FAILED, "岗位已被他人修改,请重新读取后再改。")
}

/// Ends a post now; what was lent of it ends with it.
pub(crate) fn end(cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<Post, Problem> {
    let before = view(tx, id)?;
    if before.ended_at.is_some() {
        return Ok(before);
    }
    let after = Post {
        ended_at: Some(cx.now_text()),
        version: before.version + 1,
        ..before
    };
    tx.execute(
        "UPDATE post SET ended_at = ?2, version = version + 1 WHERE id = ?1 AND ended_at IS NULL",
        &[id.into(), cx.now_text().into()],
    )?;
    let account = crate::admin::view(tx, &after.account)?;
    tell(cx, tx, &account, "post_ended", &after)?;
    Ok(after)
}

/// Of several main posts the one counts that began last; those that would come after this one are none any more.
fn settle_main(tx: &mut Tx<'_>, post: &Post) -> Result<(), Problem> {
    if post.main {
        tx.execute(
            "UPDATE post SET main = 0 WHERE account = ?1 AND id <> ?2 AND main = 1 AND starts_on >= ?3",
            &[
                post.account.as_str().into(),
                post.id.as_str().into(),
                post.from.as_str().into(),
            ],
        )?;
    }
    Ok(())
}

fn tell(cx: &Ctx, tx: &mut Tx<'_>, account: &Account, verb: &str, post: &Post) -> Result<(), Problem> {
    crate::admin::tell_more(cx, tx, account, verb, json!({ "post": post }))
}
