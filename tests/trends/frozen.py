"""Snapshots of made-up weeks and half-years, for the tests of what is made of snapshots."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot.database.types import new_id
from bot.trends.models import RecurringQuestion, Snapshot, SnapshotCell
from bot.trends.reading import Cell, between

TOPICS = ("portal.activation-code-missing", "charter.what-is", "law.targets", "law.report-deadline")
GAP_LABEL = "Is er subsidie voor diversiteitsbeleid?"
QUESTION_LABELS = {
    "r1": "Hoe krijg ik een nieuwe activatiecode?",
    "r2": "Wat is een passend en ambitieus streefcijfer?",
    "r3": "How do we sign the Charter?",
    "r4": "Tellen flexwerkers mee voor de verplichting?",
    "r5": GAP_LABEL,
    "r6": "Kunnen wij onze cijfers uit het salarispakket laden?",
}
ANSWERED_BY: dict[str, str | None] = {
    "r1": "portal.activation-code-missing", "r2": "law.targets", "r3": "charter.what-is",
    "r4": "law.targets", "r5": None, "r6": None,
}  # fmt: skip
KNOWN = {id_: ("en" if id_ == "r3" else "nl", topic) for id_, topic in ANSWERED_BY.items()}
MOVED = {"r1": "steady", "r2": "rising", "r3": "fading", "r4": "new", "r5": "new", "r6": "steady"}
MONTHS = ("2026-M04", "2026-M05", "2026-M06")
WEEKS = between("2026-W14", "2026-W26")


def half_year(period: str, scale: float = 1.0, *, moved: bool = True) -> list[Cell]:
    """A half-year with something of everything."""

    def five(count: float) -> int:
        return int(5 * round(count * scale / 5))

    def cell(
        measure: str, count: float, name: str = "", partition: str = "all", part: str = "", label: str | None = None
    ) -> Cell:
        return Cell(period, measure, name, partition, part, five(count), None, label)

    cells = [
        cell("questions", 1250), cell("askers", 640),
        *(cell("questions", n, "", "channel", p) for p, n in
          (("chat", 800), ("phone", 250), ("email", 120), ("partner", 80))),
        *(cell("questions", n, "", "language", p) for p, n in (("nl", 1050), ("en", 200))),
        *(cell("questions", n, "", "referrer", p) for p, n in (("awvn", 90), ("abu", 40))),
        *(cell("questions", n, "", "signatory", p) for p, n in (("yes", 150), ("no", 210))),
        *(cell("questions", n, "", "size", p) for p, n in (("large", 300), ("sme", 120))),
        *(cell("decision", n, name) for name, n in (("answer", 640), ("choices", 90), ("unknown", 70))),
        *(cell("topic", n, name) for name, n in zip(TOPICS, (180, 120, 95, 60), strict=True)),
        cell("unanswered", 105), cell("handed-over", 85),
        cell("helped", 120), cell("helped", 55, "", "signatory", "no"),
        *(cell("need", n, name) for name, n in (("Voorbeelden van andere bedrijven", 45), ("Een training", 20))),
        *(cell("referral-out", n, name) for name, n in (("awvn", 25), ("normaalste-zaak", 15), ("advice_talk", 10))),
        *(cell("referral-in", n, name) for name, n in (("awvn", 60), ("abu", 30))),
        *(cell(f"material-{event}", n, name) for name, event, n in (
            ("charter-plan-format", "shown", 140), ("charter-plan-format", "opened", 60),
            ("charter-plan-format", "helpful", 25), ("portal-leaflet", "shown", 90),
            ("charter-monitor", "shown", 40), ("charter-monitor", "opened", 10),
        )),
        *(cell("source-shown", n, name) for name, n in (("aanmelden", 300), ("charter", 150))),
    ]  # fmt: skip
    for place, (id_, label) in enumerate(QUESTION_LABELS.items()):
        count = five(90 - 12 * place)
        movement = MOVED[id_] if moved else None
        cells.append(Cell(period, "recurring", id_, "all", "", count, movement, label))
        if ANSWERED_BY[id_] is None:
            cells.append(Cell(period, "gap", id_, "all", "", count, None, label))
    return cells


def week(period: str, seed: int = 7) -> list[Cell]:
    """A week, with holes where too few asked."""
    chance = random.Random(f"{period}{seed}")
    chat, phone = 5 * chance.randint(5, 9), 5 * chance.randint(0, 3)
    cells = [
        Cell(period, "questions", "", "all", "", chat + phone + 5),
        Cell(period, "askers", "", "all", "", chat),
        Cell(period, "questions", "", "channel", "chat", chat),
        Cell(period, "questions", "", "language", "nl", chat),
        Cell(period, "decision", "answer", "all", "", chat - 10),
        Cell(period, "decision", "unknown", "all", "", 5),
    ]
    if phone:
        cells.append(Cell(period, "questions", "", "channel", "phone", phone))
    for id_, label in QUESTION_LABELS.items():
        if chance.random() < 0.6:
            cells.append(
                Cell(
                    period,
                    "recurring",
                    id_,
                    "all",
                    "",
                    5 * chance.randint(1, 4),
                    chance.choice(list(MOVED.values())),
                    label,
                )
            )
    return cells


def everything() -> list[Cell]:
    """Two half-years, and the months and weeks of the last quarter."""
    cells = [*half_year("2025-H2", 0.85, moved=False), *half_year("2026-H1")]
    cells += [cell for place, month in enumerate(MONTHS) for cell in half_year(month, 0.15 + 0.05 * place)]
    return [*cells, *(cell for one in WEEKS for cell in week(one))]


def freeze(engine: Engine, cells: Iterable[Cell], ids: Sequence[str] = tuple(QUESTION_LABELS)) -> None:
    """Stores cells as snapshots."""
    cells = list(cells)
    with Session(engine) as session, session.begin():
        for period in sorted({cell.period for cell in cells}):
            rules = {"min_askers": 5, "rounded_to": 5, "method": 1, "fictional": False}
            session.add(Snapshot(week=period, rules=rules, content_hash=new_id()))
        session.flush()
        for cell in cells:
            session.add(
                SnapshotCell(
                    week=cell.period, measure=cell.measure, name=cell.name, partition=cell.partition, part=cell.part,
                    count=cell.count, movement=cell.movement, label=cell.label,
                )
            )  # fmt: skip
        for id_ in ids:
            session.add(
                RecurringQuestion(
                    id=id_, first_week="2026-W14", last_week="2026-W26", label=QUESTION_LABELS[id_],
                    language=KNOWN[id_][0], topic=KNOWN[id_][1], centroid=b"", centroid_of="test",
                )
            )  # fmt: skip
