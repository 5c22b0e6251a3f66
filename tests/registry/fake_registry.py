#!/usr/bin/env python3
"""A registry in memory with one image, app:1, whose answers a scenario spoils.

usage: fake_registry.py PORT SCENARIO SEEN_FILE [FOREIGN_HOST [CERTIFICATE]]

With CERTIFICATE it speaks TLS, with the files CERTIFICATE.crt and CERTIFICATE.key.

Every request is appended to SEEN_FILE before it is answered. The image's layer is a tar of one file
of 300,000 bytes, so that it is worth breaking. What is pushed is kept.
"""
import gzip
import hashlib
import io
import json
import ssl
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PORT, SCENARIO, SEEN = int(sys.argv[1]), sys.argv[2], sys.argv[3]
FOREIGN = sys.argv[4] if len(sys.argv) > 4 else ''
OCI = 'application/vnd.oci.image.'
LOCK = threading.Lock()


def digest_of(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def make_layer():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.USTAR_FORMAT) as tar:
        content = hashlib.shake_256(b'bld').digest(300000)
        entry = tarfile.TarInfo('file')
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def descriptor(kind, data, **more):
    return {'mediaType': OCI + kind, 'digest': digest_of(data), 'size': len(data), **more}


TAR = make_layer()
LAYER = gzip.compress(TAR, mtime=0)
DIFF_ID = digest_of(TAR if SCENARIO != 'wrong-diff-id' else b'something else')
CONFIG = json.dumps({'architecture': 'amd64', 'os': 'linux', 'config': {},
                     'rootfs': {'type': 'layers', 'diff_ids': [DIFF_ID]}}).encode()
DOCUMENT = {'schemaVersion': 2, 'mediaType': OCI + 'manifest.v1+json',
            'config': descriptor('config.v1+json', CONFIG),
            'layers': [descriptor('layer.v1.tar+gzip', LAYER)]}
if SCENARIO == 'layers-and-manifests':
    DOCUMENT['manifests'] = []
if SCENARIO == 'too-few-layers':
    DOCUMENT['layers'] = []
MANIFEST = json.dumps(DOCUMENT).encode()
INDEX = json.dumps({'schemaVersion': 2, 'mediaType': OCI + 'index.v1+json', 'manifests': [
    descriptor('manifest.v1+json', b'another', platform={'os': 'linux', 'architecture': 's390x'}),
    descriptor('manifest.v1+json', MANIFEST, platform={'os': 'linux', 'architecture': 'amd64'}),
]}).encode()

BLOBS = {digest_of(CONFIG): CONFIG, digest_of(LAYER): LAYER}
MANIFESTS = {'1': MANIFEST, digest_of(MANIFEST): MANIFEST, 'index': INDEX}
UPLOADS = {}
COUNTS = {}


