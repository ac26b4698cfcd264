//! The package whose records carry the canaries: personal fields of every kind and treatment, and a policy with a rule of every kind.

use banyan_base::SourceFile;

use crate::support::files;
use crate::units_and_regions::{BASE, REGION, UNIT};

const OPEN: &str =
    "permit(principal in Role::\"public\", action in [Action::\"list\", Action::\"view\"], resource);\n";

/// Code and parent; a parent stands before its children.
pub const UNITS: [(&str, &str); 6] = [
    ("U0", ""),
    ("U1", "U0"),
    ("U2", "U0"),
    ("U11", "U1"),
    ("U12", "U1"),
    ("X0", ""),
];
/// Where persons live, and what is above.
pub const REGIONS: [&str; 7] = ["35", "3501", "350102", "350103", "3502", "350203", "36"];

pub fn base() -> Vec<SourceFile> {
    let rows = |head: &str, rows: Vec<String>| format!("{head}\n{}\n", rows.join("\n"));
    let units = UNITS.map(|(code, parent)| format!("{code},单位{code},{parent}"));
    let regions = REGIONS.map(|code| format!("{code},区划{code}"));
    files(&[
        ("package.toml", BASE),
        ("records/unit.toml", UNIT),
        ("records/region.toml", REGION),
        ("policy.cedar", OPEN),
        ("seeds/01-unit.csv", &rows("code,name,parent", units.to_vec())),
        ("seeds/02-region.csv", &rows("code,name", regions.to_vec())),
    ])
}

const PACKAGE: &str = r#"
id = "canary"
title = { zh = "金丝雀" }
word = "service"
owner = "单位U1"
version = "1.0.0"
[needs]
base = "1.0.0"
[roles.clerk]
title = { zh = "经办" }
[roles.chief]
title = { zh = "主管" }
[roles.district]
title = { zh = "属地" }
[roles.liner]
title = { zh = "条线" }
[roles.keeper]
title = { zh = "包干" }
[roles.masker]
title = { zh = "巡查" }
[roles.caller]
title = { zh = "回访" }
[roles.leader]
title = { zh = "领导" }
[roles.exporter]
title = { zh = "移交" }
[roles.intake]
title = { zh = "录入" }
[roles.surveyor]
title = { zh = "调查" }
[roles.emergency]
title = { zh = "应急" }
[roles.supervisor]
title = { zh = "督查" }

[purposes.care]
title = { zh = "办理" }
legal_basis = "测试"
retention = "P5Y"
roles = ["clerk", "chief", "district", "liner", "keeper", "masker", "intake"]
[purposes.care.fields]
person = ["name", "number", "phone", "address", "note", "born", "income", "place", "remark", "paper"]
visit = ["about"]
[purposes.contact]
title = { zh = "回访" }
legal_basis = "测试"
retention = "P5Y"
roles = ["clerk", "caller"]
[purposes.contact.fields]
person = ["name", "phone"]
[purposes.figures]
title = { zh = "统计" }
legal_basis = "测试"
retention = "P1Y"
roles = ["leader"]
[purposes.figures.fields]
person = ["income"]
[purposes.handover]
title = { zh = "移交" }
legal_basis = "测试"
retention = "P1Y"
roles = ["exporter"]
[purposes.handover.fields]
person = ["name", "number"]
[purposes.over]
title = { zh = "已结束的专项" }
basis = "emergency"
legal_basis = "测试"
retention = "P1Y"
sunset = 2022-12-31
roles = ["clerk"]
[purposes.over.fields]
person = ["name", "number", "phone", "address"]
[purposes.survey]
title = { zh = "调查" }
basis = "consent"
legal_basis = "测试"
retention = "P1Y"
roles = ["surveyor"]
[purposes.survey.fields]
person = ["name", "remark"]
[purposes.survey.consent]
version = 1
text = { zh = "调查员查看您的姓名和备注。" }

[impact]
necessity = "测试。没有真实的人。"
risks = "无。"
safeguards = "数据由测试生成,测试后删除。"
assessed_on = "2022-03-01"
assessed_by = "省数字办"
review_by = "2099-03-01"
unsealed = "姓名、住址、备注须检索,出生日期须按范围筛选;都是测试生成的。"
"#;

