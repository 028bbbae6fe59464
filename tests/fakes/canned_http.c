#include "tests/fakes/canned_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_SIZE = 4096 };

struct canned_http {
    const char *answer;
    int listener;
    int port;
    pthread_t thread;
    char request[REQUEST_SIZE];
};

/* Until the empty line, or the client's end. */
static void read_request(struct canned_http *server, int fd)
{
    size_t len = 0;
    ssize_t got;
    do {
        got = read(fd, server->request + len, REQUEST_SIZE - 1 - len);
        len += got > 0 ? (size_t)got : 0;
        server->request[len] = '\0';
    } while (got > 0 && strstr(server->request, "\r\n\r\n") == NULL);
}

static void serve(struct canned_http *server, int fd)
{
    read_request(server, fd);
    if (server->answer == NULL) {
        char end;
        (void)!read(fd, &end, 1); /* until the client gives up */
    } else {
        (void)!send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL);
    }
    close(fd);
}

static void *run(void *ctx)
{
    struct canned_http *server = ctx;
    int fd;
    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        serve(server, fd);
    }
    return NULL;
}

static bool listen_on_loopback(struct canned_http *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, size) != 0 ||
        listen(server->listener, 8) != 0 || getsockname(server->listener, (struct sockaddr *)&address, &size) != 0) {
        return false;
    }
    server->port = ntohs(address.sin_port);
    return true;
}

struct canned_http *canned_http_start(const char *answer)
{
    struct canned_http *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return NULL;
    }
    server->answer = answer;
    if (!listen_on_loopback(server) || pthread_create(&server->thread, NULL, run, server) != 0) {
        close(server->listener);
        free(server);
        return NULL;
    }
    return server;
}

void canned_http_stop(struct canned_http *server)
{
    if (server != NULL) {
        shutdown(server->listener, SHUT_RDWR); /* ends accept */
        pthread_join(server->thread, NULL);
        close(server->listener);
        free(server);
    }
}

int canned_http_port(const struct canned_http *server)
{
    return server->port;
}

const char *canned_http_request(const struct canned_http *server)
{
    return server->request;
}
