"""The laboratory's first sections, what it trains: its figures and ours, side by side."""

import tomllib

from artifacts import MODELS, Lab
from wording import NONE, counted, paragraphs, percent, picture, shape, table

BY_HAND = [0.72, 0.78, 0.81, 0.83, 0.84]
STEPS = 235
"""Of 256 images in the laboratory's epoch of the classifier."""

PARAMETERS = {"mlp": "468 K", "conv": "3.2 K", "denoising": "3.2 K", "sparse": "3.2 K"}
CODES = {"mlp": "128"} | dict.fromkeys(["conv", "denoising", "sparse"], "4 x 7 x 7")


def introduction(lab: Lab) -> str:
    run = lab.run(f"{lab.main}/conv")
    trained, validated = run["data"]["images"], run["validation"]["images"]
    steps = lab.metrics("lab/conv")[-1]["step"]
    epochs = lab.run("lab/conv")["training"]["epochs"]
    smaller = (
        "The laboratory trains on the 60,000 images of MNIST and tests on 10,000. Where the images here are fewer, the "
        "tables say what differs, and a figure beside the laboratory's is not a repetition of it."
    )
    lengths = f"Each autoencoder was trained for {counted(epochs, 'epoch')}, which are {steps:,.0f} steps"
    if lab.is_long():
        long_steps = lab.metrics("long/conv")[-1]["step"]
        lengths += (
            f" of 1,024 images; the laboratory's 150 epochs are 8,850. So each was trained a second time, with smaller "
            f"batches, for {long_steps:,.0f} steps: these **long** runs are the ones that the analyses are of"
        )
    seconds = sum(lab.run(name)["seconds"] for name in lab.runs())
    return paragraphs(
        "# The laboratory, measured",
        f"Trained on {trained:,} images of `{lab.data}:train`, with {validated:,} others of them held out to choose "
        f"the best epoch on; measured on the {lab.test_images:,} images of `{lab.data}:test`, which no autoencoder was "
        f"trained or chosen on. The detector is shown `{lab.other}`. {smaller}",
        f"{lengths}. The {len(lab.runs())} trainings, side by side, have {seconds / 60:.1f} minutes together.",
    )


def in_short(lab: Lab) -> str:
    best_name, best = next(iter(lab.scores.items()))
    residual = lab.scores["residual"]
    classifier = lab.metrics("classifier")[-1]
    float32 = lab.kept("mlp", "codes, float32")
    rows = [
        [
            "classifier by hand, accuracy after the steps of 5 epochs",
            f"{BY_HAND[-1]}",
            _accuracy(_by_hand(lab, "by-hand")[-1]),
        ],
        ["classifier, accuracy at the end", "0.9319", _accuracy(classifier["val_accuracy"])],
        ["1-NN with 100 labels, raw pixels", "0.7003", f"{lab.probe('pixels')['mean']:.4f}"],
        ["1-NN with 100 labels, codes of the sparse model", "0.7431", f"{lab.probe('codes')['mean']:.4f}"],
        ["1-NN with 100 labels, codes of the combined model", NONE, f"{lab.compared['combined']['knn']['mean']:.4f}"],
        ["bytes saved by float32 codes of 128", "34.69 %", f"{float32['saved_percent']:.2f} %"],
        ["mean residual, training images", "5.916", f"{lab.residuals('conv-train').mean():.3f}"],
        [f"mean residual, {lab.other}", "12.945", f"{lab.residuals('conv-other').mean():.3f}"],
        ["normal images judged rightly, by the residual", "98.30 %", percent(residual["specificity"]["value"], 2)],
        [f"{lab.other} judged rightly, by the residual", "96.80 %", percent(residual["recall"]["value"], 2)],
        [f"both, by the best score, `{best_name}`", NONE, " and ".join(_right(best))],
        [
            "images judged in a second, one at a time",
            "360",
            f"{lab.document('one-at-a-time.json')['one_at_a_time']:,.0f}",
        ],
    ]
    return paragraphs("## In short", table(["", "laboratory", "here"], rows))


