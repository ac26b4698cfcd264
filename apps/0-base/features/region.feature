# language: zh-CN
功能: 行政区划代码随时间有效

  背景:
    假如 我以"office"登录

  场景大纲: 区划按级别是全的
    当 我按"<条件>"查找"base.region"
    那么 共有 <数目> 条

    例子:
      | 条件                                      | 数目  |
      | level = 'city' AND valid_to IS NULL       | 9     |
      | level = 'county' AND valid_to IS NULL     | 84    |
      | level = 'township' AND valid_to IS NULL   | 1170  |
      | level = 'village' AND valid_to IS NULL    | 17498 |
      | valid_to = '2017-01-01'                   | 1     |
      | valid_to = '2021-01-01'                   | 5     |

  场景: 2017 年和 2021 年停用的代码指向后继
    当 我按"valid_to IN ('2017-01-01', '2021-01-01')"查找"base.region",按"code"排序
    那么 结果依次为:
      | code   | name   | successor |
      | 350182 | 长乐市 | 350112    |
      | 350402 | 梅列区 | 350404    |
      | 350403 | 三元区 | 350404    |
      | 350427 | 沙县   | 350405    |
      | 350625 | 长泰县 | 350605    |
      | 350681 | 龙海市 | 350604    |

  场景大纲: 新填的旧代码被拒绝,并告知现在的代码
    当 我新建"base.unit":
      | code   | FJ901    |
      | name   | 新设单位 |
      | kind   | 部门     |
      | region | <旧>     |
    那么 字段"region"有误,原因包含"<现在>"

    例子:
      | 旧     | 现在                  |
      | 350182 | 现为 350112 长乐区    |
      | 350126 | 现为 350112 长乐区    |
      | 352323 | 现为 350112 长乐区    |
      | 350427 | 现为 350405 沙县区    |
      | 350625 | 现为 350605 长泰区    |
      | 359999 | 没有行政区划代码      |

  场景: 区划改名以前设立的单位保留当时的代码
    当 我新建"base.unit":
      | code   | FJ902      |
      | name   | 长乐旧单位 |
      | kind   | 部门       |
      | since  | 2015-05-01 |
      | region | 350182     |
    那么 成功
    并且 "base.unit"的"FJ902"的"region"为"350182"
    当 我修改"base.unit"的"FJ902":
      | name | 长乐老单位 |
    那么 成功
    并且 "base.unit"的"FJ902"的"region"为"350182"

  场景: 日期改到区划停用以后,旧代码就不能用了
    当 我新建"base.unit":
      | code   | FJ903      |
      | name   | 沙县单位   |
      | kind   | 部门       |
      | since  | 2020-05-01 |
      | region | 350427     |
    那么 成功
    当 我修改"base.unit"的"FJ903":
      | since | 2021-05-01 |
    那么 字段"region"有误,原因包含"现为 350405 沙县区"

  场景: 代码启用以前的日子也不能用
    当 我新建"base.unit":
      | code   | FJ904      |
      | name   | 长乐单位   |
      | kind   | 部门       |
      | since  | 2016-12-31 |
      | region | 350112     |
    那么 字段"region"有误,原因包含"自 2017-01-01 起有效"
