"""What pages and the brief show: figures, each with a title, a table, a chart of it where one helps, and its words.

Every number is a cell of a snapshot. None stands for what is too small to show, and is printed as a dash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.answers.knowledge import Knowledge
from bot.texts import LANGUAGES
from bot.texts.numbers import number
from bot.trends.charts import MOST_LINES, Bars, Chart, Grid, Lines
from bot.trends.models import DECISIONS, MOVEMENTS
from bot.trends.reading import Cells, Names, before_half_year
from bot.trends.weeks import MONTH, kind

QUESTIONS, ASKERS, OUTCOME, HELPED = "questions", "askers", "decision", "helped"
RECURRING, TOPIC, GAP, NEED = "recurring", "topic", "gap", "need"
REFERRED_OUT, REFERRED_IN = "referral-out", "referral-in"
HANDED_OVER, UNANSWERED = "handed-over", "unanswered"
EVENTS_OF = {
    "topic": ("shown", "helpful", "unhelpful"),
    "source": ("shown", "opened", "helpful"),
    "material": ("shown", "opened", "helpful"),
}
"""What can happen to a thing, and is drawn."""

BY = ("channel", "language", "referrer", "signatory", "size")
"""The partitions that a page can show, one at a time."""
EMPLOYERS_PER_FTE = 75
"""Extra employers that one extra full-time job can help, by the working agenda (A); it gives no period."""
MOST_ROWS = 15

Value = str | int | None
Recurring = Mapping[str, tuple[str, str | None]]
"""Of recurring questions, by id: the language of their label, and the topic that answers them; None for a gap."""


@dataclass(frozen=True)
class Column:
    """A column of a table. kind: text, count or share (a whole number of percents)."""

    title: str
    kind: str = "count"


@dataclass(frozen=True)
class Figure:
    """A table with its words, and a chart of it."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    chart: Chart | None
    alt: str
    """What the chart shows, for who does not see it."""
    notes: tuple[str, ...] = ()
    foreign: tuple[tuple[str, str], ...] = ()
    """The names in the first column that are in the other language, each with that language."""

    def language_of(self, name: str) -> str | None:
        """The language of a name in the first column, where it is another one than that of the figure."""
        return dict(self.foreign).get(name)


