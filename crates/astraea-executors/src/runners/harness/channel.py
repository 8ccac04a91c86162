import sys

# Nothing of the repository may be loaded before the word is read: not a json.py that lies about here either.
if sys.path and sys.path[0] == "":
    del sys.path[0]

import json, os


def channel():
    # The word that marks our lines comes on standard input: neither the process's arguments nor its variables nor
    # this module tell it. Behind it come the directories for PYTHONPATH, where a sitecustomize.py would run first.
    text = b""
    while text.count(b"\n") < 2:
        more = os.read(0, 4096)
        if not more:
            break
        text += more
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    word, paths = (text.decode("utf-8", "surrogateescape").split("\n") + ["", ""])[:2]
    sys.path.insert(0, os.getcwd())
    if paths:
        os.environ["PYTHONPATH"] = paths
        sys.path[1:1] = paths.split(":")
    mark = "\n@astra " + word + " "
    out, write, dumps = os.dup(1), os.write, json.dumps

    def emit(**event):
        data = (mark + dumps(event) + "\n").encode()
        while data:
            data = data[write(out, data):]

    return emit


