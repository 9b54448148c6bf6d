"""The laboratory's questions, answered with measurements."""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from artifacts import MODELS, Lab, auroc
from numpy.typing import NDArray
from wording import difference, helps, interval, joined, more_or_less, paragraphs, percent, saved

HERE = Path(__file__).parent
NEIGHBORS = 10
MAX_COMPARED = 2000
"""Images whose neighbors are compared: all pairwise distances are in memory."""


def questions(lab: Lab) -> str:
    """Return all questions with their answers."""
    answer_functions = {
        "How much boilerplate is there with and without Lightning?": boilerplate,
        "What is the risk of a code as large as the input?": wide_code,
        "Are reconstructions perfect, early and late?": early_and_late,
        "Are codes grouped by class?": grouped,
        "What does the convolutional code share with the dense one?": shared,
        "Which of the two reconstructs acceptably first?": first,
        "Whose t-SNE is more coherent with the classes?": coherent,
        "Does denoising help?": denoising,
        "Does sparsity help?": sparsity,
        "Codes or pixels for k-NN, and why?": codes_or_pixels,
        "Why 35%, and how to compress more?": compression,
        "Which of the two images is reconstructed better?": two_images,
        "Are the two error distributions well separated?": separated,
        "How accurate is the detector?": accurate,
    }
    answers = [
        f"### {number}. {title}\n\n{answer(lab)}" for number, (title, answer) in enumerate(answer_functions.items(), 1)
    ]
    return paragraphs("## 6. Questions", *answers)


def boilerplate(lab: Lab) -> str:
    by_hand, with_lightning = (statements(HERE / f"classifier_{name}.py") for name in ("by_hand", "with_lightning"))
    hand, lightning = (lab.lines(f"{name}.jsonl") for name in ("by-hand", "with-lightning"))
    fewer = "no fewer" if with_lightning >= by_hand else f"{by_hand - with_lightning} fewer"
    return (
        f"The script by hand has {by_hand} statements and that with Lightning {with_lightning}, {fewer}. For a network "
        "this small, Lightning does not save length; it removes the error-prone parts: the loops, the device, the "
        "switches between training and evaluation, and the order of the optimizer's calls. Several GPUs, half "
        "precision, checkpoints and loggers become arguments. Both reach the same accuracy: "
        f"{hand[-1]['accuracy']:.3f} and {lightning[-1]['accuracy']:.3f} after {hand[-1]['step']:,} steps. "
        "With aecli it is one command."
    )


def wide_code(lab: Lab) -> str:
    wide, narrow, pixels = lab.compared["wide"], lab.compared["mlp"], lab.probe("pixels")
    floats = 4 * wide["code_units"]
    copied = wide["mse"] < narrow["mse"] and difference(wide["knn"], pixels)[1] < 0
    conclusion = (
        "the copy is better, but the code is worse than the image itself. For"
        if copied
        else "the error alone does not show which code is better. For"
    )
    return (
        "The model may learn to copy, because nothing forces it to find what the images have in common. With "
        f"{wide['code_units']} units for {lab.pixels} pixels the test error is {wide['mse']:,.0f}, with "
        f"{narrow['code_units']} units it is {narrow['mse']:,.0f}: {conclusion} "
        f"1-NN with 100 labels the accuracy of the first is {percent(wide['knn']['mean'])}, "
        f"{more_or_less(wide['knn'], pixels)} compared with raw pixels; that of the second is "
        f"{percent(narrow['knn']['mean'])}. The first also saves no bytes: {floats:,} per image as float32, while the "
        f"pixels take {lab.pixels:,}."
    )


def early_and_late(lab: Lab) -> str:
    early, late = lab.run("early")["training"], lab.run(f"{lab.main}/conv")["training"]
    dense = lab.run(f"{lab.main}/mlp")["training"]
    steps = lab.metrics("early")[-1]["step"], lab.metrics(f"{lab.main}/conv")[-1]["step"]
    better = "closer" if late["val_mse"] < early["val_mse"] else "no closer"
    return (
        f"No. After {steps[0]:,.0f} steps the convolutional model leaves {percent(early['val_mse'])} of the pixels' "
        f"variance unexplained and reconstructs gray or blurred shapes. After {steps[1]:,.0f} steps it is {better}, "
        f"with {percent(late['val_mse'])}; the fully connected model has {percent(dense['val_mse'])}. A code of "
        f"{lab.compared['conv']['code_units']} or {lab.compared['mlp']['code_units']} values cannot represent "
        f"{lab.pixels} pixels exactly; fine strokes and edges are the last details to be learned."
    )


