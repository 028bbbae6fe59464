"""Chromium without a screen, driven by its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

import base64
import json
import os
import shutil
import time
import urllib.request

import pytest
import websocket

from harness.process import Process
from harness.wait import wait_until

_OPTIONS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--disable-sync",
    "--remote-debugging-port=0", "--remote-allow-origins=*", "about:blank",
]  # fmt: skip
_ANSWER_SECONDS = 60


class Browser(Process):
    """Skips, by name, where there is no Chromium."""

    def __init__(self, directory):
        if shutil.which("chromium") is None:
            pytest.skip("there is no chromium here")
        self._profile = directory / "chromium"
        argv = ["chromium", f"--user-data-dir={self._profile}", *_OPTIONS]
        super().__init__("chromium", argv, dict(os.environ), directory)
        self._pages = []
        self._port = self._path = None

    def start(self):
        super().start()
        self.wait_until_ready((self._profile / "DevToolsActivePort").exists, 60)
        wait_until(lambda: len(self._port_file()) == 2, 10, "chromium to tell its port")
        self._port, self._path = self._port_file()

    def _port_file(self):
        return (self._profile / "DevToolsActivePort").read_text(encoding="ascii").splitlines()

    def open(self, url, **view):
        """A page at url; view: see Page.set_view."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:
            page = Page(json.load(answer)["webSocketDebuggerUrl"])
        self._pages.append(page)
        page.set_view(**view)
        page.go(url)
        return page

    def close(self):
        """Asks it to end, so that none of its processes is left."""
        for page in self._pages:
            page.drop()
        if self.is_running and self._path is not None:
            address = f"ws://127.0.0.1:{self._port}{self._path}"
            connection = websocket.create_connection(address, timeout=_ANSWER_SECONDS)
            connection.send(json.dumps({"id": 1, "method": "Browser.close"}))
            self.wait(30)
            connection.close()
        super().close()


class Page:
    """One tab. complaints: errors that the page or the browser told, blocked content and exceptions among them."""

    def __init__(self, address):
        self._socket = websocket.create_connection(address, timeout=_ANSWER_SECONDS)
        self._number = 0
        self.complaints = []
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")

    def drop(self):
        self._socket.close()

    def say(self, method, **parameters):
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        return self._number

    def call(self, method, **parameters):
        number = self.say(method, **parameters)
        while True:
            message = json.loads(self._socket.recv())
            self._note(message)
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return message["result"]

    def _note(self, message):
        parameters = message.get("params", {})
        if message.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.complaints.append(parameters["entry"]["text"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"]))

    def set_view(self, width=1280, height=900, dark=False, language="en-US", phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setUserAgentOverride", userAgent="Mozilla/5.0 (test)", acceptLanguage=language)

    def go(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'", 30)

    def run(self, script):
        """The value of a JavaScript expression; of a promise, what it is kept with."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, script, timeout=20):
        """Until the expression is true."""
        try:
            wait_until(lambda: self.run(script), timeout, script)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.run('document.body?.innerText')}") from error

    def text(self, selector):
        return self.run(f"document.querySelector({json.dumps(selector)}).innerText")

    def rows(self, selector):
        """The texts of a table's cells, row by row."""
        rows = f"[...document.querySelectorAll({json.dumps(selector + ' tr')})]"
        return self.run(f"{rows}.map((row) => [...row.children].map((cell) => cell.innerText))")

    def fill(self, selector, text):
        """As if it was typed."""
        self.run(f"document.querySelector({json.dumps(selector)}).select()")
        self.call("Input.insertText", text=text)

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            code = {"Enter": 13, "Tab": 9}[key]
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def picture(self, path):
        """A PNG of the whole page."""
        time.sleep(0.2)  # until what was set is drawn
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))
