//! The forms of all files of a package.

use crate::form::{Shape, may, must};

use Shape::{Any, Boolean, Choice, Cql2, Date, Feel, Integer, List, Map, Number, Table, Tagged, Text, Title};

const NAMES: Shape = List(&Text);
const COLORS: Shape = Choice(&["green", "yellow", "red", "blue", "grey"], "form");
const GRADES: Shape = Choice(&["一般", "重要", "核心"], "grade");

/// File name of the schema, what it describes, the form.
pub(crate) static ALL: &[(&str, &str, Shape)] = &[
    ("package", "package.toml:包的说明", PACKAGE),
    ("overlay", "package.toml:本地修改的说明", OVERLAY),
    ("codes", "codes/<代码表>.toml:代码表", CODES),
    ("records", "records/<类型>.toml:记录类型", RECORD),
    ("views", "views/<视图>.toml:视图", VIEW),
    ("triggers", "triggers.toml:触发器", TRIGGERS),
    ("steps", "steps/<编号>.toml:升级步骤", STEP),
    ("messages", "messages/<语言>.toml:界面文字", MESSAGES),
];

pub(crate) const MESSAGES: Shape = Map(&Text);

pub(crate) const PACKAGE: Shape = Table(&[
    must(
        "id",
        Text,
        "包的标识:2 到 24 个小写字母、数字和连字符,以字母开头。",
    ),
    must("title", Title, "系统名称。"),
    may("clause", Text, "所依据的规划条目,例如 1.0。"),
    must(
        "word",
        Choice(
            &["data", "service", "governance", "collaboration", "decision"],
            "form",
        ),
        "所属的一类:数据、服务、治理、协同、决策。",
    ),
    must("owner", Text, "主管单位的名称。"),
    must("version", Text, "版本,三个数:1.0.0。"),
    may("summary", Title, "系统首页上的说明。"),
    may("needs", Map(&Text), "所需要的包及其最低版本。"),
    may("roles", Map(&ROLE), "本包的角色。"),
    may("purposes", Map(&PURPOSE), "使用个人信息的用途。"),
    may(
        "impact",
        IMPACT,
        "个人信息保护影响评估(个保法第五十五、五十六条);有个人信息的包必须有。",
    ),
]);

const IMPACT: Shape = Table(&[
    must("necessity", Text, "处理目的、方式为何合法、正当、必要。"),
    must("risks", Text, "对个人权益的影响及安全风险。"),
    must(
        "safeguards",
        Text,
        "所采取的保护措施,为何合法、有效并与风险程度相适应。",
    ),
    must("assessed_on", Date, "评估日期。"),
    must("assessed_by", Text, "评估单位。"),
    must("review_by", Date, "此日之前重新评估。"),
    may(
        "unsealed",
        Text,
        "哪些个人信息不加密保存(sealed = false),为何必要,以何种措施保护。",
    ),
]);

const ROLE: Shape = Table(&[
    must("title", Title, "角色名称。"),
    may("about", Title, "角色的职责。"),
]);

const PURPOSE: Shape = Table(&[
    must("title", Title, "用途名称。"),
    may(
        "basis",
        Choice(
            &[
                "consent",
                "contract",
                "duty",
                "emergency",
                "public_interest",
                "published",
                "other_law",
            ],
            "form",
        ),
        "处理的合法性基础(个保法第十三条):同意、合同、法定职责(缺省)、应急、公共利益、已公开、其他法律。",
    ),
    must("legal_basis", Text, "法律依据,写明条款。"),
    must("retention", Text, "保存期限,ISO 8601 时长,例如 P5Y。"),
    may("sunset", Date, "用途终止日期。"),
    may("roles", NAMES, "可以为此用途使用数据的角色。"),
    may(
        "fields",
        Map(&NAMES),
        "此用途需要的个人信息:类型 → 字段;没有列出的不显示。",
    ),
    may(
        "consent",
        Table(&[
            must(
                "version",
                Integer,
                "文本的版本,从 1 起;文本改了就加一,此前的同意不再有效。",
            ),
            must(
                "text",
                Title,
                "请本人同意的内容:处理什么、做什么、保存多久、谁处理。",
            ),
            may(
                "sensitive",
                Boolean,
                "是敏感个人信息(个保法第二十八条),须单独同意。",
            ),
            may(
                "effects",
                Title,
                "处理敏感个人信息的必要性以及对个人权益的影响(个保法第三十条)。",
            ),
        ]),
        "以同意为基础时,请本人同意的文本。",
    ),
]);

