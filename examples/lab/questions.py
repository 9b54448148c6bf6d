"""The laboratory's questions, each answered with what was measured."""

import ast
from pathlib import Path

import numpy as np
from artifacts import MODELS, Lab, auroc
from wording import difference, helps, interval, listed, more_or_less, paragraphs, percent, saved

HERE = Path(__file__).parent
NEIGHBORS = 10
MOST_COMPARED = 2000
"""Images whose neighbors are compared: the distances of all are kept in memory."""


def questions(lab: Lab) -> str:
    asked = {
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
        "Why 35 %, and how to compress more?": compression,
        "Which of the two images is reconstructed better?": two_images,
        "Are the two error distributions well separated?": separated,
        "How accurate is the detector?": accurate,
    }
    answers = [f"### {number}. {title}\n\n{answer(lab)}" for number, (title, answer) in enumerate(asked.items(), 1)]
    return paragraphs("## 6. Questions", *answers)


def boilerplate(lab: Lab) -> str:
    by_hand, with_lightning = (statements(HERE / f"classifier_{how}.py") for how in ("by_hand", "with_lightning"))
    hand, lightning = (lab.lines(f"{how}.jsonl") for how in ("by-hand", "with-lightning"))
    fewer = "no fewer" if with_lightning >= by_hand else f"{by_hand - with_lightning} fewer"
    return (
        f"The two scripts have {by_hand} statements by hand and {with_lightning} with Lightning, {fewer}: for a "
        "network as small as this one, what Lightning spares is not length but kind. The loops, the device, the "
        "switches between training and evaluation and the order of the optimizer's calls, where mistakes hide, are "
        "gone; several GPUs, half precision, checkpoints and loggers are arguments. Both learn alike: accuracy "
        f"{hand[-1]['accuracy']:.3f} and {lightning[-1]['accuracy']:.3f} after {hand[-1]['step']:,} steps. "
        "With aecli it is one command."
    )


def wide_code(lab: Lab) -> str:
    wide, narrow, pixels = lab.compared["wide"], lab.compared["mlp"], lab.probe("pixels")
    floats = 4 * wide["code_units"]
    copied = wide["mse"] < narrow["mse"] and difference(wide["knn"], pixels)[1] < 0
    moral = (
        "a better copy, and a code worse than the picture itself. By"
        if copied
        else "which alone does not tell the better code. By"
    )
    return (
        "It may learn to copy: nothing forces it to find out what the images have in common. With "
        f"{wide['code_units']} units for {lab.pixels} pixels the test error is {wide['mse']:,.0f}, with "
        f"{narrow['code_units']} units {narrow['mse']:,.0f}: {moral} "
        f"1-NN with 100 labels the first has {percent(wide['knn']['mean'])}, "
        f"{more_or_less(wide['knn'], pixels)} against raw pixels, the second {percent(narrow['knn']['mean'])}. And the "
        f"first saves nothing: {floats:,} bytes an image as float32, where the pixels are {lab.pixels:,}."
    )


def early_and_late(lab: Lab) -> str:
    early, late = lab.run("early")["training"], lab.run(f"{lab.main}/conv")["training"]
    dense = lab.run(f"{lab.main}/mlp")["training"]
    steps = lab.metrics("early")[-1]["step"], lab.metrics(f"{lab.main}/conv")[-1]["step"]
    better = "closer" if late["val_mse"] < early["val_mse"] else "no closer"
    return (
        f"No. After {steps[0]:,.0f} steps the convolutional model leaves {percent(early['val_mse'])} of the pixels' "
        f"variance unexplained: gray or blurred shapes. After {steps[1]:,.0f} steps it is {better}, with "
        f"{percent(late['val_mse'])}; the fully connected one has {percent(dense['val_mse'])} then. A code of "
        f"{lab.compared['conv']['code_units']} or {lab.compared['mlp']['code_units']} values does not hold "
        f"{lab.pixels} pixels; fine strokes and edges are what is lost last."
    )


def grouped(lab: Lab) -> str:
    accuracy = {name: lab.layout(model)["label_accuracy"] for model, name in MODELS.items()}
    chance = 1 / lab.classes
    words = listed([f"{percent(value)} ({name})" for name, value in accuracy.items()])
    verdict = (
        "Yes, largely" if min(accuracy.values()) > 0.8 else "Partly" if max(accuracy.values()) > 2 * chance else "No"
    )
    return (
        f"{verdict}, though no label was used. The nearest neighbor of a point in the t-SNE plane is of its own class "
        f"for {words}. By chance it would be {percent(chance, 0)}. Points of one class often make several islands, and "
        "some classes touch."
    )


