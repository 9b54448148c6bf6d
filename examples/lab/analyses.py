"""The sections on codes, detection and exercises: the laboratory's results beside those measured here."""

from collections.abc import Sequence
from math import inf
from pathlib import Path
from statistics import mean
from typing import Any

from artifacts import MODELS, Lab, auroc
from wording import NONE, counted, difference, image, interval, joined, paragraphs, percent, shape, table

Run = dict[str, Any]
"""An entry of `runs` in the document of `aecli compare --json`."""
METRICS = {"specificity": "specificity", "recall": "recall", "auroc": "AUROC", "f1_max": "F1-max"}
"""The columns of `aecli calibrate` to show, and their headings."""


def codes(lab: Lab) -> str:
    """Report shapes, t-SNE, nearest neighbors, bytes and decoded images."""
    shapes = [
        ["fully connected", "10,000 x 128", shape(lab.codes("mlp-test").shape)],
        ["convolutional", "10,000 x 4 x 7 x 7", shape(lab.codes("conv-test").shape)],
    ]
    layouts = [
        [
            name,
            f"{(layout := lab.layout(model))['drawn']:,}",
            f"{layout['label_accuracy']:.3f}",
            f"{layout['kl_divergence']:.3f}",
        ]
        for model, name in MODELS.items()
    ]
    return paragraphs(
        "## 3. Codes",
        "### Codes of the test images",
        table(["model", "laboratory", "here"], shapes),
        "### t-SNE",
        "The laboratory compares four plots by eye. Here the metric is the fraction of the points whose nearest "
        "neighbor in the plane has the same class.",
        table(["model", "codes", "1-NN accuracy in the plane", "KL divergence"], layouts),
        "\n".join(image(f"tsne/{model}.png", f"t-SNE of the codes: {name}") for model, name in MODELS.items()),
        "### Nearest neighbors with few labels",
        _probes(lab),
        "### Bytes",
        _bytes(lab),
        "### Decoded images",
        image("decoded.png", "Training images of each class, decoded from the 128 values of the fully connected model"),
    )


def detection(lab: Lab) -> str:
    """Report residuals, scores and speed of the detector."""
    other, normal = lab.residuals("conv-other"), lab.residuals("conv-train")
    rows = [
        [f"no. 5 of {lab.other}", "17.47", f"{lab.two('other')['score']:.2f}", lab.two("other")["verdict"]],
        [f"no. 7 of {lab.data}", "5.75", f"{lab.two('ours')['score']:.2f}", lab.two("ours")["verdict"]],
        [f"mean of {len(other):,} training images of {lab.other}", "12.945", f"{other.mean():.3f}", ""],
        [f"mean of {len(normal):,} training images of {lab.data}", "5.916", f"{normal.mean():.3f}", ""],
        [f"mean of {lab.test_images:,} test images of {lab.data}", NONE, f"{lab.compared['conv']['residual']:.3f}", ""],
    ]
    if lab.is_long():
        short = lab.compared_lab["conv"]
        name = f"the same after {counted(short['training']['epochs'], 'epoch')} instead of the long run"
        rows.append([name, NONE, f"{short['residual']:.3f}", ""])
    scores = [["residual, laboratory", "98.30%", "96.80%", ""]] + [
        [name, interval(score["specificity"]), interval(score["recall"]), f"{auroc(score):.4f}"]
        for name, score in lab.scores.items()
    ]
    speed = lab.document("one-at-a-time.json")
    measured = lab.document("detector.json")["measured"]
    heatmaps = [Path(lab.two(name)["heatmap"]).name for name in ("other", "ours")]
    return paragraphs(
        "## 4. Detection",
        f"The convolutional model was trained on images of `{lab.data}` only. The residual, the L2 norm of its "
        "reconstruction error, is larger for images that look different. The laboratory uses MNIST and FashionMNIST.",
        table(["residual", "laboratory", "here", "verdict here"], rows),
        f"No. 7 is the laboratory's image only if the data is MNIST in its original order; here it is `{lab.data}`.",
        "\n".join(
            image(f"heatmaps/{file}", f"{name}: image, reconstruction, error")
            for file, name in zip(heatmaps, (f"No. 5 of {lab.other}", f"No. 7 of {lab.data}"), strict=True)
        ),
        image("detector.png", "Residuals of normal and anomalous test images, the threshold, the ROC curve"),
        "The threshold comes from a logistic regression on the score. The laboratory fits it on the training images. "
        "Here it is fitted on one half of the test images, on which the model was not trained, and measured on the "
        f"other half: {measured['normal']:,} normal and {measured['anomalous']:,} anomalous images. 95% intervals are "
        "in parentheses; the best score comes first.",
        table(["score", "specificity", "recall", "AUROC"], scores),
        f"Speed: the laboratory scores 360 images per second, one at a time. Here it is {speed['one_at_a_time']:,.0f} "
        f"one at a time and {speed['in_batches']:,.0f} in batches.",
    )


