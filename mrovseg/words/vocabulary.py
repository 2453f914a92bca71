"""What is looked for: classes, each with its prompts."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mrovseg.errors import VocabularyError

MAX_CLASSES = 65_534  # ids are 16 bit at most; 0 is `other` and 65535 no data
MAX_LENGTH = 256  # characters of a name or a prompt
RESERVED = ("other", "no data", "nodata", "no_data")  # what ids 0 and 255 are called
SHOWN, SHOWN_LENGTH = 3, 60  # of words in a message


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """An ordered list of classes; class `names[i]` has id i + 1 and the synonyms `prompts[i]`.

    Raises VocabularyError for an empty list, an empty class or a phrase that stands twice.
    """

    names: tuple[str, ...]
    prompts: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        """Check that each phrase belongs to one class."""
        if not self.names or len(self.names) > MAX_CLASSES:
            raise VocabularyError(f"a vocabulary has 1 to {MAX_CLASSES} classes, got {len(self.names)}")
        if len(self.prompts) != len(self.names) or not all(self.prompts):
            raise VocabularyError(
                "every class needs at least one prompt, such as 'building,house; road; water'"
            )
        phrases = [phrase for prompts in self.prompts for phrase in prompts]
        for phrase in (*self.names, *phrases):
            _check_phrase(phrase)
        twice = sorted({said for of in (phrases, self.names) for said in _doubled(of)})
        if twice:
            raise VocabularyError(
                f"{some(twice)} stands more than once among the classes, where capitals do not count; name it once"
            )

    def without(self, names: Collection[str]) -> "Vocabulary":
        """Return the other classes in their order. Raises VocabularyError when none is left."""
        kept = [i for i, name in enumerate(self.names) if name not in names]
        return Vocabulary(tuple(self.names[i] for i in kept), tuple(self.prompts[i] for i in kept))


def _check_phrase(phrase: str) -> None:
    """Raise VocabularyError for a phrase that is empty, too long, or holds what cannot be seen."""
    if not phrase.strip() or len(phrase) > MAX_LENGTH or not phrase.isprintable():
        raise VocabularyError(
            f"a class's name or prompt has 1 to {MAX_LENGTH} characters, none of them a control character, "
            f"got {shown(phrase)} of {len(phrase)}"
        )


def _doubled(phrases: Sequence[str]) -> list[str]:
    """Return the phrases that stand more than once, by their first spelling; capitals do not count."""
    first: dict[str, str] = {}
    times = Counter(phrase.casefold() for phrase in phrases)
    for phrase in phrases:
        first.setdefault(phrase.casefold(), phrase)
    return [first[key] for key, count in times.items() if count > 1]


def shown(text: str) -> str:
    """Return a text in quotes, cut short where it is long."""
    return repr(text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 3] + "...")


def some(texts: Sequence[str], most: int = SHOWN) -> str:
    """Return the first few texts in quotes, and how many more there are."""
    return listed([shown(text) for text in texts[:most]], most, of=len(texts))


def listed(texts: Sequence[str], most: int = SHOWN, *, of: int | None = None) -> str:
    """Return the first few texts, and how many more there are; `of` is how many there are where some were cut off."""
    count = len(texts) if of is None else of
    return ", ".join(texts[:most]) + (f" and {count - most} more" if count > most else "")


def refuse_reserved(vocabulary: Vocabulary) -> Vocabulary:
    """Return a vocabulary that was asked for. Raises VocabularyError when a class is called as id 0 or no data is."""
    taken = [name for name in vocabulary.names if " ".join(name.casefold().split()) in RESERVED]
    if taken:
        raise VocabularyError(
            f"{some(taken)} is the name of what is none of the classes (id 0) or without data, and comes by itself: "
            "leave the class out, or give it another name"
        )
    return vocabulary


def parse(text: str) -> Vocabulary:
    """Read classes separated by `;`, synonyms by `,`; a class is named by its first synonym.

    >>> parse("building,house; road")
    Vocabulary(names=('building', 'road'), prompts=(('building', 'house'), ('road',)))
    """
    classes = [
        tuple(" ".join(p.split()) for p in part.split(",") if p.strip())
        for part in text.split(";")
        if part.strip()
    ]
    if not all(classes):
        raise VocabularyError(f"a class without a word in {shown(text)}; write 'building,house; road; water'")
    return refuse_reserved(Vocabulary(tuple(prompts[0] for prompts in classes), tuple(classes)))
