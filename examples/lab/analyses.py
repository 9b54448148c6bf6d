"""What the laboratory does with codes and errors, and its exercises: its figures and ours, side by side."""

from math import inf
from pathlib import Path
from statistics import mean

from artifacts import MODELS, Lab, auroc
from wording import NONE, counted, difference, interval, listed, paragraphs, percent, picture, shape, table


def codes(lab: Lab) -> str:
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
        "The laboratory compares four plots by eye. The figure for it is the part of the points whose nearest "
        "neighbor in the plane is of their own class.",
        table(["model", "codes drawn", "1-NN accuracy in the plane", "KL divergence"], layouts),
        "\n".join(picture(f"tsne/{model}.png", f"t-SNE of the codes: {name}") for model, name in MODELS.items()),
        "### Nearest neighbors with few labels",
        _probes(lab),
        "### Bytes",
        _bytes(lab),
        "### Decoded",
        picture(
            "decoded.png", "Training images of each class, decoded from the 128 values of the fully connected model"
        ),
    )


def detection(lab: Lab) -> str:
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
        where = f"the same after {counted(short['training']['epochs'], 'epoch')}, not the long run"
        rows.append([where, NONE, f"{short['residual']:.3f}", ""])
    scores = [["residual, laboratory", "98.30 %", "96.80 %", ""]] + [
        [name, interval(score["specificity"]), interval(score["recall"]), f"{auroc(score):.4f}"]
        for name, score in lab.scores.items()
    ]
    speed = lab.document("one-at-a-time.json")
    measured = lab.document("detector.json")["measured"]
    pictures = [Path(lab.two(which)["heatmap"]).name for which in ("other", "ours")]
    return paragraphs(
        "## 4. Detection",
        f"The convolutional model has seen images of `{lab.data}` only: the L2 norm of its error, the residual, is "
        "larger for what looks otherwise. The laboratory's figures are of MNIST and FashionMNIST.",
        table(["residual", "laboratory", "here", "verdict here"], rows),
        f"No. 7 is another image than the laboratory's, unless the data is MNIST itself in its order: `{lab.data}` was "
        "taken.",
        "\n".join(
            picture(f"heatmaps/{name}", f"{what}: image, reconstruction, error")
            for name, what in zip(pictures, (f"No. 5 of {lab.other}", f"No. 7 of {lab.data}"), strict=True)
        ),
        picture("detector.png", "Residuals of normal and anomalous test images, the threshold, the ROC curve"),
        "A logistic regression on the score makes the threshold. The laboratory fits it on the training images; here "
        f"it is fitted on one half of the test images, which the model has not seen, and measured on the other: "
        f"{measured['normal']:,} normal images, {measured['anomalous']:,} anomalous ones. 95 % intervals in brackets; "
        "the best score first.",
        table(["score", "specificity", "recall", "AUROC"], scores),
        f"Speed: the laboratory judges 360 images a second, one at a time. Here it is {speed['one_at_a_time']:,.0f} "
        f"one at a time, and {speed['together']:,.0f} in batches.",
    )


def exercises(lab: Lab) -> str:
    classified = lab.lines("pictures-classified.jsonl")[-1]["summary"]
    trained = lab.run("pictures")["data"]["images"]
    best = max(MODELS, key=lambda model: lab.compared[model]["knn"]["mean"])
    epochs = counted(lab.run("lab/conv")["training"]["epochs"], "epoch")
    return paragraphs(
        "## 5. Exercises",
        "### 5.1 Classify a flat folder",
        "The 8 Scenes pictures are not at hand: pictures of our own, written into one folder as `CLASS_NUMBER.png`, "
        "stand in for them. `aecli train FOLDER --labels-from prefix --recipe conv-classifier` learnt from "
        f"{trained:,}; of {classified['known']:,} others, {percent(classified['accuracy']['value'])} are given "
        "the right class.",
        "### 5.2 From scratch or fine-tuned",
        *_fine_tuning(lab),
        "### 5.3 All models by k-NN accuracy",
        "1-NN with 100 labeled training images, mean of 50 draws, and what it is above raw pixels.",
        table(
            ["model", "units", "accuracy", "± sd", "points more than pixels", f"after {epochs}"],
            _by_knn(lab),
        ),
        "### 5.4 Convolutions, denoising and sparsity together",
        f"The recipe `combined` undoes warps and noise into a sparse code of {lab.compared['combined']['code_units']}: "
        f"{percent(lab.compared['combined']['knn']['mean'])} by 1-NN with 100 labels. The best of all models here is "
        f"the {MODELS[best]} one, with {percent(lab.compared[best]['knn']['mean'])}. `examples/ablation` tells what "
        "each part does.",
        "### 5.5 Photographs that are not food",
        *_photographs(lab),
        "### 5.6 TensorBoard and Weights & Biases",
        _loggers(lab),
    )


def _photographs(lab: Lab) -> list[str]:
    pattern = (
        "The photographs of food are not at hand. `examples/inspection` is the pattern for such a folder: the recipe "
        "`resnet` learns normal photographs in color, others set the threshold, what comes in is judged. "
    )
    scores, verdicts = lab.inspected("calibration.tsv"), lab.inspected("verdicts.tsv")
    if not (scores and verdicts):
        return [pattern + "After `make -C examples/inspection`, `make lab` puts its figures here."]
    flagged = sum(row[3] == "anomaly" for row in verdicts)
    return [
        f"{pattern}It was run: {flagged:,} of {len(verdicts):,} incoming photographs are flagged by the first score, "
        "with these figures on photographs that it was not fitted on, 95 % intervals in brackets:",
        table(scores[0], scores[1:]),
    ]


