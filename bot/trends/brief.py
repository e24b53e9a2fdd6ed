"""The brief for the impact meeting: a half-year in full sentences, made of frozen cells and nothing else.

A sentence stands in it only where there is a number behind it; where there is too little, the brief says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from bot.answers.knowledge import Knowledge
from bot.texts.days import in_words
from bot.texts.numbers import number
from bot.trends.figures import (
    ASKERS,
    GAP,
    HANDED_OVER,
    HELPED,
    NEED,
    OUTCOME,
    QUESTIONS,
    RECURRING,
    REFERRED_IN,
    REFERRED_OUT,
    TOPIC,
    UNANSWERED,
    Figure,
    Figures,
    Recurring,
)
from bot.trends.models import DECISIONS, MOVEMENTS
from bot.trends.reading import Cell, Cells, SnapshotStore
from bot.trends.weeks import HALF_YEAR, MONTH, before, kind, last_day, weeks_of

MOST_IN_SENTENCE = 4
MOST_POINTS = 6
MOST_BARS = 5
MOST_IN_TABLE = 8
LEAST_CHANGE = 10
"""A difference of two rounded numbers that is smaller than this may be no difference at all."""
WORK_AGENDA = "werkagenda"


@dataclass(frozen=True)
class Points:
    """A list of points."""

    points: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """A figure in the brief: its chart, its table, or both. The spreadsheet has every table, whole."""

    figure: Figure
    chart: bool = True
    table: bool = False
    rows: int = MOST_IN_TABLE


Part = str | Points | Shown


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    heading: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Brief:
    """All that the brief says, in one language."""

    period: str
    language: str
    title: str
    lead: str
    made: str
    made_on: date
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    sources: tuple[str, ...]
    note: str
    """How the numbers in its tables are to be read."""
    warning: str = ""
    """That it tells of made-up questions, where it does."""
    foreign: tuple[tuple[str, str], ...] = ()
    """Questions and needs in the other language, each with that language. Sentences have them between “ and ”."""

    @property
    def figures(self) -> tuple[tuple[str, Figure], ...]:
        """Every figure, with the heading that it stands under."""
        return tuple(
            (section.heading, part.figure)
            for section in self.sections for part in section.parts if isinstance(part, Shown)
        )  # fmt: skip


@dataclass(frozen=True)
class Frozen:
    """What a brief is made of: the cells of its half-year, of the one before, and of its weeks."""

    period: str
    cells: Cells
    weeks: tuple[str, ...]
    """Those of the half-year that have a snapshot."""
    known: Recurring
    """What else is known of the recurring questions."""
    months: tuple[str, ...] = ()
    """The months up to its end, for before and after topics that were added."""
    known_gaps: Recurring = field(default_factory=dict)
    """What is known of the recurring questions that were gaps in these months."""
    fictional: bool = False
    """Whether it was made of made-up questions."""
    askers: int = 5
    """The threshold under which the snapshot was made."""
    method: str = ""
    """Its version."""


class NoSuchBrief(LookupError):
    """There is no snapshot of this half-year, or it is no half-year."""


def half_years(snapshots: SnapshotStore) -> list[str]:
    """The half-years that a brief can be made of, the latest first."""
    return sorted((period for period in snapshots.periods() if kind(period) == HALF_YEAR), reverse=True)


def read(snapshots: SnapshotStore, period: str) -> Frozen:
    """Reads what the brief of a half-year is made of. Raises NoSuchBrief."""
    if period not in half_years(snapshots):
        raise NoSuchBrief(period)
    periods = set(snapshots.periods())
    weeks = tuple(week for week in weeks_of(period) if week in periods)
    months = tuple(sorted(one for one in periods if kind(one) == MONTH and last_day(one) <= last_day(period)))[-12:]
    cells = snapshots.cells([*(one for one in (before(period),) if one in periods), period, *weeks, *months])
    rules = snapshots.rules(period)
    known = snapshots.recurring(cells.names([period], RECURRING))
    return Frozen(
        period,
        cells,
        weeks,
        known,
        askers=int(str(rules.get("min_askers", 5))),
        method=str(rules.get("method", "")),
        months=months,
        known_gaps=snapshots.recurring(cells.names(months, GAP)),
        fictional=bool(rules.get("fictional")),
    )


def write(
    frozen: Frozen, knowledge: Knowledge, language: str, *, made_on: date, fte: float | None, retention_days: int
) -> Brief:
    """Writes the brief. made_on: the day on which it is made. fte: extra full-time jobs; None where it is not set."""
    return _Writer(frozen, knowledge, language, fte).brief(made_on, retention_days)


class _Writer:
    def __init__(self, frozen: Frozen, knowledge: Knowledge, language: str, fte: float | None) -> None:
        self.frozen, self.cells, self.period = frozen, frozen.cells, frozen.period
        self.before = before(frozen.period)
        self.figures = Figures(frozen.cells, knowledge, language)
        self.names, self.knowledge, self.language, self.fte = self.figures.names, knowledge, language, fte
        self.can_compare = self.cells.count(self.before, QUESTIONS) is not None

    # ---- words

    def t(self, key: str, **values: object) -> str:
        return self.names.t(f"brief.{key}", **values)

    def n(self, count: int) -> str:
        return number(count, self.language)

    def counted(self, key: str, count: int, most: int | None = None) -> str:
        """The text for one, for many, or for more than are listed."""
        if count == 1:
            return self.t(f"{key}_one")
        if most is not None and count > most:
            return _sentence(self.t(f"{key}_top", count=self.few(count)))
        return _sentence(self.t(f"{key}_many", count=self.few(count)))

    def few(self, count: int) -> str:
        """A number of things that were counted exactly, not rounded: in words up to twelve."""
        return self.t(f"number.{count}") if 2 <= count <= 12 else self.n(count)

    def list_of(self, items: Sequence[str]) -> str:
        if len(items) < 2:
            return "".join(items)
        return f"{', '.join(items[:-1])} {self.t('and')} {items[-1]}"

    def with_counts(self, items: Iterable[tuple[str, int]]) -> str:
        return self.list_of([f"{name} ({self.n(count)})" for name, count in items])

    def top(self, measure: str) -> list[Cell]:
        return self.cells.of(self.period, measure)

    # ---- the whole

    def brief(self, made_on: date, retention_days: int) -> Brief:
        made = in_words(made_on, self.language)
        enough = self.cells.count(self.period, QUESTIONS) is not None
        sections = self._sections() if enough else []
        accounting = Section(
            self.t("accounting"),
            (self.t("method"), self.t("privacy", askers=self.frozen.askers, days=self.n(retention_days))),
        )
        return Brief(
            period=self.period,
            language=self.language,
            title=self.t("title", period=self.names.period(self.period)),
            lead=self.t("for"),
            made=self.t("made", date=made),
            made_on=made_on,
            summary=tuple(self._summary()) if enough else (self._too_few(),),
            sections=(*sections, accounting),
            sources=tuple(self._sources(made)),
            note=self.names.t("note.small", askers=self.frozen.askers),
            warning=self.names.t("fictional") if self.frozen.fictional else "",
            foreign=self._foreign() if enough else (),
        )

    def _foreign(self) -> tuple[tuple[str, str], ...]:
        labels = [*self.top(RECURRING), *self.top(GAP)]
        spoken = {self.figures.spoken(self.frozen.known, cell.name, cell.label) for cell in labels if cell.label}
        spoken |= {(need, language) for need, language in self._spoken_needs() if language is not None}
        return tuple(sorted((words, language) for words, language in spoken if language != self.language))

    def _spoken_needs(self) -> list[tuple[str, str | None]]:
        return [(self.figures.need(c.name), self.figures.language_of_need(c.name)) for c in self.top(NEED)]

    def label(self, cell: Cell) -> str:
        """What a recurring question is called."""
        return self.figures.spoken(self.frozen.known, cell.name, cell.label)[0]

    def _too_few(self) -> str:
        return self.t("too_few", period=self.names.period(self.period))

    def _sections(self) -> list[Section]:
        made = (
            ("asked", self._asked()), ("changed", self._changed()), ("unanswered", self._unanswered()),
            ("used", self._used()), ("propose", self._propose()),
        )  # fmt: skip
        return [Section(self.t(key), tuple(parts)) for key, parts in made]

    def _summary(self) -> list[str]:
        points = [self._volume()]
        if most := [f"“{self.names.topic(cell.name)}”" for cell in self.top(TOPIC)[:3]]:
            points.append(self.t("topics_short", list=self.list_of(most)))
        if self.can_compare:
            moved = self._moved()
            points += [
                self._with_the_first(self._bare(k, len(moved[k])), moved[k]) for k in ("new", "rising") if moved[k]
            ]
        gaps = self.top(GAP)
        points.append(self._with_the_first(self._gaps(), gaps))
        if used := self._material():
            points.append(used[0])
        if len(gaps) == 1:
            points.append(self._bare("propose", 1))
        elif gaps:
            points.append(self.t("propose_short", count=self.few(min(len(gaps), MOST_POINTS))))
        return points

    def _with_the_first(self, said: str, cells: Sequence[Cell]) -> str:
        if len(cells) < 2 or not cells[0].label:
            return said
        return f"{said} {self.t('most_asked', label=self.label(cells[0]))}"

    def _bare(self, key: str, count: int) -> str:
        """The sentence that leads a list, where no list follows."""
        words = self.t(f"{key}_one") if count == 1 else self.t(f"{key}_many", count=self.few(count))
        return _sentence(words).split(":", 1)[0].split(",", 1)[0].rstrip() + "."

    # ---- what employers asked

    def _volume(self) -> str:
        questions, askers = self.cells.count(self.period, QUESTIONS), self.cells.count(self.period, ASKERS)
        if questions is None:
            return self._too_few()
        if askers is None:
            said = [self.t("volume_only", questions=self.n(questions))]
        else:
            said = [self.t("volume", questions=self.n(questions), askers=self.n(askers))]
        before, name = self.cells.count(self.before, QUESTIONS), self.names.period(self.before)
        if before is None:
            said.append(self.t("no_before", before=name))
        elif abs(questions - before) < LEAST_CHANGE:
            said.append(self.t("same", before=name))
        else:
            key = "more" if questions > before else "fewer"
            said.append(self.t(key, difference=self.n(abs(questions - before)), before=name))
        return " ".join(said)

    def _topics(self) -> str:
        found = [(self.names.topic(cell.name), cell.count) for cell in self.top(TOPIC)]
        if not found:
            return self.t("topics_none")
        (first, count), others = found[0], found[1:MOST_IN_SENTENCE]
        if not others:
            return self.t("topics_one", first=first, count=self.n(count))
        return self.t("topics_many", first=first, count=self.n(count), others=self._quoted(others))

    def _quoted(self, items: Iterable[tuple[str, int]]) -> str:
        return self.with_counts((f"“{name}”", count) for name, count in items)

    def _asked(self) -> list[Part]:
        parts: list[Part] = []
        weekly = [(self.cells.count(week, QUESTIONS), week) for week in self.frozen.weeks]
        known = [(count, week) for count, week in weekly if count is not None]
        if len(known) > 1:
            count, week = max(known, key=lambda one: (one[0], one[1]))
            parts.append(self.t("busiest", week=self.names.period(week), count=self.n(count)))
            parts.append(Shown(self.figures.volume(self.frozen.weeks)))
        said = [
            self.t(f"by_{by}", list=self.with_counts((self._in_sentence(by, part), count) for part, count in found))
            for by in ("channel", "language", "referrer", "signatory", "size")
            if (found := self._parts(by))
        ]
        if said:
            parts.append(" ".join(said))
        parts.append(self._topics())
        if self.top(TOPIC):
            parts.append(Shown(self.figures.topics(self.period, most=MOST_BARS)))
        return [*parts, *self._recurring()]

    def _parts(self, by: str) -> list[tuple[str, int]]:
        found = []
        for part in self.cells.parts([self.period], QUESTIONS, by):
            count = self.cells.count(self.period, QUESTIONS, "", by, part)
            if part and part != "unknown" and count is not None:
                found.append((part, count))
        return found

    def _in_sentence(self, by: str, part: str) -> str:
        return self.names.referrer(part) if by == "referrer" else self.t(f"part.{by}.{part}")

    def _recurring(self) -> list[Part]:
        asked = [cell for cell in self.top(RECURRING) if cell.count]
        if not asked:
            return [self.t("recurring_none")]
        if len(asked) == 1:
            intro = self.t("recurring_intro_one")
        elif len(asked) > MOST_IN_TABLE:
            intro = _sentence(self.t("recurring_intro", count=self.few(len(asked))))
        else:
            intro = _sentence(self.t("recurring_intro_all", count=self.few(len(asked))))
        figure = self.figures.recurring_in(self.period, self.frozen.known)
        return [intro, Shown(figure, chart=False, table=True)]

    # ---- what changed

    def _moved(self) -> dict[str, list[Cell]]:
        found: dict[str, list[Cell]] = {movement: [] for movement in MOVEMENTS}
        for cell in self.top(RECURRING):
            if cell.movement and cell.label:
                found[cell.movement].append(cell)
        return found

    def _changed(self) -> list[Part]:
        if not self.can_compare:
            return [self.t("cannot_compare", before=self.names.period(self.before))]
        parts: list[Part] = []
        moved = self._moved()
        for movement in ("new", "rising", "fading", "gone"):
            cells = moved[movement]
            if cells:
                parts.append(self.counted(movement, len(cells), MOST_POINTS))
                key = "item_gone" if movement == "gone" else "item"
                parts.append(
                    Points(tuple(self.t(key, label=self.label(c), count=self.n(c.count)) for c in cells[:MOST_POINTS]))
                )
            elif movement == "new":
                parts.append(self.t("new_none"))
        if not any(moved[movement] for movement in ("rising", "fading")):
            parts.append(self.t("no_change"))
        elif moved["steady"]:
            parts.append(self.t("rest_steady"))
        return [*parts, *self._topics_moved()]

    def _topics_moved(self) -> list[Part]:
        changes = []
        for cell in self.top(TOPIC):
            before = self.cells.count(self.before, TOPIC, cell.name)
            if before is not None and abs(cell.count - before) >= LEAST_CHANGE:
                changes.append((cell.count - before, cell.name, before, cell.count))
        said = []
        for key, change in (("topic_up", max(changes, default=None)), ("topic_down", min(changes, default=None))):
            if change is not None and (change[0] > 0) == (key == "topic_up"):
                _, name, before, count = change
                said.append(self.t(key, topic=self.names.topic(name), before=self.n(before), count=self.n(count)))
        return [" ".join(said)] if said else []

    # ---- what nobody could answer

    def _gaps(self) -> str:
        count = len(self.top(GAP))
        return self.t("gaps_none") if not count else self.counted("gaps", count)

    def _unanswered(self) -> list[Part]:
        said = []
        outcomes = [
            self.t(f"outcome.{name}", count=self.n(count))
            for name in DECISIONS
            if (count := self.cells.count(self.period, OUTCOME, name)) is not None
        ]
        if len(outcomes) == len(DECISIONS):
            said.append(self.t("outcome.intro", list=self.list_of(outcomes)))
        for measure, key in ((UNANSWERED, "unanswered_count"), (HANDED_OVER, "handed_over")):
            if (count := self.cells.count(self.period, measure)) is not None:
                said.append(self.t(key, count=self.n(count)))
        parts: list[Part] = [" ".join(said)] if said else []
        parts.append(self._gaps())
        if self.top(GAP):
            parts.append(Shown(self.figures.gaps(self.period, self.frozen.known, most=MOST_BARS)))
        return [*parts, *self._needs()]

    def _needs(self) -> list[Part]:
        found = [(self.figures.need(cell.name), cell.count) for cell in self.top(NEED)]
        if not found:
            return [self.t("needs_none")]
        (first, count), others = found[0], found[1:MOST_IN_SENTENCE]
        # Where it is not known in which language one was written, it may be the other.
        same = all(language == self.language for _, language in self._spoken_needs())
        in_whose_words = "" if same else f" {self.t('needs_words')}"
        if not others:
            return [self.t("needs_intro_one", first=f"“{first}”", count=self.n(count)) + in_whose_words]
        said = self.t("needs_intro", first=f"“{first}”", count=self.n(count), others=self._quoted(others))
        return [said + in_whose_words, Shown(self.figures.needs(self.period, most=MOST_BARS))]

    # ---- what they used

    def _material(self) -> list[str]:
        shown, opened = self.top("material-shown"), self.top("material-opened")
        said = []
        if shown and opened and shown[0].name == opened[0].name:
            first, counts = self.names.material(shown[0].name), (self.n(shown[0].count), self.n(opened[0].count))
            return [self.t("materials_both", first=first, shown=counts[0], opened=counts[1])]
        if shown:
            said.append(
                self.t("materials_shown", first=self.names.material(shown[0].name), count=self.n(shown[0].count))
            )
        if opened:
            said.append(
                self.t("materials_opened", first=self.names.material(opened[0].name), count=self.n(opened[0].count))
            )
        return said

    def _used(self) -> list[Part]:
        said = self._material()
        if not said:
            said = [self.t("materials_none")]
        if sources := self.top("source-shown"):
            said.append(self.t("sources_shown", first=self.names.source(sources[0].name)))
        parts: list[Part] = [" ".join(said)]
        figure = self.figures.popular("material", self.period, most=MOST_BARS)
        if figure.rows:
            parts.append(Shown(figure))
        parts += self._referrals()
        return [*parts, *self._helped()]

    def _referrals(self) -> list[Part]:
        out = [(self.names.referred(cell.name), cell.count) for cell in self.top(REFERRED_OUT)]
        sent = [(self.names.referrer(cell.name), cell.count) for cell in self.top(REFERRED_IN) if cell.name]
        return [
            " ".join((
                self.t("out", list=self.with_counts(out[:MOST_IN_SENTENCE])) if out else self.t("out_none"),
                self.t("in", list=self.with_counts(sent[: 2 * MOST_IN_SENTENCE])) if sent else self.t("in_none"),
            ))
        ]  # fmt: skip

    def _helped(self) -> list[Part]:
        helped = self.cells.count(self.period, HELPED)
        no_signatory = self.cells.count(self.period, HELPED, "", "signatory", "no")
        periods = [one for one in (self.before, self.period) if self.cells.count(one, HELPED) is not None]
        figure = self.figures.helped(periods, self.fte)
        said = [self.t("helped", count=self.n(helped)) if helped is not None else self.t("helped_none")]
        if no_signatory is not None:
            said.append(self.t("helped_no_signatory", count=self.n(no_signatory)))
        said += figure.notes
        return [" ".join(said), *([Shown(figure, chart=False, table=True)] if figure.rows else [])]

    # ---- what we propose

    def _propose(self) -> list[Part]:
        gaps = [cell for cell in self.top(GAP) if cell.label]
        if not gaps:
            parts: list[Part] = [self.t("propose_none")]
        else:
            listed = gaps[:MOST_POINTS]
            if len(gaps) == 1:
                intro = self.t("propose_one")
            elif len(gaps) > MOST_POINTS:
                intro = self.t("propose_top", count=self.few(len(listed)))
            else:
                intro = self.t("propose_many", count=self.few(len(gaps)))
            parts = [
                intro,
                Points(tuple(self.t("propose_item", label=self.label(c), count=self.n(c.count)) for c in listed)),
            ]
        if needs := self.top(NEED):
            parts.append(self.t("propose_need", need=self.figures.need(needs[0].name), count=self.n(needs[0].count)))
        rising = [c for c in self._moved()["rising"] if self._topic_of(c.name)] if self.can_compare else []
        if rising:
            parts.append(self.t("propose_rising", label=self.label(rising[0])))
        return [*parts, *self._added()]

    def _added(self) -> list[Part]:
        figure = self.figures.added(self.frozen.months, self.frozen.known_gaps)
        if not figure.rows:
            return []
        intro = self.t("added_one") if len(figure.rows) == 1 else self.t("added_many", count=self.few(len(figure.rows)))
        return [_sentence(intro), Shown(figure, chart=False, table=True)]

    def _topic_of(self, id_: str) -> str | None:
        return self.frozen.known[id_][1] if id_ in self.frozen.known else None

    # ---- sources

    def _sources(self, made: str) -> list[str]:
        log = self.t("source_log", period=self.names.period(self.period), date=made, version=self.frozen.method or "–")
        document = self.knowledge.documents.get(WORK_AGENDA)
        if document is None:
            return [log]
        dated = f", {document.dated}" if document.dated else ""
        title = self.t("source_part", title=document.title[self.language]).rstrip(".")
        publisher = document.publisher[self.language]
        return [log, self.t("source_document", title=title, publisher=publisher, dated=dated)]


def _sentence(words: str) -> str:
    """With a capital at the start, also where a number in words stands there."""
    return words[:1].upper() + words[1:]