def exercises(lab: Lab) -> str:
    """Report the results of the exercises."""
    classified = lab.lines("flat-classified.jsonl")[-1]["summary"]
    trained = lab.run("flat")["data"]["images"]
    best = max(MODELS, key=lambda model: lab.compared[model]["knn"]["mean"])
    epochs = counted(lab.run("lab/conv")["training"]["epochs"], "epoch")
    return paragraphs(
        "## 5. Exercises",
        "### 5.1 Classify a flat folder",
        "The 8 Scenes data set is not available here. Images of the data set above, written to one folder as "
        "`CLASS_NUMBER.png`, replace it. `aecli train FOLDER --labels-from prefix --recipe conv-classifier` was "
        f"trained on {trained:,} images and has an accuracy of {percent(classified['accuracy']['value'])} on "
        f"{classified['known']:,} others.",
        "### 5.2 From scratch or fine-tuned",
        *_fine_tuning(lab),
        "### 5.3 All models by k-NN accuracy",
        "1-NN accuracy with 100 labeled training images, mean of 50 draws, and the gain over raw pixels.",
        table(
            ["model", "units", "accuracy", "± sd", "gain over pixels, points", f"after {epochs}"],
            _by_knn(lab),
        ),
        "### 5.4 A stronger model",
        "The recipe `combined` has a convolutional encoder, removes warps and noise, and has a code of "
        f"{lab.compared['combined']['code_units']} values. Its 1-NN accuracy with 100 labels is "
        f"{percent(lab.compared['combined']['knn']['mean'])}. The best of all models here is "
        f"the {MODELS[best]} one, with {percent(lab.compared[best]['knn']['mean'])}. `examples/ablation` "
        "measures what each ingredient contributes.",
        "### 5.5 Photographs that are not food",
        *_photographs(lab),
        "### 5.6 TensorBoard and Weights & Biases",
        _loggers(lab),
    )


def _interval(row: dict[str, str], metric: str) -> str:
    if not row.get(metric):
        return NONE
    value, low, high = (float(row[metric + part]) for part in ("", "_low", "_high"))
    return f"{value:.4f} ({low:.4f} to {high:.4f})"


def _photographs(lab: Lab) -> list[str]:
    pattern = (
        "The photographs of food are not available here. `examples/inspection` is the pattern for such a folder: the "
        "recipe `resnet` is trained on normal color photographs, `calibrate` sets the threshold on others, and "
        "`detect` scores incoming photographs. "
    )
    scores, verdicts = lab.inspected("calibration.tsv"), lab.inspected("verdicts.tsv")
    if not (scores and verdicts):
        return [pattern + "After `make -C examples/inspection`, `make lab` inserts its results here."]
    flagged = sum(row["verdict"] == "anomaly" for row in verdicts)
    return [
        f"{pattern}{flagged:,} of {len(verdicts):,} incoming photographs are classified as anomalies by the first "
        "score. The metrics are measured on photographs that were not used for fitting; 95% intervals are in "
        "parentheses:",
        table(
            ["score", *METRICS.values()],
            [[row["score"], *(_interval(row, name) for name in METRICS)] for row in scores],
        ),
    ]


PROBED = {
    "codes": "codes, sparse model",
    "untrained": "codes, untrained model",
    "pixels": "raw pixels",
    "pca": "PCA",
}
"""What the k-NN probe compares."""


def _probes(lab: Lab) -> str:
    probe = lab.document("knn-probe.json")
    laboratory = {("codes", 100): "0.7431", ("pixels", 100): "0.7003"}
    rows = [
        [
            PROBED[each["features"]],
            f"{probe['dimensions'][each['features']]}",
            f"{each['labels']:,}",
            laboratory.get((each["features"], each["labels"]), NONE),
            f"{each['mean']:.4f}",
            "{:.4f} to {:.4f}".format(*each["confidence_interval"]),
        ]
        for each in probe["accuracies"]
    ]
    return paragraphs(
        "The laboratory draws 100 labeled codes once, from the test codes. Here labels are drawn from the training "
        f"codes only, {probe['protocol']['draws']} times; the interval is that of the mean over the draws.",
        table(["1-NN on", "dimensions", "labels", "laboratory", "here", "95% interval"], rows),
        image("knn-probe.png", "Accuracy against the number of labels"),
    )


def _bytes(lab: Lab) -> str:
    count = lab.test_images
    rows = [
        ["8-bit images", "7,840,000", f"{lab.storage('mlp', '8-bit pixels')['bytes']:,}", "0.00%", NONE],
    ]
    for model, methods in {
        "mlp": ["codes, float32", "codes, 8 bits", "codes, 4 bits", "codes, 4 bits, entropy-coded"],
        "combined": ["codes, 4 bits", "codes, 4 bits, entropy-coded"],
    }.items():
        for method in methods:
            storage = lab.storage(model, method)
            laboratory = "5,120,000, 34.69% saved" if (model, method) == ("mlp", "codes, float32") else NONE
            cells = [f"{storage['bytes']:,}", f"{storage['saved_percent']:.2f}%", f"{storage['psnr']:.1f}"]
            rows.append([f"{MODELS[model]}: {method}", laboratory, *cells])
    for method in ("PNG", "LZMA, one stream", "JPEG 10", "PCA, 4 bits, entropy-coded"):
        storage = lab.storage("mlp", method)
        psnr = NONE if storage["psnr"] is None else f"{storage['psnr']:.1f}"
        rows.append([method, NONE, f"{storage['bytes']:,}", f"{storage['saved_percent']:.2f}%", psnr])
    return paragraphs(
        f"All test images: 10,000 in the laboratory, {count:,} here. PSNR of the decoded images is in dB; lossless "
        "formats have none.",
        table(["format", "bytes: laboratory", "here", "saved", "PSNR"], rows),
        image(
            "compression/mlp.png", "Bits per pixel against distortion: codes of the fully connected model and others"
        ),
        image("compression/combined.png", "The same for the combined model"),
    )