def shared(lab: Lab) -> str:
    dense, conv = lab.compared["mlp"], lab.compared["conv"]
    _, low, high = difference(conv["knn"], dense["knn"])
    alike = "as well" if low > -0.02 and high < 0.02 else "not equally well"
    common, images = common_neighbors(lab.codes("mlp-test"), lab.codes("conv-test"))
    return (
        f"Both keep neighbors together: of the {NEIGHBORS} images nearest to one by the dense code, "
        f"{percent(common)} are among the {NEIGHBORS} nearest by the convolutional code; by chance it would be "
        f"{percent(NEIGHBORS / (images - 1))}. Labels are told from them {alike}, "
        f"{percent(dense['knn']['mean'])} and {percent(conv['knn']['mean'])} by 1-NN with 100 labels: "
        f"{more_or_less(conv['knn'], dense['knn'])} for the convolutional one. What differs is the shape: "
        f"{dense['code_units']} values without order, against {conv['code_shape'][0]} small pictures of "
        f"{conv['code_shape'][1]} x {conv['code_shape'][2]} that keep the layout, with {conv['parameters']:,} "
        f"parameters against {dense['parameters']:,}."
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
        f"{earlier} a validation error of {target:.3f}, the best that the worse of them ever has with the laboratory's "
        f"settings, is reached in epoch {reached['conv']} by the convolutional model, in epoch {reached['mlp']} by the "
        f"fully connected one. In time it is the "
        f"{MODELS[faster]} one, with {seconds[faster]:.1f} s against {max(seconds.values()):.1f} s. At the end of "
        f"these {len(runs['conv'])} epochs they have {ends['conv']:.3f} (convolutional) and {ends['mlp']:.3f} (fully "
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
        f", but with {drawn:,} points {100 * gap:.1f} points are within chance"
        if gap < chance
        else f", by {100 * gap:.1f} points"
    )
    overall = max(MODELS, key=lambda model: lab.layout(model)["label_accuracy"])
    return (
        f"By the part of points whose nearest neighbor in the plane is of their class, the {MODELS[best]} one's"
        f"{close}: {percent(accuracy['mlp'])} for the fully connected and {percent(accuracy['conv'])} for the "
        f"convolutional one. Of all models it is the {MODELS[overall]} one's, with "
        f"{percent(lab.layout(overall)['label_accuracy'])}."
    )


def denoising(lab: Lab) -> str:
    noisy, plain = lab.compared["denoising"], lab.compared["conv"]
    return (
        f"{helps(noisy['knn'], plain['knn'])}: by 1-NN with 100 labels its codes have {percent(noisy['knn']['mean'])} "
        f"and those of the convolutional model {percent(plain['knn']['mean'])}, "
        f"{more_or_less(noisy['knn'], plain['knn'])}. In the t-SNE plane it is "
        f"{percent(lab.layout('denoising')['label_accuracy'])} and {percent(lab.layout('conv')['label_accuracy'])}. "
        f"Clean test images cost it an error of {noisy['mse']:,.0f} against {plain['mse']:,.0f}."
        f"{_earlier(lab, 'denoising')} One training of each: the interval is of the draws of labels."
    )


def sparsity(lab: Lab) -> str:
    sparse, plain = lab.compared["sparse"], lab.compared["conv"]
    zeros = {model: float((np.abs(lab.codes(f"{model}-test")) < 1e-6).mean()) for model in ("sparse", "conv")}
    size = {model: float(np.abs(lab.codes(f"{model}-test")).mean()) for model in ("sparse", "conv")}
    return (
        f"{helps(sparse['knn'], plain['knn'])}: by 1-NN with 100 labels its codes have "
        f"{percent(sparse['knn']['mean'])}, {more_or_less(sparse['knn'], plain['knn'])} against the convolutional "
        f"model's {percent(plain['knn']['mean'])}, at an error of {sparse['mse']:,.0f} against {plain['mse']:,.0f}. "
        f"Its values are {size['sparse']:.3f} large on average, the others {size['conv']:.3f}; "
        f"{percent(zeros['sparse'])} of them are zero, of the others {percent(zeros['conv'])}."
        f"{_earlier(lab, 'sparse')} It also learns at a tenth of the step size: not all of the difference is the "
        "penalty's."
    )


def _earlier(lab: Lab, model: str) -> str:
    """Say what it was after the laboratory's epochs, where the answer is about the long runs."""
    if not lab.is_long():
        return ""
    one, plain = (lab.compared_lab[name] for name in (model, "conv"))
    return (
        f" After {plain['training']['epochs']} epochs it had {percent(one['knn']['mean'])} against "
        f"{percent(plain['knn']['mean'])}."
    )


def codes_or_pixels(lab: Lab) -> str:
    codes, pixels = lab.probe("codes"), lab.probe("pixels")
    best = max(MODELS, key=lambda model: lab.compared[model]["knn"]["mean"])
    knn = lab.compared[best]["knn"]
    low = difference(codes, pixels)[1]
    better = difference(knn, pixels)[1] > 0
    why = (
        "Distances between pixels count every shift of a stroke as much as another digit; a code that was made to "
        f"ignore what does not matter, in {lab.compared[best]['code_units']} values instead of {lab.pixels}, needs "
        "fewer labels to cover a class."
        if better
        else "Codes keep what restores the picture, which is not what tells classes apart: without more training, or "
        "something to ignore, they are pixels with a part of them lost."
    )
    which = "Codes" if low > 0 else "It depends on the code" if better else "Pixels, here"
    return (
        f"{which}. With 100 labels 1-NN has {percent(pixels['mean'])} on raw pixels; on the sparse model's codes "
        f"{more_or_less(codes, pixels)}, on the {MODELS[best]} model's {more_or_less(knn, pixels)}. {why}"
    )


