#include "counter-service/redis/redis_conn.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "counter-service/redis/redis_transport.h"

enum { READ_BYTES = 16 * 1024 };

struct redis_conn {
    struct redis_transport *transport;
    redisReader *reader; /* what was read and is not handed out */
    redisReply *reply;   /* the last one handed out, or NULL */
    struct text requests;
    size_t sent;
    int timeout_ms;
    int64_t deadline_us;
    bool has_read; /* anything */
    bool was_lost;
    struct heartbeat *heartbeat; /* NULL: nobody watches */
    struct error error;
};

static struct redis_reply view(const redisReply *native)
{
    struct redis_reply reply = {.type = REDIS_NIL, .text = {"", 0}, .native = native};
    switch (native->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
        reply.type = native->type == REDIS_REPLY_ERROR ? REDIS_ERROR : REDIS_TEXT;
        reply.text = (struct text){native->str, native->len};
        break;
    case REDIS_REPLY_INTEGER:
        reply.type = REDIS_INTEGER;
        reply.integer = native->integer;
        break;
    case REDIS_REPLY_ARRAY:
        reply.type = REDIS_ARRAY;
        reply.element_count = native->elements;
        break;
    default:
        break;
    }
    return reply;
}

static bool is_for_later(int failure)
{
    return failure == EAGAIN || failure == EWOULDBLOCK || failure == EINTR;
}

/* What read or write failed with. */
static const char *reason_of(const struct redis_conn *conn, int failure)
{
    return failure == EPROTO ? conn->transport->reason : strerror(failure);
}

static void tell_waits(struct redis_conn *conn, bool waits)
{
    if (conn->heartbeat != NULL) {
        heartbeat_waits(conn->heartbeat, waits);
    }
}

struct redis_reply redis_reply_element(const struct redis_reply *reply, size_t index)
{
    assert(reply->type == REDIS_ARRAY && index < reply->element_count);
    const redisReply *native = reply->native;
    return view(native->element[index]);
}

