"""The gateway's own server: gunicorn and its gevent worker, with a lane of their own for the plainest requests.

An application that mounts the blueprint needs nothing of it.
"""
