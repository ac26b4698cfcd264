# language: zh-CN
功能: 一项任务从立项到销号

  背景:
    假如 现在是"2022-03-01"

  场景: 全程
    假如 我以"fgw"登录
    当 我对"work-points.task"的"1.1.1"执行"签收",填写联系人"王处"
    那么 成功
    并且 状态为"签收"
    并且 "work-points.task"的"1.1.1"的"签收日期"为"2022-03-01"
    当 我对"work-points.task"的"1.1.1"执行"分解",填写分解方案"三步走"
    那么 状态为"分解"
    假如 我以"office"登录
    当 我对"work-points.task"的"1.1.1"执行"推进"
    那么 状态为"推进"
    假如 我以"fgw"登录
    当 我新建"work-points.milestone":
      | task  | 1.1.1      |
      | title | 印发方案   |
      | unit  | FJ001      |
      | due   | 2022-06-30 |
    那么 成功
    当 我新建"work-points.report":
      | task     | 1.1.1      |
      | unit     | FJ001      |
      | progress | 100        |
      | summary  | 全部完成   |
    那么 成功
    并且 "work-points.task"的"1.1.1"的"进度"为"100"
    当 我对"work-points.task"的"1.1.1"执行"办结",填写办结说明"方案已印发"
    那么 状态为"办结"
    假如 我以"office"登录
    当 我查看"work-points.task"的"1.1.1"
    那么 现在可以执行"核查通过、退回"
    当 我对"work-points.task"的"1.1.1"执行"核查通过"
    那么 状态为"核查"
    假如 过了3天
    当 我对"work-points.task"的"1.1.1"执行"销号"
    那么 状态为"销号"
    并且 "work-points.task"的"1.1.1"的"销号日期"为"2022-03-04"
    并且 "work-points.task"的"1.1.1"的"亮灯"为"绿灯"
    并且 发生了 1 次事件"work-points.task.close"
    当 我查看"work-points.task"的"1.1.1"
    那么 现在可以执行""

  场景: 核查不通过退回推进
    假如 我以"fgw"登录
    当 我对"work-points.task"的"1.1.1"执行"签收",填写联系人"王处"
    并且 我对"work-points.task"的"1.1.1"执行"分解",填写分解方案"三步走"
    假如 我以"office"登录
    当 我对"work-points.task"的"1.1.1"执行"推进"
    假如 我以"fgw"登录
    当 我对"work-points.task"的"1.1.1"执行"报送进度",填写进度"100"
    并且 我对"work-points.task"的"1.1.1"执行"办结",填写办结说明"做完了"
    假如 我以"office"登录
    当 我对"work-points.task"的"1.1.1"执行"退回"
    那么 状态为"推进"

  场景: 签收要填联系人
    假如 我以"fgw"登录
    当 我对"work-points.task"的"1.1.1"执行"签收"
    那么 字段"联系人"有误,原因包含"填写"
    并且 "work-points.task"的"1.1.1"状态为"立项"

  场景: 配合单位看得到、报得了,但不能签收
    假如 我以"szb"登录
    当 我对"work-points.task"的"1.1.1"执行"签收",填写联系人"李处"
    那么 被拒绝,原因包含"只有牵头单位可以签收"
    并且 "work-points.task"的"1.1.1"的"联系人"为空

  场景: 无关的单位不能流转
    假如 我以"wjw"登录
    当 我查看"work-points.task"的"1.1.1"
    那么 成功
    并且 现在可以执行""
    当 我对"work-points.task"的"1.1.1"执行"签收",填写联系人"李处"
    那么 被拒绝,原因包含"不在您可以这样操作的范围内"
    并且 "work-points.task"的"1.1.1"的"联系人"为空

  场景: 督办办公室不能代单位签收
    假如 我以"office"登录
    当 我对"work-points.task"的"1.1.3"执行"签收",填写联系人"王处"
    那么 被拒绝,原因包含"角色"

  场景: 没有到 100% 不能办结
    假如 我以"fgw"登录
    当 我对"work-points.task"的"1.1.1"执行"签收",填写联系人"王处"
    并且 我对"work-points.task"的"1.1.1"执行"分解",填写分解方案"三步走"
    假如 我以"office"登录
    当 我对"work-points.task"的"1.1.1"执行"推进"
    假如 我以"fgw"登录
    当 我对"work-points.task"的"1.1.1"执行"报送进度",填写进度"99"
    并且 我对"work-points.task"的"1.1.1"执行"办结",填写办结说明"差不多了"
    那么 被拒绝,原因包含"进度达到 100%"
    并且 "work-points.task"的"1.1.1"状态为"推进"

  场景: 不能跳过环节
    假如 我以"office"登录
    当 我对"work-points.task"的"1.1.1"执行"销号"
    那么 被拒绝,原因包含"立项"

  场景: 领导只看不改
    假如 我以"leader"登录
    当 我查看"work-points.task"的"1.1.1"
    那么 成功
    当 我修改"work-points.task"的"1.1.1":
      | 进度 | 50 |
    那么 被拒绝,原因包含"角色"

  场景: 别人先改了,要重新看过再改
    假如 我以"office"登录
    当 我修改"work-points.task"的"1.1.2":
      | 进度 | 20 |
    那么 成功
    当 我拿着第1版修改"work-points.task"的"1.1.2":
      | 进度 | 30 |
    那么 状态码为412
    并且 被拒绝,原因包含"改"
    并且 "work-points.task"的"1.1.2"的"进度"为"20"