struct redis_conn *redis_conn_open(const struct redis_address *address, const struct redis_tls *tls, int timeout_ms,
                                   struct heartbeat *heartbeat, struct error *error)
{
    struct redis_conn *conn = calloc(1, sizeof(*conn));
    if (conn == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    conn->heartbeat = heartbeat;
    conn->reader = redisReaderCreate();
    if (conn->reader == NULL) {
        error_set(error, "out of memory");
        goto fail;
    }
    tell_waits(conn, true);
    conn->transport = redis_transport_connect(address, tls, timeout_ms, error);
    tell_waits(conn, false);
    if (conn->transport == NULL) {
        goto fail;
    }
    return conn;
fail:
    redis_conn_close(conn);
    return NULL;
}

void redis_conn_close(struct redis_conn *conn)
{
    if (conn == NULL) {
        return;
    }
    if (conn->reply != NULL) {
        freeReplyObject(conn->reply);
    }
    if (conn->reader != NULL) {
        redisReaderFree(conn->reader);
    }
    if (conn->transport != NULL) {
        conn->transport->close(conn->transport);
    }
    free(conn);
}

/* What made the socket readable was nothing for us: TLS sends tickets and keys at any time. */
static bool has_nothing_to_read(struct redis_conn *conn)
{
    char byte;
    return conn->transport->read(conn->transport, &byte, 1) < 0 && is_for_later(errno);
}

bool redis_conn_is_idle(struct redis_conn *conn)
{
    struct pollfd poll_fd = {.fd = conn->transport->fd, .events = POLLIN | POLLRDHUP};
    int ready;
    do {
        ready = poll(&poll_fd, 1, 0);
    } while (ready < 0 && errno == EINTR); /* also without waiting: a signal of a profile */
    /* Bytes that nobody asked for are as bad as a closed connection: replies would no longer fit requests. */
    if (conn->reader->pos == conn->reader->len &&
        ((ready == 0 && !conn->transport->holds_unread) || has_nothing_to_read(conn))) {
        return true;
    }
    error_set(&conn->error, "Redis closed the connection");
    return false;
}

void redis_conn_begin(struct redis_conn *conn, struct text requests, int timeout_ms)
{
    assert(conn->sent == conn->requests.len); /* of the exchange before nothing is left */
    conn->requests = requests;
    conn->sent = 0;
    conn->timeout_ms = timeout_ms;
    conn->deadline_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
}

size_t redis_conn_sent(const struct redis_conn *conn)
{
    return conn->sent;
}

bool redis_conn_was_refused(const struct redis_conn *conn)
{
    return conn->was_lost && !conn->has_read;
}

const char *redis_conn_error(const struct redis_conn *conn)
{
    return conn->error.message;
}

static bool has_unsent(const struct redis_conn *conn)
{
    return conn->sent < conn->requests.len || conn->transport->holds_unsent;
}

/* Writes as much as the transport takes. */
static int write_some(struct redis_conn *conn)
{
    while (has_unsent(conn)) {
        const ssize_t count =
            conn->transport->write(conn->transport, conn->requests.data + conn->sent, conn->requests.len - conn->sent);
        assert(count <= (ssize_t)(conn->requests.len - conn->sent));
        if (count >= 0) {
            conn->sent += (size_t)count;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return 0;
        } else if (errno != EINTR) {
            conn->was_lost = true;
            error_set(&conn->error, "cannot write to Redis: %s", reason_of(conn, errno));
            return -1;
        }
    }
    return 0;
}

/* Reads what has come. */
static int read_some(struct redis_conn *conn)
{
    char bytes[READ_BYTES];
    const ssize_t count = conn->transport->read(conn->transport, bytes, sizeof(bytes));
    if (count < 0 && is_for_later(errno)) {
        return 0;
    }
    if (count <= 0) {
        conn->was_lost = true;
        error_set(&conn->error, "connection to Redis lost: %s",
                  count == 0 ? "Server closed the connection" : reason_of(conn, errno));
        return -1;
    }
    conn->has_read = true;
    if (redisReaderFeed(conn->reader, bytes, (size_t)count) != REDIS_OK) {
        error_set(&conn->error, "cannot keep Redis's answer: %s", conn->reader->errstr);
        return -1;
    }
    return 0;
}

static int wait_for_event(struct redis_conn *conn, struct pollfd *poll_fd, int64_t left_us)
{
    const struct timespec left = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
    tell_waits(conn, true);
    const int ready = ppoll(poll_fd, 1, &left, NULL);
    tell_waits(conn, false);
    return ready;
}

/* Waits until there is something to read, or room for what is to be written. */
static int wait_ready(struct redis_conn *conn)
{
    const short read_events = conn->transport->read_events;
    const short write_events = has_unsent(conn) ? conn->transport->write_events : 0;
    struct pollfd poll_fd = {.fd = conn->transport->fd, .events = (short)(read_events | write_events)};
    for (;;) {
        const int64_t left_us = conn->deadline_us - clock_monotonic_us();
        if (left_us <= 0) {
            error_set(&conn->error, "no reply from Redis within %d ms", conn->timeout_ms);
            return -1;
        }
        if (conn->transport->holds_unread) {
            return 1;
        }
        const int ready = wait_for_event(conn, &poll_fd, left_us);
        if (ready > 0) {
            return (poll_fd.revents & (read_events | POLLERR | POLLHUP)) != 0;
        }
        if (ready < 0 && errno != EINTR) {
            error_set(&conn->error, "cannot wait for Redis: %s", strerror(errno));
            return -1;
        }
    }
}

/* One complete reply from what was read, if there is one. */
static int take_reply(struct redis_conn *conn, struct redis_reply *ret_reply)
{
    void *native = NULL;
    if (redisReaderGetReply(conn->reader, &native) != REDIS_OK) {
        error_set(&conn->error, "cannot understand Redis: %s", conn->reader->errstr);
        return -1;
    }
    if (native == NULL) {
        return 0;
    }
    conn->reply = native;
    *ret_reply = view(conn->reply);
    return 1;
}

int redis_conn_next(struct redis_conn *conn, struct redis_reply *ret_reply)
{
    if (conn->reply != NULL) {
        freeReplyObject(conn->reply);
        conn->reply = NULL;
    }
    for (;;) {
        int taken = take_reply(conn, ret_reply);
        if (taken != 0) {
            return taken > 0 ? 0 : -1;
        }
        if (write_some(conn) != 0) {
            return -1;
        }
        int readable = wait_ready(conn);
        if (readable < 0) {
            return -1;
        }
        if (readable > 0 && read_some(conn) != 0) {
            return -1;
        }
    }
}
