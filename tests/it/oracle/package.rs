//! The package that the oracle asks about, with units and regions of its own.

use banyan_base::SourceFile;

use crate::support::files;
use crate::units_and_regions::{BASE, REGION, UNIT};

const OPEN: &str = "permit(principal in Role::\"public\", action, resource);\n";

/// Code and parent; a parent stands before its children.
pub const UNITS: &[(&str, &str)] = &[
    ("U0", ""),
    ("U1", "U0"),
    ("U2", "U0"),
    ("U11", "U1"),
    ("U12", "U1"),
    ("U111", "U11"),
    ("X0", ""),
];
pub const REGIONS: &[&str] = &[
    "35",
    "3501",
    "350102",
    "350103",
    "3502",
    "350203",
    "350102001",
    "36",
];

pub fn base() -> Vec<SourceFile> {
    let mut units = String::from("code,name,parent\n");
    for (code, parent) in UNITS {
        units.push_str(&format!("{code},单位{code},{parent}\n"));
    }
    let mut regions = String::from("code,name\n");
    for code in REGIONS {
        regions.push_str(&format!("{code},区划{code}\n"));
    }
    files(&[
        ("package.toml", BASE),
        ("records/unit.toml", UNIT),
        ("records/region.toml", REGION),
        ("policy.cedar", OPEN),
        ("seeds/01-unit.csv", &units),
        ("seeds/02-region.csv", &regions),
    ])
}

const PACKAGE: &str = r#"
id = "oracle"
title = { zh = "神谕" }
word = "data"
owner = "省数字办"
version = "1.0.0"
[needs]
base = "1.0.0"
[roles.clerk]
title = { zh = "经办" }
[roles.chief]
title = { zh = "主管" }
[purposes.care]
title = { zh = "办理" }
legal_basis = "测试"
retention = "P1Y"
roles = ["clerk", "chief"]
[purposes.care.fields]
item = ["name", "phone", "code", "birth", "note", "area", "number", "wechat"]
[purposes.count]
title = { zh = "统计" }
legal_basis = "测试"
retention = "P1Y"
roles = ["clerk"]
[purposes.count.fields]
item = ["name", "birth"]
[impact]
necessity = "测试"
risks = "测试"
safeguards = "测试"
assessed_on = 2022-01-01
assessed_by = "省数字办"
review_by = 2023-01-01
unsealed = "测试:筛选、排序、检索"
"#;
const CODES: &str = r#"
title = { zh = "类" }
[[items]]
code = "xa"
title = { zh = "甲" }
[[items]]
code = "xb"
title = { zh = "乙" }
[[items]]
code = "y_1"
title = { zh = "丙" }
[[items]]
code = "y1"
title = { zh = "丁" }
"#;
const OWNER: &str = r#"
title = { zh = "主" }
label = "title"
key = ["title"]
[fields.title]
type = "text"
title = { zh = "名" }
required = true
[fields.unit]
type = "unit"
title = { zh = "单位" }
required = true
[fields.rank]
type = "integer"
title = { zh = "级" }
"#;
const ITEM: &str = r#"
title = { zh = "物" }
label = "title"
subject = "party"
[fields.title]
type = "text"
title = { zh = "名" }
required = true
[fields.unit]
type = "unit"
title = { zh = "单位" }
required = true
[fields.region]
type = "region"
title = { zh = "区划" }
[fields.tags]
type = "code"
list = "kind"
many = true
title = { zh = "签" }
[fields.score]
type = "integer"
title = { zh = "分" }
[fields.open]
type = "boolean"
title = { zh = "开" }
required = true
[fields.kind]
type = "code"
list = "kind"
title = { zh = "类" }
[fields.owner]
type = "ref"
to = "owner"
title = { zh = "主" }
[fields.party]
type = "text"
title = { zh = "人" }
[fields.name]
type = "text"
title = { zh = "姓名" }
personal = true
grade = "重要"
sealed = false
mask = "middle"
search = true
[fields.phone]
type = "text"
title = { zh = "电话" }
personal = true
grade = "重要"
sealed = false
mask = "tail"
index = true
[fields.code]
type = "text"
title = { zh = "证号" }
personal = true
grade = "重要"
sealed = false
mask = "hide"
[fields.birth]
type = "date"
title = { zh = "生日" }
personal = true
grade = "重要"
sealed = false
mask = "coarse"
[fields.area]
type = "region"
title = { zh = "住地" }
personal = true
grade = "重要"
mask = "coarse"
[fields.note]
type = "text"
title = { zh = "记" }
personal = true
grade = "重要"
sealed = false
[fields.number]
type = "text"
title = { zh = "号" }
personal = true
grade = "核心"
mask = "middle"
index = true
[fields.wechat]
type = "text"
title = { zh = "微信" }
personal = true
grade = "重要"
[fields.secret]
type = "integer"
title = { zh = "密" }
mask = "hide"
"#;

/// The package under these policies.
pub fn package(policy: &str) -> Vec<SourceFile> {
    files(&[
        ("package.toml", PACKAGE),
        ("codes/kind.toml", CODES),
        ("records/owner.toml", OWNER),
        ("records/item.toml", ITEM),
        ("policy.cedar", policy),
    ])
}
