"""Warnings on images and scores that make a calibration unreliable."""

from collections.abc import Sequence
from hashlib import sha256

from aecli.data.image_set import ImageSet
from aecli.detection.score_report import ScoreReport


def shared_image_warnings(normal: ImageSet, anomalous: ImageSet | None) -> list[str]:
    """Warn if images are among both the normal and the anomalous images."""
    if anomalous is None:
        return []
    normal_digests = {*_digests(normal)}
    shared = sum(digest in normal_digests for digest in _digests(anomalous))
    if not shared:
        return []
    return [f"{shared:,} of the {anomalous.image_count:,} anomalous images are also among the normal images"]


def _digests(images: ImageSet) -> list[bytes]:
    """Return a hash of each image, or of all tiles of each image."""
    if images.tiles is None:
        return [sha256(image.tobytes()).digest() for image in images.images]
    hashes = {image: sha256() for image in images.tiles.images.tolist()}
    for image, tile in zip(images.tiles.image_of.tolist(), images.images, strict=True):
        hashes[image].update(tile.tobytes())
    return [one.digest() for one in hashes.values()]


def order_warnings(reports: Sequence[ScoreReport]) -> list[str]:
    """Warn if anomalies score lower than normal images by the first report, and name the best score."""
    chosen = reports[0]
    if chosen.separation is None or chosen.auroc >= 0.5:
        return []
    best = max(reports, key=lambda report: report.auroc)
    advice = f"{best.score} is better, AUROC {best.auroc:.3f}" if best.auroc > 0.5 else "no other score is better"
    return [f"anomalies score lower than normal images: {chosen.score} has AUROC {chosen.auroc:.3f}; {advice}"]


def baseline_warnings(chosen: ScoreReport, baselines: Sequence[ScoreReport]) -> list[str]:
    """Warn if a trivial baseline separates the anomalies at least as well as the chosen score."""
    best = max(baselines, key=lambda report: report.auroc, default=None)
    if best is None or best.auroc < chosen.auroc:
        return []
    return [f"{best.score} alone has AUROC {best.auroc:.3f}: {chosen.score}, with {chosen.auroc:.3f}, is no better"]