/// package.toml of an overlay. What stands in its tables may be a part only; it is checked where it is merged.
pub(crate) const OVERLAY: Shape = Table(&[
    must(
        "id",
        Text,
        "本地修改的标识:2 到 24 个小写字母、数字和连字符,以字母开头。",
    ),
    must("title", Title, "本地修改的名称。"),
    must("overlays", Text, "修改的是哪个包。"),
    must("owner", Text, "作出修改的单位。"),
    must("version", Text, "版本,三个数:1.0.0。"),
    may("summary", Title, "代替原包首页上的说明。"),
    may("needs", Map(&Text), "所需要的包及其最低版本,可以写明原包的版本。"),
    may("roles", Map(&Any), "增加或修改的角色。"),
    may("purposes", Map(&Any), "增加或修改的用途。"),
    may("impact", Map(&Any), "改写的个人信息保护影响评估。"),
]);

pub(crate) const CODES: Shape = Table(&[
    must("title", Title, "代码表名称。"),
    may("source", Text, "代码所依据的标准或文件。"),
    must(
        "items",
        List(&Table(&[
            must("code", Text, "代码。"),
            must("title", Title, "含义。"),
            may("from", Date, "启用日期。"),
            may("until", Date, "停用日期,此后不能新填。"),
            may("color", COLORS, "在看板和亮灯里的颜色。"),
        ])),
        "代码,按显示顺序。",
    ),
]);

const FIELD: Shape = Tagged {
    tag: "type",
    about: "字段类型。",
    rule: "field-type",
    common: &[
        must("title", Title, "字段名称。"),
        may("help", Title, "填写说明。"),
        may("required", Boolean, "必填。"),
        may("unique", Boolean, "各记录的值互不相同。"),
        may("index", Boolean, "常按它筛选或排序。"),
        may("search", Boolean, "参加全文检索。"),
        may("immutable", Boolean, "只在新建时填写,以后不能修改。"),
        may("grade", GRADES, "数据分级(GB/T 43697)。"),
        may("personal", Boolean, "是个人信息。"),
        may(
            "sealed",
            Boolean,
            "false 则明文保存(须全文检索、排序或按范围筛选的个人信息),并在影响评估的 unsealed 中说明。",
        ),
        may(
            "mask",
            Choice(&["hide", "middle", "tail", "coarse"], "form"),
            "对无权看全的人怎样遮盖:不显示、遮中间、只留末四位、只留大类。",
        ),
        may("retention", Text, "保存期限,ISO 8601 时长。"),
        may("default", Feel, "新建时没有填写则取此值(FEEL)。"),
        may("when", Feel, "成立时才需要填写(FEEL)。"),
    ],
    kinds: &[
        (
            "text",
            "文字。",
            &[
                may("min", Integer, "最少字数。"),
                may("max", Integer, "最多字数,缺省 200。"),
                may("pattern", Text, "整个值须符合的正则表达式。"),
                may("multiline", Boolean, "可以换行。"),
            ],
        ),
        (
            "integer",
            "整数。",
            &[
                may("min", Integer, "最小值。"),
                may("max", Integer, "最大值。"),
                may("measure", Text, "计量单位。"),
            ],
        ),
        (
            "decimal",
            "定点小数。",
            &[
                may("scale", Integer, "小数位数,0 到 6,缺省 2。"),
                may("min", Number, "最小值。"),
                may("max", Number, "最大值。"),
                may("measure", Text, "计量单位。"),
            ],
        ),
        (
            "money",
            "金额,以分计的整数。",
            &[
                may("min", Integer, "最小值(分)。"),
                may("max", Integer, "最大值(分)。"),
            ],
        ),
        ("boolean", "是或否。", &[]),
        (
            "date",
            "日期。",
            &[may("min", Date, "最早日期。"), may("max", Date, "最晚日期。")],
        ),
        ("date_time", "时刻。", &[]),
        (
            "code",
            "代码,取自代码表或另一类型的记录。",
            &[
                may("list", Text, "代码表:本包的名称,或 <包>.<代码表>。"),
                may("registry", Text, "以单一字段为主键的类型,其主键值即代码。"),
                may("many", Boolean, "可以选多个。"),
            ],
        ),
        (
            "region",
            "行政区划(GB/T 2260 及以下)。",
            &[
                may(
                    "levels",
                    List(&Integer),
                    "允许的级别,以位数计:2 4 6 9 12;缺省全部。",
                ),
                may(
                    "at",
                    Text,
                    "以哪个日期字段的日子判断代码是否有效;缺省为填写之日。",
                ),
            ],
        ),
        ("unit", "单位。", &[may("many", Boolean, "可以选多个。")]),
        ("person_number", "公民身份号码(GB 11643)。", &[]),
        ("credit_code", "统一社会信用代码(GB 32100)。", &[]),
        ("phone", "电话号码。", &[]),
        (
            "ref",
            "指向另一条记录。",
            &[
                must("to", Text, "所指的类型:本包的名称,或 <包>.<类型>。"),
                may(
                    "on_delete",
                    Choice(&["refuse", "clear", "cascade"], "form"),
                    "所指的记录删除时:拒绝(缺省)、清空、一并删除。",
                ),
            ],
        ),
        (
            "file",
            "文件。",
            &[
                may("accept", NAMES, "允许的扩展名,例如 .pdf。"),
                may("max_bytes", Integer, "最大字节数,缺省 20 MiB。"),
                may("many", Boolean, "可以有多个。"),
            ],
        ),
        (
            "geometry",
            "几何图形,GeoJSON,EPSG:4490。",
            &[may("kinds", NAMES, "允许的图形,例如 Point、Polygon;缺省全部。")],
        ),
        ("json", "任意 JSON。", &[]),
        (
            "computed",
            "由其他字段算出。",
            &[
                must(
                    "result",
                    Text,
                    "结果类型:text integer decimal money boolean date date_time,或 code:<代码表>。",
                ),
                must("feel", Feel, "算法(FEEL)。"),
                may("scale", Integer, "结果为 decimal 时的小数位数,缺省 2。"),
            ],
        ),
    ],
};

