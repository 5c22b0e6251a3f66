"""An http or https server on a loopback port whose answers a test chooses."""

import http.server
import ssl
import threading

from support import need, run


class HttpServer:
    """`answers`: path → bytes (a file), or a function that is given the request's handler. Anything
    else is 404. A context manager; `requests` are the paths asked for, with their headers."""

    def __init__(self, answers, certificate=None):
        self.answers = answers
        self.requests = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                owner.requests.append((self.path, dict(self.headers)))
                answer = owner.answers.get(self.path.split("?")[0])
                if callable(answer):
                    answer(self)
                elif answer is None:
                    send(self, b"no such file", status=404)
                else:
                    send(self, answer)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):  # a client that goes away is no error of ours
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate / "server.crt", certificate / "server.key")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def paths(self):
        return [path for path, _ in self.requests]


def send(handler, body, status=200, length=None, **headers):
    """Header names are written with _ for -. `length`: what the header says of a shorter body."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


def redirect(to):
    return lambda handler: send(handler, b"", status=302, Location=to)


def make_certificate(directory):
    """For 127.0.0.1, in `of-server`, and what trusts it as a --cert-dir: ca.crt."""
    need("openssl")
    of_server = directory / "of-server"
    of_server.mkdir(parents=True)
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", of_server / "server.key", "-out", of_server / "server.crt"])
    (directory / "ca.crt").write_bytes((of_server / "server.crt").read_bytes())
    return directory
