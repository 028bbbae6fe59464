"""A counter-service that answers what a test tells it, as the real one seldom does."""

import queue
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from harness.ports import free_port
from harness.stubs import SERVICE


# The store that it tells.
STORE = "0" * 32


class _Health(health.HealthServicer):
    def Watch(self, request, context, send_response_callback=None):
        context.send_initial_metadata((("tally-store-id", STORE),))
        return super().Watch(request, context, send_response_callback)


class Failure:
    """An error for a whole RPC. outcome: of the trailer; None leaves it out."""

    def __init__(self, code, outcome, message="made by the test"):
        self.code = code
        self.outcome = outcome
        self.message = message


class FakeService(grpc.GenericRpcHandler):
    """Says SERVING, tells a store and answers RPCs as told."""

    def __init__(self):
        self.port = free_port()
        self.requests = []  # bytes of each, in their order
        self._answers = queue.SimpleQueue()
        self._last = None
        self._server = grpc.server(futures.ThreadPoolExecutor(40))
        self._server.add_generic_rpc_handlers((self,))
        servicer = _Health()
        for name in ("", SERVICE):
            servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, self._server)
        self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def will_answer(self, *answers):
        """answers: functions from a request's bytes to a reply's bytes or a Failure, one an RPC; the last stays."""
        self.requests = []
        self._answers = queue.SimpleQueue()
        for answer in answers:
            self._answers.put(answer)
        self._last = None

    def service(self, handler_call_details):
        if handler_call_details.method.startswith(f"/{SERVICE}/"):
            return grpc.unary_unary_rpc_method_handler(self._answer)
        return None

    def _answer(self, request, context):
        self.requests.append(request)
        try:
            self._last = self._answers.get_nowait()
        except queue.Empty:
            pass
        answer = self._last(request)
        if isinstance(answer, Failure):
            if answer.outcome is not None:
                context.set_trailing_metadata((("tally-outcome", answer.outcome),))
            context.abort(answer.code, answer.message)
        return answer

    def close(self):
        self._server.stop(0)
