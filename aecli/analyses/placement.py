"""New codes among the points of an earlier embedding, which a coordinates file holds."""

import time
from pathlib import Path

from aecli.analyses.embedding import Embedding
from aecli.analyses.embedding_methods import EmbeddingMethod
from aecli.analyses.embedding_options import SampleOptions
from aecli.analyses.sampling import draw_sample
from aecli.codes import Codes
from aecli.codes.coordinates import HINT, PlaneMap, PlanePoints
from aecli.errors import InputError
from aecli.runtime.progress import Progress, silent
from aecli.storage.fingerprints import short_fingerprint


def find_layout(plane_map: PlaneMap, codes: Codes, name: str, map_path: Path) -> PlanePoints:
    """Return the embedding in a coordinates file among whose points the codes can be placed; errors name both files.

    Raises:
        InputError: no embedding is of codes of the same model, or several are; the file lacks what placing needs.
    """
    model = codes.meta.model_fingerprint
    same = [layout for layout in plane_map.layouts if layout.about.get("model_fingerprint") == model]
    if not same:
        models = sorted({short_fingerprint(str(each.about.get("model_fingerprint"))) for each in plane_map.layouts})
        raise InputError(
            f"{name}: codes of the model {short_fingerprint(model)}, but {map_path} is a map of {', '.join(models)}",
            hint="encode the images with the model of the map",
        )
    if len(same) > 1:
        raise InputError(
            f"{map_path}: {len(same)} embeddings of the model of {name}", hint="write a map of one code file"
        )
    (layout,) = same
    if not layout.state:
        was_placed = "placed_onto" in layout.about
        reason = "its points were placed onto another map" if was_placed else "it was written by an earlier version"
        hint = "name the map onto which they were placed" if was_placed else HINT.replace("write one", "write it again")
        raise InputError(f"codes cannot be placed onto {map_path}: {reason}", hint=hint)
    return layout


def place(
    codes: Codes,
    layout: PlanePoints,
    plane_map: PlaneMap,
    method: EmbeddingMethod,
    options: SampleOptions,
    map_path: Path,
    progress: Progress = silent,
) -> Embedding:
    """Draw a sample of the codes and place it among the points of an embedding; errors name the file `map_path`.

    Raises:
        InputError: the map is damaged.
        UnavailableError: the method needs a package that is not installed.
    """
    indices = draw_sample(codes.labels, len(codes), options.sample, options.seed)
    vectors = codes.codes[indices].reshape(len(indices), -1)
    started = time.perf_counter()
    try:
        coordinates = method.module.place(vectors, layout, plane_map.settings, progress)
    except (ValueError, KeyError) as error:
        raise InputError(f"damaged coordinates file: {map_path}: {error}", hint=HINT) from error
    return Embedding(
        codes=codes,
        indices=indices,
        coordinates=coordinates,
        method=plane_map.method,
        settings=plane_map.settings,
        metrics={},
        summary=f"placed onto {len(layout.coordinates):,} of {layout.about.get('data')}",
        seconds={"placing": time.perf_counter() - started},
        onto=layout,
    )
