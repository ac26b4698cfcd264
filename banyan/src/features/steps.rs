//! The one vocabulary of steps, shared by all packages: `banyan features --steps` prints it, docs/features.md is it.

use std::sync::LazyLock;

use regex::Regex;

use super::entrance::Fault;
use super::read::Line;
use super::stage::Stage;
use super::{acts, checks, tasks};

/// What a step matched.
pub struct Args<'l> {
    captures: Vec<&'l str>,
    line: &'l Line,
}

impl<'l> Args<'l> {
    /// The nth value of the step; empty where an optional one was left out.
    pub fn get(&self, index: usize) -> &'l str {
        self.captures.get(index).copied().unwrap_or("")
    }

    pub fn number(&self, index: usize) -> Result<u64, Fault> {
        let text = self.get(index);
        text.parse()
            .map_err(|_| Fault::wrong(format!("“{text}”不是数目")))
    }

    /// The table below the step.
    pub fn table(&self) -> Result<&'l [Vec<String>], Fault> {
        self.line
            .table
            .as_deref()
            .ok_or_else(|| Fault::wrong("这一步下面应有表格"))
    }

    /// The table below the step as names and values; a heading `字段 | 值` may stand above.
    pub fn pairs(&self) -> Result<Vec<(&'l str, &'l str)>, Fault> {
        let mut pairs = Vec::new();
        for row in self.table()? {
            match row.as_slice() {
                [name, value] if name == "字段" && value == "值" => {}
                [name, value] => pairs.push((name.as_str(), value.as_str())),
                _ => return Err(Fault::wrong("表格应有两列:字段和值")),
            }
        }
        Ok(pairs)
    }

    /// Names and values by turns in the nth value: `甲"1"、乙"2"`. The last quote stands there, or just behind.
    pub fn quoted(&self, index: usize) -> Vec<(&'l str, &'l str)> {
        let mut parts = self.get(index).split('"');
        let mut pairs = Vec::new();
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            pairs.push((name.trim_start_matches('、').trim(), value));
        }
        pairs
    }

    pub fn has_table(&self) -> bool {
        self.line.table.is_some()
    }

    /// The text block below the step.
    pub fn doc(&self) -> Result<&'l str, Fault> {
        self.line
            .doc
            .as_deref()
            .ok_or_else(|| Fault::wrong("这一步下面应有 \"\"\" 之间的文本"))
    }
}

/// What a step is for; the vocabulary is listed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Who,
    Time,
    Act,
    Answer,
    State,
}