def times(what):
    """How often this was asked before."""
    with LOCK:
        COUNTS[what] = COUNTS.get(what, 0) + 1
        return COUNTS[what] - 1


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def note(self):
        with LOCK, open(SEEN, 'a') as seen:
            seen.write(f"{self.command} {self.path} {self.headers.get('Authorization', '-')} "
                       f"{self.headers.get('Range', '-')}\n")

    def answer(self, status, body=b'', **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        if 'Content_Length' not in headers:
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def error(self, status, code, message, **headers):
        body = json.dumps({'errors': [{'code': code, 'message': message}]}).encode()
        self.answer(status, body, Content_Type='application/json', **headers)

    # ── who may ──────────────────────────────────────────────────────────────────────────────────
    def may_go_on(self):
        if SCENARIO == 'basic' and self.headers.get('Authorization') != 'Basic dXNlcjpwYXNz':
            self.error(401, 'UNAUTHORIZED', 'authentication required',
                       WWW_Authenticate='Basic realm="test"')
            return False
        if SCENARIO in ('token', 'foreign-realm', 'short-token'):
            host = FOREIGN if SCENARIO == 'foreign-realm' else f'127.0.0.1:{PORT}'
            if SCENARIO == 'short-token' and '/blobs/' in self.path and times('refused') == 0:
                good = False
            else:
                good = self.headers.get('Authorization', '').startswith('Bearer good-token')
            if not good:
                self.error(401, 'UNAUTHORIZED', 'authentication required',
                           WWW_Authenticate=f'Bearer realm="http://{host}/token",'
                                            f'service="test, here",scope="repository:app:pull"')
            return good
        return True

    def do_token(self):
        token = 'good-token' + str(times('token'))
        self.answer(200, json.dumps({'token': token}).encode(), Content_Type='application/json')

    # ── reading ──────────────────────────────────────────────────────────────────────────────────
    def do_GET(self):
        self.note()
        path = urlsplit(self.path).path
        if path == '/token':
            return self.do_token()
        if path.startswith('/elsewhere/'):
            return self.answer(200, BLOBS.get(path[11:], b''))
        if not self.may_go_on():
            return None
        if path == '/v2/':
            return self.answer(200, b'{}')
        _, _, rest = path.partition('/app/')
        kind, _, name = rest.partition('/')
        if kind == 'manifests':
            return self.do_manifest(name)
        if kind == 'blobs' and name.startswith('uploads/'):
            return self.do_upload_status(name[8:])
        if kind == 'blobs':
            return self.do_blob(name)
        return self.error(404, 'NAME_UNKNOWN', 'repository name not known to registry')

    do_HEAD = do_GET

    def do_manifest(self, name):
        if SCENARIO == 'broken-manifest' and times('manifest') < 2:
            self.close_connection = True
            return self.answer(200, MANIFEST[:20], Content_Length=str(len(MANIFEST)))
        if SCENARIO == 'busy' and times('manifest') < 2:
            return self.error(429, 'TOOMANYREQUESTS', 'slow down', Retry_After='1')
        if SCENARIO == 'always-unavailable':
            return self.error(503, 'UNAVAILABLE', 'come back\x1b[31m later')
        if SCENARIO == 'loop':
            return self.answer(307, Location=self.path)
        data = MANIFESTS.get(name)
        if data is None:
            return self.error(404, 'MANIFEST_UNKNOWN', 'manifest unknown')
        kind = json.loads(data)['mediaType']
        digest = digest_of(data)
        if SCENARIO == 'wrong-type':
            kind = OCI + 'index.v1+json'
        if SCENARIO == 'wrong-manifest-digest':
            digest = digest_of(b'x')
        if SCENARIO == 'huge-manifest':
            data = b' ' * (5 << 20)
        return self.answer(200, data, Content_Type=kind, Docker_Content_Digest=digest)

    def do_blob(self, name):
        data = BLOBS.get(name)
        if data is None:
            return self.error(404, 'BLOB_UNKNOWN', 'blob unknown to registry')
        if name != digest_of(LAYER) or self.command == 'HEAD':
            return self.answer(200, data)
        if SCENARIO == 'redirect' or SCENARIO == 'token' and FOREIGN:
            return self.answer(307, Location=f'http://{FOREIGN}/elsewhere/{name}')
        if SCENARIO == 'redirect-to-file':
            return self.answer(307, Location='file:///etc/passwd')
        if SCENARIO == 'wrong-bytes':
            data = data[:1000] + b'?' + data[1001:]
        if SCENARIO == 'encoded':
            return self.answer(200, gzip.compress(data), Content_Encoding='gzip')
        if SCENARIO == 'endless':
            return self.do_endless(data)
        start = 0
        ranged = self.headers.get('Range')
        if ranged and SCENARIO != 'no-ranges':
            start = int(ranged[6:].rstrip('-'))
        if SCENARIO in ('broken', 'no-ranges') and times('blob') < 2 or SCENARIO == 'truncated':
            end = min(start + 100000, len(data) - 1) if SCENARIO != 'truncated' else start
            self.answer(206 if start else 200, data[start:end],
                        Content_Length=str(len(data) - start),
                        Content_Range=f'bytes {start}-{len(data) - 1}/{len(data)}')
            self.close_connection = True
            return None
        if start:
            return self.answer(206, data[start:],
                               Content_Range=f'bytes {start}-{len(data) - 1}/{len(data)}')
        return self.answer(200, data)

    def do_endless(self, data):
        self.send_response(200)
        self.send_header('Connection', 'close')
        self.end_headers()
        self.close_connection = True
        try:
            self.wfile.write(data)
            for _ in range(20000):
                self.wfile.write(b'\0' * 65536)
        except OSError:
            pass

    # ── writing ──────────────────────────────────────────────────────────────────────────────────
    def body(self):
        return self.rfile.read(int(self.headers.get('Content-Length', '0')))

    def do_POST(self):
        self.note()
        self.body()
        if not self.may_go_on():
            return None
        query = parse_qs(urlsplit(self.path).query)
        if SCENARIO == 'mount' and query.get('from') == ['base']:
            return self.answer(201, Location='/v2/app/blobs/' + query['mount'][0])
        name = str(times('upload'))
        UPLOADS[name] = b''
        host = f'http://{FOREIGN}' if SCENARIO == 'foreign-upload' else ''
        return self.answer(202, Location=f'{host}/v2/app/blobs/uploads/{name}?state=a%2Fb')

    def do_upload_status(self, name):
        end = max(len(UPLOADS[name]) - 1, 0)
        self.answer(204, Range=f'0-{end}', Location=f'/v2/app/blobs/uploads/{name}?state=c')

    def do_PATCH(self):
        self.note()
        name = urlsplit(self.path).path.rpartition('/')[2]
        if SCENARIO == 'broken-upload' and times('patch') == 0:
            UPLOADS[name] += self.rfile.read(70000)
            self.close_connection = True
            self.connection.close()
            return None
        UPLOADS.setdefault(name, b'')
        UPLOADS[name] += self.body()
        return self.answer(202, Location=f'/v2/app/blobs/uploads/{name}?state=d',
                           Range=f'0-{len(UPLOADS[name]) - 1}')

    def do_PUT(self):
        self.note()
        parts = urlsplit(self.path)
        if SCENARIO == 'broken-put' and times('put') == 0:
            UPLOADS[parts.path.rpartition('/')[2]] += self.rfile.read(1000)
            self.close_connection = True
            self.connection.close()
            return None
        body = self.body()
        if '/manifests/' in parts.path:
            MANIFESTS[parts.path.rpartition('/')[2]] = body
            return self.answer(201, Docker_Content_Digest=digest_of(
                body if SCENARIO != 'changes-manifest' else b'x'))
        data = UPLOADS.get(parts.path.rpartition('/')[2], b'') + body
        wanted = parse_qs(parts.query).get('digest', [''])[0]
        if digest_of(data) != wanted:
            return self.error(400, 'DIGEST_INVALID', 'provided digest did not match')
        BLOBS[wanted] = data
        return self.answer(201, Docker_Content_Digest=wanted)


class Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # the client went away


def main():
    listener = Listener(('127.0.0.1', PORT), Handler)
    if len(sys.argv) > 5 and sys.argv[5]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[5] + '.crt', sys.argv[5] + '.key')
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
    listener.serve_forever()


main()
