"""Chromium without a window, driven through two pipes by the DevTools protocol; needs no Python package."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe")
SECONDS = 60
HIGH_DESCRIPTOR = 20
"""Smallest number of the pipes' descriptors here, so that they are not 3 and 4, which Chromium uses."""
KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Escape": 27, "Enter": 13, "Tab": 9}


class Page:
    """One open page."""

    def __init__(self, send: int, receive: int):
        self._send, self._receive = send, receive
        self._buffer = b""
        self._last_id = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        """What the browser reported since the page was opened, such as requests and violated policies."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def open(self, address: str, width: int, height: int, *, scheme: str = "light") -> None:
        """Load a page in a window of this size, in the color scheme `light` or `dark`."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.call("Page.navigate", url=address)
        deadline = time.monotonic() + SECONDS
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._message(deadline))

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def click(self, selector: str) -> None:
        """Click into the middle of an element, after scrolling it into view."""
        for _ in range(3):  # what comes into view may have another size than the browser assumed
            self.evaluate(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
            self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        box = f"document.querySelector({selector!r}).getBoundingClientRect()"
        x, y = self.evaluate(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({box})")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press and release a key: a letter, or one of `KEYS`."""
        code = KEYS.get(key, ord(key[0].upper()))
        text = {} if key in KEYS and key != "Enter" else {"text": "\r" if key == "Enter" else key}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def screenshot(self, path: Path) -> None:
        """Write what the window shows as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def pdf(self) -> bytes:
        """Return the printed page."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"])

    def cpu_seconds(self) -> float:
        """Return the CPU time that all processes of the browser have taken so far."""
        session, self._session = self._session, None
        try:
            return float(sum(each["cpuTime"] for each in self.call("SystemInfo.getProcessInfo")["processInfo"]))
        finally:
            self._session = session

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the DevTools protocol and return its result."""
        self._last_id += 1
        session = {} if self._session is None else {"sessionId": self._session}
        message = {"id": self._last_id, "method": method, "params": parameters} | session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + SECONDS
        while True:
            answer = self._message(deadline)
            if answer.get("id") == self._last_id:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def _message(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._receive], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            block = os.read(self._receive, 1 << 20)
            assert block, "the browser has ended"
            self._buffer += block
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Start Chromium with its settings in the folder `profile`, and yield an empty page."""
    assert CHROMIUM is not None
    theirs_in, send = os.pipe()
    receive, theirs_out = os.pipe()
    theirs = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, HIGH_DESCRIPTOR) for descriptor in (theirs_in, theirs_out)]
    redirected = ("bash", "-c", f'exec "$@" 3<&{theirs[0]} 4>&{theirs[1]}', "bash")
    with subprocess.Popen(
        [*redirected, CHROMIUM, *OPTIONS, f"--user-data-dir={profile}"], pass_fds=theirs, stderr=subprocess.DEVNULL
    ) as process:
        for descriptor in (theirs_in, theirs_out, *theirs):
            os.close(descriptor)
        try:
            yield Page(send, receive)
        finally:
            process.terminate()
            os.close(send)
            os.close(receive)
