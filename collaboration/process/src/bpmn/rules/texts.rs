//! The standard's rules in words. Their numbers are those that published collections of the standard's constraints use
//! (EXT = beyond what the XML schema says).

use banyan_base::Severity;

use crate::bpmn::flaw::Rule;

/// Declares rules of the standard; `[…]` are further numbers by which the collections know the same rule, where the
/// standard states it in several places.
macro_rules! rules {
    ($($name:ident $([$($also:literal),+])? $zh:literal $en:literal $hint_zh:literal $hint_en:literal;)*) => {
        $(pub static $name: Rule = Rule {
            id: stringify!($name),
            also: &[$($($also),+)?],
            severity: Severity::Error,
            zh: $zh,
            en: $en,
            hint_zh: $hint_zh,
            hint_en: $hint_en,
        };)*
        /// All of them, by number.
        pub static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    EXT002 "id“{0}”已被另一个元素使用" "the id `{0}` is taken by another element"
        "给其中一个换一个 id。" "Give one of them another id.";
    EXT003 "元素“{0}”没有 id" "an element `{0}` has no id"
        "给它一个唯一的 id。" "Give it an id of its own.";
    EXT006 "顺序流不能指向工件（注释、分组、关联）" "a sequence flow must not lead to an artifact"
        "让它指向活动、网关或事件；与工件的连线用关联。" "Let it lead to an activity, gateway or event; artifacts are linked by associations.";
    EXT007 "顺序流不能从工件（注释、分组、关联）出发" "a sequence flow must not leave an artifact"
        "让它从活动、网关或事件出发；与工件的连线用关联。" "Let it leave an activity, gateway or event; artifacts are linked by associations.";
    EXT008 "消息流不能指向工件" "a message flow must not lead to an artifact"
        "让它指向参与者、活动或消息事件。" "Let it lead to a participant, an activity or a message event.";
    EXT009 "消息流不能从工件出发" "a message flow must not leave an artifact"
        "让它从参与者、活动或消息事件出发。" "Let it leave a participant, an activity or a message event.";
    EXT010 "文字格式“{0}”不是 MIME 类型" "the text format `{0}` is no MIME type"
        "例如 text/plain。" "For example text/plain.";
    EXT012 "可执行流程中的“{0}”不是形式表达式" "`{0}` in an executable process is no formal expression"
        "加上 xsi:type=\"tFormalExpression\" 并写 FEEL；只作说明的流程设 isExecutable=\"false\"。"
        "Add xsi:type=\"tFormalExpression\" and write FEEL; a process that only describes has isExecutable=\"false\".";
    EXT013 "表达式“{0}”没有内容" "the expression `{0}` is empty"
        "写上表达式，或删去该元素。" "Write the expression, or remove the element.";
    EXT017 "汇聚网关有多条流出的顺序流" "a converging gateway has more than one outgoing flow"
        "把 gatewayDirection 改为 Mixed，或拆成两个网关。" "Make its gatewayDirection Mixed, or split it into two gateways.";
    EXT018 "发散网关有多条流入的顺序流" "a diverging gateway has more than one incoming flow"
        "把 gatewayDirection 改为 Mixed，或拆成两个网关。" "Make its gatewayDirection Mixed, or split it into two gateways.";
    EXT019 "混合网关须有多条流入和多条流出的顺序流" "a mixed gateway needs several incoming and several outgoing flows"
        "改正 gatewayDirection，或删去它。" "Correct its gatewayDirection, or leave it out.";
    EXT020 ["EXT077", "EXT083"] "isCollection 与所引用的数据类型定义不一致" "isCollection differs from the item definition that it refers to"
        "两处写成一样。" "Say the same in both places.";
    EXT023 "顺序流“{0}”没有列在元素的 {1} 中" "the sequence flow `{0}` is not listed as {1} of its element"
        "在元素中加上 {1}，或整个文件都不写 incoming 和 outgoing。" "Add {1} to the element, or leave incoming and outgoing out of the whole file.";
    EXT024 "可执行流程的顺序流不能是 isImmediate=\"false\"" "a sequence flow of an executable process can't have isImmediate=\"false\""
        "删去该属性。" "Remove the attribute.";
    EXT026 "默认流“{0}”不是从该元素出发的顺序流" "the default flow `{0}` does not leave this element"
        "改为从它出发的一条顺序流的 id。" "Name a sequence flow that leaves it.";
    EXT027 "编排或全局会话不能引用编排" "a choreography or global conversation must not refer to a choreography"
        "删去 choreographyRef。" "Remove choreographyRef.";
    EXT029 "参与者数量的最小值不能为负" "the least number of participants must not be negative"
        "写 0 或更大的数。" "Write 0 or more.";
    EXT030 "参与者数量的最大值须不小于 1 和最小值" "the greatest number of participants must be at least 1 and not below the least"
        "改正 minimum 或 maximum。" "Correct minimum or maximum.";
    EXT032 "全局会话不能包含“{0}”" "a global conversation must not hold `{0}`"
        "把它移到协作中。" "Move it into a collaboration.";
    EXT033 "协作与它引用的编排的 isClosed 不一致" "isClosed differs between a collaboration and the choreography that it refers to"
        "两处写成一样。" "Say the same in both places.";
    EXT036 "流程不能包含编排活动“{0}”" "a process must not hold the choreography activity `{0}`"
        "改用任务或子流程。" "Use tasks or sub-processes.";
    EXT037 "startQuantity 须不小于 1" "startQuantity must be at least 1"
        "写 1 或更大的数。" "Write 1 or more.";
    EXT039 "资源引用与资源指派表达式不能同时使用" "a resource reference and a resource assignment expression exclude each other"
        "只留一个。" "Keep one of them.";
    EXT040 "资源参数绑定只能与资源引用一起使用" "bindings of resource parameters need a resource reference"
        "加上 resourceRef，或删去绑定。" "Add resourceRef, or remove the bindings.";
    EXT042 "引用操作的服务任务须恰有一个输入集" "a service task that refers to an operation needs exactly one input set"
        "改正 ioSpecification。" "Correct its ioSpecification.";
    EXT043 "引用操作的服务任务至多有一个输出集" "a service task that refers to an operation has at most one output set"
        "改正 ioSpecification。" "Correct its ioSpecification.";
    EXT045 "数据输出与操作返回的消息类型不同" "the data output is of another type than the message that the operation gives back"
        "两者引用同一个数据类型定义。" "Let both refer to the same item definition.";
    EXT046 "引用消息的发送任务至多有一个输入集" "a send task that refers to a message has at most one input set"
        "改正 ioSpecification。" "Correct its ioSpecification.";
    EXT048 "发送任务的数据输入与消息的类型不同" "the data input of the send task is of another type than its message"
        "两者引用同一个数据类型定义。" "Let both refer to the same item definition.";
    EXT049 "启动实例的接收任务不能有流入的顺序流" "a receive task that starts instances must not have incoming flows"
        "去掉流入的顺序流，或设 instantiate=\"false\"。" "Remove the incoming flows, or set instantiate=\"false\".";
    EXT051 "引用消息的接收任务至多有一个数据输出" "a receive task that refers to a message has at most one data output"
        "改正 ioSpecification。" "Correct its ioSpecification.";
    EXT052 "接收任务的数据输出与消息的类型不同" "the data output of the receive task is of another type than its message"
        "两者引用同一个数据类型定义。" "Let both refer to the same item definition.";
    EXT054 ["EXT055"] "活动不能既是循环又是多实例" "an activity can't be a loop and multi-instance at once"
        "只留一种。" "Keep one of them.";
    EXT056 "子流程不能包含编排活动“{0}”" "a sub-process must not hold the choreography activity `{0}`"
        "改用任务或子流程。" "Use tasks or sub-processes.";
    EXT057 ["EXT021", "EXT022"] "事件子流程不能有流入或流出的顺序流" "an event sub-process must not have incoming or outgoing flows"
        "去掉这些顺序流；它由自己的开始事件启动。" "Remove them; its own start event starts it.";
    EXT058 "事件子流程须恰有一个开始事件" "an event sub-process needs exactly one start event"
        "保留一个开始事件。" "Keep one start event.";
    EXT059 "事件子流程的开始事件不能是“{0}”" "the start event of an event sub-process can't be `{0}`"
        "用消息、定时、错误、升级、补偿、条件或信号事件；错误和补偿只能中断。"
        "Use a message, timer, error, escalation, compensation, condition or signal; errors and compensations always interrupt.";
    EXT060 "事务的 method“{0}”不是 URI" "the method `{0}` of the transaction is no URI"
        "例如 ##Compensate。" "For example ##Compensate.";
    EXT061 "临时子流程须至少包含一个活动" "an ad-hoc sub-process needs at least one activity"
        "加上活动，或删去该子流程。" "Add an activity, or remove it.";
    EXT062 "临时子流程不能包含开始或结束事件" "an ad-hoc sub-process must not hold start or end events"
        "删去这些事件。" "Remove them.";
    EXT063 "调用活动的数据输入输出与被调用者不一致" "the inputs and outputs of the call activity differ from those of what it calls"
        "两处的 ioSpecification 写成一样。" "Let both have the same ioSpecification.";
    EXT064 "作为服务提供的流程或全局任务须有 ioBinding" "what is offered as a service needs an ioBinding"
        "加上 ioBinding，或删去 supportedInterfaceRef。" "Add ioBinding, or remove supportedInterfaceRef.";
    EXT067 "可执行流程的多实例活动须有 loopCardinality、loopDataInputRef 或 banyan:collection"
        "a multi-instance activity of an executable process needs loopCardinality, loopDataInputRef or banyan:collection"
        "说明要多少个实例，或对哪个列表逐一执行。" "Say how many instances, or over which list.";
    EXT068 "loopDataInputRef 须指向该活动自己的数据输入" "loopDataInputRef must name a data input of the activity itself"
        "改正引用，或用 banyan:collection。" "Correct it, or use banyan:collection.";
    EXT070 "inputDataItem 须是 loopDataInputRef 列表中单个元素的类型" "inputDataItem must be of the type of one element of loopDataInputRef"
        "引用同一结构且不是列表的数据类型定义。" "Refer to an item definition of the same structure that is no collection.";
    EXT071 "多实例的完成条件须是布尔表达式，而不是{0}" "the completion condition must be a boolean, not a {0}"
        "例如 numberOfCompletedInstances >= 2。" "For example numberOfCompletedInstances >= 2.";
    EXT076 "数据对象引用的名称“{0}”不是“对象名 [状态]”" "the name `{0}` of the reference is not `object name [state]`"
        "写成所引用数据对象的名称，有状态时后跟方括号中的状态。" "Write the name of the data object, and its state in brackets where it has one.";
    EXT079 "子流程不能有 ioSpecification" "a sub-process must not have an ioSpecification"
        "删去它；子流程直接使用外层的变量。" "Remove it; a sub-process sees the variables around it.";
    EXT080 "数据输入不能是输出关联的目标" "a data input can't be the target of an output association"
        "指向数据对象。" "Let it lead to a data object.";
    EXT082 "数据输出不能是输入关联的来源" "a data output can't be the source of an input association"
        "从数据对象取值。" "Take the value from a data object.";
    EXT084 "数据输入没有列入任何输入集" "a data input is in no input set"
        "在 inputSet 中加上 dataInputRefs。" "Add it to an inputSet as dataInputRefs.";
    EXT085 "可选输入“{0}”没有列为 dataInputRefs" "the optional input `{0}` is not among dataInputRefs"
        "也列为 dataInputRefs。" "List it as dataInputRefs too.";
    EXT086 "执行中输入“{0}”没有列为 dataInputRefs" "the input `{0}` taken while executing is not among dataInputRefs"
        "也列为 dataInputRefs。" "List it as dataInputRefs too.";
    EXT088 "数据输出没有列入任何输出集" "a data output is in no output set"
        "在 outputSet 中加上 dataOutputRefs。" "Add it to an outputSet as dataOutputRefs.";
    EXT089 "可选输出“{0}”没有列为 dataOutputRefs" "the optional output `{0}` is not among dataOutputRefs"
        "也列为 dataOutputRefs。" "List it as dataOutputRefs too.";
    EXT090 "执行中输出“{0}”没有列为 dataOutputRefs" "the output `{0}` given while executing is not among dataOutputRefs"
        "也列为 dataOutputRefs。" "List it as dataOutputRefs too.";
    EXT091 "数据关联两端的类型不同" "the two ends of the data association are of different types"
        "引用同一个数据类型定义，或加上 transformation。" "Refer to the same item definition, or add a transformation.";
    EXT092 "没有 transformation 的数据关联只能有一个来源" "a data association without a transformation has a single source"
        "只留一个 sourceRef，或加上 transformation。" "Keep one sourceRef, or add a transformation.";
    EXT094 "事件定义与对应的数据输入输出类型不同" "an event definition is of another type than its data input or output"
        "两者引用同一个数据类型定义，次序也要一致。" "Let both refer to the same item definition, in the same order.";
    EXT095 "抛出事件中的事件定义“{0}”不能被别处引用" "the event definition `{0}` of a throwing event can't be used elsewhere"
        "把它移到 definitions 下再引用。" "Move it to the root, and refer to it there.";
    EXT096 "开始事件不能有流入的顺序流" "a start event must not have incoming flows"
        "让顺序流指向其后的元素。" "Let the flow lead to what follows it.";
    EXT097 "有结束事件的层级须有开始事件" "where there is an end event there must be a start event"
        "加上开始事件（或启动实例的接收任务、事件网关）。" "Add a start event (or a receive task or event gateway that starts instances).";
    EXT098 ["EXT121"] "流程的开始事件不能是“{0}”" "the start event of a process can't be `{0}`"
        "用消息、定时、条件、信号事件，或无类型的开始事件。" "Use a message, timer, condition or signal, or none.";
    EXT100 "子流程的开始事件不能有事件定义“{0}”" "the start event of a sub-process can't have the definition `{0}`"
        "去掉事件定义；由事件启动的子流程设 triggeredByEvent=\"true\"。" "Remove it; a sub-process that an event starts has triggeredByEvent=\"true\".";
    EXT101 "开始事件须有流出的顺序流" "a start event needs an outgoing flow"
        "连到第一个元素。" "Connect it to the first element.";
    EXT102 "开始事件不能是消息流的来源" "a start event must not be the source of a message flow"
        "用抛出事件或发送任务。" "Use a throwing event or a send task.";
    EXT103 "接收消息流的开始事件须有消息定义" "a start event at the end of a message flow needs a message definition"
        "加上 messageEventDefinition。" "Add a messageEventDefinition.";
    EXT104 "结束事件不能有流出的顺序流" "an end event must not have outgoing flows"
        "改为中间事件，或去掉顺序流。" "Make it an intermediate event, or remove the flow.";
    EXT106 "取消结束事件只能在事务中" "a cancel end event stands only in a transaction"
        "把子流程改为事务，或换一种结束事件。" "Make the sub-process a transaction, or use another end event.";
    EXT107 "结束事件须有流入的顺序流" "an end event needs an incoming flow"
        "连上，或删去它。" "Connect it, or remove it.";
    EXT108 "结束事件不能是消息流的目标" "an end event must not be the target of a message flow"
        "用捕获事件或接收任务。" "Use a catching event or a receive task.";
    EXT109 "发出消息流的结束事件须有消息定义" "an end event at the start of a message flow needs a message definition"
        "加上 messageEventDefinition。" "Add a messageEventDefinition.";
    EXT110 ["EXT130"] "边界事件不能是“{0}”" "a boundary event can't be `{0}`"
        "中断的：消息、定时、错误、升级、取消、补偿、条件、信号；不中断的：其中除错误、取消、补偿外。"
        "Interrupting: message, timer, error, escalation, cancel, compensation, condition, signal; not interrupting: these but error, cancel, compensation.";
    EXT111 "取消边界事件只能附在事务上" "a cancel boundary event stands only on a transaction"
        "附到事务上，或换一种事件。" "Attach it to a transaction, or use another event.";
    EXT112 "边界事件不能有流入的顺序流" "a boundary event must not have incoming flows"
        "去掉流入的顺序流。" "Remove them.";
    EXT113 "边界事件须有流出的顺序流" "a boundary event needs an outgoing flow"
        "连到事件发生后要执行的元素。" "Connect it to what follows when it happens.";
    EXT114 "补偿边界事件不能有流出的顺序流" "a compensation boundary event must not have outgoing flows"
        "用关联连到补偿活动。" "Link it to the activity that undoes by an association.";
    EXT115 "中间事件须有流入的顺序流" "an intermediate event needs an incoming flow"
        "连上，或删去它。" "Connect it, or remove it.";
    EXT116 "中间事件须有流出的顺序流" "an intermediate event needs an outgoing flow"
        "连到其后的元素。" "Connect it to what follows.";
    EXT117 "链接事件不能同时是顺序流的来源和目标" "a link event is either the end of a flow or the start of one"
        "抛出的链接只有流入，捕获的链接只有流出。" "A throwing link has incoming flows alone, a catching one outgoing flows alone.";
    EXT118 "链接“{0}”的目标没有把它列为来源" "the target of the link `{0}` does not name it as source"
        "两端的 source 与 target 互相引用。" "Let source and target name each other.";
    EXT119 "消息流方向与消息事件不符" "a message flow runs against its message event"
        "抛出事件只发出消息，捕获事件只接收消息。" "Throwing events send alone, catching ones receive alone.";
    EXT123 "可执行流程的条件事件须有形式表达式" "a conditional event of an executable process needs a formal expression"
        "写 FEEL 条件并加 xsi:type=\"tFormalExpression\"。" "Write a FEEL condition with xsi:type=\"tFormalExpression\".";
    EXT124 "捕获的链接没有来源" "a catching link has no source"
        "写 source，或让同一层级有同名的抛出链接。" "Write source, or have a throwing link of the same name in the same scope.";
    EXT125 "抛出的链接须恰有一个目标" "a throwing link needs exactly one target"
        "写 target，或让同一层级恰有一个同名的捕获链接。" "Write target, or have one catching link of the same name in the same scope.";
    EXT126 "链接的目标须在同一层级" "the target of a link must be in the same scope"
        "把两端放在同一流程或子流程中。" "Put both ends into the same process or sub-process.";
    EXT127 "可执行流程的消息事件须引用消息" "a message event of an executable process needs a message"
        "写 messageRef。" "Write messageRef.";
    EXT128 "带有数据类型的消息在可执行流程中须经由操作收发" "a message that declares an item needs an operation in an executable process"
        "写 operationRef；只按名称收发的消息不写 itemRef。" "Write operationRef; a message that goes by its name alone has no itemRef.";
    EXT131 "定时事件只能有日期、时长、周期之一" "a timer has one of date, duration and cycle"
        "只留一个。" "Keep one of them.";
    EXT132 "“{0}”不是 ISO 8601 的日期时间" "`{0}` is no date and time of ISO 8601"
        "例如 2026-06-01T09:00:00+08:00；变量写成 =变量名。" "For example 2026-06-01T09:00:00+08:00; a variable is written =name.";
    EXT133 "“{0}”不是 ISO 8601 的重复间隔，也不是 cron 表达式" "`{0}` is no repetition of ISO 8601 and no cron line"
        "例如 R3/PT1H 或 0 9 * * 1-5；变量写成 =变量名。" "For example R3/PT1H or 0 9 * * 1-5; a variable is written =name.";
    EXT134 "“{0}”不是 ISO 8601 的时长" "`{0}` is no duration of ISO 8601"
        "例如 P5D；变量写成 =变量名。" "For example P5D; a variable is written =name.";
    EXT136 "事件网关须有两条以上流出的顺序流" "an event-based gateway needs two or more outgoing flows"
        "加上另一个事件，或改用中间事件。" "Add another event, or use an intermediate event.";
    EXT137 "事件网关流出的顺序流不能有条件" "flows out of an event-based gateway must not have conditions"
        "去掉条件。" "Remove the condition.";
    EXT138 "事件网关之后只能是接收任务，或消息、信号、定时、条件中间事件" "an event-based gateway leads to receive tasks, or to message, signal, timer or conditional events"
        "在其后放一个这样的事件。" "Put such an event after it.";
    EXT139 "事件网关之后不能同时有接收任务和消息事件" "receive tasks and message events must not stand after the same event-based gateway"
        "都用消息事件，或都用接收任务。" "Use one of the two.";
    EXT140 "事件网关之后的接收任务不能有边界事件" "a receive task after an event-based gateway must not have boundary events"
        "把边界事件改为网关之后的中间事件。" "Make the boundary event an intermediate event after the gateway.";
    EXT141 "事件网关之后的元素不能有其他流入的顺序流" "what stands after an event-based gateway must not have other incoming flows"
        "让其他顺序流指向该元素之后。" "Let the other flow lead to what follows.";
    EXT142 "启动实例的事件网关不能有流入的顺序流" "an event-based gateway that starts instances must not have incoming flows"
        "去掉流入的顺序流，或设 instantiate=\"false\"。" "Remove them, or set instantiate=\"false\".";
    EXT143 "补偿边界事件须用关联连到补偿活动" "a compensation boundary event needs an association to the activity that undoes"
        "画一条关联到补偿活动。" "Draw an association to that activity.";
    EXT144 "补偿边界事件所关联的活动须设 isForCompensation=\"true\"" "the activity that a compensation boundary event is linked to needs isForCompensation=\"true\""
        "在该活动上设 isForCompensation=\"true\"。" "Set isForCompensation=\"true\" on it.";
    EXT145 "脚本格式“{0}”不是 MIME 类型" "the script format `{0}` is no MIME type"
        "写 feel，或某个 MIME 类型。" "Write feel, or a MIME type.";
    EXT146 "结束事件不能是“{0}”" "an end event can't be `{0}`"
        "用消息、升级、错误、取消、补偿、信号或终止事件。" "Use a message, escalation, error, cancel, compensation, signal or terminate event.";
    EXT148 ["EXT122"] "中间捕获事件不能是“{0}”" "an intermediate catching event can't be `{0}`"
        "用消息、定时、条件、链接或信号事件。" "Use a message, timer, condition, link or signal.";
    EXT149 "中间抛出事件不能是“{0}”" "an intermediate throwing event can't be `{0}`"
        "用消息、升级、补偿、链接或信号事件，或无类型。" "Use a message, escalation, compensation, link or signal, or none.";
    EXT151 "该层级有结束事件，此元素须有流出的顺序流" "its scope has end events, so this element needs an outgoing flow"
        "连到其后的元素，或连到结束事件。" "Connect it to what follows, or to an end event.";
    EXT152 ["EXT028"] "顺序流不能跨越流程或子流程的边界" "a sequence flow must not cross the border of a process or sub-process"
        "用边界事件、消息流或在同一层级连接。" "Use a boundary event or a message flow, or connect within one scope.";
}
