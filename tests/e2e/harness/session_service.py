"""A FakeService in which a gateway finds its sessions."""

import os

import grpc

from harness.fake_service import STORE, FakeService
from harness.stubs import pb


class SessionService(FakeService):
    """Opens and keeps sessions by itself; all other RPCs are answered as told."""

    def __init__(self):
        self.sessions = []  # in the order of their opening
        super().__init__()

    def service(self, handler_call_details):
        method = handler_call_details.method.rsplit("/", 1)[-1]
        if method == "OpenSession":
            return grpc.unary_unary_rpc_method_handler(self._open)
        if method == "KeepSession":
            return grpc.unary_unary_rpc_method_handler(lambda request, context: b"")
        return super().service(handler_call_details)

    def _open(self, request, context):
        self.sessions.append(os.urandom(16))
        reply = pb.OpenSessionResponse(session=self.sessions[-1], store_id=STORE, idle_timeout_ms=3600 * 1000)
        return reply.SerializeToString()
