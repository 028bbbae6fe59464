#include "counter-service/redis/redis_transport_tls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "counter-service/redis/redis_socket.h"
#include "counter-service/redis/redis_tls_context.h"

enum { PIECE = SSL3_RT_MAX_PLAIN_LENGTH }; /* what is given to SSL_write at once: one record */

struct tls_transport {
    struct redis_transport transport; /* first: the functions cast */
    SSL *ssl;
    BIO_METHOD *method;
    struct redis_tls options;
    char name[HOST_SIZE]; /* that the server's certificate must have */
    struct redis_tls_state state;
    bool is_broken;      /* reason says why */
    uint64_t bytes_sent; /* that the socket took */
    /* A piece that was taken and that SSL_write wants to be called with again. */
    char held[PIECE];
    size_t held_len;
    struct error reason;
};

/* ---- the socket under OpenSSL: as its own, but no SIGPIPE, and it counts ----------------------------------------- */

static int socket_read(BIO *bio, char *out, int room)
{
    struct tls_transport *tls = BIO_get_data(bio);
    const ssize_t count = recv(tls->transport.fd, out, (size_t)room, 0);
    BIO_clear_retry_flags(bio);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        BIO_set_retry_read(bio);
    } else if (count < 0) {
        tls->state.socket_errno = errno;
    }
    tls->state.is_at_end |= count == 0;
    return (int)count;
}

static int socket_write(BIO *bio, const char *data, int len)
{
    struct tls_transport *tls = BIO_get_data(bio);
    const ssize_t count = send(tls->transport.fd, data, (size_t)len, MSG_NOSIGNAL);
    BIO_clear_retry_flags(bio);
    if (count >= 0) {
        tls->bytes_sent += (uint64_t)count;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        BIO_set_retry_write(bio);
    } else {
        tls->state.socket_errno = errno;
    }
    return (int)count;
}

static long socket_control(BIO *bio, int command, long number, void *argument)
{
    (void)bio;
    (void)number;
    (void)argument;
    return command == BIO_CTRL_FLUSH; /* nothing is kept back */
}

static int give_socket(struct tls_transport *tls)
{
    tls->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "Redis's socket");
    if (tls->method == NULL || BIO_meth_set_read(tls->method, socket_read) != 1 ||
        BIO_meth_set_write(tls->method, socket_write) != 1 || BIO_meth_set_ctrl(tls->method, socket_control) != 1) {
        return -1;
    }
    BIO *bio = BIO_new(tls->method);
    if (bio == NULL) {
        return -1;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio); /* owns it */
    return 0;
}

/* ---- the transport ----------------------------------------------------------------------------------------------- */

/* For which events a call of OpenSSL waits; 0: for none, it has failed. */
static short events_of(const struct tls_transport *tls, int result)
{
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return POLLIN;
    case SSL_ERROR_WANT_WRITE:
        return POLLOUT;
    default:
        return 0;
    }
}

/* A server that refuses a client's certificate may close before the client has written, which then fails: the alert
 * that says why has come. */
static void hear_alert(struct tls_transport *tls)
{
    char byte;
    size_t count;
    ERR_clear_error();
    (void)SSL_read_ex(tls->ssl, &byte, 1, &count);
}

static void note_failure(struct tls_transport *tls)
{
    tls->is_broken = true;
    tls->state.failure = ERR_peek_error();
    tls->state.was_asked &= !tls->state.has_read;
    redis_tls_say(&tls->state, &tls->reason);
    tls->transport.reason = tls->reason.message;
}

static ssize_t fail_with(int failure)
{
    errno = failure;
    return -1;
}

static ssize_t tls_read(struct redis_transport *transport, void *out, size_t room)
{
    struct tls_transport *tls = (struct tls_transport *)transport;
    size_t count;
    if (tls->is_broken) {
        return fail_with(EPROTO);
    }
    ERR_clear_error();
    const int result = SSL_read_ex(tls->ssl, out, room, &count);
    if (result == 1) {
        tls->state.has_read = true;
        transport->read_events = POLLIN;
        transport->holds_unread = SSL_has_pending(tls->ssl) == 1;
        return (ssize_t)count;
    }
    transport->holds_unread = false; /* no more than a part of a record */
    if (SSL_get_error(tls->ssl, result) == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }
    const short events = events_of(tls, result);
    if (events != 0) {
        transport->read_events = events;
        return fail_with(EAGAIN);
    }
    note_failure(tls);
    return tls->state.is_at_end && !tls->state.was_asked ? 0 : fail_with(EPROTO);
}

/* One call of SSL_write. Returns 1 if all is in the socket, 0 if it wants to be called again with the same bytes, and
 * -1 if it has failed. */
