# language: zh-CN
功能: 一件诉求从登记到办结

  背景:
    假如 现在是"2022-06-01"
    假如 我以"xfdj"登录
    并且 我的用途是"petitions.registration"
    当 我新建"petitions.petition":
      | 编号           | 2022-10001         |
      | 事由           | 小区外墙渗水       |
      | party          | demo-party-1       |
      | 姓名           | 演示甲某           |
      | 电话           | 0592-0000001       |
      | 公民身份号码   | 999999198001010003 |
      | 住址           | 演示路1号          |
      | 事发区划       | 350203             |
      | 渠道           | 来访               |
      | 类别           | 申诉求决           |
      | 内容分类       | 住房与城乡建设     |
      | 诉求内容       | 外墙渗水,请求维修 |
    那么 成功

  场景: 全程,期限随流转计算
    那么 状态为"登记"
    并且 "petitions.petition"的"2022-10001"的"本环节期限"为"2022-06-16"
    当 我对"petitions.petition"的"2022-10001"执行"转办",填写办理单位"FJ044"
    那么 状态为"转办"
    假如 我以"zjt"登录
    并且 我的用途是"petitions.handling"
    当 我查看"petitions.petition"的"2022-10001"
    那么 现在可以执行"受理、退回"
    当 我对"petitions.petition"的"2022-10001"执行"受理"
    那么 状态为"办理"
    并且 "petitions.petition"的"2022-10001"的"本环节期限"为"2022-07-31"
    当 我对"petitions.petition"的"2022-10001"执行"延期"
    那么 字段"延期理由"有误,原因包含"填写"
    当 我对"petitions.petition"的"2022-10001"执行"延期",填写延期理由"需要鉴定"
    那么 "petitions.petition"的"2022-10001"的"本环节期限"为"2022-08-30"
    当 我对"petitions.petition"的"2022-10001"执行"答复",填写处理意见"已安排维修"
    那么 状态为"答复"
    假如 我以"citizen"登录
    并且 我的用途是"self"
    当 我查看"petitions.petition"的"2022-10001"
    那么 现在可以执行"评价"
    并且 看到的"处理意见"为"已安排维修"
    当 我对"petitions.petition"的"2022-10001"执行"评价",填写满意度"yes"
    那么 成功
    并且 "petitions.petition"的"2022-10001"状态为"办结"
    并且 "petitions.petition"的"2022-10001"的"满意度"为"满意"

  场景: 15 日没有转办,自动督办
    假如 过了16天
    那么 "petitions.reminder"里符合"sent_on >= DATE('2022-06-16')"的有 1 条
    并且 "petitions.petition"的"2022-10001"的"亮灯"为"红灯"

  场景: 60 日没有答复,督办发给办理单位
    当 我对"petitions.petition"的"2022-10001"执行"转办",填写办理单位"FJ044"
    假如 我以"zjt"登录
    并且 我的用途是"petitions.handling"
    当 我对"petitions.petition"的"2022-10001"执行"受理"
    那么 成功
    假如 过了61天
    那么 "petitions.reminder"里符合"unit = 'FJ044'"的有 1 条
    假如 我以"zjt"登录
    并且 我的用途是"petitions.handling"
    当 我按"unit = 'FJ044'"查找"petitions.reminder"
    那么 共有 1 条
    假如 我以"sthjt"登录
    并且 我的用途是"petitions.handling"
    当 我按"unit = 'FJ044'"查找"petitions.reminder"
    那么 共有 0 条

  场景: 答复后 30 日没有异议,自动办结
    当 我对"petitions.petition"的"2022-10001"执行"转办",填写办理单位"FJ044"
    假如 我以"zjt"登录
    并且 我的用途是"petitions.handling"
    当 我对"petitions.petition"的"2022-10001"执行"受理"
    并且 我对"petitions.petition"的"2022-10001"执行"答复",填写处理意见"已安排维修"
    假如 过了31天
    那么 "petitions.petition"的"2022-10001"状态为"办结"

  场景: 退回以后重新转办
    当 我对"petitions.petition"的"2022-10001"执行"转办",填写办理单位"FJ016"
    假如 我以"sthjt"登录
    并且 我的用途是"petitions.handling"
    当 我对"petitions.petition"的"2022-10001"执行"退回"
    那么 "petitions.petition"的"2022-10001"状态为"登记"
    并且 "petitions.petition"的"2022-10001"的"办理单位"为空

  场景: 别人不能替信访人评价
    当 我对"petitions.petition"的"2022-10001"执行"转办",填写办理单位"FJ044"
    假如 我以"zjt"登录
    并且 我的用途是"petitions.handling"
    当 我对"petitions.petition"的"2022-10001"执行"受理"
    并且 我对"petitions.petition"的"2022-10001"执行"答复",填写处理意见"已安排维修"
    当 我对"petitions.petition"的"2022-10001"执行"评价",填写满意度"yes"
    那么 被拒绝,原因包含"权限"

  场景: 检举控告类不转办理单位
    当 我新建"petitions.petition":
      | 编号     | 2022-10002       |
      | 事由     | 反映工作人员问题 |
      | 姓名     | 演示乙           |
      | 电话     | 0592-0000002     |
      | 住址     | 演示路2号        |
      | 事发区划 | 350203           |
      | 渠道     | 来信             |
      | 类别     | 检举控告         |
      | 内容分类 | 其他             |
      | 诉求内容 | 反映情况         |
    那么 成功
    当 我对"petitions.petition"的"2022-10002"执行"转办",填写办理单位"FJ044"
    那么 被拒绝,原因包含"检举控告类不转办理单位"
    当 我对"petitions.petition"的"2022-10002"执行"移送"
    那么 状态为"移送"