def grouped(lab: Lab) -> str:
    accuracy = {name: lab.layout(model)["label_accuracy"] for model, name in MODELS.items()}
    chance = 1 / lab.classes
    words = joined([f"{percent(value)} ({name})" for name, value in accuracy.items()])
    verdict = (
        "Yes, largely" if min(accuracy.values()) > 0.8 else "Partly" if max(accuracy.values()) > 2 * chance else "No"
    )
    return (
        f"{verdict}, although no label was used. The nearest neighbor of a point in the t-SNE plane has the same class "
        f"for {words} of the points. By chance it would be {percent(chance, 0)}. Points of one class often form "
        "several clusters, and some classes overlap."
    )


def shared(lab: Lab) -> str:
    dense, conv = lab.compared["mlp"], lab.compared["conv"]
    _, low, high = difference(conv["knn"], dense["knn"])
    alike = "as well" if low > -0.02 and high < 0.02 else "not equally well"
    common, images = common_neighbors(lab.codes("mlp-test"), lab.codes("conv-test"))
    return (
        f"Both preserve neighborhoods: of the {NEIGHBORS} nearest neighbors of an image by the dense code, "
        f"{percent(common)} are among the {NEIGHBORS} nearest by the convolutional code; by chance it would be "
        f"{percent(NEIGHBORS / (images - 1))}. They separate the classes {alike}: 1-NN accuracy with 100 labels is "
        f"{percent(dense['knn']['mean'])} and {percent(conv['knn']['mean'])}, "
        f"{more_or_less(conv['knn'], dense['knn'])} for the convolutional code. They differ in shape: "
        f"{dense['code_units']} values without an order, against {conv['code_shape'][0]} maps of "
        f"{conv['code_shape'][1]} x {conv['code_shape'][2]} that preserve the layout, and {dense['parameters']:,} "
        f"parameters against {conv['parameters']:,}."
    )


def first(lab: Lab) -> str:
    runs = {model: lab.compared_lab[model]["history"] for model in ("mlp", "conv")}
    ends = {model: min(row["val_loss"] for row in history) for model, history in runs.items()}
    target = max(ends.values())
    reached = {
        model: next(row["epoch"] for row in history if row["val_loss"] <= target) for model, history in runs.items()
    }
    seconds = {model: reached[model] * lab.run(f"lab/{model}")["seconds"] / len(runs[model]) for model in runs}
    winner = min(reached, key=lambda model: reached[model])
    tie = reached["conv"] == reached["mlp"]
    earlier = "In epochs, neither:" if tie else f"In epochs, the {MODELS[winner]} one:"
    faster = min(seconds, key=lambda model: seconds[model])
    return (
        f"{earlier} a validation error of {target:.3f}, the lowest error of the worse model with the laboratory's "
        f"settings, is reached in epoch {reached['conv']} by the convolutional model and in epoch {reached['mlp']} by "
        f"the fully connected one. In time, it is the "
        f"{MODELS[faster]} one, with {seconds[faster]:.1f} s against {max(seconds.values()):.1f} s. After all "
        f"{len(runs['conv'])} epochs the errors are {ends['conv']:.3f} (convolutional) and {ends['mlp']:.3f} (fully "
        "connected)" + _long_ends(lab)
    )


def _long_ends(lab: Lab) -> str:
    if not lab.is_long():
        return "."
    conv, mlp = (lab.run(f"long/{model}")["training"]["val_mse"] for model in ("conv", "mlp"))
    return f"; after the long runs {conv:.3f} and {mlp:.3f}."


def coherent(lab: Lab) -> str:
    accuracy = {model: lab.layout(model)["label_accuracy"] for model in ("mlp", "conv")}
    best = max(accuracy, key=lambda model: accuracy[model])
    gap = abs(accuracy["mlp"] - accuracy["conv"])
    drawn = lab.layout("conv")["drawn"]
    chance = 2 * (sum(value * (1 - value) for value in accuracy.values()) / drawn) ** 0.5
    close = (
        f", but with {drawn:,} codes a difference of {100 * gap:.1f} percentage points is not significant"
        if gap < chance
        else f", by {100 * gap:.1f} percentage points"
    )
    overall = max(MODELS, key=lambda model: lab.layout(model)["label_accuracy"])
    return (
        f"By the fraction of points whose nearest neighbor in the plane has the same class, that of the {MODELS[best]} "
        f"model{close}: {percent(accuracy['mlp'])} for the fully connected and {percent(accuracy['conv'])} for the "
        f"convolutional model. The highest of all models is the {MODELS[overall]} one, with "
        f"{percent(lab.layout(overall)['label_accuracy'])}."
    )