static int put(struct tls_transport *tls, const char *data, size_t len)
{
    size_t count;
    ERR_clear_error();
    const int result = SSL_write_ex(tls->ssl, data, len, &count);
    if (result == 1) {
        tls->transport.write_events = POLLOUT;
        return 1;
    }
    const short events = events_of(tls, result);
    if (events != 0) {
        tls->transport.write_events = events;
        return 0;
    }
    if (!tls->state.has_read && tls->state.socket_errno != 0) {
        hear_alert(tls);
    }
    note_failure(tls);
    return -1;
}

/* Sends what is held. Returns as put does. */
static int put_held(struct tls_transport *tls)
{
    const int result = put(tls, tls->held, tls->held_len);
    if (result > 0) {
        tls->held_len = 0;
        tls->transport.holds_unsent = false;
    }
    return result;
}

static ssize_t tls_write(struct redis_transport *transport, const void *data, size_t len)
{
    struct tls_transport *tls = (struct tls_transport *)transport;
    const size_t piece = len < PIECE ? len : PIECE;
    if (tls->is_broken) {
        return fail_with(EPROTO);
    }
    if (tls->held_len > 0) {
        const int result = put_held(tls);
        if (result <= 0) {
            return fail_with(result == 0 ? EAGAIN : EPROTO);
        }
    }
    if (piece == 0) {
        return 0;
    }
    const uint64_t bytes_before = tls->bytes_sent;
    const int result = put(tls, data, piece);
    if (result == 0) {
        /* OpenSSL may have encrypted it, and sent a part: it is taken, and goes first. */
        memcpy(tls->held, data, piece);
        tls->held_len = piece;
        transport->holds_unsent = true;
    }
    /* Of a piece that failed nothing went out, or it counts as taken. */
    return result >= 0 || tls->bytes_sent != bytes_before ? (ssize_t)piece : fail_with(EPROTO);
}

static void tls_close(struct redis_transport *transport)
{
    struct tls_transport *tls = (struct tls_transport *)transport;
    if (tls->ssl != NULL && !tls->is_broken && tls->held_len == 0 && SSL_is_init_finished(tls->ssl)) {
        (void)SSL_shutdown(tls->ssl); /* tells Redis; its answer is not waited for */
    }
    SSL_free(tls->ssl);
    BIO_meth_free(tls->method);
    close(transport->fd);
    free(tls);
    ERR_clear_error();
}

/* ---- the start --------------------------------------------------------------------------------------------------- */

/* OpenSSL calls it when the server asks for a certificate and there is none to show. */
static int note_asked(SSL *ssl, X509 **ret_certificate, EVP_PKEY **ret_key)
{
    struct tls_transport *tls = SSL_get_app_data(ssl);
    (void)ret_certificate;
    (void)ret_key;
    tls->state.was_asked = true;
    return 0; /* go on without */
}

static int shake_hands(struct tls_transport *tls, int64_t deadline_us)
{
    for (;;) {
        ERR_clear_error();
        const int result = SSL_connect(tls->ssl);
        if (result == 1) {
            tls->transport.holds_unread = SSL_has_pending(tls->ssl) == 1;
            return 0;
        }
        const short events = events_of(tls, result);
        if (events == 0 || redis_socket_wait(tls->transport.fd, events, deadline_us) != 0) {
            tls->state.has_timed_out = events != 0;
            note_failure(tls);
            return -1;
        }
    }
}

static int start(struct tls_transport *tls, int64_t deadline_us, struct error *error)
{
    tls->ssl = redis_tls_client(tls->state.tls, tls->state.name, error);
    tls->state.ssl = tls->ssl;
    if (tls->ssl == NULL) {
        return -1;
    }
    SSL_set_app_data(tls->ssl, tls);
    SSL_CTX_set_client_cert_cb(SSL_get_SSL_CTX(tls->ssl), note_asked);
    if (give_socket(tls) != 0) {
        error_set(error, "out of memory");
        return -1;
    }
    return shake_hands(tls, deadline_us);
}

struct redis_transport *redis_transport_tls_start(int fd, const struct redis_address *address,
                                                  const struct redis_tls *tls, int timeout_ms, struct error *error)
{
    struct tls_transport *started = calloc(1, sizeof(*started));
    struct error reason = {.message = ""};
    if (started == NULL) {
        error_set(error, "out of memory");
        close(fd);
        return NULL;
    }
    started->transport = (struct redis_transport){
        .fd = fd,
        .read_events = POLLIN,
        .write_events = POLLOUT,
        .reason = "",
        .read = tls_read,
        .write = tls_write,
        .close = tls_close,
    };
    started->options = *tls;
    started->state.tls = &started->options;
    started->state.name = started->name;
    snprintf(started->name, sizeof(started->name), "%s",
             tls->server_name[0] != '\0' ? tls->server_name : address->tcp.host);
    if (start(started, clock_monotonic_us() + (int64_t)timeout_ms * 1000, &reason) != 0) {
        error_set(error, "cannot connect to Redis at %s by TLS: %s", redis_address_write(address).text,
                  started->is_broken ? started->reason.message : reason.message);
        tls_close(&started->transport);
        return NULL;
    }
    return &started->transport;
}