const LIFECYCLE: Shape = Table(&[
    must("initial", Text, "新建时的状态。"),
    must(
        "states",
        Map(&Table(&[
            must("title", Title, "状态名称。"),
            may("color", COLORS, "看板上的颜色。"),
            may("final", Boolean, "终结状态:不再变化,字段冻结。"),
            may("editable", NAMES, "在此状态仍可修改的字段;缺省全部。"),
        ])),
        "状态。",
    ),
    may(
        "transitions",
        Map(&Table(&[
            must("title", Title, "动作名称。"),
            must("from", NAMES, "从哪些状态。"),
            must("to", Text, "到哪个状态。"),
            may("who", NAMES, "哪些角色可以做;缺省为可以修改记录的人。"),
            may("guard", Feel, "须成立的条件(FEEL:record、input、actor)。"),
            may("refusal", Title, "条件不成立时的说明。"),
            may("require", NAMES, "必须已填或随动作填写的字段。"),
            may("input", NAMES, "动作的表单里提供的字段。"),
            may("set", Map(&Feel), "动作写入的字段(FEEL)。"),
        ])),
        "动作。",
    ),
    may(
        "clocks",
        Map(&Table(&[
            must("state", Text, "在哪个状态计时。"),
            must("after", Text, "多久以后,ISO 8601 时长,例如 P5D。"),
            may("working_days", Boolean, "按工作日计。"),
            may(
                "transition",
                Text,
                "到时自动做的动作;缺省只发出事件“包.类型.clock_名称”。",
            ),
        ])),
        "时限。",
    ),
]);

pub(crate) const RECORD: Shape = Table(&[
    must("title", Title, "类型名称。"),
    may("about", Title, "一条记录是什么。"),
    must("label", Text, "作为记录名称显示的字段。"),
    may("key", NAMES, "自然主键的字段。"),
    may("grade", GRADES, "数据分级(GB/T 43697)。"),
    may(
        "subject",
        Text,
        "存放当事人(自然人或单位)登记编号的文字字段;不写则记录自身就是一个当事人。",
    ),
    may("retention", Text, "保存期限,ISO 8601 时长。"),
    may("unique", List(&NAMES), "另外的唯一键。"),
    may("index", List(&NAMES), "另外的索引。"),
    must("fields", Map(&FIELD), "字段,按表单的顺序。"),
    may(
        "rules",
        Map(&Table(&[
            must("feel", Feel, "须成立的条件(FEEL)。"),
            must("message", Title, "不成立时的说明。"),
            may("field", Text, "说明显示在哪个字段。"),
        ])),
        "整条记录的规则。",
    ),
    may("lifecycle", LIFECYCLE, "生命周期。"),
]);

const MEASURE: Shape = Table(&[
    must("title", Title, "指标名称。"),
    may("of", Text, "所统计的类型;缺省为视图的类型。"),
    may("filter", Cql2, "只统计符合条件的记录(CQL2)。"),
    may("sum", Text, "求和的字段;都不写时为计数。"),
    may("average", Text, "求平均的字段。"),
    may("min", Text, "求最小的字段。"),
    may("max", Text, "求最大的字段。"),
    may("ratio", NAMES, "两个指标之比(百分数):[分子, 分母]。"),
]);

