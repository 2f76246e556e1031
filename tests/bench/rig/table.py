"""From cells to the table of docs/performance.md."""

import statistics

from rig import peers, tests


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "n": len(values)}


def rows_of(cells):
    """One row for each measure of which there is a cell: medians, ranges, ratios."""
    rows = []
    for measure in tests.MEASURES:
        values = {}
        for cell in cells:
            if cell["test"] == measure.test and cell["ok"]:
                values.setdefault(cell["peer"], []).append(measure.value(cell))
        if not values:
            continue
        of = {name: spread(found) for name, found in values.items()}
        row = {"measure": measure.name, "test": measure.test, "unit": measure.unit,
               "target": measure.target_text(), "of": of, "best_peer": None, "ratio_best": None,
               "ratio_floor": None, "met": None}
        gatepost = of.get(peers.GATEPOST, {}).get("median")
        others = {name: of[name]["median"] for name in of if name in peers.PEERS}
        best = None
        if others:
            choose = max if measure.more_is_better else min
            row["best_peer"] = choose(others, key=others.get)
            best = others[row["best_peer"]]
        if gatepost is not None:
            row["met"] = measure.met(gatepost, best)
            row["ratio_best"] = gatepost / best if best else None
            if peers.FLOOR in of:
                row["ratio_floor"] = gatepost / of[peers.FLOOR]["median"]
        rows.append(row)
    return rows


def _figure(value, digits):
    return f"{value:,.{digits}f}" if value is not None else "–"


def _spread_text(of, digits):
    if of is None:
        return "–"
    return (f"{_figure(of['median'], digits)} "
            f"({_figure(of['min'], digits)}–{_figure(of['max'], digits)})")


def _ratio(value):
    return f"{value:.2f} ×" if value is not None else "–"


def markdown(rows, failures):
    digits = {measure.name: measure.digits for measure in tests.MEASURES}
    lines = ["| measure | Gatepost | best peer | ratio | target | | floor | ratio |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        places, of = digits[row["measure"]], row["of"]
        best = row["best_peer"]
        met = {True: "met", False: "**missed**", None: "–"}[row["met"]]
        lines.append(
            f"| {row['measure']} ({row['unit']}) | {_spread_text(of.get(peers.GATEPOST), places)} "
            f"| {best or ''} {_spread_text(of.get(best), places)} | {_ratio(row['ratio_best'])} "
            f"| {row['target']} | {met} | {_spread_text(of.get(peers.FLOOR), places)} "
            f"| {_ratio(row['ratio_floor'])} |")
    lines += ["", "All of them, medians:", ""]
    names = [name for name in peers.PEERS if any(name in row["of"] for row in rows)]
    lines += ["| measure | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for row in rows:
        figures = [_figure(row["of"].get(name, {}).get("median"), digits[row["measure"]])
                   for name in names]
        lines.append(f"| {row['measure']} ({row['unit']}) | " + " | ".join(figures) + " |")
    if failures:
        lines += ["", "Cells that failed: " + "; ".join(failures) + "."]
    return "\n".join(lines)


def failures_of(cells):
    return [f"{cell['test']} {cell['peer']}: {cell['first_error'][:100]}"
            for cell in cells if not cell["ok"]]


def brief(cell):
    """One cell in a line, for whoever watches."""
    if not cell["ok"]:
        return f"FAILED {cell.get('errors', '')} {cell['first_error'][:150]}"
    figures = [f"{measure.value(cell):.{max(1, measure.digits)}f} {measure.unit}"
               for measure in tests.MEASURES if measure.test == cell["test"]]
    share = cell["cpu"].get("proxy_s", 0) / cell["seconds"] if not cell.get("mem") else 0
    return f"{', '.join(figures):32s} proxy core {share:.2f}, others' share {cell['foreign']:.2f}"
