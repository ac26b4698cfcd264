"""Records for the benchmarks: seeded, with the names of Fujian's real villages and counties."""

import csv
import random
from pathlib import Path

SEED = 2022
KINDS = {
    "hall": "政务服务大厅",
    "station": "便民服务站",
    "clinic": "卫生服务站",
    "library": "图书室",
    "school": "社区学校",
    "care": "养老服务站",
    "post": "邮政服务点",
    "bank": "金融服务点",
}
NOTES = [
    "提供身份证明、社会保障、医疗保险等事项的帮办代办",
    "周一至周五上午八点半至下午五点半开放,节假日轮值",
    "配有自助终端,可以打印证明、查询办件进度",
    "与乡镇综合服务中心联网,重要事项当日转办",
    "由村民委员会日常管理,县级主管部门每季度巡查",
]
COLUMNS = ["code", "name", "kind", "county", "address", "opened", "invested", "area", "place", "note"]
WEST, SOUTH, EAST, NORTH = 116.0, 23.6, 120.6, 28.3


class World:
    """Counties with a centre each, and villages with their township and county."""

    def __init__(self, regions: Path):
        with regions.open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if not row["valid_to"]]
        names = {row["code"]: row["name"] for row in rows}
        self.counties = sorted(row["code"] for row in rows if row["level"] == "county")
        chance = random.Random(SEED)
        # Where counties lie is no part of the seeds: each gets a place of its own within the province's bounds.
        self.centres = {
            code: (chance.uniform(WEST + 0.3, EAST - 0.3), chance.uniform(SOUTH + 0.3, NORTH - 0.3))
            for code in self.counties
        }
        self.villages = sorted(
            (row["code"], row["name"].removesuffix("居委会").removesuffix("委会"), names[row["parent"]], row["code"][:6])
            for row in rows
            if row["level"] == "village" and row["parent"] in names and row["code"][:6] in self.centres
        )

    def records(self, count: int):
        """Dictionaries of texts, the same for the same count."""
        chance = random.Random(SEED + 1)
        kinds = list(KINDS)
        for number in range(count):
            _, village, town, county = self.villages[chance.randrange(len(self.villages))]
            kind = kinds[min(int(chance.expovariate(0.5)), len(kinds) - 1)]
            x, y = self.centres[county]
            x = min(max(chance.gauss(x, 0.09), WEST), EAST)
            y = min(max(chance.gauss(y, 0.09), SOUTH), NORTH)
            yield {
                "code": f"S{number:08d}",
                "name": f"{town}{village}{KINDS[kind]}",
                "kind": kind,
                "county": county,
                "address": f"{town}{village}{chance.randrange(1, 300)}号",
                "opened": f"{chance.randrange(1990, 2022)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}",
                "invested": f"{chance.randrange(10, 90_000) / 100:.2f}",
                "area": f"{chance.randrange(2_000, 90_000) / 100:.2f}",
                "place": f'{{"type":"Point","coordinates":[{x:.6f},{y:.6f}]}}',
                "note": chance.choice(NOTES) if chance.random() < 0.6 else "",
            }

    def files(self, count: int, folder: Path, rows: int):
        """CSV files of at most `rows` records each."""
        records = self.records(count)
        for part in range((count + rows - 1) // rows):
            path = folder / f"sites-{count}-{part}.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                for _, record in zip(range(min(rows, count - part * rows)), records):
                    writer.writerow(record)
            yield path
