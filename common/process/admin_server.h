/* The small HTTP port of a program whose main port speaks something else: GET and HEAD of /health and /metrics, problem
 * documents (RFC 9457) for the rest. One thread of its own. The endpoints have no authentication: the port is for the
 * internal network. */
#ifndef TALLY_COMMON_PROCESS_ADMIN_SERVER_H
#define TALLY_COMMON_PROCESS_ADMIN_SERVER_H

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/thread/heartbeat.h"

/* Appends the program's health as a JSON object and returns the HTTP status, 200 or 503. Runs on the server's thread,
 * and must not block. */
typedef int (*admin_health)(void *ctx, struct buffer *out);

struct admin_server;

/* Listens on host and port (0: a free one, see admin_server_port) and starts the thread. Returns NULL with error
 * filled. */
struct admin_server *admin_server_create(const char *host, int port, admin_health health, void *health_ctx,
                                         struct error *error) MUST_CHECK;
/* Joins the thread: afterwards health is not called. NULL is fine. */
void admin_server_free(struct admin_server *server);
int admin_server_port(const struct admin_server *server);
/* Of its thread. */
const struct heartbeat *admin_server_heartbeat(const struct admin_server *server);

#endif
