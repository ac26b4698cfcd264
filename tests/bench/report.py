"""The figures as tables of plain text: goal, measured, met or not.

Requests a second depend on what else the machine does; requests per second of processor time (of the server and its
database) hardly do. A ratio to a peer must hold by both; speed kept with more records is judged by the second.
"""


def width(text: str) -> int:
    return sum(2 if ord(c) > 0x2E80 else 1 for c in text)


def table(rows: list[list[str]]) -> str:
    widths = [max(width(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [
            cell + " " * (widths[at] - width(cell)) if at == 0 else " " * (widths[at] - width(cell)) + cell
            for at, cell in enumerate(row)
        ]
        lines.append("  ".join(cells).rstrip())
        if number == 0:
            lines.append("  ".join("-" * wide for wide in widths))
    return "\n".join(lines)


def met(good: bool) -> str:
    return "met" if good else "NOT MET"


def peers(figures: dict, size: str) -> str:
    rows = [["OGC items", "requests/s", "per CPU s", "p50 ms", "p95 ms"]]
    named = {f"banyan {database}": sizes[size]["measures"] for database, sizes in figures["banyan"].items()}
    named |= figures["peers"].get(size, {})
    for measure in next(iter(figures["peers"][size].values())):
        for name, found in named.items():
            one = found[measure]
            rows.append([
                f"{measure}: {name}", f"{one['rate']:.0f}", f"{one['cpu_rate']:.0f}", f"{one['p50']:.1f}", f"{one['p95']:.1f}",
            ])
    return table(rows)


def own(figures: dict) -> str:
    small, large = (str(size) for size in figures["sizes"])
    rows = [["Banyan's own", f"{small}: /s", f"{large}: /s", "rate kept", "per CPU s kept", "p95 ms", "goal", ""]]
    for database, sizes in figures["banyan"].items():
        for name, one in sizes[large]["measures"].items():
            before = sizes[small]["measures"][name]
            kept = one["rate"] / before["rate"]
            quiet = one["cpu_rate"] / before["cpu_rate"] if "cpu_rate" in one else None
            rows.append([
                f"{database}, {name}", f"{before['rate']:.0f}", f"{one['rate']:.0f}", f"{kept:.0%}",
                f"{quiet:.0%}" if quiet else "", f"{one['p95']:.1f}" if "p95" in one else "", "≥ 90 %",
                met((quiet or kept) >= 0.9),
            ])
    return table(rows)


def goals(figures: dict) -> str:
    large = str(figures["sizes"][-1])
    rows = [["goal", "wanted", "measured", "by CPU time", ""]]
    for peer, wanted in (("pygeoapi", 10), ("tipg", 4)):
        for size, found in figures["peers"].items():
            for database, sizes in figures["banyan"].items():
                for measure, theirs in found[peer].items():
                    ours = sizes[size]["measures"][measure]
                    ratio, quiet = ours["rate"] / theirs["rate"], ours["cpu_rate"] / theirs["cpu_rate"]
                    rows.append([
                        f"banyan {database} : {peer}, {measure}, {size}", f"≥ {wanted}", f"{ratio:.1f}", f"{quiet:.1f}",
                        met(min(ratio, quiet) >= wanted),
                    ])
    for database, sizes in figures["banyan"].items():
        found = sizes[large]
        for name in ("filtered page", "filtered page with count"):
            slow = found["measures"][name]["p95"]
            rows.append([f"{database}, p95 of a {name}, {large}", "≤ 30 ms", f"{slow:.1f}", "", met(slow <= 30)])
        rows.append([f"{database}, memory idle", "≤ 100 MB", f"{found['idle_mb']:.0f}", "", met(found["idle_mb"] <= 100)])
        peak = found["peak_mb"]
        rows.append([f"{database}, memory at most, {large}", "≤ 400 MB", f"{peak:.0f}", "", met(peak <= 400)])
    return table(rows)


def text(figures: dict) -> str:
    named = ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    parts = [
        f"{figures['date']}, {figures['machine']['processors']} processors, {figures['seconds']} s a measure; {named}",
        "Every server ran alone beside the generator, on all processors; OGC items with 16 clients.",
    ]
    parts += [f"{size} records\n{peers(figures, size)}" for size in figures["peers"]]
    for database, sizes in figures["banyan"].items():
        for size, found in sizes.items():
            if rate := found["made"]["rows_a_second"]:
                parts.append(f"import, {database}, {size}: {rate} rows/s")
    parts += [own(figures), goals(figures)]
    return "\n\n".join(parts)