def denoising(lab: Lab) -> str:
    noisy, plain = lab.compared["denoising"], lab.compared["conv"]
    return (
        f"{helps(noisy['knn'], plain['knn'])}: 1-NN accuracy with 100 labels is {percent(noisy['knn']['mean'])} with "
        f"its codes and {percent(plain['knn']['mean'])} with those of the convolutional model, "
        f"{more_or_less(noisy['knn'], plain['knn'])}. In the t-SNE plane it is "
        f"{percent(lab.layout('denoising')['label_accuracy'])} and {percent(lab.layout('conv')['label_accuracy'])}. "
        f"The error on clean test images is {noisy['mse']:,.0f} against {plain['mse']:,.0f}."
        f"{_earlier(lab, 'denoising')} Each model was trained once: the interval covers the draws of labels."
    )


def sparsity(lab: Lab) -> str:
    sparse, plain = lab.compared["sparse"], lab.compared["conv"]
    zeros = {model: float((np.abs(lab.codes(f"{model}-test")) < 1e-6).mean()) for model in ("sparse", "conv")}
    size = {model: float(np.abs(lab.codes(f"{model}-test")).mean()) for model in ("sparse", "conv")}
    return (
        f"{helps(sparse['knn'], plain['knn'])}: 1-NN accuracy with 100 labels is {percent(sparse['knn']['mean'])} with "
        f"its codes, {more_or_less(sparse['knn'], plain['knn'])} compared with {percent(plain['knn']['mean'])} for the "
        f"convolutional model, at an error of {sparse['mse']:,.0f} against {plain['mse']:,.0f}. "
        f"The mean absolute value of its codes is {size['sparse']:.3f}, of the others {size['conv']:.3f}; "
        f"{percent(zeros['sparse'])} of them are zero, of the others {percent(zeros['conv'])}."
        f"{_earlier(lab, 'sparse')} Its learning rate is also a tenth of the other's, so the penalty is not the only "
        "cause of the difference."
    )


def _earlier(lab: Lab, model: str) -> str:
    """Report the accuracy after the laboratory's epochs, if the answer is about the long runs."""
    if not lab.is_long():
        return ""
    variant, plain = (lab.compared_lab[name] for name in (model, "conv"))
    return (
        f" After {plain['training']['epochs']} epochs it was {percent(variant['knn']['mean'])} against "
        f"{percent(plain['knn']['mean'])}."
    )


def codes_or_pixels(lab: Lab) -> str:
    codes, pixels = lab.probe("codes"), lab.probe("pixels")
    best = max(MODELS, key=lambda model: lab.compared[model]["knn"]["mean"])
    knn = lab.compared[best]["knn"]
    low = difference(codes, pixels)[1]
    better = difference(knn, pixels)[1] > 0
    reason = (
        "In pixel space, a shifted stroke is as far away as a different digit. A code that was trained to ignore such "
        f"changes, with {lab.compared[best]['code_units']} values instead of {lab.pixels}, needs fewer labels to "
        "cover a class."
        if better
        else "Codes keep the information that reconstructs the image, not the information that separates classes. "
        "Without more training or a corruption to undo, they are a lossy copy of the pixels."
    )
    choice = "Codes" if low > 0 else "It depends on the code" if better else "Pixels, here"
    return (
        f"{choice}. With 100 labels, 1-NN accuracy with raw pixels is {percent(pixels['mean'])}. Compared with that, "
        f"the codes of the sparse model: {more_or_less(codes, pixels)}; those of the {MODELS[best]} model: "
        f"{more_or_less(knn, pixels)}. {reason}"
    )