def _probes(lab: Lab) -> str:
    probe = lab.document("knn-probe.json")
    laboratory = {("codes", 100): "0.7431", ("pixels", 100): "0.7003"}
    rows = [
        [
            {"codes": "codes, sparse model", "pixels": "raw pixels", "pca": "PCA"}[each["features"]],
            f"{probe['dimensions'][each['features']]}",
            f"{each['labels']:,}",
            laboratory.get((each["features"], each["labels"]), NONE),
            f"{each['mean']:.4f}",
            "{:.4f} to {:.4f}".format(*each["confidence_interval"]),
        ]
        for each in probe["accuracies"]
    ]
    return paragraphs(
        "The laboratory draws 100 labeled codes once, out of the test codes. Here labels are drawn from the training "
        f"codes only, {probe['protocol']['draws']} times; the interval is that of the mean over the draws.",
        table(["1-NN on", "dimensions", "labels", "laboratory", "here", "95 % interval"], rows),
        picture("knn-probe.png", "Accuracy against the number of labels"),
    )


def _bytes(lab: Lab) -> str:
    count = lab.test_images
    rows = [
        ["8-bit images", "7,840,000", f"{lab.kept('mlp', '8-bit pixels')['bytes']:,}", "0.00 %", NONE],
    ]
    for model, methods in {
        "mlp": ["codes, float32", "codes, 8 bits", "codes, 4 bits", "codes, 4 bits, entropy-coded"],
        "combined": ["codes, 4 bits", "codes, 4 bits, entropy-coded"],
    }.items():
        for method in methods:
            kept = lab.kept(model, method)
            laboratory = "5,120,000, 34.69 % saved" if (model, method) == ("mlp", "codes, float32") else NONE
            cells = [f"{kept['bytes']:,}", f"{kept['saved_percent']:.2f} %", f"{kept['psnr']:.1f}"]
            rows.append([f"{MODELS[model]}: {method}", laboratory, *cells])
    for method in ("PNG", "LZMA, one stream", "JPEG 10", "PCA, 4 bits, entropy-coded"):
        kept = lab.kept("mlp", method)
        loss = NONE if kept["psnr"] is None else f"{kept['psnr']:.1f}"
        rows.append([method, NONE, f"{kept['bytes']:,}", f"{kept['saved_percent']:.2f} %", loss])
    return paragraphs(
        f"Of all test images: 10,000 in the laboratory, {count:,} here. PSNR is of the decoded images, in dB; no "
        "figure where nothing is lost.",
        table(["kept as", "bytes: laboratory", "here", "saved", "PSNR"], rows),
        picture(
            "compression/mlp.png", "Bits per pixel against distortion: codes of the fully connected model and others"
        ),
        picture("compression/combined.png", "The same for the combined model"),
    )


def _fine_tuning(lab: Lab) -> list[str]:
    rows, found, pictures = [], [], []
    for file in sorted((lab.out / "fine-tuning").glob("*.json")):
        runs = {run["run"]: run for run in lab.document(f"fine-tuning/{file.name}")["runs"]}
        labels = "all labels" if file.stem == "all" else f"{file.stem} labels of each class"
        pairs = [(run, runs[name.replace("scratch", "finetuned")]) for name, run in runs.items() if "scratch" in name]
        for how, mine in zip(("from scratch", "fine-tuned"), zip(*pairs, strict=True), strict=True):
            accuracies = [run["accuracy"]["value"] for run in mine]
            reached = [_reached(run, scratch) for run, (scratch, _) in zip(mine, pairs, strict=True)]
            epochs = ", ".join("never" if epoch is None else f"{epoch}" for epoch in reached)
            spread = f"{min(accuracies):.3f} to {max(accuracies):.3f}"
            rows.append([labels, how, f"{mean(accuracies):.3f}", spread, f"{mine[0]['training']['epochs']}", epochs])
        found.append(_gained(labels, pairs))
        pictures.append(picture(f"fine-tuning/{file.stem}.png", f"Classifiers from scratch and fine-tuned, {labels}"))
    return [
        "The encoder of the convolutional autoencoder and one linear layer, from random weights or from the trained "
        "ones. The target is 95 % of the best validation accuracy that the run from scratch with the same seed and "
        "labels has. The best epoch is chosen on the validation images, with their labels.",
        table(["trained with", "start", "test accuracy", "over seeds", "epochs", "target in epoch, by seed"], rows),
        " ".join(found),
        *pictures,
    ]


def _gained(labels: str, pairs: list[tuple[dict, dict]]) -> str:
    """Say what fine-tuning does to accuracy and to the epochs that it takes."""
    gains = [100 * (tuned["accuracy"]["value"] - scratch["accuracy"]["value"]) for scratch, tuned in pairs]
    sooner = sum((_reached(tuned, scratch) or inf) < _reached(scratch, scratch) for scratch, tuned in pairs)
    better = sum(gain > 0 for gain in gains)
    return (
        f"With {labels} fine-tuning changes the accuracy by {mean(gains):+.1f} points in the mean, is better in "
        f"{better} of {len(gains)} pairs, and reaches the target in fewer epochs in {sooner}."
    )


def _reached(run: dict, scratch: dict) -> int | None:
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
    kept = listed([f"{size:,} bytes for {name}" for name, size in sizes.items() if size])
    return (
        "`--logger` names where losses and a grid of 50 reconstructions go after each epoch, in one training or "
        f"several: `tensorboard`, `wandb`. The run of {counted(run['training']['epochs'], 'epoch')} above wrote "
        f"{kept}. Without a network: `WANDB_MODE=offline make LOGGERS=csv,tensorboard,wandb`."
    )
