//! A package `base` of the tests' own: units and regions, and nothing that the true one has besides.

/// package.toml of it.
pub const BASE: &str = r#"
id = "base"
title = { zh = "基础" }
word = "data"
owner = "省数字办"
version = "1.0.0"
"#;
/// records/unit.toml.
pub const UNIT: &str = r#"
title = { zh = "单位" }
label = "name"
key = ["code"]
[fields.code]
type = "text"
title = { zh = "代码" }
required = true
[fields.name]
type = "text"
title = { zh = "名称" }
[fields.parent]
type = "unit"
title = { zh = "上级" }
"#;
/// records/region.toml.
pub const REGION: &str = r#"
title = { zh = "区划" }
label = "name"
[fields.code]
type = "text"
title = { zh = "代码" }
[fields.name]
type = "text"
title = { zh = "名称" }
[fields.valid_from]
type = "date"
title = { zh = "启用" }
[fields.valid_to]
type = "date"
title = { zh = "停用" }
[fields.successor]
type = "text"
title = { zh = "后继" }
"#;
