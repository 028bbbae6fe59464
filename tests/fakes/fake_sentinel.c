#include "tests/fakes/fake_sentinel.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { CLIENTS_MAX = 16, WORDS_MAX = 4, TEXT_SIZE = 300, REQUEST_SIZE = 4096, LOOK_MS = 5 };

struct client {
    int fd; /* -1: none */
    bool is_in;
    char request[REQUEST_SIZE];
    size_t len;
};

struct fake_sentinel {
    pthread_t thread;
    int port;
    char address[32];
    /* owned by the thread */
    int listener; /* -1: none */
    struct client clients[CLIENTS_MAX];
    /* guarded by lock */
    pthread_mutex_t lock;
    bool is_ending;
    bool is_stopped;
    bool listens;
    char name[TEXT_SIZE];
    char host[TEXT_SIZE];
    char port_text[TEXT_SIZE];
    char epoch[TEXT_SIZE];
    char demanded[TEXT_SIZE];
    unsigned asked;
};

/* ---- the thread ---- */

static int listen_at(int *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)*port)};
    socklen_t len = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, CLIENTS_MAX) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        abort();
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static void forget(struct client *client)
{
    close(client->fd);
    *client = (struct client){.fd = -1};
}

static void take(struct fake_sentinel *sentinel)
{
    const int fd = accept(sentinel->listener, NULL, NULL);
    for (size_t i = 0; fd >= 0 && i < CLIENTS_MAX; i++) {
        if (sentinel->clients[i].fd < 0) {
            sentinel->clients[i].fd = fd;
            return;
        }
    }
    abort();
}

static void put(int fd, const char *text)
{
    dprintf(fd, "$%zu\r\n%s\r\n", strlen(text), text);
}

static void answer_sentinel(struct fake_sentinel *sentinel, char *const *words, int fd)
{
    const bool is_known = sentinel->name[0] != '\0' && strcmp(words[2], sentinel->name) == 0;
    if (strcasecmp(words[1], "GET-MASTER-ADDR-BY-NAME") == 0) {
        sentinel->asked++;
        dprintf(fd, is_known ? "*2\r\n" : "*-1\r\n");
        if (is_known) {
            put(fd, sentinel->host);
            put(fd, sentinel->port_text);
        }
    } else if (!is_known) {
        dprintf(fd, "-ERR No such master with that name\r\n");
    } else {
        dprintf(fd, "*4\r\n");
        put(fd, "name");
        put(fd, sentinel->name);
        put(fd, "config-epoch");
        put(fd, sentinel->epoch);
    }
}

static void answer(struct fake_sentinel *sentinel, struct client *client, char *const *words, int count)
{
    const int fd = client->fd;
    pthread_mutex_lock(&sentinel->lock);
    if (count >= 2 && strcasecmp(words[0], "AUTH") == 0) {
        char said[TEXT_SIZE];
        snprintf(said, sizeof(said), "%s%s%s", words[1], count > 2 ? " " : "", count > 2 ? words[2] : "");
        client->is_in = strcmp(said, sentinel->demanded) == 0;
        dprintf(fd, client->is_in ? "+OK\r\n" : "-WRONGPASS invalid username-password pair\r\n");
    } else if (sentinel->demanded[0] != '\0' && !client->is_in) {
        dprintf(fd, "-NOAUTH Authentication required.\r\n");
    } else if (count == 3 && strcasecmp(words[0], "SENTINEL") == 0) {
        answer_sentinel(sentinel, words, fd);
    } else {
        dprintf(fd, "-ERR unknown command\r\n");
    }
    pthread_mutex_unlock(&sentinel->lock);
}

/* The first whole request. Returns its length; 0: there is none. */
static size_t cut_request(struct client *client, char **words, int *ret_count)
{
    char *at = client->request;
    char *line = strstr(at, "\r\n");
    const int count = line != NULL ? (int)strtol(at + 1, NULL, 10) : 0;
    if (count < 1 || count > WORDS_MAX) {
        return 0;
    }
    at = line + 2;
    for (int i = 0; i < count; i++) {
        line = strstr(at, "\r\n");
        const size_t len = line != NULL ? (size_t)strtol(at + 1, NULL, 10) : 0;
        if (line == NULL || line + 2 + len + 2 > client->request + client->len) {
            return 0;
        }
        words[i] = line + 2;
        at = words[i] + len + 2;
    }
    for (int i = 0; i < count; i++) {
        words[i][strstr(words[i], "\r\n") - words[i]] = '\0';
    }
    *ret_count = count;
    return (size_t)(at - client->request);
}

static void serve(struct fake_sentinel *sentinel, struct client *client)
{
    const ssize_t got = read(client->fd, client->request + client->len, sizeof(client->request) - 1 - client->len);
    char *words[WORDS_MAX] = {NULL};
    int count;
    size_t used;
    if (got <= 0) {
        forget(client);
        return;
    }
    client->len += (size_t)got;
    client->request[client->len] = '\0';
    while (client->len > 0 && (used = cut_request(client, words, &count)) > 0) {
        answer(sentinel, client, words, count);
        client->len -= used;
        memmove(client->request, client->request + used, client->len + 1);
    }
}

