"""The sections on training: the laboratory's results beside those measured here."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from artifacts import MODELS, Lab
from wording import NONE, counted, image, paragraphs, percent, shape, table

BY_HAND = [0.72, 0.78, 0.81, 0.83, 0.84]
STEPS = 235
"""Steps of 256 images in one epoch of the laboratory's classifier."""

PARAMETERS = {"mlp": "468 K", "conv": "3.2 K", "denoising": "3.2 K", "sparse": "3.2 K"}
CODES = {"mlp": "128"} | dict.fromkeys(["conv", "denoising", "sparse"], "4 x 7 x 7")


def introduction(lab: Lab) -> str:
    """Return the title and a description of the data and the trainings."""
    run = lab.run(f"{lab.main}/conv")
    trained, validated = run["data"]["images"], run["validation"]["images"]
    steps = lab.metrics("lab/conv")[-1]["step"]
    epochs = lab.run("lab/conv")["training"]["epochs"]
    differs = (
        "The laboratory trains on the 60,000 images of MNIST and tests on 10,000. With fewer images, a value here is "
        "not a replication of the one beside it; the tables state the differences."
    )
    lengths = f"Each autoencoder was trained for {counted(epochs, 'epoch')}, which are {steps:,.0f} steps"
    if lab.is_long():
        long_steps = lab.metrics("long/conv")[-1]["step"]
        lengths += (
            f" of 1,024 images; the laboratory's 150 epochs have 8,850. Each was therefore trained a second time with "
            f"smaller batches, for {long_steps:,.0f} steps. The analyses use these **long** runs"
        )
    seconds = sum(lab.run(name)["seconds"] for name in lab.runs())
    return paragraphs(
        "# The laboratory, measured",
        f"The models are trained on {trained:,} images of `{lab.data}:train`; {validated:,} others are held out to "
        f"select the best epoch. They are tested on the {lab.test_images:,} images of `{lab.data}:test`, which were "
        f"used for neither. The anomalous images are `{lab.other}`. {differs}",
        f"{lengths}. The {len(lab.runs())} trainings took {seconds / 60:.1f} minutes in total, partly in parallel.",
    )


def summary(lab: Lab) -> str:
    """Return a table of the most important results."""
    best_name, best = next(iter(lab.scores.items()))
    residual = lab.scores["residual"]
    classifier = lab.metrics("classifier")[-1]
    float32 = lab.storage("mlp", "codes, float32")
    rows = [
        [
            "classifier by hand, accuracy after the steps of 5 epochs",
            f"{BY_HAND[-1]}",
            _accuracy(_by_hand(lab, "by-hand")[-1]),
        ],
        ["classifier, final accuracy", "0.9319", _accuracy(classifier["val_accuracy"])],
        ["1-NN with 100 labels, raw pixels", "0.7003", f"{lab.probe('pixels')['mean']:.4f}"],
        ["1-NN with 100 labels, codes of the sparse model", "0.7431", f"{lab.probe('codes')['mean']:.4f}"],
        ["1-NN with 100 labels, codes of the combined model", NONE, f"{lab.compared['combined']['knn']['mean']:.4f}"],
        ["bytes saved by codes of 128 float32 values", "34.69%", f"{float32['saved_percent']:.2f}%"],
        ["mean residual, training images", "5.916", f"{lab.residuals('conv-train').mean():.3f}"],
        [f"mean residual, {lab.other}", "12.945", f"{lab.residuals('conv-other').mean():.3f}"],
        ["specificity of the residual, normal images", "98.30%", percent(residual["specificity"]["value"], 2)],
        [f"recall of the residual, {lab.other}", "96.80%", percent(residual["recall"]["value"], 2)],
        [f"both, of the best score, `{best_name}`", NONE, " and ".join(_specificity_and_recall(best))],
        [
            "images scored per second, one at a time",
            "360",
            f"{lab.document('one-at-a-time.json')['one_at_a_time']:,.0f}",
        ],
    ]
    return paragraphs("## Summary", table(["", "laboratory", "here"], rows))


def lightning(lab: Lab) -> str:
    """Compare the classifier by hand, with Lightning and with aecli."""
    hand, with_lightning = lab.lines("by-hand.jsonl"), lab.lines("with-lightning.jsonl")
    history = lab.metrics("classifier")
    ours = [{"step": row["step"], "accuracy": row["val_accuracy"]} for row in history]
    rows = [
        [f"{epoch}", f"{BY_HAND[epoch - 1]}", f"{hand[epoch - 1]['accuracy']:.3f}"]
        + [_accuracy(_after(lines, epoch)) for lines in (hand, with_lightning, ours)]
        for epoch in range(1, 6)
    ]
    run = lab.run("classifier")
    rows.append(["last", "0.9319", NONE, NONE, NONE, _accuracy(history[-1]["val_accuracy"])])
    head = [
        "epoch",
        "laboratory",
        "by hand, our epochs",
        *(f"{method}, same steps" for method in ("by hand", "Lightning")),
    ]
    steps = hand[0]["step"]
    return paragraphs(
        "## 1. Lightning",
        "The same classifier, a network with one hidden layer, 784-512-tanh-10, in three implementations: by hand "
        "(`classifier_by_hand.py`), with Lightning (`classifier_with_lightning.py`), and with "
        "`aecli train --recipe mlp-classifier`. As in the laboratory, accuracies are those of the test images after "
        "each epoch; they were not used to select anything.",
        table([*head, "aecli train, same steps"], rows),
        f'An epoch has {steps:,} steps of 256 images here and {STEPS} in the laboratory. "Same steps" is the epoch '
        f"whose number of steps is closest to {STEPS} times the number of the row. The last row is after "
        f"{history[-1]['step']:,.0f} steps; the laboratory's 150 epochs have {150 * STEPS:,}. Parameters: 407 K in the "
        f"laboratory, {run['parameters']:,} here. Training with `aecli train` took {run['seconds']:.0f} s.",
        image("runs/classifier/loss.png", "Loss and accuracy of the classifier by epoch"),
    )


