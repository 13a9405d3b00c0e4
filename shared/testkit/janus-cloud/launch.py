"""Runs janus-cloud 1.0.0 on the libraries of today:

    launch.py proxy|sentinel CONFIG

Two things are put right before it is loaded. It gives each of its sockets a `sendall` of its own, which
gevent's sockets no longer allow; those of an empty subclass do. And it runs on half deaf when one of its
ports is taken; here it ends, so that a test can begin again with other ports.
"""

import importlib
import os
import sys
import traceback

import gevent.monkey

gevent.monkey.patch_all()

import socket

import gevent._socket3
import gevent.server
import gevent.socket


class Socket(gevent._socket3.socket):
    pass


gevent._socket3.socket = gevent.socket.socket = gevent.server.GeventSocket = socket.socket = Socket

listen = gevent.server.StreamServer.init_socket


def listen_or_end(server):
    try:
        listen(server)
    except OSError:
        traceback.print_exc()
        os._exit(1)


gevent.server.StreamServer.init_socket = listen_or_end

service = sys.argv.pop(1)
importlib.import_module(f"januscloud.{service}.main").main()