def lightning(lab: Lab) -> str:
    hand, with_lightning = lab.lines("by-hand.jsonl"), lab.lines("with-lightning.jsonl")
    history = lab.metrics("classifier")
    ours = [{"step": row["step"], "accuracy": row["val_accuracy"]} for row in history]
    rows = [
        [f"{epoch}", f"{BY_HAND[epoch - 1]}", f"{hand[epoch - 1]['accuracy']:.3f}"]
        + [_accuracy(_after(lines, epoch)) for lines in (hand, with_lightning, ours)]
        for epoch in range(1, 6)
    ]
    run = lab.run("classifier")
    rows.append(["at the end", "0.9319", NONE, NONE, NONE, _accuracy(history[-1]["val_accuracy"])])
    head = [
        "epoch",
        "laboratory",
        "by hand, our epochs",
        *(f"{how}, as many steps" for how in ("by hand", "Lightning")),
    ]
    own = hand[0]["step"]
    return paragraphs(
        "## 1. Lightning",
        "A network of one hidden layer, 784-512-tanh-10, tells the classes: three times the same, "
        "by hand (`classifier_by_hand.py`), with Lightning (`classifier_with_lightning.py`), and by "
        "`aecli train --recipe mlp-classifier`. Accuracies are of the test images after each epoch, as the laboratory "
        "has them; nothing was chosen by them.",
        table([*head, "aecli train, as many steps"], rows),
        f'An epoch here has {own:,} steps of 256 images, the laboratory\'s {STEPS}: "as many steps" is where each had '
        f"done {STEPS} times the number of the epoch, or the nearest to it. The last row is after "
        f"{history[-1]['step']:,.0f} steps; the laboratory's 150 epochs have {150 * STEPS:,}. Parameters: 407 K in the "
        f"laboratory, {run['parameters']:,} here. Training by the command took {run['seconds']:.0f} s.",
        picture("runs/classifier/loss.png", "Loss and accuracy of the classifier, epoch by epoch"),
    )


def autoencoders(lab: Lab) -> str:
    built, errors = [], []
    for model, name in {**MODELS, "wide": "as large as the input"}.items():
        run = lab.run(f"{lab.main}/{model}")
        parameters = [PARAMETERS.get(model, NONE), f"{run['parameters']:,}"]
        code = [CODES.get(model, NONE), shape(run["code_shape"])]
        built.append([name, *parameters, *code, *_settings(lab, f"{lab.main}/{model}")])
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
            built,
        ),
        "The laboratory gives no losses. Here is the mean squared error of the validation images, in units of the "
        "pixels' variance: 1 is an image that is the same for all. The last columns are of the test images.",
        table(["model", "first epoch", *length, "test MSE, gray values", "mean residual", "seconds"], errors),
        "Where the code of the laboratory and its text differ, aecli does what the text says: the denoising model is "
        "asked for the clean image. The sparse model's penalty is the mean over the code's units. The combined "
        "model is asked to undo warps, and so straightens what was never warped: its error is not to be compared with "
        "the others'.",
        picture("compare.png", "Losses and figures of the models, side by side"),
        "\n".join(
            picture(f"runs/{run}/reconstructions.png", f"Validation images and what became of them: {caption}")
            for run, caption in captions.items()
        ),
    )


def _settings(lab: Lab, run: str) -> list[str]:
    recipe = tomllib.loads(lab.recipe(run))
    training, optimizer = recipe["training"], recipe["optimizer"]
    return [f"{training['epochs']:,}", f"{training['batch_size']:,}", f"{optimizer['name']} {optimizer['lr']:g}"]


def _errors(lab: Lab, model: str) -> list[str]:
    """First epoch, the laboratory's length, the long run; test error and residual."""
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


def _after(lines: list[dict], epoch: int) -> float | None:
    """Return the accuracy after as many steps as so many epochs of the laboratory have; None where there are fewer."""
    nearest = min(lines, key=lambda line: abs(line["step"] - epoch * STEPS))
    return nearest["accuracy"] if abs(nearest["step"] - epoch * STEPS) <= STEPS / 10 else None


def _accuracy(value: float | None) -> str:
    return NONE if value is None else f"{value:.4f}"


def _right(score: dict) -> list[str]:
    return [percent(score[kind]["value"], 2) for kind in ("specificity", "recall")]
