"""Clients that ask the proxy without pause, on connections that are kept and on new ones, and one that follows a stream of events;
until the file `stop` is beside this one. Prints how many requests there were, and what went wrong."""

import http.client
import json
import pathlib
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
PROXY = ("127.0.0.1", 8080)
counts = {"kept": 0, "fresh": 0, "events": 0}
failures = []


def stops():
    return (HERE / "stop").exists()


def ask(name, is_kept):
    connection = http.client.HTTPConnection(*PROXY, timeout=20)
    while not stops():
        try:
            # One that an answer has closed is opened again by this.
            connection.request("GET", "/health", headers={} if is_kept else {"connection": "close"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failures.append(f"{name}: {answer.status}")
        except Exception as problem:
            failures.append(f"{name}: {problem!r}")
            connection.close()
        counts[name] += 1
        time.sleep(0.002)


def follow():
    connection = http.client.HTTPConnection(*PROXY, timeout=20)
    connection.request("GET", "/events", headers={"accept": "text/event-stream"})
    answer = connection.getresponse()
    expected = 0
    while not stops():
        line = answer.readline()
        if line.startswith(b"data:"):
            if line != f"data: {expected}\n".encode():
                failures.append(f"events: {line!r} after {expected}")
            expected += 1
            counts["events"] = expected
        elif not line:
            failures.append(f"events: ended after {expected}")
            return


workers = [threading.Thread(target=ask, args=("kept", True)) for _ in range(4)]
workers += [threading.Thread(target=ask, args=("fresh", False)) for _ in range(2)]
workers += [threading.Thread(target=follow)]
for worker in workers:
    worker.start()
while not (all(counts.values()) or failures):
    time.sleep(0.01)
(HERE / "begun").touch()
for worker in workers:
    worker.join()
print(json.dumps({**counts, "failures": failures[:10]}))
