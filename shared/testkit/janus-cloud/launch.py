"""Runs janus-cloud 1.0.0 on current libraries:

    launch.py proxy|sentinel CONFIG

Two patches are applied before it is loaded. First, janus-cloud overrides `sendall` on its sockets. The sockets of
gevent no longer allow that, but those of an empty subclass do. Second, janus-cloud keeps running without a listener
when a port is taken. Here it exits, so that a test can retry with other ports.
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


def listen_or_exit(server):
    try:
        listen(server)
    except OSError:
        traceback.print_exc()
        os._exit(1)


gevent.server.StreamServer.init_socket = listen_or_exit

service = sys.argv.pop(1)
importlib.import_module(f"januscloud.{service}.main").main()