pub(crate) const VIEW: Shape = Tagged {
    tag: "kind",
    about: "视图种类。",
    rule: "view-kind",
    common: &[
        must("title", Title, "视图名称。"),
        must("of", Text, "所看的类型。"),
        may("order", Integer, "在菜单中的次序,小的在前。"),
        may("roles", NAMES, "给哪些角色看;缺省全部。"),
        may(
            "filter",
            Cql2,
            "总是适用的条件(CQL2)。可用 {month_start}、{month_end}、{me_unit}。",
        ),
        may("sort", NAMES, "排序字段,- 表示降序。"),
    ],
    kinds: &[
        ("list", "列表。", &[must("columns", NAMES, "列。")]),
        (
            "board",
            "看板。",
            &[
                may("group", Text, "按它分列:代码字段或 state;缺省 state。"),
                must("card", NAMES, "卡片上的字段。"),
            ],
        ),
        (
            "detail",
            "详情。",
            &[
                must(
                    "sections",
                    Map(&Table(&[
                        must("title", Title, "分节名称。"),
                        must("fields", NAMES, "字段。"),
                        may("when", Feel, "成立时才显示(FEEL)。"),
                    ])),
                    "分节。",
                ),
                may(
                    "related",
                    List(&Table(&[
                        must("title", Title, "名称。"),
                        must("of", Text, "指向本记录的类型。"),
                        must("by", Text, "该类型中指向本记录的字段。"),
                        must("columns", NAMES, "列。"),
                    ])),
                    "相关记录。",
                ),
            ],
        ),
        (
            "ranking",
            "排名。",
            &[
                must("group", Text, "按它分组。"),
                must("measures", Map(&MEASURE), "指标。"),
                must("order_by", Text, "按哪个指标排名,- 表示降序。"),
            ],
        ),
        (
            "bulletin",
            "月度通报。",
            &[
                may("intro", Title, "导语。"),
                may("figures", Map(&MEASURE), "数字。"),
                may(
                    "tables",
                    Map(&Table(&[
                        must("title", Title, "表名。"),
                        may("of", Text, "类型;缺省为视图的类型。"),
                        may("filter", Cql2, "条件(CQL2)。"),
                        may("sort", NAMES, "排序。"),
                        must("columns", NAMES, "列。"),
                    ])),
                    "表格。",
                ),
            ],
        ),
    ],
};

pub(crate) const TRIGGERS: Shape = Table(&[may(
    "triggers",
    Map(&Table(&[
        must("title", Title, "触发器名称。"),
        must(
            "on",
            Table(&[
                may("event", Text, "事件 <包>.<类型>.<动词>。"),
                may("daily", Text, "每天零点后,对该类型的每条记录。"),
                may("filter", Cql2, "与 daily 一起:只对符合条件的记录(CQL2)。"),
            ]),
            "何时。",
        ),
        may("when", Feel, "须成立的条件(FEEL)。"),
        may("once", Feel, "结果相同的只做一次(FEEL,得文字)。"),
        must(
            "do",
            Table(&[
                may("create", Text, "新建一条该类型的记录。"),
                may("update", Text, "修改该类型的记录。"),
                may("transition", Text, "对该类型的记录做动作。"),
                may("name", Text, "与 transition 一起:动作名。"),
                may("start", Text, "启动流程。"),
                may("message", Text, "向等待中的流程发消息。"),
                may(
                    "key",
                    Feel,
                    "与 start 或 message 一起:业务编号,或区分流程实例的键。",
                ),
                may("target", Feel, "记录的 id(FEEL);缺省为触发的那条。"),
                may("with", Map(&Feel), "字段的值(FEEL)。"),
            ]),
            "做什么。",
        ),
    ])),
    "触发器。",
)]);

pub(crate) const STEP: Shape = Table(&[must(
    "actions",
    List(&Tagged {
        tag: "do",
        about: "步骤。",
        rule: "step-action",
        common: &[],
        kinds: &[
            (
                "rename_type",
                "类型改名。",
                &[must("from", Text, "旧名。"), must("to", Text, "新名。")],
            ),
            (
                "rename_field",
                "字段改名。",
                &[
                    must("of", Text, "类型。"),
                    must("from", Text, "旧名。"),
                    must("to", Text, "新名。"),
                ],
            ),
            (
                "split",
                "由一个字段填几个新字段。",
                &[
                    must("of", Text, "类型。"),
                    must("from", Text, "旧字段。"),
                    must("into", Map(&Feel), "新字段及其取值(FEEL,用旧记录的字段名)。"),
                ],
            ),
            (
                "backfill",
                "给已有记录填字段。",
                &[
                    must("of", Text, "类型。"),
                    must("field", Text, "字段。"),
                    must("feel", Feel, "取值(FEEL)。"),
                    may("all", Boolean, "已有值的也重填;缺省只填空缺。"),
                ],
            ),
            (
                "convert",
                "字段换类型。",
                &[
                    must("of", Text, "类型。"),
                    must("field", Text, "字段。"),
                    must("feel", Feel, "新值(FEEL,旧值在字段名下)。"),
                ],
            ),
            (
                "drop_field",
                "丢弃字段及其数据。",
                &[must("of", Text, "类型。"), must("field", Text, "字段。")],
            ),
            ("drop_type", "丢弃类型及其记录。", &[must("of", Text, "类型。")]),
        ],
    }),
    "按次序。",
)]);
