"""What may stand at the cursor of a command line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

NO_FILES, ALL_FILES, FOLDERS = "none", "files", "folders"
MODEL_FILES = "files .safetensors .onnx"


@dataclass(frozen=True)
class Candidate:
    """A word, and what it means in a few words."""

    value: str
    description: str = ""


@dataclass(frozen=True)
class Candidates:
    """Words, and which files the shell adds to them."""

    candidates: tuple[Candidate, ...] = ()
    files: str = NO_FILES
    """`none`, `folders`, or `files` with the suffixes that they may have."""

    def starting_with(self, text: str) -> "Candidates":
        """Return the candidates that begin with what is typed already."""
        return replace(self, candidates=tuple(each for each in self.candidates if each.value.startswith(text)))

    def after(self, prefix: str) -> "Candidates":
        """Return the candidates with a prefix before each."""
        candidates = tuple(replace(each, value=prefix + each.value) for each in self.candidates)
        return replace(self, candidates=candidates)


def described(words: Iterable[str] | Mapping[str, str], files: str = NO_FILES) -> Candidates:
    """Return words, with their descriptions if a mapping has them."""
    pairs = words.items() if isinstance(words, Mapping) else ((word, "") for word in words)
    return Candidates(tuple(Candidate(word, text) for word, text in pairs), files)
