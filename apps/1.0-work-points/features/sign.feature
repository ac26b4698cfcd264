# language: zh-CN
功能: 牵头单位签收任务

  场景: 牵头单位签收
    假如 我以"fgw"登录
    当 我对"work-points.task"的"1.1.1"执行"sign",填写联系人"王处"
    那么 成功
    并且 "work-points.task"的"1.1.1"状态为"signed"

  场景: 别的单位不能签收
    假如 我以"office"登录
    当 我对"work-points.task"的"1.1.3"执行"sign",填写联系人"王处"
    那么 被拒绝,原因包含"角色"
