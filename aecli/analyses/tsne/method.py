"""t-SNE as one of the methods of `aecli.analyses.embedding_methods`."""

from aecli.analyses.tsne.embed import METHOD, embed, require_embeddable
from aecli.analyses.tsne.place import place

__all__ = ["METHOD", "embed", "place", "require_embeddable"]
