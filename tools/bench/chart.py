#!/usr/bin/python3
"""chart.py RESULT.json OUT.svg: CPU per request and memory of each gateway as bars, told as multiples of the first.
Each group has its own scale, so that a small payload is seen beside a large one."""
import html
import json
import os
import sys

WIDTH, LEFT, RIGHT, BAR, GAP, HEAD = 760, 120, 150, 18, 4, 30
COLOURS = {"postern": "#1f6f5c", "envoy": "#b9a7d6", "grpc-gateway": "#8fc1dd", "floor": "#c9c9c9"}
GROUPS = [("CPU per request, small (66 B)", "payloads.small.cpu_us", 1, "µs"),
          ("CPU per request, chat (2.4 KB)", "payloads.chat.cpu_us", 1, "µs"),
          ("CPU per request, tensor (10,000 floats)", "payloads.tensor.cpu_us", 1, "µs"),
          ("CPU per message, 200-token stream", "stream.message_us", 1, "µs"),
          ("CPU per request, 16 MB tensor", "payloads.large.cpu_us", 1 / 1000, "ms"),
          ("p99 at a fixed rate, chat", "latency_us.chat.p99", 1, "µs"),
          ("Memory under load, chat", "payloads.chat.rss_peak_kb", 1 / 1024, "MB"),
          ("Ready after start", "ready_ms", 1, "ms")]


def lookup(figures, path):
    for step in path.split("."):
        figures = figures.get(step) if isinstance(figures, dict) else None
    return figures


def text(x, y, words, extra=""):
    return f'<text x="{x}" y="{y}" {extra}>{html.escape(words)}</text>'


def group(title, bars, unit, top):
    """(svg lines, height); bars are (name, value), the first is what the others are compared with."""
    most = max(v for _, v in bars)
    lines = [text(0, top + 18, title, 'font-weight="600"')]
    for i, (name, value) in enumerate(bars):
        y = top + HEAD + i * (BAR + GAP)
        width = max(value / most * (WIDTH - LEFT - RIGHT), 1)
        times = "" if i == 0 or not bars[0][1] else f"  ({value / bars[0][1]:.1f}×)"
        lines += [text(LEFT - 8, y + 13, name, 'text-anchor="end"'),
                  f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" fill="{COLOURS[name]}"/>',
                  text(round(LEFT + width + 6, 1), y + 13, f"{value:,.{2 if value < 1 else 1 if value < 100 else 0}f} {unit}{times}")]
    return lines, HEAD + len(bars) * (BAR + GAP) + 10


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        report = json.load(f)
    lines, top = [], 0
    for title, path, scale, unit in GROUPS:
        bars = [(n, lookup(g, path) * scale) for n in COLOURS
                for g in [report["gateways"].get(n, {})] if lookup(g, path)]
        if bars:
            more, height = group(title, bars, unit, top)
            lines += more
            top += height
    about = report["machine"]
    note = f"64 connections, one core for the gateway, medians of {report['rounds']} interleaved rounds; {about['cpu']}"
    lines.append(text(0, top + 16, note, 'fill="#666" font-size="11"'))
    os.makedirs(os.path.dirname(sys.argv[2]) or ".", exist_ok=True)
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top + 26}" '
                f'viewBox="0 0 {WIDTH} {top + 26}" font-family="system-ui, sans-serif" font-size="13">\n'
                f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(lines) + "\n</svg>\n")


main()
