"""What is looked for: classes, each with its prompts."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mrovseg.errors import VocabularyError

MAX_CLASSES = 65_534  # ids are 16 bit at most; 0 is `other` and 65535 no data
MAX_CHARS = 256  # characters of a name or a prompt
RESERVED = ("other", "no data", "nodata", "no_data")  # names of ids 0 and 255
SHOWN_WORDS, SHOWN_CHARS = 3, 60  # in a message


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """An ordered list of classes; class `names[i]` has id i + 1 and the synonyms `prompts[i]`.

    Names and prompts are unique, capitals aside. `colors[i]` is "#rrggbb" where one was chosen to draw the class in, ""
    where not; there may be none at all.

    Raises VocabularyError for an empty list, an empty class or a phrase that stands twice.
    """

    names: tuple[str, ...]
    prompts: tuple[tuple[str, ...], ...]
    colors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that each phrase belongs to one class."""
        if not self.names or len(self.names) > MAX_CLASSES:
            raise VocabularyError(f"a vocabulary has 1 to {MAX_CLASSES} classes, got {len(self.names)}")
        if len(self.prompts) != len(self.names) or not all(self.prompts):
            raise VocabularyError(
                "every class needs at least one prompt, such as 'building,house; road; water'"
            )
        if self.colors and len(self.colors) != len(self.names):
            raise VocabularyError(f"{len(self.names)} classes have as many colours, got {len(self.colors)}")
        phrases = [phrase for prompts in self.prompts for phrase in prompts]
        for phrase in (*self.names, *phrases):
            _check_phrase(phrase)
        twice = sorted({phrase for of in (phrases, self.names) for phrase in _repeated(of)})
        if twice:
            raise VocabularyError(
                f"{quoted_list(twice)} stands more than once among the classes, where capitals do not count; "
                "name it once"
            )

    def without(self, names: Collection[str]) -> "Vocabulary":
        """Return the other classes in their order. Raises VocabularyError when none is left."""
        kept = [i for i, name in enumerate(self.names) if name not in names]
        colors = tuple(self.colors[i] for i in kept if self.colors)
        return Vocabulary(tuple(self.names[i] for i in kept), tuple(self.prompts[i] for i in kept), colors)


def _check_phrase(phrase: str) -> None:
    """Raise VocabularyError for a phrase that is empty, too long, or has control characters."""
    if not phrase.strip() or len(phrase) > MAX_CHARS or not phrase.isprintable():
        raise VocabularyError(
            f"a class's name or prompt has 1 to {MAX_CHARS} characters, none of them a control character, "
            f"got {quoted(phrase)} of {len(phrase)}"
        )


def _repeated(phrases: Sequence[str]) -> list[str]:
    """Return the phrases that occur more than once, in their first spelling; capitals do not count."""
    first: dict[str, str] = {}
    times = Counter(phrase.casefold() for phrase in phrases)
    for phrase in phrases:
        first.setdefault(phrase.casefold(), phrase)
    return [first[key] for key, count in times.items() if count > 1]


def quoted(text: str) -> str:
    """Return a text in quotes, cut short where it is long."""
    return repr(text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 3] + "...")


def quoted_list(texts: Sequence[str], most: int = SHOWN_WORDS) -> str:
    """Return the first few texts in quotes, and how many more there are.

    >>> quoted_list(["a", "b", "c", "d"])
    "'a', 'b', 'c' and 1 more"
    """
    return shortened_list([quoted(text) for text in texts[:most]], most, of=len(texts))


def shortened_list(texts: Sequence[str], most: int = SHOWN_WORDS, *, of: int | None = None) -> str:
    """Return the first few texts, and how many more there are.

    `of` is the length of the whole list, where `texts` is only its beginning.
    """
    count = len(texts) if of is None else of
    return ", ".join(texts[:most]) + (f" and {count - most} more" if count > most else "")


def check_not_reserved(vocabulary: Vocabulary) -> Vocabulary:
    """Return the vocabulary. Raises VocabularyError when a class has the name of id 0 or of no data."""
    taken = [name for name in vocabulary.names if " ".join(name.casefold().split()) in RESERVED]
    if taken:
        raise VocabularyError(
            f"{quoted_list(taken)} is the name of what is none of the classes (id 0) or without data, and comes by "
            "itself: leave the class out, or give it another name"
        )
    return vocabulary


def parse(text: str) -> Vocabulary:
    """Read classes separated by `;`, synonyms by `,`; a class is named by its first synonym.

    >>> parse("building,house; road")
    Vocabulary(names=('building', 'road'), prompts=(('building', 'house'), ('road',)), colors=())
    """
    classes = [
        tuple(" ".join(p.split()) for p in part.split(",") if p.strip())
        for part in text.split(";")
        if part.strip()
    ]
    if not all(classes):
        raise VocabularyError(
            f"a class without a word in {quoted(text)}; write 'building,house; road; water'"
        )
    return check_not_reserved(Vocabulary(tuple(prompts[0] for prompts in classes), tuple(classes)))
