"""The figures of `make eval` as a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.eval.outcomes import Decided

TARGETS = {"right": 0.95, "facts": 0.03, "parity": 0.97}
_SHADES = {
    "answered_right": ("answered, right", "#1b7837"),
    "asked_back_right": ("asked back, right one offered", "#a6dba0"),
    "declined": ("declined", "#d9d9d9"),
    "asked_back_wrong": ("asked back, right one missing", "#c2a5cf"),
    "answered_wrong": ("answered, wrong", "#762a83"),
}


def curve(decided: Decided, strays: Decided) -> list[tuple[float, float]]:
    """(facts stated out of scope, answered right), at every threshold that the confidences allow."""
    sure = np.array([d.candidates[0].confidence if d.candidates else 0.0 for d, _ in decided])
    right = np.array([bool(d.topics) and d.topics[0] in asked.topics for d, asked in decided])
    stray = np.array([d.candidates[0].confidence if d.candidates else 0.0 for d, _ in strays])
    thresholds = np.unique(np.quantile(np.concatenate([sure, stray]), np.linspace(0, 1, 60)))
    return [(round(float((stray >= t).mean()), 4), round(float((right & (sure >= t)).mean()), 4)) for t in thresholds]


def show(found: dict[str, Any]) -> None:
    """Prints everything that has a target, and what is confused."""
    columns = ("answered_right", "answered_wrong", "asked_back_right", "declined", "first_is_right")
    print(f"\n{'blind questions':34}{'count':>6}{'right':>8}{'wrong':>8}{'asked, r':>9}{'declined':>9}{'first':>8}")

    def row(name: str, outcomes: dict[str, float]) -> None:
        shares = "".join(f"{outcomes[c]:{w}.1%}" for c, w in zip(columns, (8, 8, 9, 9, 8), strict=True))
        print(f"{name:34}{outcomes['count']:6}{shares}")

    for name, figures in found["blind"].items():
        for language, outcomes in figures["languages"].items():
            row(f"{name}, {language}", outcomes)
        row(f"{name}, follow-ups", figures["follow_ups"])
        print(f"{name + ', facts stated out of scope':40}{figures['facts_stated_out_of_scope']:8.1%}", end="")
        print(f"   calibration error {figures['calibration_error']:.3f}")
    ours = found["blind"]["Wegwijzer"]
    print("\nby theme")
    for theme, outcomes in ours["themes"].items():
        row(f"  {theme}", outcomes)
    print("facts stated by kind:", ", ".join(f"{k} {share:.1%}" for k, share in ours["facts_stated_by_kind"].items()))
    print("\nwrong answers that came most often (right → given)")
    for right, given, count in ours["confusions"]:
        print(f"  {count} × {right} → {given}")
    crossed = found["cross_validation"]
    print("\ncross-validation")
    for language, outcomes in crossed["languages"].items():
        print(
            f"  {language}: {outcomes['count']} questions, right {outcomes['answered_right']:.1%},"
            f" wrong {outcomes['answered_wrong']:.1%}, first {outcomes['first_is_right']:.1%}"
        )
    print(f"  parity {crossed['parity']:.1%}, facts stated {crossed['facts_stated_out_of_scope']:.1%}")
    for right, given, count in crossed["confusions"][:12]:
        print(f"  {count} × {right} → {given}")
    for name, what in (("facts", "facts of the documents, in both languages"), ("blind", "blind questions")):
        asked = found["running_chat"][name]
        print(f"\nIn the running chat: {asked['count']} {what}")
        for language, shares in asked["languages"].items():
            print(f"  {language}: " + ", ".join(f"{outcome} {share:.1%}" for outcome, share in shares.items()))
        if name == "facts":
            for outcome, language, question in asked["not_reached"]:
                print(f"    {outcome} ({language}): {question}")
    print("\ntargets")
    for language, outcomes in ours["languages"].items():
        _target(f"right at once, {language}", outcomes["answered_right"], TARGETS["right"], at_least=True)
    _target("facts stated out of scope", ours["facts_stated_out_of_scope"], TARGETS["facts"], at_least=False)
    _target("parity", crossed["parity"], TARGETS["parity"], at_least=True)


def _target(name: str, value: float, target: float, *, at_least: bool) -> None:
    met = value >= target if at_least else value < target
    print(f"  {name:28} {value:6.1%}; {'at least' if at_least else 'under'} {target:.0%}: {'met' if met else 'MISSED'}")


def draw(found: dict[str, Any], file: Path) -> None:
    """Saves the picture: outcomes of each decider, themes, the trade-off, and how honest the confidences are."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, ((outcomes, themes), (trade, honest)) = pyplot.subplots(2, 2, figsize=(13, 9), layout="constrained")
    bars = {f"{n}, {lang}": o for n, f in found["blind"].items() for lang, o in f["languages"].items()}
    _stack(outcomes, bars, "Blind questions")
    ours = found["blind"]["Wegwijzer"]
    parts = {**ours["themes"], "follow-ups": ours["follow_ups"]}
    _stack(themes, {f"{n} ({o['count']})": o for n, o in parts.items()}, "Wegwijzer, by theme")
    figure.legend(*themes.get_legend_handles_labels(), loc="outside upper center", ncols=len(_SHADES) + 1, fontsize=8)
    for name, points in found["curves"].items():
        trade.plot(*zip(*points, strict=True), marker=".", label=name)
    trade.axvline(TARGETS["facts"], color="grey", linestyle=":", label="target: facts stated")
    trade.axhline(TARGETS["right"], color="grey", linestyle="--", label="target: right at once")
    trade.set(xlim=(0, 0.3), ylim=(0, 1), xlabel="facts stated out of scope", ylabel="answered right at once")
    trade.set_title("At every threshold")
    trade.legend(loc="lower right", fontsize=8)
    honest.plot([0, 1], [0, 1], color="grey", linestyle=":")
    for name in ("Wegwijzer", "encoder untuned"):
        bins = found["blind"][name]["calibration"]
        honest.plot([b[0] for b in bins], [b[1] for b in bins], marker="o", label=name)
    honest.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share that was right")
    honest.set_title("How honest the confidences are (strays count as wrong)")
    honest.legend(fontsize=8)
    figure.savefig(file, dpi=90)
    pyplot.close(figure)


def _stack(axes: Any, bars: dict[str, dict[str, float]], title: str) -> None:
    names = list(bars)
    left = np.zeros(len(names))
    for key, (label, colour) in _SHADES.items():
        widths = np.array([bars[name][key] for name in names])
        axes.barh(names, widths, left=left, color=colour, label=label)
        left += widths
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of the questions")
    axes.axvline(TARGETS["right"], color="black", linestyle="--", linewidth=0.8, label="target: right at once")
    axes.set_title(title)
