"""Receives spans (OTLP over HTTP, in protobuf), and prints its address and then each span as a line of JSON.

The messages are those that OpenTelemetry publishes for Python: the host encodes with declarations of its own.
"""

import gzip
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service


def plain(attributes):
    """Returns attributes as a dictionary."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


class Collector(BaseHTTPRequestHandler):
    """Answers one request after the other."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        is_known = self.path == "/v1/traces"
        if is_known:
            assert self.headers["content-type"] == "application/x-protobuf"
            self.report(service.ExportTraceServiceRequest.FromString(body))
        answer = service.ExportTraceServiceResponse().SerializeToString()
        self.send_response(200 if is_known else 404)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def report(self, request):
        lines = []
        for of_resource in request.resource_spans:
            for of_scope in of_resource.scope_spans:
                for span in of_scope.spans:
                    lines.append(
                        {
                            "trace": span.trace_id.hex(),
                            "id": span.span_id.hex(),
                            "parent": span.parent_span_id.hex(),
                            "state": span.trace_state,
                            "name": span.name,
                            "kind": span.kind,
                            "flags": span.flags,
                            "began": span.start_time_unix_nano,
                            "ended": span.end_time_unix_nano,
                            "attributes": plain(span.attributes),
                            "code": span.status.code,
                            "message": span.status.message,
                            "resource": plain(of_resource.resource.attributes),
                            "scope": of_scope.scope.name,
                            "authorization": self.headers["authorization"],
                        }
                    )
        # In one piece: each connection has a thread.
        print("".join(json.dumps(line) + "\n" for line in lines), end="", flush=True)

    def log_message(self, *_):
        pass


with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
    print("%s:%d" % server.server_address, flush=True)
    server.serve_forever()
