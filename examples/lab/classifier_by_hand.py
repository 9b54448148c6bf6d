"""Train the laboratory's classifier without Lightning: `classifier_by_hand.py DATA EPOCHS`, JSON lines."""

import json
import sys

import torch
from tensors import batches
from torch import nn


def main(data: str, epochs: int) -> None:
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    train, test = batches(f"{data}:train", shuffle=True), batches(f"{data}:test", shuffle=False)
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(512), nn.Tanh(), nn.Linear(512, 10)).to(device)
    model(next(iter(train))[0].to(device))  # creates the weights of the lazy layer
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    for epoch in range(1, epochs + 1):
        model.train()
        for batch in train:
            images, labels = (tensor.to(device) for tensor in batch)
            optimizer.zero_grad()
            criterion(model(images), labels).backward()
            optimizer.step()
        model.eval()
        correct, count = 0, 0
        with torch.no_grad():
            for batch in test:
                images, labels = (tensor.to(device) for tensor in batch)
                correct += int((model(images).argmax(1) == labels).sum())
                count += len(labels)
        print(json.dumps({"step": epoch * len(train), "accuracy": correct / count}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
