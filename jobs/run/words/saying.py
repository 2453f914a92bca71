"""Classes as they were understood, said before a run begins."""

import sys

from mrovseg.words.vocabulary import Vocabulary, quoted_list

SHOWN_CLASSES, SHOWN_PROMPTS = 20, 8  # in what is said of a vocabulary


def say_classes(vocabulary: Vocabulary) -> None:
    """Say the classes as they were understood, a line each, and warn where commas look like they were to part them."""
    first = list(zip(vocabulary.names, vocabulary.prompts, strict=True))[:SHOWN_CLASSES]
    for class_id, (name, prompts) in enumerate(first, start=1):
        said = "" if prompts == (name,) else f": {quoted_list(prompts, SHOWN_PROMPTS)}"
        print(f"class {class_id}  {name}{said}", file=sys.stderr)
    if len(vocabulary.names) > len(first):
        print(f"and {len(vocabulary.names) - len(first)} more classes", file=sys.stderr)
    prompts = vocabulary.prompts[0]
    if len(vocabulary.names) == 1 and len(prompts) > 1 and prompts[0] == vocabulary.names[0]:
        meant = " ".join("; ".join(prompts[:SHOWN_PROMPTS]).split())
        more = "; ..." if len(prompts) > SHOWN_PROMPTS else ""
        print(
            "mrovseg: warning: this is one class, and what stands behind its commas are synonyms; classes are "
            f"separated by semicolons: --classes {meant + more!r} would be {len(prompts)}",
            file=sys.stderr,
        )