def compression(lab: Lab) -> str:
    plain = lab.storage("mlp", "codes, float32")
    eight, four = lab.storage("mlp", "codes, 8 bits"), lab.storage("mlp", "codes, 4 bits, entropy-coded")
    small = lab.storage("combined", "codes, 4 bits, entropy-coded")
    lossless = lab.storage("mlp", "LZMA, one stream")
    units = lab.compared["mlp"]["code_units"]
    return (
        f"{units} values of 4 bytes are {4 * units} bytes, and an image of {lab.pixels} pixels has {lab.pixels} bytes: "
        f"{saved(plain)}. Fewer bits per value save more: 8 bits give {saved(eight)} at {eight['psnr']:.1f} dB "
        f"instead of {plain['psnr']:.1f}; 4 bits and an entropy coder give {saved(four)} at {four['psnr']:.1f} dB. "
        f"Fewer values save more, too: the {lab.compared['combined']['code_units']} values of the combined model, "
        f"stored the same way, give {saved(small)} at {small['psnr']:.1f} dB. LZMA is lossless, with "
        f"{saved(lossless)}: a lossy code is only useful if it saves more than that."
    )


def two_images(lab: Lab) -> str:
    ours, other = lab.two("ours"), lab.two("other")
    better = f"The one of {lab.data}" if ours["score"] < other["score"] else f"The one of {lab.other}"
    reason = (
        "the model was trained on such images"
        if ours["score"] < other["score"]
        else "it is simpler for any model, or the training was too short"
    )
    return (
        f"{better}: {reason}. Residuals: {other['score']:.2f} for no. 5 of {lab.other} and {ours['score']:.2f} for "
        f"no. 7 of {lab.data}; in the laboratory, 17.47 and 5.75. The threshold is {ours['threshold']:.2f}: "
        f"the first is classified as {_verdict(other)}, the second as {_verdict(ours)}."
    )


def separated(lab: Lab) -> str:
    ours, other = lab.residuals("conv-train"), lab.residuals("conv-other")
    edge = np.quantile(ours, 0.95)
    below = float((other <= edge).mean())
    area = lab.scores["residual"]["separation"]["auroc"]
    verdict = "Yes, but not completely" if area["value"] > 0.95 else "Only partly" if area["value"] > 0.7 else "No"
    return (
        f"{verdict}. The mean residual is {ours.mean():.2f} for training images of {lab.data} and {other.mean():.2f} "
        f"for those of {lab.other} (laboratory: 5.92 and 12.95); the middle halves are "
        "{:.2f} to {:.2f} and {:.2f} to {:.2f}. ".format(
            *np.quantile(ours, [0.25, 0.75]), *np.quantile(other, [0.25, 0.75])
        )
        + f"{percent(below)} of {lab.other} are below the residual that 5% of {lab.data} exceed. The AUROC on test "
        f"images is {area['value']:.4f} ({area['low']:.4f} to {area['high']:.4f})."
    )


def accurate(lab: Lab) -> str:
    residual = lab.scores["residual"]
    name, best = next(iter(lab.scores.items()))
    return (
        f"The residual classifies {interval(residual['specificity'])} of normal images and "
        f"{interval(residual['recall'])} of {lab.other} correctly; in the laboratory it is 98.30% and "
        f"96.80%, with FashionMNIST. The best score here is `{name}`: {interval(best['specificity'])} and "
        f"{interval(best['recall'])}, AUROC {auroc(best):.4f} against {auroc(residual):.4f}. These values hold for "
        f"{lab.other}; other anomalies may be easier or harder to detect."
    )


def _verdict(detection: Mapping[str, Any]) -> str:
    return "an anomaly" if detection["verdict"] == "anomaly" else "normal"


def statements(path: Path) -> int:
    """Count the statements of a script without imports and without the call of `main`."""
    body = [node for node in ast.parse(path.read_text("utf-8")).body if not isinstance(node, ast.If | ast.Expr)]
    nodes = [node for top in body for node in ast.walk(top)]
    return sum(isinstance(node, ast.stmt) and not isinstance(node, ast.Import | ast.ImportFrom) for node in nodes)


def common_neighbors(codes: NDArray[Any], others: NDArray[Any]) -> tuple[float, int]:
    """Return the fraction of an image's ten nearest neighbors that two codes share, and the number of images."""
    indices = np.linspace(0, len(codes) - 1, min(len(codes), MAX_COMPARED)).round().astype(int)
    nearest = [neighbors(values[indices].reshape(len(indices), -1)) for values in (codes, others)]
    shares = [len(set(a) & set(b)) / NEIGHBORS for a, b in zip(*nearest, strict=True)]
    return float(np.mean(shares)), len(indices)


def neighbors(codes: NDArray[Any]) -> NDArray[np.int64]:
    """Return the indices (N, 10) of the nearest neighbors of codes (N, D)."""
    squares = (codes**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * codes @ codes.T
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1)[:, :NEIGHBORS]