impl Part {
    const ALL: [(Part, &'static str); 5] = [
        (Part::Who, "谁"),
        (Part::Time, "何时"),
        (Part::Act, "做什么"),
        (Part::Answer, "得到什么回答"),
        (Part::State, "之后是什么样"),
    ];
}

type Run = fn(&mut Stage<'_>, &Args<'_>) -> Result<(), Fault>;

/// One step of the vocabulary.
pub struct Step {
    pub part: Part,
    /// As people write it, with `…` for what varies.
    pub form: &'static str,
    pub pattern: &'static str,
    pub about: &'static str,
    pub run: Run,
}

macro_rules! vocabulary {
    ($($part:ident $form:literal $pattern:literal $about:literal $run:path;)*) => {
        &[$(Step { part: Part::$part, form: $form, pattern: $pattern, about: $about, run: $run }),*]
    };
}

/// All steps.
pub static STEPS: &[Step] = vocabulary! {
    Who r#"我以"fgw"登录"# r#"我以"([^"]+)"登录"#
        "以这个账号做后面的操作。账号是 `admin` 和各包 `demo/accounts.toml` 里的。" acts::sign_in;
    Who "我没有登录" "我没有登录"
        "后面的操作不带身份。场景开始时就是这样。" acts::sign_out;
    Who r#"我的用途是"petitions.handling""# r#"我的用途是"([^"]+)""#
        "后面的操作为这一用途;换人登录以后要重新写明。含个人信息的记录没有用途就看不到;本人查阅自己的是 `self`。" acts::purpose;
    Time r#"现在是"2022-06-28""# r#"现在是"([^"]+)""#
        "把时钟拨到这一天 9 时(也可写 `2022-06-28 14:30`),并做这一天的日常工作:重算随日期变的字段,运行每日触发器。中间的日子不补。时钟只能往前。" acts::set_clock;
    Time "过了3天" r"过了\s*(\d+)\s*天"
        "一天一天地往前走,每天都做当天的日常工作。" acts::pass_days;
    Act r#"我新建"work-points.task":"# r#"我新建"([^"]+)"[::]?"#
        "下面的表格两列:字段(名称或中文标题)和值;空格表示不填,多个值用 `;` 连接。" acts::create;
    Act r#"我修改"work-points.task"的"1.1.1":"# r#"我修改"([^"]+)"的"([^"]+)"[::]?"#
        "只改表格里的字段;空格表示清除。记录用它的键来指,几个键字段用 `/` 连接。" acts::update;
    Act r#"我拿着第1版修改"work-points.task"的"1.1.1":"# r#"我拿着第\s*(\d+)\s*版修改"([^"]+)"的"([^"]+)"[::]?"#
        "以为记录还是那一版而去修改,用来说明别人先改了会怎样。" acts::update_stale;
    Act r#"我删除"work-points.task"的"1.1.1""# r#"我删除"([^"]+)"的"([^"]+)""#
        "删除这条记录。" acts::delete;
    Act r#"我对"work-points.task"的"1.1.1"执行"sign""# r#"我对"([^"]+)"的"([^"]+)"执行"([^"]+)"(?:[,,]填写[::]?)?"#
        "流转。要填写字段时在后面写 `,填写:` 并附两列的表格。" acts::transition;
    Act r#"我对"work-points.task"的"1.1.1"执行"sign",填写联系人"王处""# r#"我对"([^"]+)"的"([^"]+)"执行"([^"]+)"[,,]填写([^"::]+"[^"]*"(?:、[^"]+"[^"]*")*)"#
        r#"流转并填写字段;几个字段用顿号连接:`填写联系人"王处"、进度"50"`。"# acts::transition_filled;
    Act r#"我查看"work-points.task"的"1.1.1""# r#"我查看"([^"]+)"的"([^"]+)""#
        "打开这条记录。" acts::view;
    Act r#"我按"state = 'proposed'"查找"work-points.task",按"-due"排序"# r#"我按"(.+)"查找"([^"]+)"(?:[,,]按"([^"]+)"排序)?"#
        "按 CQL2 条件列出;排序字段用逗号分隔,前面加 `-` 为降序,可以省略。" acts::find;
    Act r#"我按下面的条件查找"work-points.task""# r#"我按下面的条件查找"([^"]+)"(?:[,,]按"([^"]+)"排序)?[::]?"#
        "同上,较长的条件写在 `\"\"\"` 之间。" acts::find_long;
    Act r#"我搜索"数字"于"work-points.task""# r#"我搜索"([^"]+)"于"([^"]+)""#
        "全文检索。" acts::search;
    Act r#"我导出"work-points.task""# r#"我导出"([^"]+)""#
        "导出为 CSV。" acts::export;
    Act r#"我按"light = 'red'"导出"work-points.task""# r#"我按"(.+)"导出"([^"]+)""#
        "只导出符合条件的。" acts::export_some;
    Act r#"我认领待办"重复建设核查""# r#"我认领待办"([^"]+)""#
        "待办用标题里的字来指;有几项时写全标题,或在后面用括号写业务编号:`审批(EG-2022-001)`。" tasks::claim;
    Act r#"我办理待办"专家评审":"# r#"我办理待办"([^"]+)"(?:[,,]填写)?[::]?"#
        "没有认领的先认领,再办结。下面的表格两列:表单的字段(键或标签)和值;选项写值或显示的字,多选用 `;` 连接,清单的第 2 行写作 `节点/2/付款`。" tasks::complete;
    Act r#"我办理待办"专家评审",填写评审结论"同意"、评分"90""# r#"我办理待办"([^"]+)"[,,]填写([^"::]+"[^"]*"(?:、[^"]+"[^"]*")*)"#
        "同上,几个字段用顿号连接。" tasks::complete_filled;
    Act r#"我把待办"处室审批"转交给"xm-zr""# r#"我把待办"([^"]+)"转交给"([^"]+)""#
        "转交给另一个账号;没有认领的先认领。" tasks::delegate;
    Act r#"我退回待办"处室审批""# r#"我退回待办"([^"]+)""#
        "把认领的任务退回任务池。" tasks::release;
    Act r#"我交回待办"处室审批",说明"不归我办""# r#"我交回待办"([^"]+)"(?:[,,]说明"([^"]*)")?"#
        "把别人转交来的任务交回给他。" tasks::hand_back;
    Answer "成功" "成功"
        "上一个操作成功了。" checks::done;
    Answer r#"被拒绝,原因包含"只有牵头单位""# r#"被拒绝[,,]原因包含"(.+)""#
        "上一个操作被拒绝,所说的原因里有这些字。没有写明的拒绝会使场景不通过。" checks::refused;
    Answer r#"字段"进度"有误,原因包含"不能大于""# r#"字段"([^"]+)"有误[,,]原因包含"(.+)""#
        "上一个操作因这个字段被拒绝。" checks::field_refused;
    Answer "状态码为409" r"状态码为\s*(\d+)"
        "上一个操作的 HTTP 状态码。" checks::status;
    Answer "共有 3 条" r"共有\s*(\d+)\s*条"
        "查到或导出的有这么多条。" checks::total;
    Answer "结果依次为:" "结果依次为[::]?"
        "表格第一行是字段;以下各行与查到的逐条相同。值可以写代码,也可以写名称。" checks::rows;
    Answer "结果包含:" "结果包含[::]?"
        "表格里的每一行都在查到的之中,先后不论。" checks::some_rows;
    Answer r#"看到的"电话"为"***0001""# r#"看到的"([^"]+)"为"([^"]*)""#
        "上一个操作回答的那条记录里,这个字段显示给我的样子(遮盖以后)。" checks::shown_as;
    Answer r#"看到的"公民身份号码"为空"# r#"看到的"([^"]+)"为空"#
        "那条记录里,这个字段没有显示给我。" checks::shown_blank;
    Answer r#"看到的"电话"被遮盖"# r#"看到的"([^"]+)"被遮盖"#
        "那条记录的这个字段没有全部显示给我。" checks::shown_masked;
    Answer r#"看到的"电话"没有遮盖"# r#"看到的"([^"]+)"没有遮盖"#
        "那条记录的这个字段全部显示给我。" checks::shown_whole;
    Answer r#"导出的内容包含"1.1.1""# r#"导出的内容包含"(.+)""#
        "导出的文件里有这些字。" checks::export_has;
    State r#""work-points.task"的"1.1.1"的"进度"为"50""# r#""([^"]+)"的"([^"]+)"的"([^"]+)"为"([^"]*)""#
        "字段的值(代码或名称;是/否)。" checks::field;
    State r#""work-points.task"的"1.1.1"的"联系人"为空"# r#""([^"]+)"的"([^"]+)"的"([^"]+)"为空"#
        "字段没有值。" checks::field_blank;
    State r#""work-points.task"的"1.1.1"状态为"signed""# r#""([^"]+)"的"([^"]+)"的?状态为"([^"]+)""#
        "状态的名称或中文标题。" checks::state;
    State r#"状态为"签收""# r#"状态为"([^"]+)""#
        "刚才操作的那条记录的状态。" checks::last_state;
    State r#""work-points.task"的"1.1.1"历史有 2 个版本"# r#""([^"]+)"的"([^"]+)"的?历史有\s*(\d+)\s*个版本"#
        "修改历史里的版本数。" checks::history;
    State "历史有 2 个版本" r"历史有\s*(\d+)\s*个版本"
        "刚才操作的那条记录的版本数。" checks::last_history;
    State r#"现在可以执行"sign""# r#"现在可以执行"([^"]*)""#
        "刚才查看的记录上,我现在可以做的流转,用顿号连接;没有就写 `\"\"`。" checks::actions;
    State r#""work-points.task"里没有"9.9""# r#""([^"]+)"里没有"([^"]+)""#
        "没有这条记录。" checks::absent;
    State r#""work-points.notice"里符合"level = 'lead'"的有 1 条"# r#""([^"]+)"里符合"(.+)"的有\s*(\d+)\s*条"#
        "不论我看不看得到,符合 CQL2 条件的有这么多条。" checks::count;
    State r#"我的待办里有"专家评审""# r#"我的待办里有"([^"]+)""#
        "我可以办的(认领了的、可以认领的)里有标题含这些字的。" tasks::has;
    State r#"我的待办里没有"专家评审""# r#"我的待办里没有"([^"]+)""#
        "我可以办的里没有这样的。" tasks::has_not;
    State r#"待办"专家评审"亮灯为"黄灯""# r#"待办"([^"]+)"亮灯为"([^"]+)""#
        "我的这项待办的灯:绿灯、黄灯、红灯。" tasks::light;
    State r#"待办"主任审批"里"建设目的"为"及时掌握水质""# r#"待办"([^"]+)"里"([^"]+)"为"([^"]*)""#
        "我的这项待办的表单打开时,这个字段里已有的值:预填的、流程里的。" tasks::shown;
    State r#"流程"egov-projects.application"的"EG-2022-001"停在"专家评审""# r#"流程"([^"]+)"的"([^"]+)"停在"([^"]+)""#
        "这个业务编号的流程实例(最近的一个)正在这个环节,写名称或元素的 id。" tasks::stands_at;
    State r#"流程"egov-projects.application"的"EG-2022-001"已结束"# r#"流程"([^"]+)"的"([^"]+)"已结束"#
        "这个流程实例走到了结束。" tasks::has_ended;
    State "流程有 0 个异常" r"流程有\s*(\d+)\s*个异常"
        "所有流程实例里等待处理的异常有几个。" tasks::troubles;
    State r#"发生了事件"work-points.task.sign""# r#"发生了事件"([^"]+)""#
        "场景开始以后有过这个事件。" checks::happened;
    State r#"发生了 2 次事件"work-points.notice.created""# r#"发生了\s*(\d+)\s*次事件"([^"]+)""#
        "场景开始以后这个事件有过几次。" checks::happened_times;
    State r#"没有发生事件"work-points.task.sign""# r#"没有发生事件"([^"]+)""#
        "场景开始以后没有过这个事件。" checks::not_happened;
};

static PATTERNS: LazyLock<Vec<Option<Regex>>> = LazyLock::new(|| {
    let whole = |step: &Step| Regex::new(&format!("^(?:{})$", step.pattern)).ok();
    STEPS.iter().map(whole).collect()
});

/// The step that a text is, if it is one.
pub fn find(text: &str) -> Option<&'static Step> {
    matching(text).next().map(|(step, _)| step)
}

