//! What our engine asks for, in words. Errors stop a deployment; warnings and notes are advice.

use banyan_base::Severity;

use crate::bpmn::flaw::Rule;
pub use crate::bpmn::read::{FOREIGN, NO_DEFINITIONS, NO_ID, REFERENCE, VALUE};
pub use crate::bpmn::xml::XML;

macro_rules! rules {
    ($($name:ident $severity:ident $id:literal $zh:literal $en:literal $hint_zh:literal $hint_en:literal;)*) => {
        $(pub static $name: Rule = Rule {
            id: concat!("BAN-", $id),
            also: &[],
            severity: Severity::$severity,
            zh: $zh,
            en: $en,
            hint_zh: $hint_zh,
            hint_en: $hint_en,
        };)*
        /// All of them.
        pub static ALL: &[&Rule] = &[
            &XML, &NO_DEFINITIONS, &NO_ID, &REFERENCE, &VALUE, $(&$name,)* &FOREIGN,
        ];
    };
}

rules! {
    ELEMENT Error "element" "引擎不执行元素“{0}”" "the engine does not execute `{0}`"
        "改用受支持的元素（见 docs/bpmn.md）。" "Use an element that it executes (docs/bpmn.md).";
    EXTENSION Error "extension" "“{0}”没有扩展“banyan:{1}”" "`{0}` has no extension `banyan:{1}`"
        "可用的扩展：{2}。" "It has: {2}.";
    NOTHING Error "nothing-executable" "文件中没有可执行的流程" "no process of the file is executable"
        "在要部署的流程上设 isExecutable=\"true\"。" "Set isExecutable=\"true\" on the process to be deployed.";
    EMPTY Error "empty" "“{0}”没有任何可执行的元素" "`{0}` holds nothing to execute"
        "至少画一个开始事件和一个活动。" "Draw a start event and an activity at least.";
    NO_START Error "no-start" "“{0}”无处开始：每个元素都有流入的顺序流" "`{0}` can't start: every element has an incoming flow"
        "加上开始事件。" "Add a start event.";
    FEEL Error "feel" "{0} 不是可用的 FEEL 表达式：{1}" "{0} is no FEEL expression that can be used: {1}"
        "改正表达式：{2}" "Correct the expression: {2}";
    LANGUAGE Error "expression-language" "表达式语言“{0}”不受支持" "the expression language `{0}` is not supported"
        "用 FEEL 写，并删去 language 属性。" "Write FEEL, and remove the attribute language.";
    WORK Error "work" "服务任务没有说明要做什么" "the service task does not say what to do"
        "写 banyan:operation（平台的操作）或 banyan:topic（外部工作者）。" "Write banyan:operation (an operation of the platform) or banyan:topic (a worker outside).";
    WORK_TWICE Error "work-twice" "服务任务同时写了操作和主题" "the service task has both an operation and a topic"
        "只留一个。" "Keep one of them.";
    UNKNOWN Error "unknown" "{0}“{1}”不存在" "there is no {0} `{1}`"
        "{2}" "{2}";
    MESSAGE Error "message" "没有说明是哪个消息" "it does not say which message"
        "写 messageRef，引用 definitions 下的 message。" "Write messageRef, naming a message at the root.";
    SIGNAL Error "signal" "没有说明是哪个信号" "it does not say which signal"
        "写 signalRef，引用 definitions 下的 signal。" "Write signalRef, naming a signal at the root.";
    CODE Error "code" "抛出{0}须有代码" "what throws an {0} needs its code"
        "引用 definitions 下带代码的定义。" "Refer to a definition with a code at the root.";
    TIMER Error "timer" "定时事件没有时间" "the timer has no time"
        "写 timeDate、timeDuration 或 timeCycle。" "Write timeDate, timeDuration or timeCycle.";
    CONDITION Error "condition" "条件事件没有条件" "the conditional event has no condition"
        "写 FEEL 条件。" "Write a condition in FEEL.";
    CONDITIONAL_START Error "conditional-start" "流程不能由条件启动：启动之前没有变量可看" "a condition can't start a process: before it there are no variables to look at"
        "用消息、信号或定时启动，或放在事件子流程中。" "Start it by a message, signal or timer, or put the condition into an event sub-process.";
    LINK Error "link" "链接事件没有名称，或与其他定义混用" "a link event has no name, or other definitions beside it"
        "只留一个有名称的链接定义。" "Keep one link definition, with a name.";
    ALONE Error "alone" "“{0}”不能与其他事件定义并用" "`{0}` can't stand beside other event definitions"
        "分成两个事件。" "Make two events of it.";
    SCRIPT Error "script" "脚本任务没有脚本" "the script task has no script"
        "写 FEEL 脚本，并用 banyan:result 命名结果。" "Write a script in FEEL, and name its result by banyan:result.";
    SCRIPT_FORMAT Error "script-format" "平台不执行“{0}”脚本" "the platform does not execute scripts in `{0}`"
        "用 FEEL（不写 scriptFormat 或写 feel）。" "Use FEEL (no scriptFormat, or feel).";
    DECISION Error "decision" "业务规则任务的决策“{0}”不是“包.模型#决策”" "`{0}` is no decision of the form package.model#decision"
        "写 banyan:decision=\"包.模型#决策\"。" "Write banyan:decision=\"package.model#decision\".";
    CALL Error "call" "调用活动没有说明调用哪个流程" "the call activity does not say what it calls"
        "在 calledElement 写“包.流程”，或本文件中的流程或全局任务。" "Write package.process in calledElement, or a process or global task of this file.";
    CALL_START Error "call-start" "被调用的流程“{0}”没有无类型的开始事件" "the called process `{0}` has no start event without a definition"
        "给它加上一个。" "Add one to it.";
    CALL_DRAWN Error "call-not-executable" "被调用的流程“{0}”不可执行" "the called process `{0}` is not executable"
        "在它上面设 isExecutable=\"true\"。" "Set isExecutable=\"true\" on it.";
    NOBODY Error "nobody" "没有人能领取该用户任务" "nobody could claim this user task"
        "写 banyan:roles 或 banyan:assignee。" "Write banyan:roles or banyan:assignee.";
    NOT_DOERS Error "not-doers" "“{0}”不是本流程的用户任务" "`{0}` is no user task of this process"
        "在 banyan:notDoersOf 中写用户任务的 id。" "Name ids of user tasks in banyan:notDoersOf.";
    MAPPING Error "mapping" "映射缺少 name 或 feel" "a mapping lacks its name or feel"
        "例如 <banyan:input name=\"x\" feel=\"a + 1\"/>。" "For example <banyan:input name=\"x\" feel=\"a + 1\"/>.";
    LOOP Error "loop" "循环既无条件也无最大次数，永不结束" "the loop has neither a condition nor a maximum, and never ends"
        "写 loopCondition 或 loopMaximum。" "Write loopCondition or loopMaximum.";
    MULTI Error "multi" "多实例同时写了个数和列表" "the multi-instance activity has both a number and a list"
        "只留一个。" "Keep one of them.";
    OUTPUT Error "output" "outputElement 与 outputCollection 须同时写" "outputElement and outputCollection go together"
        "两个都写，或都不写。" "Write both, or none.";
    VOTE Error "vote" "会签不能与 completionCondition 并用" "a vote can't stand beside a completionCondition"
        "只留一个。" "Keep one of them.";
    BEHAVIOR Error "behavior" "behavior=\"{0}\" 没有说明抛出什么事件" "behavior=\"{0}\" does not say which event it throws"
        "写 {1}。" "Write {1}.";
    GATEWAY_PARALLEL Error "gateway-parallel" "等待全部事件的事件网关须启动实例" "an event-based gateway that waits for all events has to start instances"
        "设 instantiate=\"true\"，或用并行网关。" "Set instantiate=\"true\", or use a parallel gateway.";
    CONDITION_IGNORED Error "condition-ignored" "从“{0}”出发的顺序流的条件不起作用" "a condition on a flow that leaves `{0}` has no effect"
        "去掉条件，或用排他或包容网关。" "Remove it, or use an exclusive or inclusive gateway.";
    COMPENSATION_FLOW Error "compensation-flow" "补偿活动不能有顺序流" "an activity that undoes must not have sequence flows"
        "用关联连到补偿边界事件。" "Link it to a compensation boundary event by an association.";
    IMPORT Warning "import" "不读取导入的文件“{0}”" "the imported file `{0}` is not read"
        "把需要的定义写在本文件中。" "Put what is needed into this file.";
    NOT_EXECUTED Warning "not-executed" "“{0}”只作说明，不执行" "`{0}` only describes; it is not executed"
        "需要执行的写成流程。" "Write what is to be executed as a process.";
    NO_EFFECT Warning "no-effect" "脚本的结果没有去处" "the result of the script goes nowhere"
        "写 banyan:result。" "Write banyan:result.";
    CORRELATION Warning "correlation" "没有 banyan:correlation：同名消息中任意一条都会被接收" "without banyan:correlation it takes any message of that name"
        "写 banyan:correlation，说明属于哪个业务键。" "Write banyan:correlation, the key it belongs to.";
    UNREACHABLE Warning "unreachable" "永远不会到达该元素" "it is never reached"
        "连到流程中，或删去它。" "Connect it, or remove it.";
    NEEDLESS Warning "gateway-needless" "网关只有一进一出，不起作用" "the gateway has one flow in and one out, and does nothing"
        "删去它。" "Remove it.";
    NAME Warning "name" "“{0}”没有名称" "a `{0}` has no name"
        "写上办事人看得懂的名称。" "Give it a name that those who work with it understand.";
    UNCONDITIONAL Warning "condition-missing" "旁边的顺序流有条件，这一条没有，也不是默认流" "flows beside it have conditions; this one has none and is not the default"
        "写上条件，或设为默认流。" "Write its condition, or make it the default.";
    NO_DEFAULT Warning "no-default" "没有默认流：条件都不成立时会停在这里" "there is no default flow: where no condition holds, it stops here"
        "设一条默认流。" "Make one of the flows the default.";
    DEADLOCK Warning "deadlock" "可能死锁：并行汇聚等待“{0}”的两个互斥分支" "possible deadlock: it waits for two branches of `{0}`, of which one is taken"
        "改用排他网关汇聚。" "Join them by an exclusive gateway.";
    TWICE Warning "runs-twice" "可能重复执行：来自“{0}”的并行分支在此没有汇聚" "it may run once per branch: branches of `{0}` meet here without being joined"
        "先用并行或包容网关汇聚。" "Join them by a parallel or inclusive gateway first.";
    COMPENSATION_LOOSE Warning "compensation-loose" "补偿活动没有连到任何补偿边界事件" "no compensation boundary event leads to this activity"
        "用关联连到补偿边界事件。" "Link it to one by an association.";
    IO_IGNORED Note "io-ignored" "ioSpecification 不影响执行" "ioSpecification has no effect on execution"
        "用 banyan:input 和 banyan:output 映射数据。" "Map data by banyan:input and banyan:output.";
}
