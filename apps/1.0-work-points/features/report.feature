# language: zh-CN
功能: 进展报送、指标、查找与导出

  场景: 报送进展更新任务的进度
    假如 我以"fgw"登录
    当 我新建"work-points.report":
      | task     | 1.1.2        |
      | unit     | FJ001        |
      | progress | 35           |
      | summary  | 主题库已建成 |
    那么 成功
    并且 "work-points.task"的"1.1.2"的"进度"为"35"
    并且 "work-points.report"里符合"reported_on = '2022-03-01'"的有 1 条

  场景: 报送的进度要在 0 到 100 之间,要写情况
    假如 我以"fgw"登录
    当 我新建"work-points.report":
      | task     | 1.1.2 |
      | unit     | FJ001 |
      | progress | 120   |
    那么 字段"进度"有误,原因包含"100"
    并且 字段"进展情况"有误,原因包含"填写"
    并且 "work-points.task"的"1.1.2"的"进度"为"0"

  场景: 配合单位以自己的名义报送
    假如 我以"szb"登录
    当 我新建"work-points.report":
      | task     | 1.1.2            |
      | unit     | FJ002            |
      | progress | 30               |
      | summary  | 已提供共享数据   |
    那么 成功
    当 我新建"work-points.report":
      | task     | 1.1.2    |
      | unit     | FJ001    |
      | progress | 30       |
      | summary  | 替人报送 |
    那么 被拒绝,原因包含"按您的权限"
    并且 "work-points.report"里符合"unit = 'FJ001'"的有 0 条

  场景: 无关的单位不能报送、不能建节点、不能报指标
    假如 我以"wjw"登录
    当 我新建"work-points.report":
      | task     | 1.1.2    |
      | unit     | FJ040    |
      | progress | 90       |
      | summary  | 无关     |
    那么 被拒绝,原因包含"按您的权限"
    并且 "work-points.task"的"1.1.2"的"进度"为"0"
    当 我新建"work-points.milestone":
      | task  | 1.1.2      |
      | title | 无关的节点 |
      | unit  | FJ040      |
      | due   | 2022-06-30 |
    那么 被拒绝,原因包含"按您的权限"
    当 我修改"work-points.target"的"2.3-industrial-apps":
      | 现值 | 99 |
    那么 被拒绝,原因包含"不在您可以这样操作的范围内"

  场景: 报送以后不能改,也不能由办公室代报
    假如 我以"leader"登录
    当 我新建"work-points.report":
      | task     | 1.1.2 |
      | unit     | FJ001 |
      | progress | 10    |
      | summary  | 代报  |
    那么 被拒绝,原因包含"角色"

  场景: 指标达到目标值才算达成
    假如 我以"fgw"登录
    当 我修改"work-points.target"的"2.3-industrial-apps":
      | 现值 | 19 |
    那么 "work-points.target"的"2.3-industrial-apps"的"达成"为"否"
    当 我修改"work-points.target"的"2.3-industrial-apps":
      | 现值 | 20 |
    那么 "work-points.target"的"2.3-industrial-apps"的"达成"为"是"
    当 我修改"work-points.target"的"2.3-industrial-apps":
      | 现值 | 很多 |
    那么 字段"现值"有误,原因包含"数"

  场景: 新任务由办公室立项,条目不能重复
    假如 我以"office"登录
    当 我新建"work-points.task":
      | 条目     | 8.1        |
      | 任务     | 临时交办   |
      | 篇章     | 1          |
      | 牵头单位 | 省卫健委   |
      | 完成期限 | 2022-09-30 |
    那么 成功
    并且 状态为"立项"
    当 我新建"work-points.task":
      | 条目     | 1.1.1      |
      | 任务     | 重复的     |
      | 篇章     | 1          |
      | 牵头单位 | FJ001      |
      | 完成期限 | 2022-09-30 |
    那么 字段"条目"有误,原因包含"重复"
    假如 我以"fgw"登录
    当 我新建"work-points.task":
      | 条目     | 8.2        |
      | 任务     | 自己立的   |
      | 篇章     | 1          |
      | 牵头单位 | FJ001      |
      | 完成期限 | 2022-09-30 |
    那么 被拒绝,原因包含"角色"

  场景: 查找、搜索和导出
    假如 我以"leader"登录
    当 我按"lead = 'FJ040'"查找"work-points.task",按"-clause"排序
    那么 结果依次为:
      | clause | state |
      | 6.2    | 立项  |
      | 6.1    | 立项  |
      | 3.4    | 立项  |
    当 我搜索"核酸检测"于"work-points.task"
    那么 结果包含:
      | clause |
      | 6.1    |
    当 我按"section = '7'"导出"work-points.task"
    那么 共有 4 条
    并且 导出的内容包含"强化监测评价"
    当 我导出"work-points.task"
    那么 共有 38 条

  场景: 没有登录看不到
    假如 我没有登录
    当 我导出"work-points.task"
    那么 被拒绝,原因包含"请先登录"

  场景: 佐证材料要先上传,只收办公文件
    假如 我以"fgw"登录
    当 我新建"work-points.report":
      | task     | 1.1.2    |
      | unit     | FJ001    |
      | progress | 10       |
      | summary  | 附件有误 |
      | evidence | 说明.pdf |
    那么 字段"佐证材料"有误,原因包含"上传"
