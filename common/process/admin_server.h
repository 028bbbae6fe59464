/* The small HTTP port of a program whose main port speaks something else: GET and HEAD of its endpoints for operators,
 * problem documents (RFC 9457) for the rest. One thread of its own. The endpoints have no authentication: the port is
 * for the internal network. */
#ifndef TALLY_COMMON_PROCESS_ADMIN_SERVER_H
#define TALLY_COMMON_PROCESS_ADMIN_SERVER_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/process/operator_desk.h"
#include "common/thread/heartbeat.h"

struct admin_server;

/* Listens on host and port (0: a free one, see admin_server_port) and starts the thread, on which the writers are
 * called with ctx. endpoints are static. Returns NULL with error filled. */
struct admin_server *admin_server_create(const char *host, int port, const struct operator_endpoint *endpoints,
                                         size_t count, void *ctx, struct error *error) MUST_CHECK;
/* Joins the thread: afterwards no writer is called. Answers that come later must be finished before. NULL is fine. */
void admin_server_free(struct admin_server *server);
int admin_server_port(const struct admin_server *server);
/* The heartbeat of the server's thread. */
const struct heartbeat *admin_server_heartbeat(const struct admin_server *server);

#endif