def _fine_tuning(lab: Lab) -> list[str]:
    rows, sentences, plots = [], [], []
    for file in sorted((lab.out / "fine-tuning").glob("*.json")):
        runs = {run["run"]: run for run in lab.document(f"fine-tuning/{file.name}")["runs"]}
        labels = "all labels" if file.stem == "all" else f"{file.stem} labels of each class"
        pairs = [(run, runs[name.replace("scratch", "finetuned")]) for name, run in runs.items() if "scratch" in name]
        for start, group in zip(("from scratch", "fine-tuned"), zip(*pairs, strict=True), strict=True):
            accuracies = [run["accuracy"]["value"] for run in group]
            reached = [_reached(run, scratch) for run, (scratch, _) in zip(group, pairs, strict=True)]
            epochs = ", ".join("never" if epoch is None else f"{epoch}" for epoch in reached)
            spread = f"{min(accuracies):.3f} to {max(accuracies):.3f}"
            rows.append([labels, start, f"{mean(accuracies):.3f}", spread, f"{group[0]['training']['epochs']}", epochs])
        sentences.append(_gain(labels, pairs))
        plots.append(image(f"fine-tuning/{file.stem}.png", f"Classifiers from scratch and fine-tuned, {labels}"))
    return [
        "The encoder of the convolutional autoencoder and one linear layer, starting from random or from trained "
        "weights. The target is 95% of the best validation accuracy of the run from scratch with the same seed and "
        "labels. The best epoch is selected on the labeled validation images.",
        table(["trained with", "start", "test accuracy", "over seeds", "epochs", "target in epoch, by seed"], rows),
        " ".join(sentences),
        *plots,
    ]


def _gain(labels: str, pairs: Sequence[tuple[Run, Run]]) -> str:
    """Describe the effect of fine-tuning on accuracy and epochs."""
    gains = [100 * (tuned["accuracy"]["value"] - scratch["accuracy"]["value"]) for scratch, tuned in pairs]
    sooner = sum((_reached(tuned, scratch) or inf) < (_reached(scratch, scratch) or inf) for scratch, tuned in pairs)
    better = sum(gain > 0 for gain in gains)
    return (
        f"With {labels} fine-tuning changes the accuracy by {mean(gains):+.1f} points on average, is better in "
        f"{better} of {len(gains)} pairs, and reaches the target in fewer epochs in {sooner}."
    )


def _reached(run: Run, scratch: Run) -> int | None:
    """Return the first epoch that reaches the target; None if no epoch does."""
    target = 0.95 * max(row["val_accuracy"] for row in scratch["history"])
    return next((row["epoch"] for row in run["history"] if row["val_accuracy"] >= target), None)


def _by_knn(lab: Lab) -> list[list[str]]:
    pixels = lab.probe("pixels")
    rows = [["raw pixels", f"{lab.pixels}", f"{pixels['mean']:.4f}", f"{pixels['standard_deviation']:.4f}", NONE, NONE]]
    for model, name in {**MODELS, "wide": "as large as the input"}.items():
        run = lab.compared[model]
        short = lab.compared_lab.get(model)
        points = [100 * value for value in difference(run["knn"], pixels)]
        rows.append(
            [
                name,
                f"{run['code_units']}",
                f"{run['knn']['mean']:.4f}",
                f"{run['knn']['standard_deviation']:.4f}",
                "{:+.1f} ({:+.1f} to {:+.1f})".format(*points),
                f"{short['knn']['mean']:.4f}" if short else NONE,
            ]
        )
    return rows


def _loggers(lab: Lab) -> str:
    run = lab.run("early")
    folder = lab.out / "runs" / "early"
    sizes = {
        "TensorBoard": sum(file.stat().st_size for file in folder.glob("tensorboard/events.*")),
        "Weights & Biases": sum(file.stat().st_size for file in folder.glob("wandb/*run-*/*.wandb")),
    }
    written = joined([f"{size:,} bytes for {name}" for name, size in sizes.items() if size])
    return (
        "`--logger` names the loggers that receive the losses and a grid of 50 reconstructions after each epoch: "
        f"`tensorboard`, `wandb`, or both. The run of {counted(run['training']['epochs'], 'epoch')} above wrote "
        f"{written}. Without a network: `WANDB_MODE=offline make LOGGERS=csv,tensorboard,wandb`."
    )
