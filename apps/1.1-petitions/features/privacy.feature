# language: zh-CN
功能: 谁为什么看得到什么

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

  场景: 没有用途,一件也看不到
    假如 我以"xfdj"登录
    当 我查看"petitions.petition"的"2022-10001"
    那么 被拒绝,原因包含"请写明用途"
    当 我按"state = 'registered'"查找"petitions.petition"
    那么 被拒绝,原因包含"petitions.registration"
    当 我导出"petitions.petition"
    那么 被拒绝,原因包含"权限"

  场景: 别的角色的用途不能用
    假如 我以"xfdj"登录
    并且 我的用途是"petitions.handling"
    当 我查看"petitions.petition"的"2022-10001"
    那么 被拒绝,原因包含"不能以"

  场景: 用途终止以后不能再用
    假如 我以"xfdj"登录
    并且 我的用途是"petitions.inspection"
    当 我查看"petitions.petition"的"2022-10001"
    那么 成功
    并且 看到的"诉求内容"为"外墙渗水,请求维修"
    并且 看到的"姓名"为空
    并且 看到的"电话"为空
    假如 现在是"2023-01-03"
    假如 我以"xfdj"登录
    并且 我的用途是"petitions.inspection"
    当 我查看"petitions.petition"的"2022-10001"
    那么 被拒绝,原因包含"已于 2022-12-31 终止"

  场景: 登记人转办前核对姓名,电话只见末四位,号码不显示
    当 我查看"petitions.petition"的"2022-10001"
    那么 看到的"姓名"没有遮盖
    并且 看到的"电话"为"***0001"
    并且 看到的"电话"被遮盖
    并且 看到的"公民身份号码"为空
    并且 看到的"公民身份号码"被遮盖
    当 我修改"petitions.petition"的"2022-10001":
      | 电话 | 0592-0000009 |
    那么 字段"电话"有误,原因包含"看不到"
    当 我对"petitions.petition"的"2022-10001"执行"转办",填写办理单位"FJ044"
    当 我查看"petitions.petition"的"2022-10001"
    那么 看到的"姓名"为"演***某"

  场景: 办理单位看全姓名、电话、住址,看不到号码
    当 我对"petitions.petition"的"2022-10001"执行"转办",填写办理单位"FJ044"
    假如 我以"zjt"登录
    并且 我的用途是"petitions.handling"
    当 我查看"petitions.petition"的"2022-10001"
    那么 看到的"姓名"为"演示甲某"
    并且 看到的"电话"为"0592-0000001"
    并且 看到的"电话"没有遮盖
    并且 看到的"公民身份号码"为空

  场景: 别的单位、别的地区看不到,也搜不到
    当 我对"petitions.petition"的"2022-10001"执行"转办",填写办理单位"FJ044"
    假如 我以"sthjt"登录
    并且 我的用途是"petitions.handling"
    当 我查看"petitions.petition"的"2022-10001"
    那么 状态码为404
    当 我按"phone = '0592-0000001'"查找"petitions.petition"
    那么 共有 0 条
    当 我搜索"渗水"于"petitions.petition"
    那么 共有 0 条
    当 我对"petitions.petition"的"2022-10001"执行"受理"
    那么 状态码为404
    当 我导出"petitions.petition"
    那么 被拒绝,原因包含"权限"
    假如 我以"xfdj-qz"登录
    并且 我的用途是"petitions.registration"
    当 我查看"petitions.petition"的"2022-10001"
    那么 状态码为404

  场景: 遮盖的内容不能拿来猜
    当 我按"phone = '0592-0000001'"查找"petitions.petition"
    那么 共有 0 条
    当 我按"id_number = '999999198001010003'"查找"petitions.petition"
    那么 共有 0 条

  场景: 登记人不能把诉求登到别的地区
    当 我新建"petitions.petition":
      | 编号     | 2022-10003    |
      | 事由     | 河道异味      |
      | 姓名     | 演示丙        |
      | 电话     | 0595-0000003  |
      | 住址     | 演示路3号     |
      | 事发区划 | 350502        |
      | 渠道     | 来电          |
      | 类别     | 申诉求决      |
      | 内容分类 | 生态环境      |
      | 诉求内容 | 河道有异味    |
    那么 被拒绝,原因包含"按您的权限"
    并且 "petitions.petition"里没有"2022-10003"

  场景: 导出须另一人同意
    当 我导出"petitions.petition"
    那么 被拒绝,原因包含"另一人"

  场景: 领导只看汇总
    假如 我以"xfld"登录
    并且 我的用途是"petitions.analysis"
    当 我按"state = 'registered'"查找"petitions.petition"
    那么 被拒绝,原因包含"不少于 5 条的汇总"
    当 我查看"petitions.petition"的"2022-10001"
    那么 被拒绝,原因包含"权限"

  场景: 信访人看自己的,看不到邻居的
    假如 我以"citizen"登录
    当 我查看"petitions.petition"的"2022-10001"
    那么 被拒绝,原因包含"本人查阅"
    假如 我的用途是"self"
    当 我查看"petitions.petition"的"2022-10001"
    那么 看到的"电话"为"0592-0000001"
    并且 看到的"公民身份号码"为"999999198001010003"
    假如 我以"neighbour"登录
    并且 我的用途是"self"
    当 我查看"petitions.petition"的"2022-10001"
    那么 状态码为404

  场景: 管理员看不到
    假如 我以"admin"登录
    并且 我的用途是"petitions.registration"
    当 我查看"petitions.petition"的"2022-10001"
    那么 被拒绝,原因包含"权限"
