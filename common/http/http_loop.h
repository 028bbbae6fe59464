/* What the files of http_server share: the loop, and libmicrohttpd's callbacks about requests. Owned by the loop's
 * thread but where it says otherwise. */
#ifndef TALLY_COMMON_HTTP_HTTP_LOOP_H
#define TALLY_COMMON_HTTP_HTTP_LOOP_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/base/list.h"
#include "common/http/http_connections.h"
#include "common/http/http_exchange.h"
#include "common/http/http_progress.h"
#include "common/http/http_server.h"
#include "common/net/listener.h"
#include "common/thread/heartbeat.h"
#include "common/thread/wakeup.h"

struct http_loop {
    /* immutable after http_loop_start */
    struct http_application application;
    struct http_loop_options options;
    struct MHD_Daemon *daemon;
    int mhd_epoll_fd;
    int port;
    pthread_t thread;
    bool started;
    /* owned by the loop thread */
    struct http_connections connections;
    struct http_exchange_list free_exchanges;
    struct {
        struct list exchanges; /* by held_node, the one held longest first */
        int64_t look_us;       /* when to look for room again */
    } held;                    /* http_held */
    struct http_progress progress;
    struct listeners listeners; /* but for one, which is the library's */
    bool accepting;
    /* any thread */
    struct heartbeat heartbeat;
    struct wakeup wakeup;
    atomic_bool close_announced;
    atomic_bool stop_accepting_asked;
    atomic_bool stop_asked;
    atomic_uint in_flight;
    atomic_uint connection_count;
};

/* The library's time-out of inactivity: longer than those that http_connections keeps, so all that is left to the
 * library is a client that does not read its answer. */
unsigned http_loop_library_timeout_s(const struct http_loop_options *options);

/* For MHD_start_daemon: cls is the loop. */
enum MHD_Result http_handler_call(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload_data, size_t *upload_data_size,
                                  void **con_cls);
/* For MHD_OPTION_NOTIFY_COMPLETED. */
void http_handler_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                            enum MHD_RequestTerminationCode why);

#endif