fn matching(text: &str) -> impl Iterator<Item = (&'static Step, &'static Regex)> {
    STEPS
        .iter()
        .zip(PATTERNS.iter())
        .filter_map(|(step, pattern)| Some((step, pattern.as_ref()?)))
        .filter(move |(_, pattern)| pattern.is_match(text))
}

/// Carries out a step.
pub fn run(stage: &mut Stage<'_>, line: &Line) -> Result<(), Fault> {
    let Some((step, pattern)) = matching(&line.text).next() else {
        return Err(Fault::wrong("没有这样的步骤"));
    };
    let captures = pattern.captures(&line.text);
    let groups = captures.iter().flat_map(|groups| groups.iter().skip(1));
    let captures = groups
        .map(|group| group.map_or("", |group| group.as_str()))
        .collect();
    (step.run)(stage, &Args { captures, line })
}

/// The known steps that a text resembles most.
pub fn nearest(text: &str) -> Vec<&'static str> {
    let wanted = pairs(text);
    let mut ranked: Vec<(usize, &str)> = STEPS
        .iter()
        .map(|step| (likeness(&wanted, &pairs(step.form)), step.form))
        .collect();
    ranked.sort_by_key(|(likeness, _)| std::cmp::Reverse(*likeness));
    let best = ranked.first().map_or(0, |(likeness, _)| *likeness);
    let near = |(likeness, _): &(usize, &str)| *likeness > 0 && *likeness * 2 >= best;
    ranked
        .into_iter()
        .filter(near)
        .take(3)
        .map(|(_, form)| form)
        .collect()
}

