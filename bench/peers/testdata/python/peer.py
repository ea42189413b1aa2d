"""Python's websockets as a peer: both of its ends.

Commands come from standard input, a JSON object in a line each, and reports go
to standard output. See process_test.go.
"""

import asyncio
import base64
import json
import sys
import threading

import websockets
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import OP_TEXT

LIMIT = 4 << 20

sockets = {}  # by ID of the connection
servers = {}


def say(number, event, data=b"", code=0):
    if isinstance(data, str):
        data = data.encode()
    data = base64.b64encode(data).decode()
    print(json.dumps({"ID": number, "Event": event, "Data": data, "Code": code}), flush=True)


def compression(mode, factory):
    if not mode:
        return []
    alone = mode == "alone"
    return [factory(server_no_context_takeover=alone, client_no_context_takeover=alone)]


async def attend(number, socket):
    """Tells what happens on the connection until it is closed."""
    sockets[number] = socket
    say(number, "open", socket.subprotocol or "")
    try:
        async for message in socket:
            say(number, "text" if isinstance(message, str) else "binary", message)
    except websockets.ConnectionClosed:
        pass
    received = socket.close_rcvd
    if received is None:
        say(number, "closed")
    else:
        say(number, "closed", received.reason, received.code)


async def dial(c):
    socket = await websockets.connect(
        c["URL"],
        subprotocols=c["Protocols"],
        compression=None,
        extensions=compression(c["Compression"], ClientPerMessageDeflateFactory),
        max_size=LIMIT,
        ping_interval=None,
    )
    await attend(c["ID"], socket)


async def serve(c):
    async def handle(socket, path=None):
        await attend(c["ID"], socket)

    server = await websockets.serve(
        handle,
        "127.0.0.1",
        0,
        subprotocols=c["Protocols"],
        compression=None,
        extensions=compression(c["Compression"], ServerPerMessageDeflateFactory),
        max_size=LIMIT,
        ping_interval=None,
    )
    servers[c["ID"]] = server
    port = server.sockets[0].getsockname()[1]
    say(c["ID"], "listening", "ws://127.0.0.1:%d/" % port)


def message(c, data):
    return data.decode() if c["Type"] == "text" else data


async def send(c):
    socket = sockets[c["ID"]]
    try:
        data = message(c, c["Data"][0])
    except UnicodeDecodeError:  # what is no text cannot be sent as such, but in a frame
        await socket.write_frame(True, OP_TEXT, c["Data"][0])
        return
    await socket.send(data)


async def fragments(c):
    await sockets[c["ID"]].send([message(c, data) for data in c["Data"]])


async def ping(c):
    pong = await sockets[c["ID"]].ping(c["Data"][0])
    tasks.append(asyncio.ensure_future(await_pong(c, pong)))


async def await_pong(c, pong):
    await pong
    say(c["ID"], "pong", c["Data"][0])


async def close(c):
    await sockets[c["ID"]].close(c["Code"], c["Reason"])


async def drop(c):
    socket = sockets.pop(c["ID"], None)
    if socket is not None and socket.transport is not None:
        socket.transport.abort()
    server = servers.pop(c["ID"], None)
    if server is not None:
        server.close()


tasks = []
actions = {f.__name__: f for f in (dial, serve, send, fragments, ping, close, drop)}


async def obey(c):
    try:
        await actions[c["Do"]](c)
    except Exception as e:
        if c["Do"] != "drop":
            say(c["ID"], "failed", repr(e))


async def main():
    lines = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        line = await lines.get()
        if line is None:
            return
        c = json.loads(line)
        c["Data"] = [base64.b64decode(data) for data in c["Data"] or []]
        if c["Do"] in ("dial", "close"):  # these wait for the other end
            tasks.append(asyncio.ensure_future(obey(c)))
        else:
            await obey(c)


asyncio.run(main())