def autoencoders(lab: Lab) -> str:
    """Compare the autoencoders: size, settings, errors, reconstructions."""
    sizes, errors = [], []
    for model, name in {**MODELS, "wide": "as large as the input"}.items():
        run = lab.run(f"{lab.main}/{model}")
        parameters = [PARAMETERS.get(model, NONE), f"{run['parameters']:,}"]
        code = [CODES.get(model, NONE), shape(run["code_shape"])]
        sizes.append([name, *parameters, *code, *_settings(lab, f"{lab.main}/{model}")])
        errors.append([name, *_errors(lab, model), f"{run['seconds']:,.0f}"])
    epochs = lab.run("lab/conv")["training"]["epochs"]
    length = [f"after {counted(epochs, 'epoch')}"] + (["long run"] if lab.is_long() else [])
    early = lab.run("early")["training"]["epochs"]
    captions = {
        "early": f"convolutional, {counted(early, 'epoch')}",
        "lab/conv": f"convolutional, {counted(epochs, 'epoch')}",
    }
    captions |= {f"{lab.main}/{model}": f"{name}{', long run' * lab.is_long()}" for model, name in MODELS.items()}
    return paragraphs(
        "## 2. Autoencoders",
        table(
            ["model", "parameters: laboratory", "here", "code: laboratory", "here", "epochs", "batch", "optimizer"],
            sizes,
        ),
        "The laboratory gives no losses. The table has the mean squared error of the validation images in units of the "
        "pixels' variance: 1 corresponds to predicting the mean pixel value. The last columns are for the test images.",
        table(["model", "first epoch", *length, "test MSE, gray values", "mean residual", "seconds"], errors),
        "Where the laboratory's code and text disagree, aecli follows the text: the target of the denoising model is "
        "the clean image. The penalty of the sparse model is the mean over the units of the code. The combined "
        "model learns to undo warps, and also changes images that were not warped: its error cannot be compared with "
        "that of the others.",
        image("compare.png", "Losses and metrics of the models"),
        "\n".join(
            image(f"runs/{run}/reconstructions.png", f"Validation images and reconstructions: {caption}")
            for run, caption in captions.items()
        ),
    )


def _settings(lab: Lab, run: str) -> list[str]:
    recipe = tomllib.loads(lab.recipe(run))
    training, optimizer = recipe["training"], recipe["optimizer"]
    return [f"{training['epochs']:,}", f"{training['batch_size']:,}", f"{optimizer['name']} {optimizer['lr']:g}"]


def _errors(lab: Lab, model: str) -> list[str]:
    """Return the error after the first epoch, the laboratory's epochs and the long run; test error and residual."""
    short = lab.run(f"lab/{model}")["training"] if f"lab/{model}" in lab.runs() else None
    first = lab.metrics(f"{lab.main}/{model}")[0]["val_loss"] if model not in ("sparse", "combined") else None
    cells = [f"{first:.3f}" if first else NONE]
    cells.append(f"{short['val_mse']:.3f}" if short else NONE)
    if lab.is_long():
        cells.append(f"{lab.run(f'long/{model}')['training']['val_mse']:.3f}")
    run = lab.compared[model]
    return [*cells, f"{run['mse']:,.0f}", f"{run['residual']:.3f}"]


def _by_hand(lab: Lab, name: str) -> list[float]:
    lines = lab.lines(f"{name}.jsonl")
    return [_after(lines, epoch) or lines[epoch - 1]["accuracy"] for epoch in range(1, 6)]


def _after(lines: Sequence[Mapping[str, Any]], epoch: int) -> float | None:
    """Return the accuracy after as many steps as this epoch of the laboratory; None if no epoch is close to it."""
    nearest = min(lines, key=lambda line: abs(line["step"] - epoch * STEPS))
    return float(nearest["accuracy"]) if abs(nearest["step"] - epoch * STEPS) <= STEPS / 10 else None


def _accuracy(value: float | None) -> str:
    return NONE if value is None else f"{value:.4f}"


def _specificity_and_recall(score: Mapping[str, Any]) -> list[str]:
    return [percent(score[metric]["value"], 2) for metric in ("specificity", "recall")]