const PERSON: &str = r#"
title = { zh = "人员" }
label = "name"
key = ["number"]
subject = "party"

[fields.code]
type = "text"
title = { zh = "编号" }
required = true
unique = true
[fields.party]
type = "text"
title = { zh = "当事人" }
index = true
[fields.unit]
type = "unit"
title = { zh = "单位" }
required = true
index = true
[fields.region]
type = "region"
title = { zh = "区划" }
required = true
[fields.line]
type = "text"
title = { zh = "条线" }
required = true
[fields.handler]
type = "text"
title = { zh = "包干岗位" }

[fields.name]
type = "text"
title = { zh = "姓名" }
required = true
search = true
personal = true
grade = "重要"
sealed = false
mask = "middle"
[fields.number]
type = "person_number"
title = { zh = "身份号码" }
required = true
personal = true
grade = "核心"
mask = "middle"
[fields.phone]
type = "phone"
title = { zh = "电话" }
index = true
personal = true
grade = "重要"
mask = "tail"
[fields.address]
type = "text"
title = { zh = "住址" }
search = true
personal = true
grade = "重要"
sealed = false
mask = "hide"
[fields.note]
type = "text"
multiline = true
title = { zh = "情况" }
personal = true
grade = "重要"
[fields.born]
type = "date"
title = { zh = "出生" }
personal = true
grade = "重要"
sealed = false
mask = "coarse"
[fields.income]
type = "money"
title = { zh = "收入" }
personal = true
grade = "重要"
mask = "hide"
[fields.place]
type = "geometry"
kinds = ["Point"]
title = { zh = "位置" }
personal = true
grade = "重要"
mask = "hide"
[fields.remark]
type = "text"
title = { zh = "备注" }
search = true
unique = true
personal = true
grade = "重要"
sealed = false
[fields.memo]
type = "text"
title = { zh = "内部备忘" }
mask = "hide"
[fields.paper]
type = "file"
title = { zh = "材料" }
personal = true
grade = "重要"
mask = "hide"

[lifecycle]
initial = "open"
[lifecycle.states.open]
title = { zh = "在办" }
[lifecycle.states.shut]
title = { zh = "办结" }
[lifecycle.transitions.close]
title = { zh = "办结" }
from = ["open"]
to = "shut"
"#;

const VISIT: &str = r#"
title = { zh = "来访" }
label = "about"
[fields.person]
type = "ref"
to = "person"
title = { zh = "来访人" }
required = true
[fields.about]
type = "text"
title = { zh = "事由" }
required = true
personal = true
grade = "重要"
"#;

/// Nobody's data, and everybody's to read; what it points to is not.
const NOTICE: &str = r#"
title = { zh = "通知" }
label = "title"
[fields.title]
type = "text"
title = { zh = "标题" }
required = true
search = true
[fields.person]
type = "ref"
to = "person"
title = { zh = "关于谁" }
"#;

const RANKING: &str = r#"
title = { zh = "各单位" }
of = "person"
kind = "ranking"
group = "unit"
order_by = "-all"
[measures.all]
title = { zh = "人" }
[measures.income]
title = { zh = "最高收入" }
max = "income"
[measures.total]
title = { zh = "收入" }
sum = "income"
[measures.mean]
title = { zh = "平均收入" }
average = "income"
"#;
const BULLETIN: &str = r#"
title = { zh = "通报" }
of = "person"
kind = "bulletin"
[figures.all]
title = { zh = "人" }
[figures.richest]
title = { zh = "最高收入" }
max = "income"
[tables.some]
title = { zh = "名单" }
of = "person"
sort = ["code"]
columns = ["code", "name", "number", "phone"]
[tables.visits]
title = { zh = "来访" }
of = "visit"
columns = ["person", "about"]
"#;

