#include "tests/fakes/redis_process.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/buffer.h"
#include "counter-service/redis/redis_conn.h"
#include "counter-service/redis/resp.h"
#include "tests/fakes/loopback.h"

enum {
    OPTIONS_MAX = 16,
    START_TIMEOUT_MS = 20000,
    ASK_TIMEOUT_MS = 20000,
    /* Below the range from which the kernel takes the ports of outgoing connections, above those of
     * tests/e2e/harness/ports.py. */
    FIRST_PORT = 31000,
    PORTS = 1768,
};

struct redis_process {
    const char *options[OPTIONS_MAX];
    size_t option_count;
    char directory[64];
    char port_text[8];
    char address[32];
    int port;
    pid_t pid; /* 0: not running */
    struct buffer answer;
};

static bool is_in_path(const char *program)
{
    const char *path = getenv("PATH");
    char *folders = strdup(path != NULL ? path : "");
    assert_non_null(folders);
    char *rest = folders;
    bool found = false;
    for (char *folder; !found && (folder = strsep(&rest, ":")) != NULL;) {
        char file[512];
        snprintf(file, sizeof(file), "%s/%s", folder, program);
        found = access(file, X_OK) == 0;
    }
    free(folders);
    return found;
}

bool redis_process_available(void)
{
    const bool available = is_in_path("redis-server");
    if (!available) {
        const char *require_all = getenv("REQUIRE_ALL");
        assert_false(require_all != NULL && strcmp(require_all, "1") == 0);
        print_message("skipped: redis-server is not installed\n");
    }
    return available;
}

static bool is_free(unsigned port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    const bool bound = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return bound;
}

/* One that was not given before: counted up from a random one. */
int redis_process_free_port(void)
{
    static unsigned offset = PORTS;
    if (offset == PORTS) {
        assert_int_equal(getrandom(&offset, sizeof(offset), 0), sizeof(offset));
    }
    do {
        offset = (offset % PORTS + 1) % PORTS;
    } while (!is_free(FIRST_PORT + offset));
    return (int)(FIRST_PORT + offset);
}

struct redis_process *redis_process_prepare(const char *const *options)
{
    struct redis_process *redis = calloc(1, sizeof(*redis));
    assert_non_null(redis);
    for (; options != NULL && options[redis->option_count] != NULL; redis->option_count++) {
        assert_true(redis->option_count < OPTIONS_MAX);
        redis->options[redis->option_count] = options[redis->option_count];
    }
    strcpy(redis->directory, "/tmp/tally-test-redis-XXXXXX");
    assert_non_null(mkdtemp(redis->directory));
    redis->port = redis_process_free_port();
    snprintf(redis->port_text, sizeof(redis->port_text), "%d", redis->port);
    snprintf(redis->address, sizeof(redis->address), "127.0.0.1:%d", redis->port);
    buffer_init(&redis->answer);
    return redis;
}

static void run_server(struct redis_process *redis)
{
    const char *arguments[OPTIONS_MAX + 16] = {
        "redis-server", "--port", redis->port_text, "--bind", "127.0.0.1",  "--dir",   redis->directory,
        "--save",       "",       "--logfile",      "log",    "--loglevel", "warning",
    };
    size_t count = 13;
    for (size_t i = 0; i < redis->option_count; i++) {
        arguments[count++] = redis->options[i];
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(arguments[0], (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static bool answers(const struct redis_process *redis)
{
    static const struct text ping = {"PING\r\n", 6};
    struct redis_conn *conn = loopback_conn(redis->port, 100, NULL);
    if (conn == NULL) {
        return false;
    }
    struct redis_reply reply = {.type = REDIS_NIL};
    redis_conn_begin(conn, ping, 1000);
    /* An error, such as NOAUTH, is an answer too; but not that it is still loading. */
    const bool answered = redis_conn_next(conn, &reply) == 0 && strncmp(reply.text.data, "LOADING", 7) != 0;
    redis_conn_close(conn);
    return answered;
}

void redis_process_restart(struct redis_process *redis)
{
    assert_int_equal(redis->pid, 0);
    redis->pid = fork();
    assert_true(redis->pid >= 0);
    if (redis->pid == 0) {
        run_server(redis);
    }
    for (int waited_ms = 0; !answers(redis); waited_ms += 10) {
        assert_true(waited_ms < START_TIMEOUT_MS);
        usleep(10000);
    }
}

struct redis_process *redis_process_start(const char *const *options)
{
    struct redis_process *redis = redis_process_prepare(options);
    redis_process_restart(redis);
    return redis;
}

void redis_process_kill(struct redis_process *redis)
{
    if (redis->pid > 0) {
        kill(redis->pid, SIGKILL);
        waitpid(redis->pid, NULL, 0);
        redis->pid = 0;
    }
}

static int remove_file(const char *path, const struct stat *info, int type, struct FTW *position)
{
    (void)info;
    (void)type;
    (void)position;
    return remove(path);
}

void redis_process_end(struct redis_process *redis)
{
    if (redis == NULL) {
        return;
    }
    redis_process_kill(redis);
    assert_int_equal(nftw(redis->directory, remove_file, 8, FTW_DEPTH | FTW_PHYS), 0);
    buffer_done(&redis->answer);
    free(redis);
}

void redis_process_pause(struct redis_process *redis)
{
    assert_int_equal(kill(redis->pid, SIGSTOP), 0);
}

void redis_process_resume(struct redis_process *redis)
{
    assert_int_equal(kill(redis->pid, SIGCONT), 0);
}

const char *redis_process_address(const struct redis_process *redis)
{
    return redis->address;
}

static void append_reply(struct buffer *out, const struct redis_reply *reply)
{
    switch (reply->type) {
    case REDIS_NIL:
        buffer_append_text(out, TEXT("(nil)"));
        break;
    case REDIS_ERROR:
        buffer_append_text(out, TEXT("-"));
        buffer_append_text(out, reply->text);
        break;
    case REDIS_TEXT:
        buffer_append_text(out, reply->text);
        break;
    case REDIS_INTEGER:
        buffer_append_int64(out, reply->integer);
        break;
    case REDIS_ARRAY:
        for (size_t i = 0; i < reply->element_count; i++) {
            const struct redis_reply element = redis_reply_element(reply, i);
            buffer_append_text(out, i > 0 ? TEXT(" ") : TEXT(""));
            append_reply(out, &element);
        }
        break;
    }
}

static struct buffer request_of(const char *const *words, size_t word_count)
{
    struct buffer request;
    buffer_init(&request);
    resp_put_array(&request, word_count);
    for (size_t i = 0; i < word_count; i++) {
        resp_put_string(&request, text_of(words[i]));
    }
    assert_false(request.failed);
    return request;
}

const char *redis_process_ask(struct redis_process *redis, const char *const *words, size_t word_count)
{
    struct error error;
    struct redis_reply reply;
    struct redis_conn *conn = loopback_conn(redis->port, ASK_TIMEOUT_MS, &error);
    if (conn == NULL) {
        fail_msg("%s", error.message);
    }
    struct buffer request = request_of(words, word_count);
    redis_conn_begin(conn, (struct text){request.data, request.len}, ASK_TIMEOUT_MS);
    if (redis_conn_next(conn, &reply) != 0) {
        fail_msg("%s: %s", words[0], redis_conn_error(conn));
    }
    buffer_clear(&redis->answer, SIZE_MAX);
    append_reply(&redis->answer, &reply);
    buffer_append(&redis->answer, "", 1);
    assert_false(redis->answer.failed);
    buffer_done(&request);
    redis_conn_close(conn);
    return redis->answer.data;
}
