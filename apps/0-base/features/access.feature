# language: zh-CN
功能: 基础数据谁都能查,管理员能改

  场景: 单位、节假日是全的
    假如 我以"fgw"登录
    当 我按"parent = 'FJ000'"查找"base.unit"
    那么 共有 62 条
    当 我按"date >= '2022-01-01' AND date < '2023-01-01' AND off = TRUE"查找"base.holiday"
    那么 共有 32 条
    当 我按"date = '2022-10-08'"查找"base.holiday"
    那么 结果依次为:
      | name   | off |
      | 国庆节 | 否  |

  场景: 公开的代码不登录也能查,单位不能
    假如 我没有登录
    当 我按"code = '350112'"查找"base.region"
    那么 共有 1 条
    当 我按"code = 'FJ001'"查找"base.unit"
    那么 被拒绝,原因包含"请先登录"

  场景: 经办不能改
    假如 我以"fgw"登录
    当 我新建"base.unit":
      | code | FJ900  |
      | name | 新单位 |
      | kind | 部门   |
    那么 被拒绝,原因包含"角色"

  场景: 单位名称不能重复,代码有格式
    假如 我以"office"登录
    当 我新建"base.unit":
      | code | FJ900    |
      | name | 省发改委 |
      | kind | 部门     |
    那么 字段"name"有误,原因包含"重复"
    当 我新建"base.unit":
      | code | 900    |
      | name | 新单位 |
      | kind | 部门   |
    那么 状态码为422
    并且 字段"code"有误,原因包含"格式"

  场景: 有牵头任务的单位不能删除
    假如 我以"office"登录
    当 我删除"base.unit"的"FJ001"
    那么 被拒绝,原因包含"引用"
