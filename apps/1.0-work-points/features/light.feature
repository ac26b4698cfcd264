# language: zh-CN
功能: 亮灯、提醒与逾期升级

  场景: 灯色随日子和进度变
    假如 我以"office"登录
    并且 现在是"2022-06-30"
    那么 "work-points.task"的"1.1.1"的"亮灯"为"绿灯"
    假如 现在是"2022-07-05"
    那么 "work-points.task"的"1.1.1"的"亮灯"为"黄灯"
    当 我修改"work-points.task"的"1.1.1":
      | 进度 | 60 |
    那么 "work-points.task"的"1.1.1"的"亮灯"为"绿灯"
    假如 现在是"2022-12-05"
    那么 "work-points.task"的"1.1.1"的"亮灯"为"黄灯"
    并且 "work-points.task"的"1.1.1"的"剩余天数"为"26"
    假如 现在是"2023-01-01"
    那么 "work-points.task"的"1.1.1"的"亮灯"为"红灯"
    并且 "work-points.task"的"1.1.1"的"剩余天数"为"-1"

  场景: 只有日子在走时历史里不添版本,灯变了才添
    假如 现在是"2022-03-02"
    那么 "work-points.task"的"1.1.1"历史有 1 个版本
    假如 过了5天
    那么 "work-points.task"的"1.1.1"的"剩余天数"为"299"
    并且 "work-points.task"的"1.1.1"历史有 1 个版本
    假如 现在是"2022-07-05"
    那么 "work-points.task"的"1.1.1"历史有 2 个版本

  场景大纲: 到期前提醒牵头单位,每个节点日一次;平台停过的,补最近的一次
    假如 现在是"<日子>"
    那么 "work-points.notice"里符合"level = 'remind' AND text LIKE '%打造一体化%'"的有 <数目> 条
    假如 过了1天
    那么 "work-points.notice"里符合"level = 'remind' AND text LIKE '%打造一体化%'"的有 <次日> 条

    例子:
      | 日子       | 数目 | 次日 |
      | 2022-11-30 | 0    | 1    |
      | 2022-12-01 | 1    | 1    |
      | 2022-12-24 | 1    | 1    |
      | 2022-12-28 | 1    | 1    |
      | 2022-12-30 | 1    | 1    |
      | 2022-12-20 | 1    | 1    |

  场景: 一路走到逾期,先告知牵头单位,五日后上报督办办公室
    假如 现在是"2022-11-30"
    并且 过了32天
    那么 "work-points.notice"里符合"level = 'remind' AND text LIKE '%打造一体化%'"的有 4 条
    并且 "work-points.notice"里符合"level = 'lead' AND text LIKE '%打造一体化%' AND to = 'FJ001'"的有 1 条
    并且 "work-points.notice"里符合"level = 'office' AND text LIKE '%打造一体化%'"的有 0 条
    假如 过了4天
    那么 "work-points.notice"里符合"level = 'lead' AND text LIKE '%打造一体化%'"的有 1 条
    并且 "work-points.notice"里符合"level = 'office' AND text LIKE '%打造一体化%' AND to = 'FJ002'"的有 1 条
    假如 过了3天
    那么 "work-points.notice"里符合"level = 'office' AND text LIKE '%打造一体化%'"的有 1 条

  场景: 销号的任务不再提醒
    假如 我以"fgw"登录
    当 我对"work-points.task"的"1.1.1"执行"签收",填写联系人"王处"
    并且 我对"work-points.task"的"1.1.1"执行"分解",填写分解方案"三步走"
    假如 我以"office"登录
    当 我对"work-points.task"的"1.1.1"执行"推进"
    假如 我以"fgw"登录
    当 我对"work-points.task"的"1.1.1"执行"报送进度",填写进度"100"
    并且 我对"work-points.task"的"1.1.1"执行"办结",填写办结说明"做完了"
    假如 我以"office"登录
    当 我对"work-points.task"的"1.1.1"执行"核查通过"
    并且 我对"work-points.task"的"1.1.1"执行"销号"
    假如 现在是"2022-12-01"
    那么 "work-points.notice"里符合"text LIKE '%打造一体化%'"的有 0 条

  场景: 节点逾期告知责任单位,只告知一次
    假如 我以"fgw"登录
    当 我新建"work-points.milestone":
      | task  | 1.1.1      |
      | title | 印发方案   |
      | unit  | FJ001      |
      | due   | 2022-03-10 |
    那么 成功
    假如 现在是"2022-03-10"
    那么 "work-points.milestone"里符合"light = 'yellow'"的有 1 条
    假如 现在是"2022-03-11"
    那么 "work-points.milestone"里符合"light = 'red'"的有 1 条
    并且 "work-points.notice"里符合"level = 'lead' AND to = 'FJ001'"的有 1 条
    假如 过了2天
    那么 "work-points.notice"里符合"level = 'lead' AND to = 'FJ001'"的有 1 条
