/* The ceiling of the HTTP library: one thread, external epoll, the same answer to every request.
 * bare_mhd_server PORT */
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char body[] = "{\"resource_id\":\"bench\",\"counter_type\":\"like\",\"value\":1234567}";
static struct MHD_Response *response;

static enum MHD_Result answer(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state)
{
    (void)ctx, (void)url, (void)method, (void)version, (void)upload; /* whatever it says */
    static char seen;
    if (*state == NULL || *upload_size > 0) {
        *state = &seen;
        *upload_size = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, response);
}

int main(int argc, char **argv)
{
    response = MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    const int port = argc == 2 ? (int)strtol(argv[1], NULL, 10) : 0;
    /* The same pool size as the gateway's: it is cleared for every request. */
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL, (uint16_t)port, NULL, NULL, answer, NULL, MHD_OPTION_CONNECTION_LIMIT, 2000u,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)8192, MHD_OPTION_END);
    if (port == 0 || daemon == NULL) {
        fputs("usage: bare_mhd_server PORT (which must be free)\n", stderr);
        return 1;
    }
    const int epoll_fd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    for (;;) {
        MHD_UNSIGNED_LONG_LONG timeout_ms;
        const int wait_ms = MHD_get_timeout(daemon, &timeout_ms) == MHD_YES ? (int)timeout_ms : -1;
        struct pollfd fd = {.fd = epoll_fd, .events = POLLIN};
        poll(&fd, 1, wait_ms);
        MHD_run(daemon);
    }
}
