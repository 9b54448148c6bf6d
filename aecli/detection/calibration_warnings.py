"""Warnings on images and scores that make a calibration unreliable."""

from collections.abc import Sequence
from hashlib import sha256

from aecli.data.image_set import ImageSet
from aecli.detection.score_report import ScoreReport


def shared_image_warnings(normal: ImageSet, anomalous: ImageSet | None) -> list[str]:
    """Warn if images are among both the normal and the anomalous images."""
    if anomalous is None:
        return []
    normal_digests = {sha256(image.tobytes()).digest() for image in normal.images}
    shared = sum(sha256(image.tobytes()).digest() in normal_digests for image in anomalous.images)
    if not shared:
        return []
    return [f"{shared:,} of the {len(anomalous):,} anomalous images are also among the normal images"]


def order_warnings(reports: Sequence[ScoreReport]) -> list[str]:
    """Warn if anomalies score lower than normal images by the first report, and name the best score."""
    chosen = reports[0]
    if chosen.separation is None or chosen.auroc >= 0.5:
        return []
    best = max(reports, key=lambda report: report.auroc)
    advice = f"{best.score} is better, AUROC {best.auroc:.3f}" if best.auroc > 0.5 else "no other score is better"
    return [f"anomalies score lower than normal images: {chosen.score} has AUROC {chosen.auroc:.3f}; {advice}"]