/// Pairs of neighbouring characters, without what stands between quotes: that varies.
fn pairs(text: &str) -> Vec<(char, char)> {
    let mut quoted = false;
    let mut fixed = Vec::new();
    for character in text.chars() {
        if character == '"' {
            quoted = !quoted;
        } else if !quoted && !character.is_ascii_digit() && !character.is_whitespace() {
            fixed.push(character);
        }
    }
    fixed.iter().copied().zip(fixed.iter().copied().skip(1)).collect()
}

/// Dice's coefficient, in thousandths.
fn likeness(a: &[(char, char)], b: &[(char, char)]) -> usize {
    let common = a.iter().filter(|pair| b.contains(pair)).count();
    2_000 * common / (a.len() + b.len()).max(1)
}

/// The vocabulary as the page docs/features.md.
pub fn page() -> String {
    let mut page = String::from(
        "# 验收场景的写法\n\n\
         <!-- `banyan features --steps` 生成;改写请改 banyan/src/features/steps.rs。 -->\n\n\
         每个包的 `features/*.feature` 用 Gherkin 的中文关键字(`# language: zh-CN`)写明这个包做什么、拒绝什么。\n\
         `banyan features apps/1.0-work-points` 运行它们:每个场景都在一个全新的平台上,装好所需的包,\
         建好演示账号,从 2022-03-01 9 时开始;操作走平台的大门,与 HTTP 相同。\n\
         `--against http://127.0.0.1:8080` 则经 HTTP 对一个正在运行的平台运行;那里的时钟拨不动,\
         用到时钟的场景跳过,数据也留在那里;查验的是管理员,含个人信息的记录他看不到,这些场景只能在全新的平台上运行。\n\n\
         支持背景、场景大纲与例子、表格、文本块。记录用类型和键来指,如 `\"base.region\"的\"350182/1994-01-01\"`。\n",
    );
    for (part, title) in Part::ALL {
        page.push_str(&format!("\n## {title}\n\n| 步骤 | 说明 |\n|---|---|\n"));
        for step in STEPS.iter().filter(|step| step.part == part) {
            let cell = |text: &str| text.replace('|', "\\|");
            page.push_str(&format!("| `{}` | {} |\n", cell(step.form), cell(step.about)));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_its_own_step_and_no_other() {
        for (step, pattern) in STEPS.iter().zip(PATTERNS.iter()) {
            assert!(pattern.is_some(), "{}", step.pattern);
            let found: Vec<&str> = matching(step.form).map(|(step, _)| step.form).collect();
            assert_eq!(found, [step.form]);
        }
    }

    #[test]
    fn a_misspelt_step_is_told_what_it_resembles() {
        assert_eq!(
            nearest("被拒,原因包括\"角色\"")[0],
            "被拒绝,原因包含\"只有牵头单位\""
        );
        assert_eq!(nearest("总共有 3 条")[0], "共有 3 条");
        assert!(nearest("zzz").is_empty());
    }
}
