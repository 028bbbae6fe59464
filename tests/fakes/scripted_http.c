#include "tests/fakes/scripted_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* calloc gives such a size page by page. */
enum { REQUEST_SIZE = 4 * 1024 * 1024, REQUESTS_MAX = 256, WAIT_S = 20 };

struct scripted_http {
    scripted_http_script script;
    void *ctx;
    int listener;
    int port;
    char address[32];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t came;
    char *requests[REQUESTS_MAX]; /* guarded by lock; what is more is not kept */
    size_t count;
};

struct text scripted_http_body(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "\r\nContent-Length:");
    const size_t body_len = length == NULL ? 0 : strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
    return end == NULL ? (struct text){NULL, 0} : (struct text){end + 4, body_len};
}

static bool is_complete(const char *request, size_t len)
{
    const struct text body = scripted_http_body(request);
    return body.data != NULL && (size_t)(body.data - request) + body.len <= len;
}

/* Returns a new string; NULL: the client went before its end. */
static char *read_request(int fd)
{
    char *request = calloc(1, REQUEST_SIZE);
    size_t len = 0;
    ssize_t got = 1;
    while (request != NULL && !is_complete(request, len) && got > 0) {
        got = read(fd, request + len, REQUEST_SIZE - 1 - len);
        len += got > 0 ? (size_t)got : 0;
    }
    if (got <= 0) {
        free(request);
        return NULL;
    }
    return request;
}

static void send_answer(int fd, const struct buffer *answer)
{
    char end;
    if (answer->len == 0) {
        (void)!read(fd, &end, 1);
    } else if (answer->data[0] != '\0') {
        (void)!send(fd, answer->data, answer->len, MSG_NOSIGNAL);
    }
}

static void keep(struct scripted_http *server, char *request)
{
    pthread_mutex_lock(&server->lock);
    if (server->count < REQUESTS_MAX) {
        server->requests[server->count++] = request;
    } else {
        free(request);
    }
    pthread_cond_broadcast(&server->came);
    pthread_mutex_unlock(&server->lock);
}

static void serve(struct scripted_http *server, int fd)
{
    char *request = read_request(fd);
    struct buffer answer;
    buffer_init(&answer);
    if (request != NULL) {
        server->script(server->ctx, request, &answer);
        keep(server, request);
        send_answer(fd, &answer);
    }
    buffer_done(&answer);
    close(fd);
}

static void *run(void *ctx)
{
    struct scripted_http *server = ctx;
    int fd;
    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        serve(server, fd);
    }
    return NULL;
}

static bool listen_on_loopback(struct scripted_http *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, size) != 0 ||
        listen(server->listener, 8) != 0 || getsockname(server->listener, (struct sockaddr *)&address, &size) != 0) {
        return false;
    }
    server->port = ntohs(address.sin_port);
    snprintf(server->address, sizeof(server->address), "127.0.0.1:%d", server->port);
    return true;
}

struct scripted_http *scripted_http_start(scripted_http_script script, void *ctx)
{
    struct scripted_http *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return NULL;
    }
    server->script = script;
    server->ctx = ctx;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->came, NULL);
    if (!listen_on_loopback(server) || pthread_create(&server->thread, NULL, run, server) != 0) {
        close(server->listener);
        free(server);
        return NULL;
    }
    return server;
}

void scripted_http_stop(struct scripted_http *server)
{
    if (server == NULL) {
        return;
    }
    shutdown(server->listener, SHUT_RDWR); /* ends accept */
    pthread_join(server->thread, NULL);
    close(server->listener);
    for (size_t i = 0; i < server->count; i++) {
        free(server->requests[i]);
    }
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->came);
    free(server);
}

const char *scripted_http_address(const struct scripted_http *server)
{
    return server->address;
}

int scripted_http_port(const struct scripted_http *server)
{
    return server->port;
}

static const char *find_locked(const struct scripted_http *server, const char *start, size_t nth)
{
    for (size_t i = 0; i < server->count; i++) {
        if (strncmp(server->requests[i], start, strlen(start)) == 0 && --nth == 0) {
            return server->requests[i];
        }
    }
    return NULL;
}

const char *scripted_http_wait(struct scripted_http *server, const char *start, size_t nth)
{
    struct timespec end;
    const char *request;
    int result = 0;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += WAIT_S;
    pthread_mutex_lock(&server->lock);
    while ((request = find_locked(server, start, nth)) == NULL && result == 0) {
        result = pthread_cond_timedwait(&server->came, &server->lock, &end);
    }
    pthread_mutex_unlock(&server->lock);
    return request;
}

size_t scripted_http_count(struct scripted_http *server, const char *start)
{
    size_t count = 0;
    pthread_mutex_lock(&server->lock);
    while (find_locked(server, start, count + 1) != NULL) {
        count++;
    }
    pthread_mutex_unlock(&server->lock);
    return count;
}

void scripted_http_always(void *ctx, const char *request, struct buffer *out)
{
    (void)request;
    if (ctx != NULL) {
        buffer_append(out, ctx, strlen(ctx));
    }
}

void scripted_http_reply(struct buffer *out, int status, const char *head, const char *body)
{
    buffer_append_format(out, "HTTP/1.1 %d Status\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s", status,
                         head == NULL ? "" : head, strlen(body), body);
}