const POLICY: &str = r#"
// 经办:本单位的,全部显示;只能改、能新建本单位的。
permit(principal in Role::"canary.clerk", action in [Action::"list", Action::"view", Action::"export", Action::"reveal", Action::"create", Action::"update", Action::"transition"],
    resource is canary::person)
when { principal has unit && resource.unit == principal.unit };
permit(principal in Role::"canary.clerk", action in [Action::"list", Action::"view", Action::"export"], resource is canary::visit)
when { principal has unit && resource.person.unit == principal.unit };
// 主管:本单位和下级,只核姓名。
permit(principal in Role::"canary.chief", action in [Action::"list", Action::"view"], resource is canary::person)
when { principal has unit && resource.unit in principal.unit };
permit(principal in Role::"canary.chief", action in [Action::"reveal"], resource is canary::person)
when { context.field == "name" && principal has unit && resource.unit in principal.unit };
// 属地:本辖区,姓名和电话。
permit(principal in Role::"canary.district", action in [Action::"list", Action::"view"], resource is canary::person)
when { resource.region in principal.regions };
permit(principal in Role::"canary.district", action in [Action::"reveal"], resource is canary::person)
when { ["name", "phone"].contains(context.field) && resource.region in principal.regions };
// 条线:脱敏。
permit(principal in Role::"canary.liner", action in [Action::"list", Action::"view"], resource is canary::person)
when { principal.lines.contains(resource.line) };
// 包干:本岗位的,全部。
permit(principal in Role::"canary.keeper", action in [Action::"list", Action::"view", Action::"export", Action::"reveal"], resource is canary::person)
when { principal has post && resource has handler && resource.handler == principal.post };
// 巡查:全部的人,脱敏;可改。
permit(principal in Role::"canary.masker", action in [Action::"list", Action::"view", Action::"export", Action::"update", Action::"transition"], resource is canary::person);
// 回访:全部的人,只有电话。
permit(principal in Role::"canary.caller", action in [Action::"list", Action::"view"], resource is canary::person);
permit(principal in Role::"canary.caller", action in [Action::"reveal"], resource is canary::person)
when { context.field == "phone" };
// 领导:只看不少于 5 人的汇总。
@k_anonymous("5")
permit(principal in Role::"canary.leader", action == Action::"canary.person.list", resource);
permit(principal in Role::"canary.leader", action in [Action::"reveal"], resource is canary::person)
when { context.field == "income" };
// 移交:导出须两人。
@two_person("移交名单须两人办理")
permit(principal in Role::"canary.exporter", action in [Action::"export"], resource is canary::person);
permit(principal in Role::"canary.exporter", action in [Action::"reveal"], resource is canary::person)
when { context.field == "name" || context.field == "number" };
// 录入:只看自己录的。
permit(principal in Role::"canary.intake", action in [Action::"list", Action::"view", Action::"create", Action::"import"], resource is canary::person)
when { resource.created_by == principal.account };
permit(principal in Role::"canary.intake", action in [Action::"create"], resource is canary::notice);
permit(principal in Role::"canary.masker", action in [Action::"create"], resource is canary::notice);
// 调查:同意了的。
permit(principal in Role::"canary.surveyor", action in [Action::"list", Action::"view", Action::"export"], resource is canary::person);
// 本人和他授权的人。
permit(principal in Role::"citizen", action in [Action::"list", Action::"view", Action::"export", Action::"reveal"], resource is canary::person)
when { principal has acting_for && resource has party && resource.party == principal.acting_for && principal.level >= 2 };
// 通知是公开的。
permit(principal in Role::"public", action in [Action::"list", Action::"view", Action::"export"], resource is canary::notice);
"#;

pub fn package() -> Vec<SourceFile> {
    files(&[
        ("package.toml", PACKAGE),
        ("records/person.toml", PERSON),
        ("records/visit.toml", VISIT),
        ("records/notice.toml", NOTICE),
        ("views/ranking.toml", RANKING),
        ("views/bulletin.toml", BULLETIN),
        ("policy.cedar", POLICY),
        ("RETENTION.md", "测试数据,不留存。\n"),
        ("README.md", "# 金丝雀\n\n测试用。\n"),
    ])
}
