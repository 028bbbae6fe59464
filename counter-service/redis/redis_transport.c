#include "counter-service/redis/redis_transport.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct plain_transport {
    struct redis_transport transport; /* first: the functions cast */
    redisContext *context;            /* has connected, and owns the socket */
};

static ssize_t plain_read(struct redis_transport *transport, void *out, size_t room)
{
    return recv(transport->fd, out, room, 0);
}

static ssize_t plain_write(struct redis_transport *transport, const void *data, size_t len)
{
    return send(transport->fd, data, len, MSG_NOSIGNAL);
}

static void plain_close(struct redis_transport *transport)
{
    struct plain_transport *plain = (struct plain_transport *)transport;
    if (plain->context != NULL) {
        redisFree(plain->context);
    }
    free(plain);
}

static int make_non_blocking(int fd)
{
    const int flags = fcntl(fd, F_GETFL);
    return flags == -1 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

struct redis_transport *redis_transport_connect(const char *host, int port, int timeout_ms, struct error *error)
{
    struct plain_transport *plain = calloc(1, sizeof(*plain));
    if (plain == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    plain->transport = (struct redis_transport){.fd = -1, plain_read, plain_write, plain_close};
    const struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
    plain->context = redisConnectWithTimeout(host, port, timeout); /* with TCP_NODELAY */
    if (plain->context == NULL || plain->context->err != 0) {
        error_set(error, "cannot connect to Redis at %s:%d: %s", host, port,
                  plain->context != NULL ? plain->context->errstr : "out of memory");
        goto fail;
    }
    plain->transport.fd = plain->context->fd;
    if (redisEnableKeepAlive(plain->context) != REDIS_OK || make_non_blocking(plain->transport.fd) == -1) {
        error_set(error, "cannot set up the connection to Redis at %s:%d: %s", host, port, strerror(errno));
        goto fail;
    }
    return &plain->transport;
fail:
    plain_close(&plain->transport);
    return NULL;
}