def shown(value: Value, kind: str, language: str) -> str:
    """A value of a table as people read it."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return number(value, language) + ("%" if kind == "share" else "")


class Figures:
    """Makes figures of cells, in one language."""

    def __init__(self, cells: Cells, knowledge: Knowledge, language: str) -> None:
        self._cells, self.names, self.language = cells, Names(knowledge, language), language

    # ---- over weeks

    def volume(self, periods: Sequence[str]) -> Figure:
        """Questions and askers, week by week."""
        measures = ((QUESTIONS, self._t("questions")), (ASKERS, self._t("askers")))
        series = [(title, [self._cells.count(period, measure) for period in periods]) for measure, title in measures]
        return self._over_weeks(
            "volume", self._t("figure.volume", step=self._axis(periods)), periods, series, self._t("how_many")
        )

    def volume_by(self, periods: Sequence[str], by: str) -> Figure:
        """Questions week by week, for each part of a partition."""
        series = [
            (self.names.part(by, part), [self._cells.count(period, QUESTIONS, "", by, part) for period in periods])
            for part in self._cells.parts(periods, QUESTIONS, by)
        ]
        title = self._t(f"figure.volume_by.{by}", step=self._axis(periods))
        return self._over_weeks(f"volume-by-{by}", title, periods, series, self._t("questions"))

    def outcomes(self, periods: Sequence[str]) -> Figure:
        """What the assistant did with questions in the chat, week by week."""
        series = [
            (self._t(f"decision.{name}"), [self._cells.count(period, OUTCOME, name) for period in periods])
            for name in DECISIONS
        ]
        series = [(name, counts) for name, counts in series if any(count is not None for count in counts)]
        return self._over_weeks("outcomes", self._t("figure.outcomes"), periods, series, self._t("questions"))

    def _over_weeks(
        self, id_: str, title: str, periods: Sequence[str], series: Sequence[tuple[str, Sequence[int | None]]], of: str
    ) -> Figure:
        columns = (Column(self._t(self._step(periods)), "text"), *(Column(name) for name, _ in series))
        rows = tuple(
            (self.names.short_period(period), *(counts[place] for _, counts in series))
            for place, period in enumerate(periods)
        )
        known = any(count is not None for _, counts in series for count in counts)
        chart = (
            Lines(self._ticks(periods), self._axis(periods), tuple((n, tuple(c)) for n, c in series[:MOST_LINES]), of)
            if known
            else None
        )
        alt = self._alt_of_lines(title, periods, series) if known else ""
        return Figure(id_, title, columns, rows if known else (), chart, alt)

    def _alt_of_lines(
        self, title: str, periods: Sequence[str], series: Sequence[tuple[str, Sequence[int | None]]]
    ) -> str:
        said = [self._t("alt.lines", title=title, first=self._short(periods[0]), last=self._short(periods[-1]))]
        for name, counts in series[:MOST_LINES]:
            known = [(count, period) for count, period in zip(counts, periods, strict=True) if count is not None]
            if known:
                low, high = min(known), max(known)
                said.append(
                    self._t(
                        "alt.line", name=name, low=self._n(low[0]), low_period=self._short(low[1]),
                        high=self._n(high[0]), high_period=self._short(high[1]),
                    )
                )  # fmt: skip
        return " ".join(said)

    def recurring(self, periods: Sequence[str], known: Recurring) -> Figure:
        """Recurring questions over weeks, those that were asked most, with what became of them.

        known: what else is known of them.
        """
        sums: dict[str, int] = {}
        for period in periods:
            for cell in self._cells.of(period, RECURRING):
                sums[cell.name] = sums.get(cell.name, 0) + cell.count
        ids = sorted((id_ for id_ in sums if sums[id_]), key=lambda id_: (-sums[id_], id_))
        rows: list[tuple[Value, ...]] = []
        drawn: list[tuple[str, tuple[int | None, ...]]] = []
        for id_ in ids:
            counts = tuple(self._cells.count(period, RECURRING, id_) for period in periods)
            label, movement = self._last_known(periods, id_)
            label = self.spoken(known, id_, label)[0]
            rows.append((label, self._answered_by(known, id_), self._movement(movement), *counts))
            drawn.append((label, counts))
        title = self._t("figure.recurring", step=self._axis(periods))
        columns = (
            Column(self._t("question"), "text"), Column(self._t("answered_by"), "text"),
            Column(self._t("movement"), "text"), *(Column(self._short(period)) for period in periods),
        )  # fmt: skip
        chart = (
            Grid(self._ticks(periods), self._axis(periods), tuple(drawn[:MOST_ROWS]), self._t("questions"))
            if drawn
            else None
        )
        alt = ""
        if drawn:
            alt = self._t(
                "alt.grid", title=title, count=len(drawn[:MOST_ROWS]), first=self._short(periods[0]),
                last=self._short(periods[-1]), top=drawn[0][0],
            )  # fmt: skip
        notes = (self._t("note.top_of", shown=MOST_ROWS, all=len(drawn)),) if len(drawn) > MOST_ROWS else ()
        foreign = self._foreign(known, ((id_, self._last_known(periods, id_)[0]) for id_ in ids))
        return Figure("recurring", title, columns, tuple(rows), chart, alt, notes, foreign)

    def moved(self, period: str, known: Recurring) -> list[Figure]:
        """For each movement the recurring questions that moved so in a period: new ones first."""
        figures = []
        for movement in MOVEMENTS:
            found = [cell for cell in self._cells.of(period, RECURRING) if cell.movement == movement]
            if movement == "steady" or not found:
                continue
            before = before_half_year(period)
            rows = tuple(
                (self.spoken(known, cell.name, cell.label)[0], self._answered_by(known, cell.name),
                 *((self._cells.count(before, RECURRING, cell.name),) if before else ()), cell.count or None)
                for cell in found
            )  # fmt: skip
            columns = (
                Column(self._t("question"), "text"), Column(self._t("answered_by"), "text"),
                *((Column(self._short(before)),) if before else ()), Column(self._short(period)),
            )  # fmt: skip
            title = self._t(f"figure.moved.{movement}", period=self.names.period(period))
            foreign = self._foreign(known, ((cell.name, cell.label or "") for cell in found))
            figures.append(Figure(f"moved-{movement}", title, columns, rows, None, "", (), foreign))
        return figures

    def _last_known(self, periods: Sequence[str], id_: str) -> tuple[str, str | None]:
        for period in reversed(periods):
            if (cell := self._cells.cell(period, RECURRING, id_)) is not None:
                return cell.label or "", cell.movement if period == periods[-1] else None
        return "", None

    # ---- of a period, beside the one before

    def ranking(
        self,
        id_: str,
        measure: str,
        period: str,
        by: str | None,
        *,
        named: Callable[[str], str],
        head: str,
        most: int = MOST_ROWS,
    ) -> Figure:
        """What was counted most in a period, beside the half-year before; or for each part of a partition."""
        title = self._t(f"figure.{id_}", period=self.names.period(period))
        found = self._cells.of(period, measure)
        if by is not None:
            return self._by_part(id_, title, measure, period, by, named=named, head=head, most=most)
        before = before_half_year(period)
        with_before = before is not None and bool(self._cells.of(before, measure))
        rows = tuple(
            (named(cell.name), *((self._cells.count(before, measure, cell.name),) if with_before and before else ()),
             cell.count)
            for cell in found
        )  # fmt: skip
        heads = [*([self._short(before)] if with_before and before else []), self._short(period)]
        return self._ranked(id_, title, [head, *heads], rows, most)

    def _ranked(
        self, id_: str, title: str, heads: Sequence[str], rows: Sequence[tuple[Value, ...]], most: int
    ) -> Figure:
        """heads: of the names, and of each number."""
        columns = (Column(heads[0], "text"), *(Column(head) for head in heads[1:]))
        heads = heads[1:]
        drawn = tuple((str(row[0]), _counts(row[1:])) for row in rows[:most])
        chart = Bars(tuple(heads), drawn) if drawn and len(heads) <= 3 else None
        alt = self._alt_of_bars(title, drawn, heads) if chart else ""
        notes = (self._t("note.top_of", shown=most, all=len(rows)),) if len(rows) > most else ()
        return Figure(id_, title, columns, tuple(rows), chart, alt, notes)

    def _by_part(
        self, id_: str, title: str, measure: str, period: str, by: str, *, named: Callable[[str], str], head: str,
        most: int,
    ) -> Figure:  # fmt: skip
        parts = self._cells.parts([period], measure, by)
        sums: dict[str, int] = {}
        for part in parts:
            for cell in self._cells.of(period, measure, by, part):
                sums[cell.name] = sums.get(cell.name, 0) + cell.count
        rows = tuple(
            (named(name), *(self._cells.count(period, measure, name, by, part) for part in parts))
            for name in sorted(sums, key=lambda name: (-sums[name], name))
        )
        return self._ranked(id_, title, [head, *(self.names.part(by, part) for part in parts)], rows, most)

    def _alt_of_bars(
        self, title: str, rows: Sequence[tuple[str, tuple[int | None, ...]]], heads: Sequence[str], unit: str = ""
    ) -> str:
        said = [self._t("alt.bars", title=title)]
        for name, counts in rows[:5]:
            numbers = (
                f"{self._n(count)}{unit} ({head})" if len(heads) > 1 else self._n(count)
                for head, count in zip(heads, counts, strict=True) if count is not None
            )  # fmt: skip
            said.append(f"{name}: {', '.join(numbers)}.")
        if len(rows) > 5:
            said.append(self._t("alt.more", count=len(rows) - 5))
        return " ".join(said)

    def topics(self, period: str, by: str | None = None, most: int = MOST_ROWS) -> Figure:
        """The topics that were asked about most."""
        return self.ranking("topics", TOPIC, period, by, named=self.names.topic, head=self._t("topic"), most=most)

    def needs(self, period: str, by: str | None = None, most: int = MOST_ROWS) -> Figure:
        """What employers said that they need."""
        figure = self.ranking("needs", NEED, period, by, named=self.need, head=self._t("need"), most=most)
        spoken = ((self.need(name), self.language_of_need(name)) for name in self._cells.names([period], NEED))
        foreign = {need: language for need, language in spoken if language not in (None, self.language)}
        return replace(figure, foreign=tuple(sorted((need, language or "") for need, language in foreign.items())))

    def need(self, name: str) -> str:
        """A need, as it was written down."""
        labels = (cell.label for cell in self._cells if cell.measure == NEED and cell.name == name and cell.label)
        return next(labels, name)

    def language_of_need(self, name: str) -> str | None:
        """The language in which most questions with a need were asked; None where no cell shows that."""
        counts = dict.fromkeys(LANGUAGES, 0)
        for cell in self._cells:
            if (cell.measure, cell.name, cell.partition) == (NEED, name, "language"):
                counts[cell.part] += cell.count
        first, second = sorted(counts.values(), reverse=True)[:2]
        return max(counts, key=lambda language: counts[language]) if first > second else None

    def spoken(self, known: Recurring, id_: str, label: str | None) -> tuple[str, str]:
        """The label of a recurring question, and its language: this one, where it is a question of the knowledge."""
        language, topic = known.get(id_, (self.language, None))
        answered_by = self.names.knowledge.topics.get(topic or "")
        for pair in answered_by.questions if answered_by else ():
            if label in pair.values():
                return pair[self.language], self.language
        return label or "", language

    def recurring_in(self, period: str, known: Recurring) -> Figure:
        """The recurring questions of a period, the most asked one first."""
        before = before_half_year(period)
        if before and self._cells.count(before, QUESTIONS) is None:
            before = None
        rows = tuple(
            (self.spoken(known, cell.name, cell.label)[0], self._answered_by(known, cell.name),
             self._movement(cell.movement),
             *((self._cells.count(before, RECURRING, cell.name),) if before else ()), cell.count)
            for cell in self._cells.of(period, RECURRING) if cell.count
        )  # fmt: skip
        columns = (
            Column(self._t("question"), "text"), Column(self._t("answered_by"), "text"),
            Column(self._t("movement"), "text"), *((Column(self._short(before)),) if before else ()),
            Column(self._short(period)),
        )  # fmt: skip
        title = self._t("figure.recurring_in", period=self.names.period(period))
        foreign = self._foreign(known, ((cell.name, cell.label or "") for cell in self._cells.of(period, RECURRING)))
        return Figure("recurring-in", title, columns, rows, None, "", (), foreign)

    def parts(self, period: str, by: str) -> Figure:
        """How the questions of a period came in: by one partition."""
        before = before_half_year(period)
        known = bool(before and self._cells.count(before, QUESTIONS) is not None)
        periods = [before, period] if before and known else [period]
        rows = tuple(
            (self.names.part(by, part), *(self._cells.count(one, QUESTIONS, "", by, part) for one in periods))
            for part in self._cells.parts([period], QUESTIONS, by)
        )
        title = self._t(f"figure.parts.{by}", period=self.names.period(period))
        return self._ranked(
            f"parts-{by}", title, [self._t(f"by.{by}"), *(self._short(one) for one in periods)], rows, MOST_ROWS
        )

    def gaps(self, period: str, known: Recurring, most: int = MOST_ROWS) -> Figure:
        """Recurring questions that nobody could answer, the most asked one first."""
        cells = self._cells.of(period, GAP)
        rows = tuple((cell.label or "", cell.count) for cell in cells)
        title = self._t("figure.gaps", period=self.names.period(period))
        figure = self._ranked("gaps", title, [self._t("question"), self._short(period)], rows, most)
        return replace(figure, foreign=self._foreign(known, ((cell.name, cell.label or "") for cell in cells)))

    def popular(self, thing: str, period: str, by: str | None = None, most: int = MOST_ROWS) -> Figure:
        """How often a kind of thing (topic, source, material) was shown, opened and found helpful in a period.

        With a partition: how often it was shown, for each of its parts.
        """
        named = {"topic": self.names.topic, "source": self.names.source, "material": self.names.material}[thing]
        id_, head = f"popular-{thing}", self._t(thing)
        title = self._t(f"figure.popular.{thing}", period=self.names.period(period))
        if by is not None:
            return self._by_part(id_, title, f"{thing}-shown", period, by, named=named, head=head, most=most)
        measures = [f"{thing}-{event}" for event in EVENTS_OF[thing]]
        known = sorted({name for measure in measures for name in self._cells.names([period], measure)})
        rows = sorted(
            ((named(name), *(self._cells.count(period, measure, name) for measure in measures)) for name in known),
            key=lambda row: (*(-count if isinstance(count, int) else 0 for count in row[1:]), str(row[0])),
        )
        heads = [self._t(f"event.{event}") for event in EVENTS_OF[thing]]
        return self._ranked(id_, title, [head, *heads], rows, most)

    def referred_out(self, period: str, by: str | None = None) -> Figure:
        """Where employers were referred to: networks, materials, talks."""
        return self.ranking(
            "referred-out", REFERRED_OUT, period, by, named=self.names.referred, head=self._t("referred_to")
        )

    def referred_in(self, period: str) -> Figure:
        """Who sent employers here."""
        return self.ranking(
            "referred-in", REFERRED_IN, period, None, named=self.names.referrer, head=self._t("by.referrer")
        )

    def added(self, months: Sequence[str], known: Recurring) -> Figure:
        """Recurring questions that nothing answered at first and a topic does now: how many stayed unanswered.

        months: all that are compared, oldest first.
        """
        found = sorted(
            ((self._last_known(months, id_)[0], id_, topic) for id_, (_, topic) in known.items() if topic),
            key=lambda one: (one[0], one[1]),
        )
        rows, drawn = [], []
        for label, id_, topic in found:
            gaps = [place for place, month in enumerate(months) if self._cells.count(month, GAP, id_)]
            if not gaps or not label or gaps[-1] + 1 >= len(months):
                continue
            asked, unanswered = [], []
            for part in (months[: gaps[-1] + 1], months[gaps[-1] + 1 :]):
                asked.append(self._sum(part, RECURRING, id_))
                unanswered.append(self._sum(part, UNANSWERED, id_))
            if asked[1] is None:
                continue
            said = self.spoken(known, id_, label)[0]
            shares = tuple(_share(part, whole) for part, whole in zip(unanswered, asked, strict=True))
            since = self._short(months[gaps[-1] + 1])
            rows.append((said, self.names.topic(topic), since, asked[0], shares[0], asked[1], shares[1]))
            drawn.append((said, shares))
        columns = (
            Column(self._t("question"), "text"), Column(self._t("answered_by"), "text"),
            Column(self._t("added.since"), "text"), Column(self._t("added.asked_before")),
            Column(self._t("added.before"), "share"), Column(self._t("added.asked_after")),
            Column(self._t("added.after"), "share"),
        )  # fmt: skip
        title, heads = self._t("figure.added"), (self._t("added.before"), self._t("added.after"))
        chart = Bars(heads, tuple(drawn), "%") if drawn else None
        alt = self._alt_of_bars(title, drawn, heads, "%") if drawn else ""
        foreign = self._foreign(known, ((id_, label) for label, id_, _ in found))
        return Figure("added", title, columns, tuple(rows), chart, alt, (self._t("note.added"),), foreign)

    def _sum(self, periods: Sequence[str], measure: str, name: str) -> int | None:
        counts = [self._cells.count(period, measure, name) for period in periods]
        return sum(count for count in counts if count) or None

    def helped(self, periods: Sequence[str], fte: float | None) -> Figure:
        """Employers that a person helped, half-year by half-year, beside the capacity of the working agenda."""
        capacity = None if fte is None else round(fte * EMPLOYERS_PER_FTE)
        rows = tuple(
            (self._short(period), self._cells.count(period, HELPED),
             self._cells.count(period, HELPED, "", "signatory", "no"), *(() if capacity is None else (capacity,)))
            for period in periods
        )  # fmt: skip
        columns = (
            Column(self._t("half_year"), "text"), Column(self._t("helped")), Column(self._t("helped_no_signatory")),
            *(() if capacity is None else (Column(self._t("capacity")),)),
        )  # fmt: skip
        known = any(row[1] is not None or row[2] is not None for row in rows)
        title = self._t("figure.helped")
        drawn = tuple((str(row[0]), _counts(row[1:])) for row in rows)
        chart = Bars(tuple(column.title for column in columns[1:]), drawn) if known else None
        alt = self._alt_of_bars(title, drawn, [column.title for column in columns[1:]]) if known else ""
        if fte is None:
            note = self._t("note.no_fte")
        else:
            note = self._t("note.capacity", fte=_fte(fte, self.language), capacity=self._n(capacity or 0))
        return Figure("helped", title, columns, rows if known else (), chart, alt, (note,))

    # ---- words

    def _step(self, periods: Sequence[str]) -> str:
        return "month" if periods and kind(periods[0]) == MONTH else "week"

    def _axis(self, periods: Sequence[str]) -> str:
        return self._t(self._step(periods)).lower()

    def _ticks(self, periods: Sequence[str]) -> tuple[tuple[str, str], ...]:
        return tuple((self.names.tick(period), period[:4]) for period in periods)

    def _answered_by(self, known: Recurring, id_: str) -> str:
        topic = known[id_][1] if id_ in known else None
        return self.names.topic(topic) if topic else self._t("nobody_answers")

    def _foreign(self, known: Recurring, labels: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """The labels that are in the other language, with that language; labels: of (id, label)."""
        found = {self.spoken(known, id_, label) for id_, label in labels}
        return tuple(sorted((label, language) for label, language in found if language != self.language))

    def _movement(self, movement: str | None) -> str:
        return self._t(f"movement_is.{movement}") if movement else "–"

    def _t(self, key: str, **values: object) -> str:
        return self.names.t(key, **values)

    def _short(self, period: str) -> str:
        return self.names.short_period(period)

    def _n(self, value: int) -> str:
        return number(value, self.language)


def _counts(values: Sequence[Value]) -> tuple[int | None, ...]:
    return tuple(value if isinstance(value, int) else None for value in values)


def _share(part: int | None, whole: int | None) -> int | None:
    """In percents; both are rounded, so it is never more than all."""
    return None if part is None or not whole else min(100, round(100 * part / whole))


def _fte(fte: float, language: str) -> str:
    words = f"{fte:g}"
    return words.replace(".", ",") if language == "nl" else words