def compression(lab: Lab) -> str:
    plain = lab.kept("mlp", "codes, float32")
    eight, four = lab.kept("mlp", "codes, 8 bits"), lab.kept("mlp", "codes, 4 bits, entropy-coded")
    small, lossless = lab.kept("combined", "codes, 4 bits, entropy-coded"), lab.kept("mlp", "LZMA, one stream")
    units = lab.compared["mlp"]["code_units"]
    return (
        f"{units} values of 4 bytes are {4 * units} bytes, and an image of {lab.pixels} pixels has {lab.pixels}: that "
        f"is {saved(plain)}. Fewer bits a value take less: with 8 bits it is {saved(eight)} at {eight['psnr']:.1f} dB "
        f"instead of {plain['psnr']:.1f}, with 4 bits and an entropy coder {saved(four)} at {four['psnr']:.1f} dB. So "
        f"do fewer values: with the {lab.compared['combined']['code_units']} of the combined model, coded so, it is "
        f"{saved(small)} at {small['psnr']:.1f} dB. LZMA loses nothing, with {saved(lossless)}: a code must do better "
        "to be worth its losses."
    )


def two_images(lab: Lab) -> str:
    ours, other = lab.two("ours"), lab.two("other")
    better = f"The one of {lab.data}" if ours["score"] < other["score"] else f"The one of {lab.other}"
    expected = (
        "the model was trained on such images"
        if ours["score"] < other["score"]
        else "it is simpler for any model, or the training was too short to tell"
    )
    return (
        f"{better}: {expected}. No. 5 of {lab.other} has a residual of {other['score']:.2f}, no. 7 of {lab.data} "
        f"{ours['score']:.2f}; the laboratory has 17.47 and 5.75. The threshold is {ours['threshold']:.2f}: the first "
        f"is called {_verdict(other)}, the second {_verdict(ours)}."
    )


def separated(lab: Lab) -> str:
    ours, other = lab.residuals("conv-train"), lab.residuals("conv-other")
    edge = np.quantile(ours, 0.95)
    below = float((other <= edge).mean())
    area = lab.scores["residual"]["separation"]["auroc"]
    verdict = "Yes, but not wholly" if area["value"] > 0.95 else "Only partly" if area["value"] > 0.7 else "No"
    return (
        f"{verdict}. The mean residual is {ours.mean():.2f} for training images of {lab.data} and {other.mean():.2f} "
        f"for those of {lab.other} (laboratory: 5.92 and 12.95); half of them lie between "
        "{:.2f} and {:.2f}, and between {:.2f} and {:.2f}. ".format(
            *np.quantile(ours, [0.25, 0.75]), *np.quantile(other, [0.25, 0.75])
        )
        + f"{percent(below)} of {lab.other} lie below the residual that 5 % of {lab.data} exceed. AUROC on test images "
        f"{area['value']:.4f} ({area['low']:.4f} to {area['high']:.4f})."
    )


def accurate(lab: Lab) -> str:
    residual = lab.scores["residual"]
    name, best = next(iter(lab.scores.items()))
    return (
        f"By the residual, {interval(residual['specificity'])} of normal images and "
        f"{interval(residual['recall'])} of {lab.other} are judged rightly; in the laboratory 98.30 % and "
        f"96.80 %, with FashionMNIST. The best score here is `{name}`: {interval(best['specificity'])} and "
        f"{interval(best['recall'])}, AUROC {auroc(best):.4f} against {auroc(residual):.4f}. These hold for "
        f"{lab.other}: other anomalies are told worse or better."
    )


def _verdict(judged: dict) -> str:
    return "an anomaly" if judged["verdict"] == "anomaly" else "normal"


def statements(path: Path) -> int:
    """Count the statements of a script, without imports, and without what only starts it."""
    body = [node for node in ast.parse(path.read_text("utf-8")).body if not isinstance(node, ast.If | ast.Expr)]
    nodes = [node for top in body for node in ast.walk(top)]
    return sum(isinstance(node, ast.stmt) and not isinstance(node, ast.Import | ast.ImportFrom) for node in nodes)


def common_neighbors(one: np.ndarray, other: np.ndarray) -> tuple[float, int]:
    """Return the part of the ten images nearest by one code that are so by the other; and of how many images."""
    rows = np.linspace(0, len(one) - 1, min(len(one), MOST_COMPARED)).round().astype(int)
    nearest = [neighbors(codes[rows].reshape(len(rows), -1)) for codes in (one, other)]
    shares = [len(set(a) & set(b)) / NEIGHBORS for a, b in zip(*nearest, strict=True)]
    return float(np.mean(shares)), len(rows)


def neighbors(codes: np.ndarray) -> np.ndarray:
    squares = (codes**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * codes @ codes.T
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1)[:, :NEIGHBORS]