/* Listens, or does not, as is wanted. False: it is time to end. */
static bool obey(struct fake_sentinel *sentinel)
{
    pthread_mutex_lock(&sentinel->lock);
    const bool is_wanted = !sentinel->is_stopped && !sentinel->is_ending;
    if (is_wanted && sentinel->listener < 0) {
        sentinel->listener = listen_at(&sentinel->port);
    } else if (!is_wanted && sentinel->listener >= 0) {
        close(sentinel->listener);
        sentinel->listener = -1;
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
            if (sentinel->clients[i].fd >= 0) {
                forget(&sentinel->clients[i]);
            }
        }
    }
    sentinel->listens = sentinel->listener >= 0;
    const bool goes_on = !sentinel->is_ending;
    pthread_mutex_unlock(&sentinel->lock);
    return goes_on;
}

static void *run(void *arg)
{
    struct fake_sentinel *sentinel = arg;
    sigset_t pipe; /* a client may be gone before its answer; the thread of the code that is tested does not block it */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    while (obey(sentinel)) {
        struct pollfd fds[CLIENTS_MAX + 1];
        fds[0] = (struct pollfd){.fd = sentinel->listener, .events = POLLIN};
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
            fds[i + 1] = (struct pollfd){.fd = sentinel->clients[i].fd, .events = POLLIN};
        }
        poll(fds, CLIENTS_MAX + 1, LOOK_MS);
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
            if (fds[i + 1].revents != 0) {
                serve(sentinel, &sentinel->clients[i]);
            }
        }
        if (fds[0].revents != 0) {
            take(sentinel);
        }
    }
    return NULL;
}

/* ---- the test's thread ---- */

struct fake_sentinel *fake_sentinel_start(void)
{
    struct fake_sentinel *sentinel = calloc(1, sizeof(*sentinel));
    assert_non_null(sentinel);
    pthread_mutex_init(&sentinel->lock, NULL);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        sentinel->clients[i].fd = -1;
    }
    sentinel->listener = listen_at(&sentinel->port);
    snprintf(sentinel->address, sizeof(sentinel->address), "127.0.0.1:%d", sentinel->port);
    assert_int_equal(pthread_create(&sentinel->thread, NULL, run, sentinel), 0);
    return sentinel;
}

void fake_sentinel_end(struct fake_sentinel *sentinel)
{
    if (sentinel == NULL) {
        return;
    }
    pthread_mutex_lock(&sentinel->lock);
    sentinel->is_ending = true;
    pthread_mutex_unlock(&sentinel->lock);
    pthread_join(sentinel->thread, NULL);
    pthread_mutex_destroy(&sentinel->lock);
    free(sentinel);
}

const char *fake_sentinel_address(const struct fake_sentinel *sentinel)
{
    return sentinel->address;
}

void fake_sentinel_name(struct fake_sentinel *sentinel, const char *name, const char *address, const char *epoch)
{
    const char *colon = strrchr(address, ':');
    assert_non_null(colon);
    pthread_mutex_lock(&sentinel->lock);
    snprintf(sentinel->name, TEXT_SIZE, "%s", name);
    snprintf(sentinel->host, TEXT_SIZE, "%.*s", (int)(colon - address), address);
    snprintf(sentinel->port_text, TEXT_SIZE, "%s", colon + 1);
    snprintf(sentinel->epoch, TEXT_SIZE, "%s", epoch);
    pthread_mutex_unlock(&sentinel->lock);
}

void fake_sentinel_demand(struct fake_sentinel *sentinel, const char *words)
{
    pthread_mutex_lock(&sentinel->lock);
    snprintf(sentinel->demanded, TEXT_SIZE, "%s", words);
    pthread_mutex_unlock(&sentinel->lock);
}

static void set_stopped(struct fake_sentinel *sentinel, bool is_stopped)
{
    bool is_done = false;
    pthread_mutex_lock(&sentinel->lock);
    sentinel->is_stopped = is_stopped;
    pthread_mutex_unlock(&sentinel->lock);
    while (!is_done) {
        usleep(1000);
        pthread_mutex_lock(&sentinel->lock);
        is_done = sentinel->listens != is_stopped;
        pthread_mutex_unlock(&sentinel->lock);
    }
}

void fake_sentinel_stop(struct fake_sentinel *sentinel)
{
    set_stopped(sentinel, true);
}

void fake_sentinel_go_on(struct fake_sentinel *sentinel)
{
    set_stopped(sentinel, false);
}

unsigned fake_sentinel_asked(struct fake_sentinel *sentinel)
{
    pthread_mutex_lock(&sentinel->lock);
    const unsigned asked = sentinel->asked;
    pthread_mutex_unlock(&sentinel->lock);
    return asked;
}
